"""Answers over HTTP/2 that are requested and never read."""

import time

import h2.events
import pytest

from attackers import STRANGER, Http2, answer, asking, connect, frame, hang_up, head, preface, status
from pushing import Pusher, image
from running import PATIENCE
from victim import MIB, anonymous_memory, is_served

SMALL = "--memory-budget=64MiB"
FLAGS = ("--alias=harbour", "--create-on-push")
MANIFEST = "/v2/harbour/large/manifests/v1"


def serving_a_large_manifest(start, *flags: str, budget: str = SMALL):
    server = start(*FLAGS, budget, *flags)
    Pusher(server).push("large", image(b"layer", padding="x" * (4 * MIB - 4096)), "v1")
    return server


def test_a_large_manifest_that_nobody_reads_is_held_once(start):
    # An eighth of the budget, one address's share, fits several concurrent reads of the manifest before it is cached.
    server = serving_a_large_manifest(start, budget="--memory-budget=256MiB")
    assert len(Pusher(server).request("GET", "large/manifests/v1").data) > 4 * MIB - 5000
    before = anonymous_memory(server)
    connections = [Http2(server) for _ in range(8)]
    for connection in connections:
        for _ in range(30):
            connection.ask("GET", MANIFEST)
    assert [connection.statuses(30).count(200) for connection in connections] == [30] * 8
    assert anonymous_memory(server) - before < 32 * MIB
    # Another client, and attackers that start to read, receive the whole answer.
    reading = connect(server, "127.0.0.80")
    reading.sendall(head("GET", MANIFEST))
    assert status(answer(reading)) == 200
    for connection in connections:
        connection.close()


def test_streams_that_nobody_reads_are_bounded_by_address_and_refused_ones_are_told(start):
    server = serving_a_large_manifest(start)
    before = anonymous_memory(server)
    connections = [Http2(server) for _ in range(56)]
    for connection in connections:
        for _ in range(30):
            connection.ask("GET", "/healthz")
    statuses = [status for connection in connections for status in connection.statuses(30)]
    assert statuses.count(200) == 512 + 32, "8 MiB in shares of 16 KiB, and half a MiB of small answers"
    assert statuses.count(503) == 56 * 30 - 544
    assert anonymous_memory(server) - before < 48 * MIB
    assert is_served(server)
    Pusher(server).push("others", image(b"layer"), "v1")
    for connection in connections:
        connection.close()
    time.sleep(0.2)
    assert status_of_one_more(server) == 200, "the memory is released"


def status_of_one_more(server) -> int:
    connection = Http2(server, window=65_535)
    connection.ask("GET", "/healthz")
    [found] = connection.statuses(1)
    connection.close()
    return found


def test_ping_keeps_no_connection(start):
    server = serving_a_large_manifest(start, "--stall-timeout=1s", "--idle-timeout=1s")
    waiting, idle = Http2(server), Http2(server)
    waiting.ask("GET", MANIFEST)
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        ended = []
        for connection in (waiting, idle):
            connection.h2.ping(b"pingping")
            connection.flush()
            ended.append(None in connection.events(0.1))
        if all(ended):
            return
    pytest.fail("PING keeps a connection")


def test_a_stream_that_stands_still_ends_while_its_connection_is_busy(start):
    server = serving_a_large_manifest(start, "--stall-timeout=2s")
    connection = Http2(server)
    stalled = connection.ask("GET", MANIFEST)
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        connection.ask("HEAD", MANIFEST)
        events = connection.events(0.2)
        assert None not in events, "a busy connection stays open"
        if any(isinstance(event, h2.events.StreamReset) and event.stream_id == stalled for event in events):
            return
    pytest.fail(f"a stalled stream of {STRANGER} is not reset")


def test_a_slow_reader_gets_all_of_a_large_answer(start):
    server = serving_a_large_manifest(start, "--stall-timeout=2s", "--idle-timeout=2s")
    connection = Http2(server, window=65_535)
    stream, received = connection.ask("GET", MANIFEST), 0
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        for event in connection.events(0.05):
            assert event is not None, f"closed after {received} bytes"
            if isinstance(event, h2.events.DataReceived):
                received += len(event.data)
                connection.h2.acknowledge_received_data(event.flow_controlled_length, stream)
                connection.flush()
            if isinstance(event, h2.events.StreamEnded):
                assert received > 4 * MIB - 5000
                return
    pytest.fail(f"{received} bytes")


def bodies_of_single_bytes() -> bytes:
    return preface() + asking("POST", "/token", 100, end=False) + b"".join(frame(0, 0, 1 + 2 * number, b"x") for number in range(100)) * 100


@pytest.mark.parametrize(
    "sent",
    [
        lambda large, small: preface() + asking("GET", "/healthz", a="x" * 2000),
        lambda large, small: preface(2**31 - 1) + asking("GET", large),
        lambda large, small: preface(2**31 - 1) + asking("GET", small),
        lambda large, small: bodies_of_single_bytes(),
    ],
    ids=["requests that nobody reads the answers of", "large blobs that nobody reads", "small blobs that nobody reads", "frames of one byte"],
)
def test_as_many_connections_as_there_may_be_hold_no_more_than_the_budget(start, sent):
    """Frames read ahead of the streams' tasks are not in the budget, so they must be few."""
    server = start(*FLAGS, SMALL)
    pusher = Pusher(server)
    blobs = [f"/v2/harbour/blobs/blobs/{pusher.push_blob('blobs', bytes(size))}" for size in (4 * MIB, 20_000)]
    request, connections, most = sent(*blobs), [], 0
    for number in range(500):
        connections.append(connect(server, f"127.1.0.{1 + number % 10}"))
        connections[-1].setblocking(False)
    left = dict.fromkeys(connections, memoryview(request))
    deadline = time.monotonic() + 3
    while time.monotonic() < deadline:
        for connection, rest in left.items():
            try:
                left[connection] = rest[connection.send(rest) :] if rest else rest
            except OSError:
                pass
        most = max(most, anonymous_memory(server))
    assert most < 164 * MIB, f"{most / MIB:.0f} MiB"
    assert is_served(server)
    hang_up(connections)
