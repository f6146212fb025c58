"""Every tag behaves as one register, whichever replica is asked: clients move, delete and read tags, and their history is checked."""

import random
import threading
import time

import pytest
import urllib3
from botocore.exceptions import BotoCoreError, ClientError

from cluster import POSTGRES
from histories import History
from load import REPOSITORY
from pushing import Pusher, image

TAGS = ("latest", "stable", "edge")
OPERATIONS = 400
PATIENCE = 60  # seconds


class Mover(threading.Thread):
    """A client of one replica."""

    def __init__(self, replica, number: int, history: History, over: threading.Event):
        super().__init__(daemon=True)
        self.pusher, self.number, self.history, self.over = Pusher(replica), number, history, over
        self.ecr = replica.client()
        self.chance, self.unexpected, self.made = random.Random(number), [], 0
        self.start()

    def run(self):
        acts = (self.put, self.put, self.delete, self.read, self.read, self.read, self.describe)
        while not self.over.is_set():
            try:
                self.chance.choice(acts)(self.chance.choice(TAGS))
            except AssertionError as unexpected:
                self.unexpected.append(str(unexpected))
                return

    def send(self, method: str, tag: str, body: bytes | None = None, **headers: str):
        """The answer, or None if the outcome is unknown."""
        try:
            answer = self.pusher.request(method, f"{REPOSITORY}/manifests/{tag}", body, **headers)
        except urllib3.exceptions.HTTPError:
            return None
        return answer if answer.status not in (500, 502, 503, 504) else None

    def put(self, tag: str):
        self.made += 1
        manifest = image(b"layer", annotations={"by": f"{self.number}", "number": f"{self.made}"})
        called = time.monotonic()
        answer = self.send("PUT", tag, manifest.body, Content_Type=manifest.media_type)
        assert answer is None or answer.status == 201, answer.data
        self.history.record(tag, "put", called, manifest.digest, answer is not None)

    def delete(self, tag: str):
        called = time.monotonic()
        answer = self.send("DELETE", tag)
        assert answer is None or answer.status in (202, 404), answer.data
        self.history.record(tag, "delete", called, "a digest" if answer is not None and answer.status == 202 else None, answer is not None)

    def read(self, tag: str):
        called = time.monotonic()
        answer = self.send(self.chance.choice(("GET", "HEAD")), tag)
        assert answer is None or answer.status in (200, 404), answer.data
        value = answer.headers["Docker-Content-Digest"] if answer is not None and answer.status == 200 else None
        self.history.record(tag, "read", called, value, answer is not None)

    def describe(self, _):
        """One answer about all tags is a read of each."""
        called, found, known = time.monotonic(), {}, True
        try:
            details = self.ecr.describe_image_tags(repositoryName=REPOSITORY)["imageTagDetails"]
            found = {detail["imageTag"]: detail["imageDetail"]["imageDigest"] for detail in details}
        except (BotoCoreError, ClientError):
            known = False
        for tag in TAGS:
            self.history.record(tag, "read", called, found.get(tag), known)


def observe(cluster, meanwhile=lambda: None) -> History:
    """The history of three clients, each of which asks a replica of its own, while `meanwhile` happens every half second."""
    Pusher(cluster).push(REPOSITORY, image(b"layer"), "other")
    history, over = History(), threading.Event()
    movers = [Mover(cluster.at(number), number, history, over) for number in range(3)]
    deadline = time.monotonic() + PATIENCE
    while len(history) < OPERATIONS and all(mover.is_alive() for mover in movers):
        assert time.monotonic() < deadline, f"only {len(history)} operations"
        meanwhile()
        time.sleep(0.5)
    over.set()
    for mover in movers:
        mover.join(60)
        assert not mover.is_alive() and not mover.unexpected, mover.unexpected
    return history


def assert_linearizable(history: History) -> None:
    wrong = history.violations()
    assert not wrong, {tag: operations[-20:] for tag, operations in wrong.items()}


@pytest.mark.smoke
def test_tags_are_registers(cluster):
    assert_linearizable(observe(cluster))


def test_tags_are_registers_while_connections_to_the_database_are_cut(cluster):
    assert_linearizable(observe(cluster, meanwhile=lambda: cluster.proxies.cut(POSTGRES)))


def test_tags_are_registers_while_a_replica_ends_and_begins(cluster):
    rounds = iter(range(1000))

    def meanwhile():
        if next(rounds) % 4 == 1:
            cluster.kill_replica(2)
            cluster.start_replica(2)

    assert_linearizable(observe(cluster, meanwhile))
