"""The cost of a page that no cache can answer, in repositories of 1,000 and of 1,000,000 tags: something is written before each.

    tests/scale/bench.sh FOLDER .cache/venv/bin/python tests/scale/bench_pages.py ROADSTEAD ROADSTEAD_BENCH [embedded]

Measures the CPU time of the server and of its connections' processes in PostgreSQL, on which other load has little influence, and the
time of the server's access log. With PostgreSQL, the statements that took longest follow.
"""

import glob
import hashlib
import http.client
import json
import os
import random
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time

import botocore.auth
import botocore.awsrequest
import botocore.credentials

KEY, SECRET = "AKIABENCHMARKBENCHMA", "benchmarkbenchmarkbenchmarkbenchmarkbenc"
MASTER_KEY = "0123456789abcdef" * 4
SIZES = {"1k": 1_000, "1m": 1_000_000}
ROUNDS = 20
TURNS = 9
PAGE = 100
# Multiplies the images of a repository that has TEMPLATE tags: one image for ten tags, as roadstead-bench pushes them.
TEMPLATE = 10
MULTIPLY = """
    CREATE TEMPORARY TABLE template AS SELECT m.* FROM manifest m JOIN tag t ON t.manifest_id = m.id JOIN repository r ON r.id = m.repository_id
        WHERE r.name = :'repository' LIMIT 1;
    CREATE TEMPORARY TABLE copies AS SELECT (SELECT MAX(id) FROM manifest) + n AS id, t.id AS original, n FROM template t, generate_series(1, :count / 10 - 1) n;
    INSERT INTO manifest (id, repository_id, digest, media_type, artifact_media_type, image_size, manifest_size, pushed_at)
        SELECT c.id, t.repository_id, 'sha256:' || encode(sha256(CAST(c.id AS TEXT)::BYTEA), 'hex'), t.media_type, t.artifact_media_type,
            t.image_size, t.manifest_size, t.pushed_at + c.n FROM copies c, template t;
    INSERT INTO manifest_content SELECT c.id, bytes FROM copies c JOIN manifest_content m ON m.manifest_id = c.original;
    INSERT INTO manifest_blob (manifest_id, repository_id, blob_id)
        SELECT c.id, repository_id, blob_id FROM copies c JOIN manifest_blob m ON m.manifest_id = c.original;
    INSERT INTO manifest_summary (manifest_id, kind, platforms, created, annotations, attaches)
        SELECT c.id, kind, platforms, created, annotations, attaches FROM copies c JOIN manifest_summary m ON m.manifest_id = c.original;
    INSERT INTO tag (repository_id, name, manifest_id, created_at, visibility, version_key, is_stable)
        SELECT t.repository_id, 'v' || lpad(CAST(10 * c.n + i AS TEXT), 8, '0'), c.id, t.pushed_at + 10 * c.n + i, 0, lpad(CAST(10 * c.n + i AS TEXT), 8, '0'), FALSE
        FROM copies c, template t, generate_series(0, 9) i;
    UPDATE repository SET image_count = :count / 10, listed_tags = :count WHERE id = (SELECT repository_id FROM template);
    UPDATE change SET writes = writes + 1 WHERE slot = 0;
    ANALYZE;
"""
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


