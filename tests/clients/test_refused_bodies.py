"""Requests refused before their bodies have arrived: every client sees the reason, and can continue."""

import http.client
import os
import socket
import subprocess
from pathlib import Path

import h2.config
import h2.connection
import h2.events
import h2.settings
import pytest

from running import clean_environment
from tools import go_tool, need

pytestmark = pytest.mark.direct("how a connection ends is up to the load balancer before it")
SIZE = 16 << 20
REQUESTS = 240


@pytest.fixture(scope="module")
def server(start_for_module):
    return start_for_module("--create-on-push", "--limit-layer-size", "1MiB")


@pytest.fixture(scope="module")
def refused(server):
    """Method, path and status of requests without a login."""
    return [
        ("PATCH", f"/v2/{server.alias}/app/blobs/uploads/00000000-0000-4000-8000-000000000000", 401),
        ("PUT", f"/v2/{server.alias}/app/manifests/v1", 401),
        ("POST", "/", 400),
        ("POST", "/token", 413),
        ("PUT", "/nothing", 405),
        ("PUT", "/healthz", 405),
    ]


def test_go_sees_the_status_of_every_refused_request_and_its_pool_goes_on(server, refused, tmp_path):
    need("go", root=False)
    program = tmp_path / "refused"
    source = Path(__file__).with_name("refused") / "main.go"
    environment = {**os.environ, "CGO_ENABLED": "0", "GO111MODULE": "off"}
    subprocess.run(["go", "build", "-trimpath", "-o", program, source], check=True, env=environment, timeout=120)
    kinds = [str(part) for method, path, status in refused for part in (method, server.url + path, status)]
    done = subprocess.run([program, str(REQUESTS), *kinds], capture_output=True, text=True, timeout=120,
                          env=clean_environment(HEALTH=f"{server.url}/healthz"))
    assert done.stdout.splitlines() == [f"{REQUESTS} of {REQUESTS}"], done.stdout + done.stderr


def test_python_sees_the_status_of_every_refused_request_and_its_pool_goes_on(server, refused):
    body = bytes(SIZE)
    for number in range(REQUESTS):
        method, path, status = refused[number % len(refused)]
        answer = server.http.request(method, server.url + path, body=body)
        assert (answer.status, answer.headers["Connection"]) == (status, "close"), (number, method, path)
        assert server.http.request("GET", f"{server.url}/healthz").status == 200


def test_oras_says_that_a_layer_is_too_large(server, tmp_path):
    oras = go_tool("oras", tmp_path)
    oras("login", "--plain-http", server.address, "--username", "AWS", "--password-stdin", text=server.password())
    (tmp_path / "file").write_bytes(bytes(SIZE))
    for _ in range(3):
        pushed = oras.attempt("push", "--plain-http", f"{server.address}/{server.alias}/app:v1", "file:application/octet-stream")
        told = (pushed.stdout + pushed.stderr).lower()
        assert pushed.returncode != 0 and "broken pipe" not in told and "eof" not in told, told
        assert "413" in told or "too large" in told or "size_invalid" in told or "larger" in told, told


def test_a_stream_of_http2_that_is_refused_is_answered_and_reset_without_error(server):
    """RFC 9113 §8.1: a complete answer, then RST_STREAM with NO_ERROR."""
    client = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True, header_encoding="utf-8"))
    client.initiate_connection()
    path = f"/v2/{server.alias}/app/manifests/v1"
    head = [(":method", "PUT"), (":scheme", "http"), (":authority", server.address), (":path", path), ("content-length", str(SIZE))]
    client.send_headers(1, head)
    client.send_data(1, bytes(10_000))
    host, port = server.address.split(":")
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        connection.sendall(client.data_to_send())
        seen, pinged = [], False
        while not any(isinstance(event, h2.events.PingAckReceived) for event in seen):
            received = connection.recv(65536)
            assert received, seen
            seen += client.receive_data(received)
            if not pinged and any(isinstance(event, h2.events.StreamReset) for event in seen):
                # The connection is still usable.
                client.ping(b"still on")
                pinged = True
            connection.sendall(client.data_to_send())
    [answer] = [event for event in seen if isinstance(event, h2.events.ResponseReceived)]
    assert (":status", "401") in answer.headers and "connection" not in dict(answer.headers)
    kinds = [type(event) for event in seen]
    assert kinds.index(h2.events.StreamEnded) < kinds.index(h2.events.StreamReset)
    [reset] = [event for event in seen if isinstance(event, h2.events.StreamReset)]
    assert reset.error_code == 0


def test_a_client_that_waits_to_be_asked_is_not_asked(server, refused):
    """curl sends `Expect: 100-continue` before large bodies."""
    host, port = server.address.split(":")
    for method, path, status in refused[:2]:
        connection = http.client.HTTPConnection(host, int(port), timeout=20)
        connection.request(method, path, headers={"Expect": "100-continue", "Content-Length": str(SIZE)})
        answer = connection.getresponse()
        assert (answer.status, answer.getheader("Connection")) == (status, "close")
        connection.close()
