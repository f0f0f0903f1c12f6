# SPDX-License-Identifier: Apache-2.0
"""private - programs of others in a folder of their own: started, watched, stopped by number."""
import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time


class Trouble(Exception):
    """What went wrong, in a sentence for whoever runs the comparison."""


class Private:
    """A folder, and the programs that run in it; both are gone when the block ends.

    Nothing listens outside of the folder and the loopback interface.  Root starts the programs
    as nobody: PostgreSQL insists on it, and none of them needs more."""

    def __init__(self, parent):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="facet-peer-", dir=parent))
        self.programs = []
        self.user = None
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            self.user = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
            os.chown(self.folder, nobody.pw_uid, nobody.pw_gid)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for program in reversed(self.programs):
            stop(program)
        shutil.rmtree(self.folder, ignore_errors=True)

    def name(self):
        return pwd.getpwuid(self.user["user"] if self.user else os.geteuid()).pw_name

    def make(self, name, mode=0o700):
        path = self.folder / name
        path.mkdir()
        return self._own(path, mode)

    def write(self, name, text, mode=0o600):
        path = self.folder / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return self._own(path, mode)

    def _own(self, path, mode):
        path.chmod(mode)
        if self.user:
            os.chown(path, self.user["user"], self.user["group"])
        return path

    def _environment(self, more):
        kept = {k: os.environ[k] for k in ("PATH", "LANG") if k in os.environ}
        return {**kept, "HOME": str(self.folder), "LC_ALL": "C.UTF-8", **more}

    def run(self, argv, timeout=120, text=None, **env):
        """Runs ARGV to its end; what it printed."""
        try:
            done = subprocess.run([str(a) for a in argv], env=self._environment(env), input=text,
                                  capture_output=True, text=True, cwd=self.folder, check=False,
                                  timeout=timeout, **(self.user or {}))
        except subprocess.TimeoutExpired:
            raise Trouble(f"{argv[0]} took more than {timeout} s") from None
        except FileNotFoundError:
            raise Trouble(f"{argv[0]} is not installed") from None
        if done.returncode != 0:
            raise Trouble(f"{argv[0]} failed: {(done.stderr or done.stdout).strip()[-600:]}")
        return done.stdout

    def start(self, argv, at_death="TERM", **env):
        """Starts ARGV in a group of its own; what it says goes to a file of its name.

        Even if this program is killed, the other one gets the signal AT_DEATH."""
        name = pathlib.Path(str(argv[0])).name
        with open(self.folder / f"{name}.log", "ab") as log:
            program = subprocess.Popen(["setpriv", "--pdeathsig", at_death, *map(str, argv)],
                                       env=self._environment(env), stdin=subprocess.DEVNULL,
                                       stdout=log, stderr=log, cwd=self.folder,
                                       start_new_session=True, **(self.user or {}))
        program.ends_by = signal.SIGINT if name == "postgres" else signal.SIGTERM
        self.programs.append(program)
        return program

    def wait(self, program, ready, what, seconds=90):
        """Waits until READY() does not fail; what PROGRAM wrote last when it does not come."""
        until = time.monotonic() + seconds
        while True:
            try:
                return ready()
            except (OSError, Trouble) as e:
                last = e
            if program.poll() is not None or time.monotonic() > until:
                break
            time.sleep(0.2)
        logs = [p.read_text(errors="replace")[-500:] for p in self.folder.glob("*.log")]
        raise Trouble(f"{what} does not come up: {last}\n" + "\n".join(logs))


def stop(program):
    """The end, asked for; after 20 s, made.  To PostgreSQL, SIGINT says "now, in order"."""
    if program.poll() is None:
        program.send_signal(program.ends_by)
        try:
            program.wait(20)
        except subprocess.TimeoutExpired:
            pass
    try:
        os.killpg(program.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    program.wait()


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def cpu_seconds(programs):
    """User and system time of the groups of PROGRAMS, and of their children that ended."""
    groups = {p.pid for p in programs}
    ticks = 0
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[2]) in groups:
            ticks += sum(int(f) for f in fields[11:15])
    return ticks / os.sysconf("SC_CLK_TCK")
