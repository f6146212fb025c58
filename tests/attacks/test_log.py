"""A log whose reader stalls: no request waits, and lost lines are reported."""

import json
import os
import signal

import pytest
import urllib3

from running import PATIENCE, run, serve

# Enough requests for their lines to overflow the log's queue and a pipe.
REQUESTS = 5_000
# Enough requests for their lines to overflow a pipe.
ENOUGH = 500


@pytest.fixture
def unread(tmp_path):
    """A server that logs to a pipe, which is not read once the server is ready: its address, its process and the pipe."""
    reading, writing = os.pipe()
    process = serve("--data", tmp_path / "data", log=writing)
    os.close(writing)
    log = os.fdopen(reading)
    address = next(event["address"] for event in map(json.loads, log) if event["message"] == "ready")
    yield address, process, log
    process.kill()
    process.wait()
    log.close()


def ask(address, times):
    """Sends requests sequentially; each must be answered."""
    pool = urllib3.HTTPConnectionPool(address, retries=False, timeout=PATIENCE)
    for _ in range(times):
        assert pool.request("GET", "/v2/al/nothing/manifests/nothing").status == 404
    return pool


def test_a_log_that_nobody_reads_stops_no_request_and_tells_what_it_lost_once_it_is_read(unread):
    address, process, log = unread
    pool = ask(address, REQUESTS)
    metrics = pool.request("GET", "/metrics").data.decode()
    [lost] = [line for line in metrics.splitlines() if line.startswith('roadstead_log_lines_dropped_total{kind="access"}')]
    assert int(lost.split()[-1]) > 0

    kept, told = 0, None
    for event in map(json.loads, log):
        kept += event["target"] == "roadstead::access"
        if event["target"] == "roadstead::log":
            told = event
            break
    assert told["level"] == "WARN" and told["access"] >= int(lost.split()[-1])
    assert kept + told["access"] >= REQUESTS

    pool.request("GET", "/healthz")
    assert any(event.get("path") == "/healthz" for event in map(json.loads, log)), "lines are written again"


def test_a_log_that_nobody_reads_does_not_keep_the_server_from_stopping(unread):
    address, process, _ = unread
    ask(address, ENOUGH)
    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENCE) == 0


def test_a_log_whose_reader_is_gone_stops_nobody(unread):
    address, process, log = unread
    log.close()
    ask(address, ENOUGH)
    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENCE) == 0


def test_a_server_that_cannot_start_and_cannot_say_so_ends_all_the_same(unread, tmp_path):
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    try:
        while os.write(writing, bytes(4096)):
            pass
    except BlockingIOError:
        os.set_blocking(writing, True)
    ended = run("serve", "--listen", "127.0.0.1:0", "--data", tmp_path / "data", stderr=writing)
    assert ended.returncode == 1
    os.close(reading)
    os.close(writing)
