"""Measures a roadstead server: CPU time of the server for each request, memory, start time. Prints Markdown tables.

CPU time says more than throughput on a small, shared machine, and it does not depend on the client's speed.
"""

import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time

from registry import Server, ask, fill

ROUNDS = 5
SECONDS = 4


def wrk(server, method, path, headers, body=""):
    """One run of wrk at 8 connections: requests answered, and microseconds of server CPU for each."""
    lines = [f'wrk.method = "{method}"', f"wrk.body = {json.dumps(body)}"]
    lines += [f"wrk.headers[{json.dumps(name)}] = {json.dumps(value)}" for name, value in headers.items()]
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write("\n".join(lines))
        script.flush()
        before = server.cpu_seconds()
        command = ["wrk", "-t1", "-c8", f"-d{SECONDS}s", "-s", script.name, f"http://127.0.0.1:{server.port}{path}"]
        output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        spent = server.cpu_seconds() - before
    assert "Non-2xx" not in output, output
    requests = int(re.search(r"(\d+) requests in", output)[1])
    return requests, spent / requests * 1e6


def median_cost(server, *request):
    wrk(server, *request)
    runs = [wrk(server, *request) for _ in range(ROUNDS)]
    return statistics.median(cost for _, cost in runs), statistics.median(count for count, _ in runs) / SECONDS


def listing(tag_counts=(1_000, 100_000, 1_000_000)):
    """DescribeImageTags pages of 100 in the middle of the listing, manifest GETs, and starting, by number of tags."""
    print("| tags | DescribeImageTags, 100 a page | manifest GET by tag | by digest | start |\n|---|---|---|---|---|")
    for tags in tag_counts:
        with Server() as server:
            path = fill(server, "bench/tags", tags)
            token = server.aws("DescribeImageTags", {"repositoryName": "bench/tags", "maxResults": min(1000, tags // 2)})["nextToken"]
            body = json.dumps({"repositoryName": "bench/tags", "maxResults": 100, "nextToken": token})
            page = median_cost(server, "POST", "/", server.sign("DescribeImageTags", body.encode()), body)
            middle = f"{path}/manifests/v{tags // 2:08d}"
            response, _ = ask(server.connection(), "GET", middle)
            by_tag = median_cost(server, "GET", middle, {})
            by_digest = median_cost(server, "GET", f"{path}/manifests/{response.headers['Docker-Content-Digest']}", {})
            starts = []
            for _ in range(ROUNDS):
                server.stop()
                server.start()
                starts.append(server.start_milliseconds)
            costs = " | ".join(f"{cost:.0f} µs ({rate:.0f}/s)" for cost, rate in (page, by_tag, by_digest))
            print(f"| {tags:,} | {costs} | {statistics.median(starts):.0f} ms |", flush=True)


def pushing(clients=16, mebibytes=256):
    """Memory while many clients push large blobs at once."""
    block = os.urandom(1 << 20)
    with Server() as server:
        time.sleep(1)
        idle = server.memory()
        server.aws("CreateRepository", {"repositoryName": "bench/blobs"})
        headers, peak, done = server.login(), {"RssAnon": 0, "RssFile": 0}, threading.Event()

        def push(number):
            connection = server.connection()
            response, _ = ask(connection, "POST", f"/v2/{server.alias}/bench/blobs/blobs/uploads/", None, headers)
            parts = (number.to_bytes(8) + block[8:] for _ in range(mebibytes))
            ask(connection, "PATCH", response.headers["Location"], parts, headers | {"Content-Length": str(mebibytes << 20)})

        def watch():
            while not done.is_set():
                now = server.memory()
                peak.update({name: max(peak[name], now[name]) for name in peak})
                time.sleep(0.05)

        threads = [threading.Thread(target=push, args=(number,)) for number in range(clients)]
        watcher = threading.Thread(target=watch)
        begun, cpu = time.perf_counter(), server.cpu_seconds()
        for thread in [watcher, *threads]:
            thread.start()
        for thread in threads:
            thread.join()
        seconds, cpu = time.perf_counter() - begun, server.cpu_seconds() - cpu
        done.set()
        watcher.join()
    gibibytes = clients * mebibytes / 1024
    print("| | RssAnon | RssFile |\n|---|---|---|")
    print(f"| idle | {idle['RssAnon']:.1f} MiB | {idle['RssFile']:.1f} MiB |")
    print(f"| peak, {clients} clients pushing {mebibytes} MiB each | {peak['RssAnon']:.1f} MiB | {peak['RssFile']:.1f} MiB |")
    print(f"\n{gibibytes:.0f} GiB in {seconds:.1f} s, {cpu / gibibytes:.2f} s of server CPU for each GiB, hashed and durable.", flush=True)


SHAPES = {"listing": listing, "pushing": pushing}

for name in sys.argv[1:] or SHAPES:
    print(f"\n### {name}\n", flush=True)
    SHAPES[name]()