class Writer:
    """A session of PostgreSQL that makes all answers in memory stale."""

    def __init__(self):
        url = os.environ["BENCH_DATABASE"].replace("{}", "roadstead-postgres")
        self.process = subprocess.Popen(["psql", "-qAtX", url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def write(self):
        self.process.stdin.write("UPDATE change SET writes = writes + 1 WHERE slot = 0 RETURNING slot;\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "0\n"


class Server:
    """One replica, and a connection to it."""

    def __init__(self, binary, folder, embedded):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        command = [binary, "serve", "--alias", "benchmark", "--create-on-push", "--listen", f"127.0.0.1:{self.port}", "--data", folder,
                   "--limit-images-per-repository", "10000000", "--idle-timeout", "1h"]
        if not embedded:
            command += ["--database", os.environ["BENCH_DATABASE"].replace("{}", "roadstead-postgres")]
        keys = {"ROADSTEAD_MASTER_KEY": MASTER_KEY, "ROADSTEAD_ACCESS_KEY_ID": KEY, "ROADSTEAD_SECRET_ACCESS_KEY": SECRET}
        self.log = os.path.join(folder, "log")
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(command, env={**os.environ, **keys}, stdout=log, stderr=log)
        while True:
            try:
                self.connection = http.client.HTTPConnection("127.0.0.1", self.port)
                self.connection.connect()
                break
            except OSError:
                assert self.process.poll() is None, "the server ended"
                time.sleep(0.1)
        self.connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        token = self.call("GetAuthorizationToken", {})["authorizationData"]["authorizationToken"]
        self.basic = {"authorization": f"Basic {token}"}

    def target(self):
        return f"it=http://127.0.0.1:{self.port}/benchmark,{KEY}:{SECRET}"

    def send(self, method, path, headers=None, body=None):
        self.connection.request(method, path, body, headers or {})
        response = self.connection.getresponse()
        content = response.read()
        assert response.status < 300, (method, path, response.status, content[:300])
        return response, content

    def signed(self, operation, request):
        body = json.dumps(request)
        headers = {"content-type": "application/x-amz-json-1.1", "x-amz-target": f"SpencerFrontendService.{operation}"}
        unsigned = botocore.awsrequest.AWSRequest("POST", f"http://127.0.0.1:{self.port}/", headers, body)
        credentials = botocore.credentials.Credentials(KEY, SECRET)
        botocore.auth.SigV4Auth(credentials, "ecr-public", "us-east-1").add_auth(unsigned)
        return "POST", "/", dict(unsigned.headers), body

    def call(self, operation, request):
        return json.loads(self.send(*self.signed(operation, request))[1])

    def manifest_push(self, repository, reference, manifest):
        return "PUT", f"/v2/benchmark/{repository}/manifests/{reference}", self.basic | {"content-type": MANIFEST}, json.dumps(manifest)

    def push(self, repository, reference, manifest):
        self.send(*self.manifest_push(repository, reference, manifest))

    def push_config(self, repository):
        digest = "sha256:" + hashlib.sha256(b"{}").hexdigest()
        response, _ = self.send("POST", f"/v2/benchmark/{repository}/blobs/uploads/", self.basic)
        place = response.headers["location"]
        place = place[place.index("/v2/"):]
        self.send("PUT", f"{place}{'&' if '?' in place else '?'}digest={digest}", self.basic, b"{}")
        return {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest, "size": 2}


def image(config, number, **more):
    return {"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [], "annotations": {"number": str(number)}, **more}


def digest(manifest):
    return "sha256:" + hashlib.sha256(json.dumps(manifest).encode()).hexdigest()


def tokens(server, name, count):
    """Tokens of pages all over the listing."""
    found, request = [], {"repositoryName": name, "maxResults": max(PAGE, min(1000, count // 100))}
    while len(found) < 100:
        answer = server.call("DescribeImageTags", request)
        if "nextToken" not in answer:
            break
        request["nextToken"] = answer["nextToken"]
        found.append(answer["nextToken"])
    return found


def pages(server, size, count):
    """Fills a repository and returns what makes the request for one of its pages."""
    name = f"bench/tags-{count}"
    config = server.push_config(name)
    subject = image(config, "subject")
    server.push(name, digest(subject), subject)
    reference = {"mediaType": MANIFEST, "digest": digest(subject), "size": len(json.dumps(subject))}
    for number in range(PAGE):
        referrer = image(config, number, subject=reference, artifactType="application/vnd.example.signature")
        server.push(name, digest(referrer), referrer)
    found = tokens(server, name, count)
    path = f"/v2/benchmark/{name}"
    tag = lambda: f"v{random.randrange(count):08}"
    describe = lambda: server.signed("DescribeImageTags", {"repositoryName": name, "maxResults": PAGE, "nextToken": random.choice(found)})
    return {
        "manifest by tag": lambda: ("GET", f"{path}/manifests/{tag()}", {"accept": MANIFEST}),
        "tags/list": lambda: ("GET", f"{path}/tags/list?n={PAGE}&last={tag()}"),
        "DescribeImageTags": describe,
        "referrers": lambda: ("GET", f"{path}/referrers/{reference['digest']}"),
        "search": lambda: ("GET", f"/api/v1/search?q=tags-{count}"),
        "list of tags by newest": lambda: ("GET", f"/api/v1/repositories/benchmark/{name}/-/tags"),
        "push of a manifest": None,
    }


def psql(script, database="roadstead-postgres", **variables):
    url = os.environ["BENCH_DATABASE"].replace("{}", database)
    named = [part for name, value in variables.items() for part in ("-v", f"{name}={value}")]
    command = ["psql", "-qAtX", "-F", " | ", "-v", "ON_ERROR_STOP=1", *named, url]
    return subprocess.run(command, input=script, capture_output=True, text=True, check=True).stdout


def fill(server, bench, size, count, embedded):
    """Makes a repository of this many tags."""
    run = lambda shape: subprocess.run([bench, "run", "--target", server.target(), "--shape", shape, "--duration", "0.1"], check=True, stdout=subprocess.DEVNULL)
    if embedded:
        return run(f"tags:{size}")
    name = f"bench/tags-{count}"
    if psql("SELECT COUNT(*) FROM repository WHERE name = :'name' AND listed_tags >= :count", name=name, count=count) == "1\n":
        return None
    config = server.push_config(name)
    manifest = image(config, "template")
    for number in range(TEMPLATE):
        server.push(name, f"v{number:08}", manifest)
    return psql(MULTIPLY, repository=name, count=count)


def cpu(server, embedded):
    """The CPU time in milliseconds that the server and its connections to the database have used."""
    backends = [] if embedded else psql("SELECT pid FROM pg_stat_activity WHERE application_name = 'roadstead'").split()
    used = 0
    for pid in [server.process.pid, *backends]:
        for path in glob.glob(f"/proc/{pid}/task/*/schedstat"):
            with open(path) as stat:
                used += int(stat.read().split()[0])
    return used / 1e6


def measure(server, requests):
    """The milliseconds that the server took for each of them, without the writes in between."""
    with open(server.log) as log:
        time.sleep(0.3)  # what precedes is written by then
        log.seek(0, os.SEEK_END)
        for request in requests:
            server.send(*request)
        times, line = [], ""
        while len(times) < ROUNDS:
            line += log.readline()
            if not line.endswith("\n"):
                time.sleep(0.05)
                continue
            duration = re.search(r"target=roadstead::access .* duration_us=([0-9]+)", line)
            if duration and "/bench/elsewhere/" not in line:
                times.append(int(duration[1]) / 1000)
            line = ""
    return times


def after_writes(write, make):
    for _ in range(ROUNDS):
        write()
        yield make()


def pushes(server, count, turn):
    name = f"bench/tags-{count}"
    config = server.push_config(name)
    for number in range(ROUNDS):
        yield server.manifest_push(name, f"new-{turn}-{number}", image(config, time.time_ns()))


def slow_statements():
    query = ("SELECT round(mean_exec_time::numeric, 3), calls, shared_blks_hit / calls, left(regexp_replace(query, '\\s+', ' ', 'g'), 150) "
             "FROM pg_stat_statements JOIN pg_database d ON d.oid = dbid WHERE d.datname = 'roadstead-postgres' AND calls > 10 ORDER BY mean_exec_time DESC LIMIT 12")
    return psql(query, database="postgres")


def main():
    binary, bench, *rest = sys.argv[1:]
    embedded = "embedded" in rest
    random.seed(14)
    with tempfile.TemporaryDirectory() as folder:
        server = Server(binary, folder, embedded)
        try:
            for size, count in SIZES.items():
                fill(server, bench, size, count, embedded)
            elsewhere = server.push_config("bench/elsewhere")
            push = lambda: server.push("bench/elsewhere", "moving", image(elsewhere, time.time_ns()))
            write = push if embedded else Writer().write
            by_size = {size: pages(server, size, number) for size, number in SIZES.items()}
            print("| page | CPU ms at 1k | at 1m | ratio | median ms at 1k | at 1m |\n|---|---|---|---|---|---|")
            for page in by_size["1k"]:
                times, used = {size: [] for size in SIZES}, {size: [] for size in SIZES}
                # In turns, so that other load hits both.
                for turn in range(TURNS):
                    for size, number in SIZES.items():
                        make = by_size[size][page]
                        requests = after_writes(write, make) if make else pushes(server, number, turn)
                        before = cpu(server, embedded)
                        times[size] += measure(server, requests)
                        used[size].append((cpu(server, embedded) - before) / ROUNDS)
                (small, large), (fast, slow) = ([statistics.median(figures[size]) for size in SIZES] for figures in (used, times))
                print(f"| {page} | {small:.2f} | {large:.2f} | {large / small:.2f} | {fast:.2f} | {slow:.2f} |", flush=True)
            if not embedded:
                print(slow_statements())
        finally:
            server.process.terminate()
            server.process.wait()


if __name__ == "__main__":
    main()
