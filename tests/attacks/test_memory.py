"""Requests that hold memory: bodies that never end, in many small chunks, with bad signatures, on many connections."""

import base64
import json
import select
import threading
import time

import pytest
import urllib3

from attackers import Http2, answer, connect, hang_up, head, send, status
from pushing import OCI_MANIFEST, Pusher, image, push_layer_through_api
from running import PATIENCE
from victim import MIB, anonymous_memory, is_served
from wire import Wire, headers_of

BUDGET = 64 * MIB
# One address must be refused because of its memory, not its connections.
FLAGS = ("--memory-budget=64MiB", "--max-connections-per-address=400", "--alias=harbour", "--create-on-push")
DESCRIBE = "SpencerFrontendService.DescribeImageTags"
PART = "SpencerFrontendService.UploadLayerPart"


def within_budget(server) -> None:
    held = anonymous_memory(server)
    assert held < BUDGET + 100 * MIB, f"{held / MIB:.0f} MiB"


def known_are_served(server) -> None:
    """A boto3 call, a push and a pull, during an attack."""
    assert is_served(server)
    server.client().describe_repositories()
    pusher = Pusher(server)
    manifest = image(b"a layer of %d" % time.monotonic_ns())
    assert pusher.push("served", manifest, "v1") == manifest.digest
    assert pusher.request("GET", "served/manifests/v1").data == manifest.body


@pytest.fixture
def server(start):
    return start(*FLAGS)


def test_unsigned_bodies_that_do_not_end_hold_little_and_are_told_why(server):
    announced = [connect(server) for _ in range(4)]
    for connection in announced:
        send(connection, head("POST", "/", X_Amz_Target=DESCRIBE, Content_Length=16 * 1024 + 1) + b"x" * (16 * 1024 + 1))
    assert all(status(answer(connection)) == 413 for connection in announced)
    unfinished = [connect(server) for _ in range(230)]
    for connection in unfinished:
        send(connection, head("POST", "/", X_Amz_Target=DESCRIBE, Content_Length=16 * 1024) + b"x" * (16 * 1024 - 1))
    time.sleep(0.5)
    within_budget(server)
    known_are_served(server)
    more = [connect(server) for _ in range(4)]
    for connection in more:
        send(connection, head("POST", "/", X_Amz_Target=DESCRIBE, Content_Length=100))
    # There is no room for all of them, and the server reads them in any order.
    answered, _, _ = select.select(unfinished + more, [], [], PATIENCE)
    assert answered, "none is refused"
    refused = answer(answered[0])
    assert (status(refused), b"ThrottlingException" in refused, b"retry-after" in refused.lower()) == (400, True, True), refused
    hang_up(unfinished + more)


def test_a_byte_now_and_then_keeps_no_request_at_any_door(start):
    server = start(*FLAGS, "--body-grace=1s")
    pusher = Pusher(server)
    server.client().create_repository(repositoryName="slow")
    upload = pusher.request("POST", "slow/blobs/uploads/").headers["Location"].removeprefix(server.url)
    login = {"Authorization": pusher.headers["Authorization"], "Transfer_Encoding": "chunked"}
    slow = [
        head("POST", "/", X_Amz_Target=DESCRIBE, Transfer_Encoding="chunked"),
        head("POST", "/", Content_Type="application/x-www-form-urlencoded", Transfer_Encoding="chunked"),
        head("POST", "/token", Transfer_Encoding="chunked"),
        head("PUT", "/v2/harbour/slow/manifests/v1", **login),
        head("PATCH", upload, **login),
        head("POST", f"/v2/harbour/slow/blobs/uploads/?digest=sha256:{'0' * 64}", **login),
    ]
    connections = [connect(server) for _ in slow]
    for connection, begun in zip(connections, slow):
        send(connection, begun)
    for _ in range(4):
        for connection in connections:
            send(connection, b"1\r\nx\r\n")
        time.sleep(0.4)
    assert [status(answer(connection)) for connection in connections] == [408] * len(slow)


