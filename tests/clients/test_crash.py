"""A server killed during pushes: acknowledged images are intact, and the others can be pushed again."""

import itertools
import os
import random
import threading
import time

import pytest
import urllib3

from pushing import Pusher, digest_of, image

pytestmark = pytest.mark.direct("all of one process ends; `tests/scale` ends one of several")
PUSHERS = 4
ROUNDS = 3


class Life(threading.Thread):
    """Pushes images until the server is killed, and records which were acknowledged."""

    def __init__(self, server, number):
        super().__init__()
        self.pusher = Pusher(server)
        self.number = number
        self.acknowledged = []
        self.unexpected = None

    def run(self):
        for count in itertools.count():
            pushed = image(os.urandom(random.choice((1000, 200_000))), b"a layer of all", config=b'{"of": %d}' % self.number)
            try:
                self.pusher.push("team/app", pushed, f"v{self.number}-{count}")
            except (urllib3.exceptions.HTTPError, OSError):
                return
            except AssertionError as unexpected:
                self.unexpected = unexpected
                return
            self.acknowledged.append((f"v{self.number}-{count}", pushed))


def assert_whole(pusher, reference, pushed):
    assert pusher.request("GET", f"team/app/manifests/{reference}").data == pushed.body
    for blob in pushed.blobs:
        assert pusher.request("GET", f"team/app/blobs/{digest_of(blob)}").data == blob


@pytest.mark.parametrize("seed", range(ROUNDS))
def test_what_was_acknowledged_survives_the_end_of_the_process(start, seed):
    server = start()
    server.client().create_repository(repositoryName="team/app")
    lives = [Life(server, number) for number in range(PUSHERS)]
    for life in lives:
        life.start()
    deadline = time.monotonic() + 30
    while min(len(life.acknowledged) for life in lives) < 5 and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(random.Random(seed).uniform(0, 0.05))
    server.kill()
    for life in lives:
        life.join(30)
        assert not life.is_alive() and life.unexpected is None, life.unexpected

    server.start()
    pusher = Pusher(server)
    for reference, pushed in itertools.chain.from_iterable(life.acknowledged for life in lives):
        assert_whole(pusher, reference, pushed)
    paginator = server.client().get_paginator("describe_image_tags")
    tags = {detail["imageTag"] for page in paginator.paginate(repositoryName="team/app") for detail in page["imageTagDetails"]}
    assert {reference for life in lives for reference, _ in life.acknowledged} <= tags

    again = image(os.urandom(1000), b"a layer of all")
    pusher.push("team/app", again, "again")
    assert_whole(pusher, "again", again)
    assert server.stop() == 0
