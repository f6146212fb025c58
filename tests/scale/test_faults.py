"""Databases, buckets and replicas fail under load: clients are told to come again, nothing acknowledged is lost, all recovers by itself."""

import os
import time

import pytest
import urllib3

from cluster import POSTGRES, S3
from deployments import postgres
from load import REPOSITORY, Client, assert_nothing_lost
from pushing import Pusher, digest_of

MIB = 1024 * 1024
CLIENTS = 6


@pytest.fixture
def clients(cluster):
    """Clients that push and pull all the time, of which each has begun."""
    clients = [Client(cluster, number) for number in range(CLIENTS)]
    for client in clients:
        client.progress(1)
    return clients


def recovers(cluster, clients) -> None:
    """All clients go on without any process having been started anew, and nothing they were told is lost."""
    for client in clients:
        client.progress()
    for client in clients:
        client.finish()
    assert all(replica.process.poll() is None for replica in cluster.replicas), "a replica ended"
    assert assert_nothing_lost(clients, Pusher(cluster)) >= 4 * len(clients)


def ready(cluster) -> list[int]:
    return [cluster.http.request("GET", f"http://{address}/readyz").status for address in cluster.addresses]


@pytest.mark.smoke
def test_postgresql_restarts(cluster, clients):
    postgres().stop()
    time.sleep(3)
    assert ready(cluster) == [503] * 3, "load balancers are told"
    postgres().start()
    recovers(cluster, clients)
    assert ready(cluster) == [200] * 3
    assert any("503" in failure for client in clients for failure in client.failures)
    told = [event["message"] for event in cluster.events() if event.get("target", "").startswith("roadstead::background") and event["level"] == "ERROR"]
    assert len(told) <= 3, f"each task of the one leader says once that it has to wait, not {told}"


def test_connections_to_postgresql_are_cut_again_and_again(cluster, clients):
    for _ in range(20):
        cluster.proxies.cut(POSTGRES)
        time.sleep(0.1)
    recovers(cluster, clients)


def test_postgresql_is_slow(cluster, clients):
    with cluster.proxies.toxic(POSTGRES, "latency", latency=100, jitter=50):
        for client in clients:
            client.progress(1)
    recovers(cluster, clients)


def test_postgresql_stops_to_answer(cluster, clients):
    # Data is held back while connections stay open, as after a failover without a reset.
    with cluster.proxies.toxic(POSTGRES, "timeout", timeout=0):
        time.sleep(5)
    recovers(cluster, clients)


@pytest.mark.smoke
def test_s3_answers_503_to_every_fifth_request(cluster, clients):
    with cluster.failing_bucket("20%"):
        for client in clients:
            client.progress(2)
    recovers(cluster, clients)


def test_s3_is_gone_for_a_while(cluster, clients):
    cluster.proxies.up(S3, False)
    time.sleep(4)
    cluster.proxies.up(S3, True)
    recovers(cluster, clients)


def test_s3_resets_connections(cluster, clients):
    with cluster.proxies.toxic(S3, "reset_peer", toxicity=0.3, timeout=20):
        cluster.proxies.cut(S3)
        time.sleep(4)
    cluster.proxies.cut(S3)
    recovers(cluster, clients)


def test_s3_cuts_bodies(cluster):
    pusher, content = Pusher(cluster), os.urandom(12 * MIB)
    digest = pusher.push_blob(REPOSITORY, content)
    with cluster.proxies.toxic(S3, "limit_data", bytes=5 * MIB):
        cluster.proxies.cut(S3)
        for number in range(3):
            got = Pusher(cluster.at(number)).request("GET", f"{REPOSITORY}/blobs/{digest}")
            assert got.status == 200 and got.data == content, "the read goes on where it was cut"


def test_s3_is_slow(cluster, clients):
    with cluster.proxies.toxic(S3, "latency", latency=300, jitter=200):
        for client in clients:
            client.progress(1)
    recovers(cluster, clients)


@pytest.mark.parametrize(
    "first", [pytest.param(100_000, id="a tail"), pytest.param(6 * MIB, id="a part and a tail", marks=pytest.mark.smoke)]
)
def test_an_upload_goes_on_elsewhere_after_its_replica_was_killed(cluster, first):
    content = os.urandom(first + 3 * MIB)
    begun = Pusher(cluster.at(0)).request("POST", f"{REPOSITORY}/blobs/uploads/")
    place = begun.headers["Location"].removeprefix(f"http://{cluster.addresses[0]}")
    told = Pusher(cluster.at(0)).request("PATCH", place, content[:first])
    assert (told.status, told.headers["Range"]) == (202, f"0-{first - 1}")
    with Stalled(cluster, 0, place, content[first : first + MIB]):
        cluster.kill_replica(0)
    other = Pusher(cluster.at(1))
    deadline = time.monotonic() + 60
    while (answer := go_on(other, place, content)).status != 202:
        assert answer.status in (416, 503) and time.monotonic() < deadline, (answer.status, answer.data)
        time.sleep(0.5)
    last = Pusher(cluster.at(2)).request("PUT", f"{place}{'&' if '?' in place else '?'}digest={digest_of(content)}")
    assert last.status == 201, last.data
    assert other.request("GET", f"{REPOSITORY}/blobs/{digest_of(content)}").data == content


def go_on(pusher, place, content):
    """Sends the rest, from where the upload stands."""
    reached = pusher.request("GET", place)
    assert reached.status == 204, reached.data
    first = int(reached.headers["Range"].split("-")[1]) + 1
    span = f"{first}-{len(content) - 1}"
    return pusher.request("PATCH", place, content[first:], Content_Range=span, Content_Type="application/octet-stream")


class Stalled:
    """A PATCH whose body does not end while this is open."""

    def __init__(self, cluster, number: int, place: str, part: bytes):
        host, port = cluster.addresses[number].split(":")
        self.connection = urllib3.connection.HTTPConnection(host, int(port))
        self.connection.putrequest("PATCH", place)
        for name, value in {**Pusher(cluster).headers, "Content-Length": str(len(part) * 2)}.items():
            self.connection.putheader(name, value)
        self.connection.endheaders()
        self.connection.send(part)

    def __enter__(self):
        time.sleep(0.5)

    def __exit__(self, *_):
        self.connection.close()
