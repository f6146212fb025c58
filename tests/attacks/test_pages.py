"""Listings with megabytes per entry, as older versions allowed: requested, and never read."""

import hashlib
import json
import socket
import sqlite3
import time

import pytest

from attackers import connect_with_small_buffer
from pushing import OCI_INDEX, OCI_MANIFEST, Pusher, image
from running import Server
from victim import MIB, anonymous_memory, is_served

HUGE, OLD, NEW, TAGS = 4_000_000, 30, 150, 60
UNREAD = 12


def digest(number: int) -> str:
    return "sha256:" + hashlib.sha256(b"%d" % number).hexdigest()


def descriptor(number: int, annotation: int) -> str:
    members = {"mediaType": OCI_MANIFEST, "digest": digest(number), "size": 2, "annotations": {"a": "x" * annotation}}
    return json.dumps(members, separators=(",", ":"))


pytestmark = pytest.mark.embedded("writes rows of an older version into the database file")


@pytest.fixture
def harbour(start) -> tuple[Server, str]:
    """A server with referrers and tags from before the limits on pushes, and the referrers' subject."""
    server = start("--create-on-push")
    subject = Pusher(server).push("app", image(b"layer"), "t")
    server.stop()
    database = sqlite3.connect(server.data / "roadstead.db")
    # No need to survive a crash, so the megabytes are written once.
    database.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;")
    with database:
        [[repository]] = database.execute("SELECT id FROM repository")
        for number in range(OLD + NEW):
            row = (number + 1, repository, digest(number), OCI_MANIFEST, None, 0, 2, 0)
            database.execute("INSERT INTO manifest VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
            # Some beyond today's limits, and many at the limits.
            text = descriptor(number, HUGE if number < OLD else 64 * 1024 - 8)
            columns = "(repository_id, subject, digest, manifest_id, descriptor)"
            database.execute(f"INSERT INTO referrer {columns} VALUES (?, ?, ?, ?, ?)", (repository, subject, digest(number), number + 1, text))
        database.execute("UPDATE manifest SET media_type = ? WHERE digest = ?", ("m" * HUGE, subject))
        for number in range(TAGS):
            select = "SELECT repository_id, ?, id, 0 FROM manifest WHERE digest = ?"
            database.execute(f"INSERT INTO tag (repository_id, name, manifest_id, created_at) {select}", (f"t{number:03}", subject))
    database.close()
    server.start()
    return server, subject


def ask_and_never_read(server: Server, request: bytes) -> list[socket.socket]:
    """Sends a request on several connections, and reads no answers."""
    # Their address differs from the readers', because memory is limited per address.
    connections = [connect_with_small_buffer(server) for _ in range(UNREAD)]
    for connection in connections:
        connection.sendall(request)
    for connection in connections:
        assert connection.recv(1, socket.MSG_PEEK), "it is being answered"
    return connections


def assert_little_is_held(server: Server, attackers: list[socket.socket]) -> None:
    most = 0
    for _ in range(10):
        most = max(most, anonymous_memory(server))
        assert is_served(server)
        time.sleep(0.05)
    assert most < 128 * MIB, f"{most / MIB:.0f} MiB for {UNREAD} answers"
    for attacker in attackers:
        attacker.close()


def describe(server: Server, operation: str, **members) -> dict:
    headers = {"X-Amz-Target": f"SpencerFrontendService.{operation}", "Content-Type": "application/x-amz-json-1.1"}
    body = json.dumps({"registryId": "000000000000", "repositoryName": "app", **members})
    answer = server.http.request("POST", server.url, body=body, headers=headers)
    assert answer.status == 200, answer.data
    assert len(answer.data) <= 4 * MIB
    return json.loads(answer.data)


def test_pages_of_huge_entries_take_little_memory_and_lead_to_every_entry_once(harbour):
    server, subject = harbour
    path = f"/v2/{server.alias}/app/referrers/{subject}"
    assert_little_is_held(server, ask_and_never_read(server, f"GET {path} HTTP/1.1\r\nHost: {server.address}\r\n\r\n".encode()))

    found, pages = [], 0
    while path:
        answer = server.http.request("GET", server.url + path)
        assert (answer.status, answer.headers["Content-Type"]) == (200, OCI_INDEX)
        head = server.http.request("HEAD", server.url + path)
        assert head.headers.get("Link") == answer.headers.get("Link")
        assert int(head.headers["Content-Length"]) == len(answer.data)
        page = json.loads(answer.data)["manifests"]
        link = answer.headers.get("Link")
        assert len(answer.data) <= 4 * MIB
        assert not link or len(answer.data) > 4 * MIB - 70_000
        found += page
        pages += 1
        path = link and link[1 : link.index(">")]
    assert sorted(entry["digest"] for entry in found) == sorted(map(digest, range(OLD + NEW)))
    bare = {entry["digest"] for entry in found if "annotations" not in entry}
    assert bare == set(map(digest, range(OLD))), "annotations are omitted only where they are too large"
    assert pages == 3

    body = b'{"registryId":"000000000000","repositoryName":"app","maxResults":1000}'
    for operation in ("DescribeImageTags", "DescribeImages"):
        head = f"POST / HTTP/1.1\r\nHost: {server.address}\r\nX-Amz-Target: SpencerFrontendService.{operation}\r\nContent-Length: {len(body)}\r\n\r\n"
        assert_little_is_held(server, ask_and_never_read(server, head.encode() + body))

    tags, more = [], {}
    while more is not None:
        page = describe(server, "DescribeImageTags", maxResults=1000, **more)
        assert {detail["imageDetail"]["imageManifestMediaType"] for detail in page["imageTagDetails"]} == {"application/octet-stream"}
        tags += [detail["imageTag"] for detail in page["imageTagDetails"]]
        more = {"nextToken": page["nextToken"]} if "nextToken" in page else None
    assert tags == ["t", *(f"t{number:03}" for number in range(TAGS))]
