#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Starts real facetd processes in a folder of its own, as whoever runs the tests.

Usage: test_facetd.py FACETD SOURCE_FOLDER
"""
import http.client
import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
import unittest

FACETD, SOURCE = os.path.abspath(sys.argv[1]), sys.argv[2]


class Connection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("facet", timeout=10)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(10)
        self.sock.connect(self.path)


class Daemon:
    """One facetd; ready when its constructor returns, as its notification says."""

    def __init__(self, folder, *options):
        self.socket = f"{folder}/sock"
        notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        notify.settimeout(20)
        path = f"{folder}/notify"
        if os.path.exists(path):
            os.unlink(path)
        notify.bind(path)
        self.process = subprocess.Popen(
            [FACETD, "-c", f"{folder}/facetd.conf", "-l", f"unix:{self.socket}",
             "-s", f"store.path={folder}/facet.db", *options],
            env={**os.environ, "NOTIFY_SOCKET": path}, stderr=subprocess.DEVNULL)
        assert b"READY=1" in notify.recv(100)
        notify.close()

    def ask(self, method, path, body=None, headers=None):
        c = Connection(self.socket)
        c.request(method, path, json.dumps(body) if body is not None else None,
                  {"Content-Type": "application/json", **(headers or {})})
        answer = c.getresponse()
        text = answer.read()
        c.close()
        return answer.status, json.loads(text)

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        return self.process.wait(20)


def run(*options):
    return subprocess.run([FACETD, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, timeout=20)


class Facetd(unittest.TestCase):
    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory(prefix="facetd-")
        self.folder = self.temporary.name
        self.daemons = []

    def tearDown(self):
        for daemon in self.daemons:
            if daemon.process.poll() is None:
                daemon.process.kill()
                daemon.process.wait()
        self.temporary.cleanup()

    def start(self, *options):
        self.daemons.append(Daemon(self.folder, *options))
        return self.daemons[-1]

    def test_it_ends_cleanly_when_asked(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            d = self.start()
            self.assertEqual(d.ask("GET", "/v1/version")[0], 200)
            self.assertEqual(d.stop(number), 0)
            self.assertFalse(os.path.exists(d.socket))

    def test_it_ends_while_followers_watch(self):
        d = self.start()
        follower = Connection(d.socket)
        follower.request("GET", "/v1/watch")
        answer = follower.getresponse()
        self.assertEqual(answer.status, 200)
        self.assertEqual(d.stop(), 0)
        answer.close()
        follower.close()

    def test_it_ends_while_clients_ask_on(self):
        """The next request of a kept connection comes just when the answers of the last go out."""
        d = self.start()
        d.ask("POST", "/v1/groups", {"name": "g"})
        body = b'{"description":"x"}'
        ask = (b"PATCH /v1/groups/g HTTP/1.1\r\nHost: f\r\nContent-Type: application/json\r\n"
               b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        clients = []
        for _ in range(32):
            s = socket.socket(socket.AF_UNIX)
            s.connect(d.socket)
            s.sendall(ask * 200)
            clients.append(s)
        time.sleep(0.05)
        self.assertEqual(d.stop(), 0)
        for s in clients:
            s.close()

    def test_what_was_acknowledged_survives_a_kill(self):
        d = self.start()
        names = [f"g{i}" for i in range(20)]
        for name in names:
            self.assertEqual(d.ask("POST", "/v1/groups", {"name": name})[0], 201)
        d.stop(signal.SIGKILL)
        self.assertTrue(os.path.exists(d.socket))
        d = self.start()  # the stale socket is in the way of nobody
        kept = {g["name"] for g in d.ask("GET", "/v1/groups")[1]["items"]}
        self.assertEqual(kept, set(names))

    def test_a_key_is_remembered_over_a_restart(self):
        d = self.start()
        key = {"Idempotency-Key": "k-1"}
        first = d.ask("POST", "/v1/groups", {"name": "g"}, key)
        d.stop(signal.SIGKILL)
        d = self.start()
        self.assertEqual(d.ask("POST", "/v1/groups", {"name": "g"}, key), first)
        self.assertEqual(d.ask("POST", "/v1/groups", {"name": "g"})[0], 409)

    def test_commands_answer_as_the_document_says(self):
        """The whole way of a VM, over the real controller; each answer is one that is announced."""
        d = self.start()
        paths = d.ask("GET", "/v1/openapi.json")[1]["paths"]

        def do(method, path, body=None):
            c = Connection(d.socket)
            c.request(method, path, json.dumps(body) if body is not None else None,
                      {"Content-Type": "application/json"})
            answer = c.getresponse()
            result = json.loads(answer.read())
            where = answer.getheader("Location")
            c.close()
            route = [p for p in paths if method.lower() in paths[p] and
                     re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", p), path.split("?")[0])]
            self.assertEqual(len(route), 1, path)
            announced = paths[route[0]][method.lower()]["responses"]
            self.assertIn(str(answer.status), announced, (method, path, result))
            if answer.status == 201 or (answer.status == 202 and "dry_run" not in path):
                self.assertEqual(d.ask("GET", where)[0], 200, where)
            return result

        gpu = {"id": "h1@0000:41:00.0", "host": "h1", "address": "0000:41:00.0",
               "board": "Tesla T4", "pci_device": "1eb8", "pci_subsystem": "12a2",
               "driver": "nvidia", "framework": "mdev", "mode": "equal-size", "health": "ok",
               "fb_mib": 16384, "poolable": True, "types": [
                   {"name": "GRID T4-1Q", "type_id": 222, "fb_mib": 1024, "max": 16,
                    "creatable": True}]}
        report = {"host": "h1", "boot_id": "11111111-1111-4111-8111-111111111111", "number": 1,
                  "facts": {"name": "h1"}, "has_inventory": True, "gpus": [gpu],
                  "vms": [{"name": "web", "uuid": "22222222-2222-4222-8222-222222222222",
                           "state": "stopped"}]}
        device = {"name": "gpu0", "group": "g", "profile": "GRID T4-1Q"}
        do("POST", "/v1/hosts/h1/report", report)
        do("PATCH", "/v1/hosts/h1", {"state": "cordoned", "state_reason": "trial"})
        do("PATCH", "/v1/hosts/h1", {"state": "ready"})
        do("POST", "/v1/groups", {"name": "g", "hold_s": 600})
        do("PATCH", "/v1/groups/g", {"description": "trial"})
        do("POST", "/v1/vms", {"name": "web", "host": "h1"})
        do("PATCH", "/v1/vms/web", {"priority": 5})
        do("POST", "/v1/vms/web/devices", device)
        do("DELETE", "/v1/vms/web/devices/gpu0")
        do("POST", "/v1/vms/web/devices", device)
        do("POST", "/v1/vms/web/start?dry_run=1")
        self.assertEqual(do("GET", "/v1/leases")["items"], [])
        operation = do("POST", "/v1/vms/web/start")
        do("GET", "/v1/vms/web/explain")
        do("GET", "/v1/groups/g/explain")
        plan = do("POST", "/v1/rebalance?dry_run=1&group=g&moves=5&budget_s=60")
        self.assertEqual(plan["moves"], [])
        lease = do("GET", "/v1/leases?vm=web")["items"][0]
        self.assertEqual(lease["profile"], "GRID T4-1Q")
        do("POST", f"/v1/operations/{operation['id']}/cancel")
        do("POST", "/v1/vms/web/stop", {"how": "force"})
        for path in ("/v1/doctor", "/v1/domains", "/v1/profiles?series=Q", "/v1/events"):
            do("GET", path)

    def test_the_socket_is_closed_to_others(self):
        d = self.start()
        self.assertEqual(stat.S_IMODE(os.stat(d.socket).st_mode), 0o660)

    def test_two_do_not_share_a_socket(self):
        d = self.start()
        second = run("-l", f"unix:{d.socket}", "-s", "store.backend=memory")
        self.assertEqual(second.returncode, 5)
        self.assertIn("listens there already", second.stderr)
        self.assertEqual(d.ask("GET", "/v1/version")[0], 200)

    def test_a_file_that_is_no_socket_is_left_alone(self):
        path = f"{self.folder}/precious"
        with open(path, "w") as f:
            f.write("data")
        self.assertEqual(run("-l", f"unix:{path}", "-s", "store.backend=memory").returncode, 5)
        with open(path) as f:
            self.assertEqual(f.read(), "data")

    def test_a_stranger_is_refused(self):
        if os.geteuid() != 0:
            self.skipTest("only root can be somebody else")
        d = self.start("-s", "auth.group=no-such-group")
        os.chmod(self.folder, 0o755)
        os.chmod(d.socket, 0o666)
        ask = (f"import socket; s = socket.socket(socket.AF_UNIX); s.connect('{d.socket}');"
               "s.sendall(b'GET /v1/gpus HTTP/1.1\\r\\nHost: f\\r\\n'"
               "b'Connection: close\\r\\n\\r\\n');"
               "d = b''\nwhile True:\n b = s.recv(4096)\n if not b: break\n d += b\n"
               "print(d.decode())")
        answer = subprocess.run(["/usr/bin/env", "python3", "-c", ask], stdout=subprocess.PIPE,
                                text=True, timeout=20, user=65534, group=65534, extra_groups=[])
        if not answer.stdout:
            self.skipTest("another user can not run Python here")
        self.assertIn("HTTP/1.1 403", answer.stdout)
        self.assertIn("no-such-group", answer.stdout)

    def test_printed_settings_can_be_read_again(self):
        first = run("-c", "/nonexistent", "-s", "listen.timeout_s=7", "--print-config")
        path = f"{self.folder}/again.conf"
        with open(path, "w") as f:
            f.write(first.stdout)
        self.assertIn("timeout_s = 7", first.stdout)
        self.assertEqual(run("-c", path, "--print-config").stdout, first.stdout)

    def test_wrong_calls_say_what_is_wrong(self):
        cases = [(["--bogus"], "bogus"), (["extra"], "extra"), (["-l", "tcp:80"], "unix:PATH"),
                 (["-s", "store.nope=1", "--print-config"], "nope"),
                 (["-s", "listen.timeout_s=0", "--print-config"], "timeout_s")]
        for options, words in cases:
            result = run(*options)
            self.assertEqual(result.returncode, 2, options)
            self.assertIn(words, result.stderr)

    def test_the_manual_has_every_setting_and_option(self):
        with open(f"{SOURCE}/docs/man/facetd.8") as f:
            manual = f.read()
        settings = run("-c", "/nonexistent", "--print-config").stdout
        for section in re.findall(r"^\[(\w+)\]", settings, re.M):
            self.assertIn(f".SS [{section}]", manual)
        for key, value in re.findall(r"^(\w+) = (.*)", settings, re.M):
            default = (value or "empty").replace("-", "\\-")
            self.assertIn(f".BR {key} \" ({default})\"", manual)
        for option in re.findall(r"--([a-z-]+)", run("--help").stdout):
            self.assertIn("\\-\\-" + option.replace("-", "\\-"), manual)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
