"""A walk through all pages sees each tag that exists throughout exactly once, despite concurrent changes."""

import random
import threading

import pytest

from pushing import Pusher, image

LASTING = [f"{letter}{number}" for letter in "bdfhjlnprt" for number in range(6)]
LEAST_WALKS, MOST_WALKS = 6, 2000
LEAST_DEEDS = 60


class Disturbance(threading.Thread):
    """Pushes, moves and deletes tags before, between and after the permanent ones until told to stop."""

    def __init__(self, server, repository, seed):
        super().__init__()
        self.pusher = Pusher(server)
        self.repository = repository
        self.random = random.Random(seed)
        self.manifests = [image(b"layer %d" % number) for number in range(3)]
        self.over = threading.Event()
        self.deeds = 0
        self.failure: BaseException | None = None

    def run(self):
        passing: set[str] = set()
        try:
            while not self.over.is_set() and self.deeds < 20_000:
                self.deeds += 1
                deed = self.random.random()
                if deed < 0.4 or not passing:
                    tag = self.random.choice("acegikmoqsuzAZ_0") + str(self.random.randrange(1000))
                    self.put(tag)
                    passing.add(tag)
                elif deed < 0.7:
                    self.put(self.random.choice(LASTING))
                else:
                    tag = self.random.choice(sorted(passing))
                    passing.remove(tag)
                    self.pusher.delete(self.repository, tag)
        except BaseException as failure:
            self.failure = failure

    def put(self, tag):
        answer = self.pusher.put_manifest(self.repository, self.random.choice(self.manifests), tag)
        assert answer.status == 201, answer.data


@pytest.mark.parametrize("size", [1, 3, 50])
def test_a_walk_sees_every_lasting_tag_exactly_once(ecr, server, pusher, repository, size):
    disturbance = Disturbance(server, repository, seed=size)
    for manifest in disturbance.manifests:
        pusher.push(repository, manifest)
    pusher.push(repository, disturbance.manifests[0], *LASTING)
    disturbance.start()
    try:
        for walk in range(MOST_WALKS):
            if walk >= LEAST_WALKS and (disturbance.deeds >= LEAST_DEEDS or disturbance.failure):
                break
            pages = ecr.get_paginator("describe_image_tags").paginate(repositoryName=repository, PaginationConfig={"PageSize": size})
            seen = [detail["imageTag"] for page in pages for detail in page["imageTagDetails"]]
            assert seen == sorted(set(seen)), "in order, without duplicates"
            assert set(LASTING) <= set(seen)
    finally:
        disturbance.over.set()
        disturbance.join()
    assert disturbance.failure is None
    assert disturbance.deeds >= LEAST_DEEDS, "too few concurrent changes"
