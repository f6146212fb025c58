"""What one replica does for all: it ends when another one may begin, collects beside pushes, and counting disturbs nobody."""

import contextlib
import os
import signal
import threading

import pytest

from load import REPOSITORY, Client, Failed, assert_nothing_lost
from pushing import Pusher, image
from running import run
from services import until

PULLS = 600
ROUNDS = 6
PATIENCE = 90  # seconds: more than a leader that does not answer may keep others waiting


def of_database(cluster, query: str) -> str:
    return cluster.place.postgres.psql(query, cluster.place.database).stdout.strip()


@pytest.mark.smoke
def test_what_only_counts_leaves_answers_in_memory(start_cluster, capsys):
    cluster = start_cluster("--pull-rate-anonymous", "1000/s", "--pull-volume", "1TB")
    cluster.client().create_repository(repositoryName=REPOSITORY)
    Pusher(cluster).push(REPOSITORY, image(b"hot"), "latest")
    indexed = f"SELECT COUNT(*) FROM gallery_entry WHERE name = '{REPOSITORY}' AND listed"
    until(lambda: of_database(cluster, f"{indexed} AND (SELECT COUNT(*) FROM gallery_stale) = 0") == "1", "the index")
    version = of_database(cluster, "SELECT SUM(writes) FROM change")
    statements, checks = (cluster.metric(f"roadstead_database_{name}") for name in ("statements", "version_checks"))
    for _ in range(PULLS):
        assert cluster.http.request("GET", f"{cluster.url}/v2/{cluster.alias}/{REPOSITORY}/manifests/latest").status == 200
    until(lambda: of_database(cluster, "SELECT SUM(pulls) FROM pull_day") == str(PULLS), "the counts of all replicas")
    statements = cluster.metric("roadstead_database_statements") - statements
    checks = cluster.metric("roadstead_database_version_checks") - checks
    assert of_database(cluster, "SELECT SUM(writes) FROM change") == version, "counting emptied the caches"
    assert of_database(cluster, "SELECT COUNT(DISTINCT caller) FROM download_volume") != "0"
    with capsys.disabled():
        rates = f"{statements / PULLS:.2f} statements and {checks / PULLS:.2f} checks of the version for each"
        print(f"\n{PULLS} pulls from three replicas that write what they count: {rates}")


def test_a_leader_that_was_stopped_for_long_ends_what_another_has_taken_over(cluster):
    leader = lambda: of_database(cluster, "SELECT holder FROM leader WHERE task = 'upkeep'")
    client = Client(cluster, 0)
    client.progress(1)
    until(leader, "a leader")
    first = leader()
    [stopped] = [replica for replica in cluster.replicas if f"process {replica.process.pid} " in first]
    stopped.process.send_signal(signal.SIGSTOP)
    others = [address for address, replica in zip(cluster.addresses, cluster.replicas, strict=True) if replica is not stopped]
    cluster.balancer.use(others)
    try:
        until(lambda: leader() != first, "another leader", patience=PATIENCE)
        client.progress()
    finally:
        stopped.process.send_signal(signal.SIGCONT)
    told = "this server does not lead any more"
    until(lambda: any(event.get("message") == told for event in stopped.events()), "the end of what it led")
    cluster.balancer.use(cluster.addresses)
    client.progress()
    client.finish()
    assert assert_nothing_lost([client], Pusher(cluster)) >= 4
    cluster.client().create_repository(repositoryName="team/later")
    Pusher(cluster).push("team/later", image(b"indexed by the new leader"), "v1")
    until(lambda: of_database(cluster, "SELECT COUNT(*) FROM gallery_entry WHERE name = 'team/later' AND listed") == "1", "the index")


class Collected(Client):
    """A client whose blobs may be collected before its manifest names them, and which begins such a push anew."""

    GONE = ("BLOB_UNKNOWN", "MANIFEST_BLOB_UNKNOWN", "BLOB_UPLOAD_UNKNOWN")

    def send(self, *arguments, **named):
        try:
            return super().send(*arguments, **named)
        except AssertionError as refused:
            if any(code in str(refused) for code in self.GONE):
                raise Again(str(refused)) from refused
            raise

    def push(self, tag, pushed):
        while not self.over.is_set():
            with contextlib.suppress(Again):
                return super().push(tag, pushed)
        raise Failed("the end")


class Again(Exception):
    """Something was collected that a push needs."""


def test_collecting_without_a_grace_period_takes_nothing_that_an_image_needs(start_cluster):
    # The leader collects every second, and so do two commands; leases keep them apart, so they take turns.
    cluster = start_cluster("--gc-interval", "1s", "--gc-grace", "0s")
    cluster.client().create_repository(repositoryName=REPOSITORY)
    over, unexpected, collected = threading.Event(), [], []

    def collect():
        while not over.is_set():
            done = run("gc", "--grace", "0s", "--output", "json", **cluster.environment)
            (collected if done.returncode == 0 else unexpected).append(done)

    collectors = [threading.Thread(target=collect) for _ in range(2)]
    clients = [Collected(cluster, number, sizes=(20_000, 300_000, 6_000_000)) for number in range(6)]
    for thread in collectors:
        thread.start()
    # Images that are deleted give the collectors something to take.
    loose = Pusher(cluster)
    for number in range(ROUNDS):
        for client in clients:
            client.progress(1)
        with contextlib.suppress(AssertionError):
            loose.push_blob(REPOSITORY, os.urandom(100_000 + number))
    over.set()
    for thread in collectors:
        thread.join()
    for client in clients:
        client.finish()
    assert assert_nothing_lost(clients, Pusher(cluster)) >= ROUNDS * len(clients)
    assert all("garbage" in done.stderr for done in unexpected), [done.stderr for done in unexpected][:3]
    assert collected, "no command has collected"
