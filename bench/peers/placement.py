# SPDX-License-Identifier: Apache-2.0
"""placement - claims of OpenStack Placement, as Debian packages it, over PostgreSQL.

Each host is a resource provider, each of its 8 GPUs a child of it with an inventory of 32 VGPU.  A
claim is what nova does for one: GET /allocation_candidates, take one of the answer, and PUT
/allocations; after a 409 all over again."""
import concurrent.futures
import glob
import http.client
import json
import os
import random
import socket
import time
import uuid

from private import Trouble, cpu_seconds

PACKAGES = ["python3-placement", "uwsgi-core", "uwsgi-plugin-python3", "python3-psycopg2",
            "postgresql"]
DURABLE = ("when PUT is answered: the rows of the allocation are committed to PostgreSQL with"
           " fsync and synchronous_commit on")

SLICES = 32
VERSION = "placement 1.36"

# The questions: as nova asks, and the least that can be asked when the host is given.
ANY_HOST = "resources=VGPU:1&limit=1000"
NAMED_HOST = "resources=VGPU:1&limit=1&in_tree={host}"

CONFIG = """[DEFAULT]
log_file = {folder}/placement.log
[api]
auth_strategy = noauth2
[placement_database]
connection = postgresql+psycopg2:///placement?host={folder}/sql&user={user}
"""

FILL = """
INSERT INTO resource_providers (id, uuid, name, generation, root_provider_id, parent_provider_id)
  SELECT h, md5('host-' || h)::uuid::text, 'host-' || h, 0, h, NULL
  FROM generate_series(1, {hosts}) h;
INSERT INTO resource_providers (id, uuid, name, generation, root_provider_id, parent_provider_id)
  SELECT {hosts} + (h - 1) * 8 + g, md5('host-' || h || '-gpu-' || g)::uuid::text,
         'host-' || h || '-gpu-' || g, 0, h, h
  FROM generate_series(1, {hosts}) h, generate_series(1, 8) g;
SELECT setval('resource_providers_id_seq', {hosts} * 9);
INSERT INTO inventories (resource_provider_id, resource_class_id, total, reserved, min_unit,
                         max_unit, step_size, allocation_ratio)
  SELECT p.id, c.id, {slices}, 0, 1, {slices}, 1, 1.0
  FROM resource_providers p, resource_classes c
  WHERE p.parent_provider_id IS NOT NULL AND c.name = 'VGPU';
ANALYZE;
"""


class Connection(http.client.HTTPConnection):
    """HTTP over a UNIX socket."""

    def __init__(self, path):
        super().__init__("localhost", timeout=300)
        self.unix = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.unix)