def test_a_body_in_chunks_of_one_byte_holds_what_it_is(server):
    server.client().create_repository(repositoryName="chunks")
    authorization = Pusher(server).headers["Authorization"]
    before = anonymous_memory(server)
    put = head("PUT", "/v2/harbour/chunks/manifests/v1", Authorization=authorization, Transfer_Encoding="chunked", Content_Type=OCI_MANIFEST)
    connections = [connect(server) for _ in range(2)]
    for connection in connections:
        assert send(connection, put + b"1\r\nx\r\n" * (MIB // 4))
    time.sleep(0.5)
    assert anonymous_memory(server) - before < 8 * MIB
    assert send(connections[0], b"0\r\n\r\n")
    assert status(answer(connections[0])) == 400, "the body is not a manifest"
    upload = Pusher(server).request("POST", "chunks/blobs/uploads/").headers["Location"].removeprefix(server.url)
    patch = head("PATCH", upload, Authorization=authorization, Transfer_Encoding="chunked")
    assert send(connections[0], patch + b"1\r\nx\r\n" * (MIB // 4))
    time.sleep(0.5)
    assert anonymous_memory(server) - before < 8 * MIB
    assert send(connections[0], b"0\r\n\r\n")
    assert status(answer(connections[0])) == 202


def test_unfinished_manifests_hold_no_more_than_the_budget_of_their_account(server):
    server.client().create_repository(repositoryName="unfinished")
    authorization = Pusher(server).headers["Authorization"]
    put = head("PUT", "/v2/harbour/unfinished/manifests/v1", Authorization=authorization, Content_Length=4 * MIB, Content_Type=OCI_MANIFEST)
    connections = [connect(server) for _ in range(16)]
    senders = [threading.Thread(target=send, args=(connection, put + b"x" * (4 * MIB - 1))) for connection in connections]
    for sender in senders:
        sender.start()
    for _ in range(10):
        within_budget(server)
        assert is_served(server)
        time.sleep(0.1)
    for sender in senders:
        sender.join()
    more = [connect(server, f"127.0.0.{100 + number % 4}") for number in range(300)]
    for connection in more:
        send(connection, put)
    [first, *_], _, _ = select.select(more, [], [], 20)
    refused = answer(first)
    assert (status(refused), b"TOOMANYREQUESTS" in refused, b"retry-after: " in refused.lower()) == (429, True, True), refused
    hang_up(connections + more)


def test_slow_parts_with_a_wrong_signature_take_nothing_from_the_owner_of_the_key(server):
    ecr = server.client()
    ecr.create_repository(repositoryName="parts")
    begun = ecr.initiate_layer_upload(repositoryName="parts")
    wire = Wire(server)
    members = {"repositoryName": "parts", "uploadId": begun["uploadId"], "partFirstByte": 0, "partLastByte": 1}
    request = wire.sign(wire.request(PART, json.dumps(members).encode()), secret="wrong").prepare()
    named = {**headers_of(request), "Host": server.address, "Content-Length": 20 * MIB}
    lines = [f"{name}: {value}" for name, value in named.items()]
    begin = b"POST / HTTP/1.1\r\n" + "\r\n".join(lines).encode() + b"\r\n\r\n"
    attackers = ["127.0.0.66", "127.0.0.67"]
    connections = [connect(server, source) for source in attackers for _ in range(10)]
    for connection in connections:
        threading.Thread(target=send, args=(connection, begin + b"x" * (19 * MIB)), daemon=True).start()
    time.sleep(1)
    within_budget(server)
    layer = b"layer" * (5 * MIB // 5)
    push_layer_through_api(ecr, "parts", layer)
    # From the owner's address, they block large parts from that address, but not small requests or other addresses.
    nearby = [connect(server, "127.0.0.1") for _ in range(10)]
    for connection in nearby:
        threading.Thread(target=send, args=(connection, begin + b"x" * (19 * MIB)), daemon=True).start()
    time.sleep(1)
    known_are_served(server)
    part = {"partFirstByte": 0, "partLastByte": len(layer) - 1, "layerPartBlob": base64.b64encode(layer).decode()}
    call_from_elsewhere(server, "DescribeRegistries", {})
    call_from_elsewhere(server, "UploadLayerPart", {**upload(ecr), **part})
    within_budget(server)
    hang_up(connections + nearby)


def call_from_elsewhere(server, operation: str, members: dict) -> None:
    """A call with the owner's key from a new address."""
    wire = Wire(server)
    request = wire.sign(wire.request(f"SpencerFrontendService.{operation}", json.dumps(members).encode())).prepare()
    elsewhere = urllib3.PoolManager(source_address=("127.0.0.9", 0), retries=False, timeout=30)
    answered = elsewhere.request("POST", request.url, body=request.body, headers=headers_of(request))
    assert answered.status == 200, answered.data


def upload(ecr) -> dict:
    return {"repositoryName": "parts", "uploadId": ecr.initiate_layer_upload(repositoryName="parts")["uploadId"]}


def test_a_form_for_a_token_is_small(server):
    connection = connect(server)
    send(connection, head("POST", "/token", Content_Length=20_000) + b"a" * 20_000)
    assert status(answer(connection)) == 413


def test_a_mix_of_attacks_holds_no_more_than_the_budget(server):
    pusher = Pusher(server)
    large = image(b"layer", padding="x" * (4 * MIB - 4096))
    pusher.push("mixed", large, "v1")
    attacks = []
    for number in range(4):
        source = f"127.0.0.{70 + number}"
        for _ in range(4):
            attacks.append(Http2(server, source))
            for _ in range(30):
                attacks[-1].ask("GET", "/v2/harbour/mixed/manifests/v1")
            for _ in range(30):
                attacks[-1].ask("POST", "/", end=False, x_amz_target=DESCRIBE)
        for _ in range(30):
            attacks.append(connect(server, source))
            send(attacks[-1], head("POST", "/token", Content_Length=16_000) + b"x" * 15_999)
    time.sleep(0.5)
    within_budget(server)
    known_are_served(server)
    call_from_elsewhere(server, "DescribeRegistries", {})
    within_budget(server)
    for attack in attacks:
        attack.close()
