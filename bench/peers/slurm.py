# SPDX-License-Identifier: Apache-2.0
"""slurm - claims of Slurm, as Debian packages it: how fast slurmctld gives jobs their slice.

Each host is a node with 8 GPUs that are shared in 32 parts each ("shards").  A claim is a job of
one shard, asked for in arrays of thousands, which spares Slurm the clients; counted are the jobs
that slurmctld has given a node.  The nodes are of the kind that is switched on when a job needs
it, and never come up: so giving is all that is measured, and no job is started."""
import math
import time

from private import Trouble, cpu_seconds, free_port

PACKAGES = ["slurmctld", "slurm-client", "slurm-wlm-basic-plugins"]
DURABLE = ("not when it is answered: slurmctld gives jobs in memory and writes its state to a file"
           " some seconds later")

SLICES = 32
ARRAY = 50000

# The hints for many short jobs: look at the whole queue, and often.
CONFIG = """ClusterName=peer
SlurmctldHost=localhost(127.0.0.1)
SlurmctldPort={port}
SlurmdPort={port2}
CommunicationParameters=NoCtldInAddrAny
AuthType=auth/none
CredType=cred/none
SlurmUser={user}
SlurmdUser={user}
StateSaveLocation={folder}/state
SlurmctldPidFile={folder}/slurmctld.pid
SlurmctldLogFile={folder}/slurmctld-own.log
SlurmctldDebug=error
ProctrackType=proctrack/pgid
TaskPlugin=task/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerType=sched/builtin
SchedulerParameters=default_queue_depth=100000,partition_job_depth=100000,sched_max_job_start=0,\
max_sched_time=50,sched_interval=1,sched_min_interval=1000000,max_array_tasks=100000
PriorityType=priority/basic
MaxJobCount=1000000
MaxArraySize=100001
GresTypes=gpu,shard
SuspendProgram=/bin/true
ResumeProgram=/bin/true
ResumeRate=0
SuspendTime=60000
ResumeTimeout=60000
NodeName=host[1-{hosts}] NodeAddr=127.0.0.1 CPUs={slices} Sockets=2 CoresPerSocket={cores} \
  ThreadsPerCore=2 RealMemory=1 State=CLOUD Gres=gpu:8,shard:{slices}
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""
GRES = """AutoDetect=off
NodeName=host[1-{hosts}] Name=gpu Count=8
NodeName=host[1-{hosts}] Name=shard Count={slices}
"""
JOB = "#!/bin/sh\ntrue\n"


def started(private, env):
    """Jobs that got a node, as slurmctld counts them."""
    for line in private.run(["sdiag"], **env).splitlines():
        name, _, value = line.strip().partition(":")
        if name == "Jobs started":
            return int(value)
    raise Trouble("sdiag does not tell how many jobs were started")


def start_slurm(private, hosts):
    values = {"folder": private.folder, "user": private.name(), "hosts": hosts,
              "slices": 8 * SLICES, "cores": 2 * SLICES, "port": free_port(), "port2": free_port()}
    private.make("state")
    private.write("gres.conf", GRES.format(**values), 0o644)
    env = {"SLURM_CONF": str(private.write("slurm.conf", CONFIG.format(**values), 0o644))}
    server = private.start(["/usr/sbin/slurmctld-wlm", "-D", "-i"], **env)
    # 22.05 takes the GPUs of nodes that are off from the command line, and not from the file.
    private.wait(server, lambda: private.run(["scontrol", "update", f"nodename=host[1-{hosts}]",
                                              f"gres=gpu:8,shard:{8 * SLICES}"], **env),
                 "slurmctld")
    return server, env


def rate(private, hosts, seconds, clients):
    """Jobs per second that slurmctld gives a node, until the time or the jobs are over.

    All CLIENTS are one: an array is asked for at once."""
    del clients
    server, env = start_slurm(private, hosts)
    jobs = min(hosts * 8 * SLICES, ARRAY)
    script = private.write("job", JOB, 0o755)
    cpu, begun, given = cpu_seconds([server]), time.monotonic(), 0
    private.run(["sbatch", f"--array=1-{jobs}", "--gres=shard:1", "--output=/dev/null", script],
                **env)
    while time.monotonic() - begun < seconds and given < jobs:
        time.sleep(0.2)
        given = started(private, env)
    spent, cpu = time.monotonic() - begun, cpu_seconds([server]) - cpu
    if given == 0:
        raise Trouble(f"slurmctld gave no job a node in {math.ceil(spent)} s: "
                      + private.run(["squeue", "-h", "-o", "%T %r"], **env)[:200])
    return {"claims": given, "claims_per_s": given / spent, "cpu_us": 1e6 * cpu / given}