def ask(path, method, url, body=None):
    connection = Connection(path)
    headers = {"x-auth-token": "admin", "OpenStack-API-Version": VERSION,
               "Accept": "application/json"}
    if body is not None:
        headers["Content-Type"] = "application/json"
        body = json.dumps(body)
    try:
        connection.request(method, url, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    except http.client.HTTPException as e:
        raise OSError(f"{method} {url}: {e!r}") from None
    finally:
        connection.close()


def ask_for(path, url):
    status, body = ask(path, "GET", url)
    if status != 200:
        raise Trouble(f"Placement answered GET {url} with {status}: {body[:300]!r}")
    return json.loads(body)


def claim(path, question, luck):
    """Claims one slice; returns how many conflicts that took."""
    conflicts = 0
    while conflicts < 100:
        candidates = ask_for(path, "/allocation_candidates?" + question)["allocation_requests"]
        if not candidates:
            raise Trouble("Placement has no candidate left")
        chosen = luck.choice(candidates)["allocations"]
        status, body = ask(path, "PUT", f"/allocations/{uuid.UUID(int=luck.getrandbits(128))}",
                           {"allocations": chosen, "consumer_generation": None,
                            "project_id": "project", "user_id": "user"})
        if status == 204:
            return conflicts
        if status != 409:
            raise Trouble(f"Placement answered PUT /allocations with {status}: {body[:300]!r}")
        conflicts += 1
    raise Trouble("a hundred conflicts in a row")


def client(path, question, hosts, seconds, seed):
    """One client: claims until the time is over.  Conflicts of a claim and its time, of each."""
    luck = random.Random(seed)
    until = time.monotonic() + seconds
    claims = []
    while time.monotonic() < until:
        host = hosts[luck.randrange(len(hosts))]
        begun = time.monotonic()
        conflicts = claim(path, question.format(host=host), luck)
        claims.append((conflicts, time.monotonic() - begun))
    return claims


def measure(path, question, hosts, seconds, clients, programs):
    cpu, begun = cpu_seconds(programs), time.monotonic()
    with concurrent.futures.ProcessPoolExecutor(clients) as pool:
        jobs = [pool.submit(client, path, question, hosts, seconds, seed)
                for seed in range(clients)]
        claims = [c for job in jobs for c in job.result()]
    spent, cpu = time.monotonic() - begun, cpu_seconds(programs) - cpu
    times = sorted(c[1] for c in claims)
    return {"clients": clients, "claims": len(claims), "claims_per_s": len(claims) / spent,
            "p50_ms": 1e3 * times[len(times) // 2], "conflicts": sum(c[0] for c in claims),
            "cpu_us": 1e6 * cpu / len(claims)}


def start_postgres(private):
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda p: int(p.split("/")[4]))
    if not found:
        raise Trouble("no server of PostgreSQL is installed")
    sql = private.make("sql")
    private.run([f"{found[-1]}/initdb", "-D", sql / "data", "-A", "trust", "-E", "UTF8",
                 "--locale=C.UTF-8"])
    server = private.start([f"{found[-1]}/postgres", "-D", sql / "data", "-k", sql,
                            "-c", "listen_addresses=", "-c", "max_connections=400"])
    psql = [f"{found[-1]}/psql", "-h", sql, "-v", "ON_ERROR_STOP=1", "-q", "-t"]
    private.wait(server, lambda: private.run(psql + ["-d", "postgres", "-c", "SELECT 1"]),
                 "PostgreSQL")
    private.run(psql + ["-d", "postgres", "-c", "CREATE DATABASE placement"])
    return server, psql + ["-d", "placement"]


def start_placement(private):
    """As Debian's placement-api starts it: uWSGI with two processes to a CPU.

    At SIGTERM it waits for clients that may be no more; its workers end with it in any case."""
    path = str(private.folder / "placement.sock")
    config = private.write("placement.conf", CONFIG.format(folder=private.folder,
                                                           user=private.name()))
    private.run(["placement-manage", "--config-file", config, "db", "sync"])
    server = private.start(["uwsgi-core", "--plugin", "python3", "--master", "--thunder-lock",
                            "--lazy-apps", "--enable-threads", "--die-on-term", "--no-orphans",
                            "--buffer-size", "65535", "--rem-header", "Content-Length",
                            "--add-header", "Connection: close", "--disable-logging",
                            "--processes", 2 * os.cpu_count(), "--threads", "32",
                            "--listen", "100", "--http-socket", path,
                            "--wsgi-file", "/usr/bin/placement-api"], at_death="KILL",
                           OS_PLACEMENT_CONFIG_DIR=str(private.folder))
    private.wait(server, lambda: ask_for(path, "/"), "Placement")
    return server, path


def rate(private, hosts, seconds, clients):
    """Claims per second of Placement, with any host and with the host given.

    No more clients than CPUs: each question keeps one busy for longer than a client would wait."""
    postgres, psql = start_postgres(private)
    placement, path = start_placement(private)
    private.run(psql, text=FILL.format(hosts=hosts, slices=SLICES))
    names = private.run(psql + ["-c", "SELECT uuid FROM resource_providers"
                                      " WHERE parent_provider_id IS NULL"]).split()
    if len(names) != hosts:
        raise Trouble(f"Placement has {len(names)} hosts and not {hosts}")
    servers = [postgres, placement]
    clients = min(clients, os.cpu_count())
    named = measure(path, NAMED_HOST, names, seconds, clients, servers)
    anywhere = measure(path, ANY_HOST, names, seconds, clients, servers)
    kept = int(private.run(psql + ["-c", "SELECT count(*) FROM allocations"]))
    if kept != named["claims"] + anywhere["claims"]:
        raise Trouble(f"Placement kept {kept} allocations of"
                      f" {named['claims'] + anywhere['claims']} that it had answered")
    return {**anywhere, **{f"named_host_{k}": v for k, v in named.items()}}
