"""Clients that push and pull while something breaks, and remember what was acknowledged."""

import os
import random
import threading
import time

import urllib3

from pushing import Manifest, Pusher, digest_of, image

REPOSITORY = "team/app"


class Failed(Exception):
    """A request that had no answer, or one that asks to come again."""


class Client(threading.Thread):
    """Pushes images and pulls them again until `finish`. What fails in a way that clients can bear is tried again."""

    def __init__(self, server, number: int, sizes: tuple[int, ...] = (2_000, 100_000), tolerant: bool = True):
        super().__init__(daemon=True)
        self.pusher, self.number, self.sizes, self.tolerant = Pusher(server), number, sizes, tolerant
        self.acknowledged: list[tuple[str, Manifest]] = []
        self.failures: list[str] = []
        self.unexpected: list[str] = []
        self.over = threading.Event()
        self.start()

    def run(self):
        chance = random.Random(self.number)
        while not self.over.is_set():
            pushed = image(*(os.urandom(chance.choice(self.sizes)) for _ in range(2)), config=b'{"of": %d}' % self.number)
            tag = f"v{self.number}-{len(self.acknowledged)}"
            try:
                self.until_done(lambda: self.push(tag, pushed))
                self.until_done(lambda: self.pull(tag, pushed))
            except AssertionError as unexpected:
                self.unexpected.append(str(unexpected))
                return

    def until_done(self, act):
        while not self.over.is_set():
            try:
                return act()
            except Failed as failure:
                self.failures.append(str(failure))
                assert self.tolerant, failure
                time.sleep(0.1)
        return None

    def send(self, method: str, path: str, body: bytes | None = None, *, wanted: tuple[int, ...], **headers: str):
        try:
            answer = self.pusher.request(method, path, body, **headers)
        except urllib3.exceptions.HTTPError as error:
            raise Failed(f"{method} {path}: {type(error).__name__}") from error
        if answer.status == 503:
            assert "retry-after" in answer.headers, f"{method} {path}: 503 without Retry-After"
        if answer.status in (502, 503, 504):
            raise Failed(f"{method} {path}: {answer.status}")
        assert answer.status in wanted, f"{method} {path}: {answer.status} {answer.data[:300]}"
        return answer

    def push(self, tag: str, pushed: Manifest):
        for blob in pushed.blobs:
            self.push_blob(blob)
        self.send("PUT", f"{REPOSITORY}/manifests/{tag}", pushed.body, wanted=(201,), Content_Type=pushed.media_type)
        self.acknowledged.append((tag, pushed))

    def push_blob(self, content: bytes):
        digest = digest_of(content)
        if self.send("HEAD", f"{REPOSITORY}/blobs/{digest}", wanted=(200, 404)).status == 200:
            return
        begun = self.send("POST", f"{REPOSITORY}/blobs/uploads/", wanted=(202,), Content_Length="0")
        place = begun.headers["Location"].removeprefix(self.pusher.server.url)
        half = len(content) // 2
        self.continued(begun, lambda: self.send("PATCH", place, content[:half], wanted=(202,), Content_Type="application/octet-stream"))
        end = place + ("&" if "?" in place else "?") + f"digest={digest}"
        self.continued(begun, lambda: self.send("PUT", end, content[half:], wanted=(201,), Content_Type="application/octet-stream"))

    @staticmethod
    def continued(begun, act):
        """A step of an upload: if an earlier try was cut off, the step may be refused, and the push begins anew."""
        try:
            return act()
        except AssertionError as refused:
            raise Failed(f"begins anew: {refused}") from refused

    def pull(self, tag: str, pushed: Manifest):
        found = self.send("GET", f"{REPOSITORY}/manifests/{tag}", wanted=(200,))
        assert found.data == pushed.body, f"{tag}: another manifest than was acknowledged"
        for blob in pushed.blobs:
            got = self.send("GET", f"{REPOSITORY}/blobs/{digest_of(blob)}", wanted=(200,))
            if got.data != blob:
                assert got.data == blob[: len(got.data)] and len(got.data) < len(blob), "other bytes than were pushed"
                raise Failed(f"a body was cut after {len(got.data)} of {len(blob)}")

    def progress(self, more: int = 3, patience: float = 60) -> None:
        """Waits until this many more images are pushed."""
        wanted, deadline = len(self.acknowledged) + more, time.monotonic() + patience
        while len(self.acknowledged) < wanted and self.is_alive():
            assert time.monotonic() < deadline, f"no progress: {self.failures[-5:]}"
            time.sleep(0.02)
        assert not self.unexpected, self.unexpected

    def finish(self) -> None:
        self.over.set()
        self.join(90)
        assert not self.is_alive(), "a request hangs"
        assert not self.unexpected, self.unexpected


def assert_nothing_lost(clients: list[Client], pusher: Pusher) -> int:
    """Pulls all that was acknowledged, and returns how many images that were."""
    for client in clients:
        for tag, pushed in client.acknowledged:
            assert pusher.request("GET", f"{REPOSITORY}/manifests/{tag}").data == pushed.body, tag
            for blob in pushed.blobs:
                assert pusher.request("GET", f"{REPOSITORY}/blobs/{digest_of(blob)}").data == blob, tag
    tags = set()
    for page in pusher.server.client().get_paginator("describe_image_tags").paginate(repositoryName=REPOSITORY):
        tags |= {detail["imageTag"] for detail in page["imageTagDetails"]}
    told = {tag for client in clients for tag, _ in client.acknowledged}
    assert told <= tags, told - tags
    return len(told)
