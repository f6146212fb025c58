"""Uploads that are started and never completed: their number, and the memory they hold."""

import pytest
import urllib3

from attackers import connect
from victim import MIB, anonymous_memory, is_served


@pytest.fixture
def victim(start):
    return start("--alias", "pier", "--create-on-push", "--limit-uploads-per-repository", "300", "--limit-uploads", "500")


def pushing(victim):
    """Sends an authenticated request: send(method, path, body)."""
    headers = urllib3.make_headers(basic_auth=f"AWS:{victim.password()}")
    return lambda method, path, body=b"": victim.http.request(method, victim.url + path, body=body, headers=headers)


def test_a_tenant_cannot_leave_uploads_without_end_and_those_of_others_go_on(victim):
    send = pushing(victim)
    begin = lambda repository: send("POST", f"/v2/pier/{repository}/blobs/uploads/").headers["location"]
    filled = lambda location: send("PATCH", location, b"x")
    locations = [begin("app") for _ in range(320)]
    answers = [filled(location) for location in locations]
    assert [answer.status for answer in answers] == [202] * 300 + [429] * 20
    error = answers[-1].json()["errors"][0]
    assert error["code"] == "TOOMANYREQUESTS" and "unfinished uploads" in error["message"] and answers[-1].headers["retry-after"] == "10"
    assert [filled(begin("other")).status for _ in range(210)] == [202] * 200 + [429] * 10
    assert send("DELETE", locations[0]).status == 204
    assert filled(begin("other")).status == 202
    assert is_served(victim)


def test_chunks_that_hang_hold_little_and_give_way_to_who_goes_on(victim):
    send = pushing(victim)
    login = urllib3.make_headers(basic_auth=f"AWS:{victim.password()}")["authorization"]
    before, hung, locations = anonymous_memory(victim), [], []
    for _ in range(100):
        location = send("POST", "/v2/pier/app/blobs/uploads/").headers["location"]
        connection = connect(victim, "127.0.0.1", timeout=30)
        head = f"PATCH {location} HTTP/1.1\r\nhost: {victim.address}\r\nauthorization: {login}\r\ncontent-length: 99999999\r\n\r\n"
        connection.sendall(head.encode() + b"x" * 100_000)
        hung.append(connection)
        locations.append(location)
    for location in locations:
        # A request that never ends is in flight for each upload.
        told = (send("GET", location).headers["range"] for _ in range(1000))
        assert "0-99999" in told
        headers = {"authorization": login, "content-range": "100000-100004"}
        answer = victim.http.request("PATCH", victim.url + location, body=b"there", headers=headers)
        assert (answer.status, answer.headers["range"]) == (202, "0-100004")
    assert anonymous_memory(victim) - before < 60 * MIB
    assert is_served(victim)
    for connection in hung:
        connection.close()
