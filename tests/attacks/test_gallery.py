"""Visitors of the gallery that ask for as much as they can: other pages every time, dear searches, images with too much of everything."""

import json
import random
import time

import pytest

from attackers import connect_with_small_buffer
from pushing import OCI_INDEX, Manifest, Pusher, image
from running import PATIENCE, Server
from victim import MIB, anonymous_memory, is_served

PAGE = 4 * MIB
ADDRESSES = 3_000
SEARCHES = 400


@pytest.fixture
def gallery(start) -> Server:
    """A server with 40 repositories that have long descriptions, which search results repeat."""
    server = start("--create-on-push", "--alias", "pier")
    ecr = server.client()
    for number in range(40):
        words = " ".join(f"word{number * 7 % 11} term{number % 5}" for _ in range(60))
        ecr.create_repository(repositoryName=f"team/app-{number}", catalogData={"description": words[:1000]})
    deadline = time.monotonic() + PATIENCE
    while b"team/app-39" not in server.http.request("GET", f"{server.url}/api/v1/search?q=pier&limit=100").data:
        assert time.monotonic() < deadline, "the index does not follow"
        time.sleep(0.1)
    return server


def test_other_addresses_every_time_fill_no_more_than_the_cache_of_pages(gallery):
    before = anonymous_memory(gallery)
    size = len(gallery.http.request("GET", f"{gallery.url}/search?q=word&n=0").data)
    for number in range(ADDRESSES):
        answer = gallery.http.request("GET", f"{gallery.url}/search?q=term{number}+word", headers={"Accept-Encoding": "gzip"})
        assert answer.status == 200
    held = anonymous_memory(gallery) - before
    # The cache has at most 64 MiB. The allocator needs some more.
    assert held < 160 * MIB, f"{held / MIB:.0f} MiB for {ADDRESSES} pages like one of {size} bytes"
    assert is_served(gallery)


def test_no_search_is_too_dear(gallery):
    dice = random.Random(7)
    letters = "ab%_'\";-\\ \u202eé日🦀*()[]{}^$"
    for length in (1, 2, 8, 200, 5_000):
        for _ in range(SEARCHES // 5):
            text = "".join(dice.choice(letters) for _ in range(length))
            answer = gallery.http.request("GET", f"{gallery.url}/api/v1/search", fields={"q": text})
            assert answer.status == 200, (text, answer.data)
    for filters in ("kind=" + "&kind=".join("abcdefghij" * 40), "os=" + "&os=".join(map(str, range(500)))):
        assert gallery.http.request("GET", f"{gallery.url}/api/v1/search?{filters}").status == 200
    assert is_served(gallery)


def huge_image() -> Manifest:
    """As many annotations, labels and lines of the environment as a manifest and a config can hold."""
    texts = {f"key-{number}": "x" * 1000 for number in range(900)}
    config = {"os": "linux", "architecture": "amd64", "config": {"Labels": texts, "Env": list(texts.values())[:20]}, "history": [{"created_by": "y" * 100}] * 500}
    layers = [b"layer %d" % number for number in range(300)]
    annotations = {f"annotation-{number}": "z" * 1000 for number in range(2_000)}
    return image(*layers, config=json.dumps(config).encode(), annotations=annotations)


def test_an_image_with_too_much_of_everything_has_pages_of_bounded_size(gallery):
    pusher = Pusher(gallery)
    huge = huge_image()
    pusher.push("team/huge", huge, "v1")
    entry = {"mediaType": huge.media_type, "digest": huge.digest, "size": len(huge.body), "annotations": {"a": "x" * 2000}}
    platforms = [{**entry, "platform": {"os": "linux", "architecture": f"machine{number}"}} for number in range(1_000)]
    body = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": platforms, "annotations": {"b": "y" * 100_000}}
    pusher.push("team/huge", Manifest(OCI_INDEX, json.dumps(body).encode(), children=(huge,)), "index")
    for number in range(150):
        answer = pusher.put_manifest("team/huge", huge, f"tag-{number}")
        assert answer.status == 201
    for address in ("/pier/team/huge", "/pier/team/huge/-/tags", "/pier/team/huge:v1", "/pier/team/huge:index", "/pier/team/huge/-/compare?from=v1&to=index",
                    "/pier/team/huge/-/feed.atom", "/api/v1/repositories/pier/team/huge", "/api/v1/repositories/pier/team/huge/-/images/v1",
                    "/api/v1/repositories/pier/team/huge/-/images/index", "/api/v1/repositories/pier/team/huge/-/tags?limit=1000"):
        answer = gallery.http.request("GET", gallery.url + address)
        assert answer.status == 200, (address, answer.data[:300])
        assert len(answer.data) < PAGE, f"{address} has {len(answer.data)} bytes"
    document = json.loads(gallery.http.request("GET", f"{gallery.url}/api/v1/repositories/pier/team/huge/-/images/v1").data)
    assert document["isComplete"] is False


def test_pages_that_nobody_reads_hold_little(gallery):
    """Each connection asks for pages that are not kept, and reads nothing."""
    attackers = []
    for number in range(60):
        connection = connect_with_small_buffer(gallery)
        for page in range(8):
            connection.sendall(f"GET /api/v1/search?limit=100&q=word{number}+term{page} HTTP/1.1\r\nHost: {gallery.address}\r\n\r\n".encode())
        attackers.append(connection)
    for _ in range(10):
        assert is_served(gallery)
        assert anonymous_memory(gallery) < 192 * MIB
        time.sleep(0.05)
    for connection in attackers:
        connection.close()


def test_bodies_of_the_operations_of_aws_s_gallery_are_small(gallery):
    large = b'{"searchTerm": "' + b"x" * 70_000 + b'"}'
    assert gallery.http.request("POST", f"{gallery.url}/searchRepositoryCatalogData", body=large).status == 413
    nested = b"[" * 30_000 + b"]" * 30_000
    # Unknown members are skipped, however deep they are.
    for body, status in ((b'{"searchTerm": ' + nested + b"}", 400), (nested, 400), (b'{"x": ' + nested + b"}", 200)):
        assert gallery.http.request("POST", f"{gallery.url}/searchRepositoryCatalogData", body=body).status == status
    assert is_served(gallery)
