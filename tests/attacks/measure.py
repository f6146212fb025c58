"""Measures the attacks: `python tests/attacks/measure.py [part of a name…]` prints the table of docs/benchmarks.md.

Each attack runs against a new server with default settings. Attackers open 2,500 connections from 40 loopback addresses, send the
attack's requests at once, read nothing, and continue for eight seconds. Meanwhile a client at 127.0.0.1 requests `/healthz` on new
connections, and repeatedly calls DescribeImageTags with boto3, pushes an image and pulls it.
"""

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "clients"))

import urllib3

from attackers import Crowd, asking, frame, head, preface
from pushing import Pusher, image
from running import Server
from victim import MIB, Victim
from wire import Wire, headers_of

CONNECTIONS, SECONDS = 2_500, 8
LARGE = [f"/v2/harbour/large/manifests/v{number}" for number in range(12)]
DESCRIBE, PART = "SpencerFrontendService.DescribeImages", "SpencerFrontendService.UploadLayerPart"
LISTED = b'{"registryId":"000000000000","repositoryName":"app","maxResults":1000}'
OPEN = 2**31 - 1


def attacks(server: Server) -> dict:
    """The payload of a connection, by its number; over TLS if the attack's name begins with TLS."""
    pusher, wire = Pusher(server), Wire(server)
    for number, path in enumerate(LARGE):
        pusher.push("large", image(b"layer", padding=chr(97 + number) * (4 * MIB - 4096)), path.rsplit("/", 1)[1])
    subject = {"mediaType": "application/vnd.oci.image.manifest.v1+json", "size": 2, "digest": pusher.push("app", image(b"layer"), "t")}
    for number in range(90):
        pusher.push("app", image(b"layer", subject=subject, annotations={"a": f"{number:60000}"}), f"r{number}")
    referrers, blob = f"/v2/harbour/app/referrers/{subject['digest']}", "/v2/harbour/app/blobs/" + pusher.push_blob("app", bytes(8 * MIB))
    begin = lambda: pusher.request("POST", "app/blobs/uploads/").headers["Location"].removeprefix(server.url)
    uploads, login = [begin() for _ in range(900)], pusher.headers["Authorization"]
    signed = headers_of(wire.sign(wire.request(PART, json.dumps({"repositoryName": "app"}).encode()), secret="wrong").prepare())
    wrong = {name: value for name, value in signed.items() if name.lower() not in ("content-length", "host")}
    ranges = "bytes=" + ",".join(f"{first}-{first + 200_000}" for first in range(64))
    every = lambda count, of: b"".join(of(number) for number in range(count))
    one = lambda number, method, path, **more: asking(method, path, 1, number, **more)
    unsigned = head("POST", "/", X_Amz_Target=DESCRIBE, Content_Length=16_384) + b"x" * 16_383
    single_bytes = preface() + asking("POST", "/token", 100, end=False) + every(10_000, lambda n: frame(0, 0, 1 + 2 * (n % 100), b"x"))
    resets = preface() + every(10_000, lambda n: one(n, "GET", LARGE[0]) + frame(3, 0, 1 + 2 * n, b"\0\0\0\x08"))
    manifests = every(128, lambda n: one(n, "GET", LARGE[n % 12]))
    return {
        "half a head": lambda n: b"GET / HTTP/1.1\r\nX: ",
        "31 KB of a head": lambda n: b"GET / HTTP/1.1\r\nX: " + b"x" * 31_000,
        "7,000 fields of a head": lambda n: b"GET / HTTP/1.1\r\n" + b"a:\r\n" * 7_000,
        "unsigned body of 16 KiB less a byte": lambda n: unsigned,
        "/token in chunks of a byte": lambda n: head("POST", "/token", Transfer_Encoding="chunked") + b"1\r\nx\r\n" * 16_000,
        "a part of 20 MiB, signed wrongly": lambda n: head("POST", "/", Content_Length=20 * MIB, **wrong) + b"x" * MIB,
        "2,000 GETs of 4 MiB in one write": lambda n: head("GET", LARGE[n % 12]) * 2_000,
        "a page of referrers, unread": lambda n: head("GET", referrers),
        "20 DescribeImages, unread": lambda n: (head("POST", "/", X_Amz_Target=DESCRIBE, Content_Length=len(LISTED)) + LISTED) * 20,
        "64 ranges of a blob, unread": lambda n: head("GET", blob, Range=ranges),
        "known: PATCH of 1 GB that stalls": lambda n: head("PATCH", uploads[n % 900], Authorization=login, Content_Length=10**9) + b"x" * MIB,
        "unknown: PUT of 1 GB that stalls": lambda n: head("PUT", LARGE[0], Content_Length=10**9) + b"x" * MIB,
        "HTTP/2, window 0: 128 manifests of 4 MiB": lambda n: preface() + manifests,
        "HTTP/2, window 0: 128 /healthz": lambda n: preface() + asking("GET", "/healthz"),
        "HTTP/2, window 0: 128 pages of referrers": lambda n: preface() + asking("GET", referrers),
        "HTTP/2, open window: 128 blobs, unread": lambda n: preface(OPEN) + asking("GET", blob),
        "HTTP/2, open window: 128 manifests, unread": lambda n: preface(OPEN) + manifests,
        "HTTP/2: 128 bodies that do not come": lambda n: preface() + asking("POST", "/", end=False, x_amz_target=DESCRIBE),
        "HTTP/2: 128 heads of 15 KB": lambda n: preface() + asking("POST", "/", end=False, x_amz_target=DESCRIBE, a="x" * 15_000),
        "HTTP/2: 10,000 DATA of a byte": lambda n: single_bytes,
        "HTTP/2: 3,000 empty CONTINUATION": lambda n: preface() + frame(1, 0, 1, b"\x82") + frame(9, 0, 1) * 3_000,
        "HTTP/2: 100,000 PING": lambda n: preface() + frame(6, 0, 0, b"pingping") * 100_000,
        "HTTP/2: 10,000 streams opened and reset": lambda n: resets,
        "TLS: half a handshake": lambda n: b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"x" * 300,
        "TLS, HTTP/1.1: a blob, unread": lambda n: head("GET", blob) * 50,
        "TLS, HTTP/1.1: 4 MiB, unread": lambda n: head("GET", LARGE[n % 12]) * 50,
        "TLS, HTTP/2, open window: 128 blobs, unread": lambda n: preface(OPEN) + asking("GET", blob),
    }


