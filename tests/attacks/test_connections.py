"""Many idle connections: the server keeps working, and only the attacker is affected."""

import resource
import socket
import time

import pytest
import urllib3

import attackers
from pushing import Pusher, image
from running import binary
from victim import is_served

HEADS = 1_100
LIMIT = 1_024
HALF_A_HEAD = b"GET /v2/ HTTP/1.1\r\nHost: registry.test\r\n"


@pytest.fixture(autouse=True)
def many_descriptors():
    """Raises this process's own limit of file descriptors."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture
def start_limited(start, tmp_path, monkeypatch):
    """Starts a server with a limit of 1,024 file descriptors: start_limited(soft or hard, flags…)."""

    def start_one(limit, *flags):
        program = tmp_path / "roadstead"
        program.write_text(f"#!/bin/sh\nulimit -{limit} {LIMIT}\nexec {binary()} \"$@\"\n")
        program.chmod(0o755)
        monkeypatch.setenv("ROADSTEAD_BIN", str(program))
        return start(*flags)

    yield start_one
    while OPENED:
        OPENED.pop().close()


OPENED = []


def connect(server, source="127.0.0.1") -> socket.socket:
    """A connection from a loopback address, closed before the server is stopped."""
    OPENED.append(attackers.connect(server, source, timeout=20))
    return OPENED[-1]


def half_sent(server, count, sources):
    """This many incomplete heads, from these addresses in turn. Refused and evicted connections stay in the list."""
    opened = []
    for number in range(count):
        connection = connect(server, sources[number % len(sources)])
        opened.append(connection)
        attackers.send(connection, HALF_A_HEAD)
    return opened


def is_open(connection) -> bool:
    connection.setblocking(False)
    try:
        return connection.recv(1, socket.MSG_PEEK) != b""
    except BlockingIOError:
        return True
    except OSError:
        return False


def metric(server, name) -> float:
    text = server.http.request("GET", f"{server.url}/metrics").data.decode()
    return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith(name))


@pytest.mark.parametrize("limit", ["Sn", "n"], ids=["soft", "hard"])
def test_more_half_sent_heads_than_descriptors_do_not_stop_the_server(start_limited, limit):
    server = start_limited(limit, "--create-on-push")
    heads = half_sent(server, HEADS, [f"127.0.1.{number}" for number in range(1, 51)])
    assert is_served(server)
    # Files and metadata can still be written.
    layer = bytes(range(256)) * 4096
    manifest = image(layer)
    Pusher(server).push("team/app", manifest, "v1")
    assert server.http.request("GET", f"{server.url}/v2/{server.alias}/team/app/manifests/v1").status == 200
    if limit == "n":
        assert metric(server, "roadstead_connections ") <= LIMIT / 2
        assert metric(server, "roadstead_connections_closed_for_others_total") > 0
    else:
        # The limit was raised, so no connection was evicted.
        assert all(map(is_open, heads))


def test_one_address_cannot_take_the_places_of_others(start_limited):
    server = start_limited("n")
    assert is_served(server)
    neighbour = urllib3.HTTPConnectionPool(*server.address.split(":"), maxsize=1, retries=False, source_address=("127.0.2.1", 0))
    assert neighbour.request("GET", "/healthz").status == 200
    [kept] = neighbour.pool.queue[-1:]
    heads = half_sent(server, HEADS, ["127.0.1.1"])
    # Evicted connections are closed a moment later.
    deadline = time.monotonic() + 20
    while sum(map(is_open, heads)) > LIMIT / 8:
        assert time.monotonic() < deadline
    # The neighbour has been idle longest, but keeps its connection.
    assert is_open(kept.sock)
    kept.sock.setblocking(True)
    assert neighbour.request("GET", "/healthz").status == 200
    assert is_served(server)


def test_a_proxy_has_more_connections_than_an_address_may_have(start_limited):
    server = start_limited("n", "--trusted-proxy", "127.0.3.1")
    heads = half_sent(server, LIMIT // 4, ["127.0.3.1"])
    assert is_served(server)
    assert all(map(is_open, heads))
    for number, connection in enumerate(heads):
        connection.setblocking(True)
        connection.settimeout(20)
        connection.sendall(b"X-Forwarded-For: 198.51.100.%d\r\nConnection: close\r\n\r\n" % (number % 250))
    assert all(connection.recv(12) == b"HTTP/1.1 401" for connection in heads)


def test_an_address_with_busy_connections_is_told_to_come_again_and_others_are_served(start_limited):
    server = start_limited("n")
    busy = [connect(server, "127.0.1.1") for _ in range(LIMIT // 8)]
    for connection in busy:
        connection.sendall(b"POST /token HTTP/1.1\r\nHost: registry.test\r\nExpect: 100-continue\r\nContent-Length: 10\r\n\r\n")
        assert connection.recv(12) == b"HTTP/1.1 100"
    answer = attackers.answer(connect(server, "127.0.1.1"))
    assert answer.startswith(b"HTTP/1.1 503 ") and b"\r\nretry-after: 1\r\n" in answer
    assert is_served(server)


def test_busy_connections_of_few_addresses_keep_nobody_else_out_and_end_no_request_of_the_known(start_limited):
    server = start_limited("n", "--create-on-push")
    pusher = Pusher(server)
    upload = pusher.request("POST", "app/blobs/uploads/").headers["Location"].removeprefix(server.url)
    known = connect(server, "127.0.1.1")
    known.sendall(f"PATCH {upload} HTTP/1.1\r\nHost: a\r\nAuthorization: {pusher.headers['Authorization']}\r\nContent-Length: 2\r\n\r\nx".encode())
    busy = [connect(server, f"127.0.1.{1 + number % 8}") for number in range(LIMIT // 2)]
    for connection in busy:
        attackers.send(connection, b"POST /token HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nx")
    for number in range(20):
        assert connect(server, f"127.0.2.{1 + number}").send(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
        assert OPENED[-1].recv(12) == b"HTTP/1.1 200"
    known.sendall(b"x")
    assert known.recv(12) == b"HTTP/1.1 202"
