"""The time of a page that no cache can answer, in repositories of 1,000 and of 1,000,000 tags: a write to another repository precedes each.

    tests/scale/bench.sh FOLDER .cache/venv/bin/python tests/scale/bench_pages.py ROADSTEAD ROADSTEAD_BENCH [embedded]

Times are those of the server's access log. With PostgreSQL, the statements that took longest follow.
"""

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
ROUNDS = 200
PAGE = 100
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


class Server:
    """One replica, and a connection to it."""

    def __init__(self, binary, folder, embedded):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        command = [binary, "serve", "--alias", "benchmark", "--create-on-push", "--listen", f"127.0.0.1:{self.port}", "--data", folder,
                   "--limit-images-per-repository", "10000000"]
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


def after_writes(server, config, make):
    for _ in range(ROUNDS):
        server.push("bench/elsewhere", "moving", image(config, time.time_ns()))
        yield make()


def pushes(server, count):
    name = f"bench/tags-{count}"
    config = server.push_config(name)
    for number in range(ROUNDS):
        yield server.manifest_push(name, f"new-{number}", image(config, time.time_ns()))


def slow_statements():
    url = os.environ["BENCH_DATABASE"].replace("{}", "roadstead-postgres")
    query = ("SELECT round(mean_exec_time::numeric, 3), calls, shared_blks_hit / calls, left(regexp_replace(query, '\\s+', ' ', 'g'), 150) "
             "FROM pg_stat_statements WHERE query !~* '^(copy|create|alter)' ORDER BY mean_exec_time DESC LIMIT 12")
    psql = subprocess.run(["psql", "-qAt", "-F", " | ", url, "-c", query], capture_output=True, text=True, check=True)
    return psql.stdout


def main():
    binary, bench, *rest = sys.argv[1:]
    embedded = "embedded" in rest
    random.seed(14)
    with tempfile.TemporaryDirectory() as folder:
        server = Server(binary, folder, embedded)
        try:
            for size in SIZES:
                subprocess.run([bench, "run", "--target", server.target(), "--shape", f"tags:{size}", "--duration", "0.1"], check=True,
                               stdout=subprocess.DEVNULL)
            elsewhere = server.push_config("bench/elsewhere")
            by_size = {size: pages(server, size, number) for size, number in SIZES.items()}
            print("| page | median ms at 1k | at 1m | ratio | p95 at 1k | at 1m |\n|---|---|---|---|---|---|")
            for page in by_size["1k"]:
                figures = {size: [] for size in SIZES}
                # In turns, so that other load hits both.
                for _ in range(3):
                    for size, number in SIZES.items():
                        make = by_size[size][page]
                        requests = after_writes(server, elsewhere, make) if make else list(pushes(server, number))
                        figures[size] += measure(server, requests)
                medians = [statistics.median(figures[size]) for size in SIZES]
                tails = [statistics.quantiles(figures[size], n=20)[18] for size in SIZES]
                print(f"| {page} | {medians[0]:.2f} | {medians[1]:.2f} | {medians[1] / medians[0]:.2f} | {tails[0]:.2f} | {tails[1]:.2f} |",
                      flush=True)
            if not embedded:
                print(slow_statements())
        finally:
            server.process.terminate()
            server.process.wait()


if __name__ == "__main__":
    main()