def measure(folder: Path, names: list[str], title: str) -> None:
    """Runs the named attacks concurrently against a new server, and prints a row."""
    flags = ("--tls-cert", str(folder / "chain.pem"), "--tls-key", str(folder / "key.pem")) if names[0].startswith("TLS") else ()
    server = Server(Path(tempfile.mkdtemp(dir=folder)), "--alias=harbour", "--create-on-push", *flags)
    server.http = urllib3.PoolManager(retries=False, timeout=30, ca_certs=str(folder / "chain.pem"))
    try:
        known = attacks(server)
        victim = Victim(server)
        crowds = [Crowd(server, name, known[name], CONNECTIONS // len(names)) for name in names]
        time.sleep(SECONDS)
        for one in (victim, *crowds):
            one.over.set()
        for thread in (*victim.threads, *crowds):
            thread.join(60)
        opened, sent = sum(len(crowd.open) for crowd in crowds), sum(crowd.sent for crowd in crowds) / MIB
        half, most = (1000 * of(victim.health or [60]) for of in (statistics.median, max))
        row = [title, f"{opened:,}", f"{sent:,.1f} MiB", f"{max(victim.memory) / MIB:.0f} MiB", f"{half:.0f} / {most:.0f} ms", f"{len(victim.served)}"]
        print("|", " | ".join(row), "|", *sorted(set(victim.trouble))[:3], flush=True)
        for connection in (connection for crowd in crowds for connection in crowd.open):
            connection.close()
    finally:
        server.kill()


def main(parts: list[str]) -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=localhost",
             "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", folder / "key.pem", "-out", folder / "chain.pem"],
            check=True, capture_output=True,
        )
        os.environ["AWS_CA_BUNDLE"] = str(folder / "chain.pem")
        first = Server(folder / "names", "--alias=harbour", "--create-on-push")
        names = list(attacks(first))
        first.kill()
        print("| attack | connections | sent | RssAnon, most | /healthz, median / most | calls, pushes and pulls |\n|---|---|---|---|---|---|")
        for name in names:
            if any(part in name for part in parts or [""]):
                measure(folder, [name], name)
        for start in ("TLS", ""):
            together = [name for name in names if name.startswith("TLS") == bool(start)]
            if not parts or "together" in parts:
                measure(folder, together, f"all {start or 'others'} together")


if __name__ == "__main__":
    main(sys.argv[1:])
