"""Uploads to S3 hold a bounded share of memory, and those that stall keep no other from going on."""

import hashlib
import os
import socket
import threading

import pytest

from load import REPOSITORY
from pushing import Pusher, digest_of

MIB = 1024 * 1024
UPLOADS = 64
SIZE = int(os.environ.get("ROADSTEAD_TEST_UPLOAD_MIB", "256")) * MIB
BUDGET = 256 * MIB  # the default of --memory-budget


def held(cluster) -> int:
    """The anonymous memory of the replica that holds most."""
    most = 0
    for replica in cluster.replicas:
        with open(f"/proc/{replica.process.pid}/status") as status:
            most = max(most, *(int(line.split()[1]) * 1024 for line in status if line.startswith("RssAnon:")))
    return most


class Upload:
    """A PUT of a whole blob to the first replica, as a sequence of sends."""

    def __init__(self, cluster, pusher, block: bytes, size: int, digest: str):
        begun = pusher.request("POST", f"{REPOSITORY}/blobs/uploads/")
        place = begun.headers["Location"].removeprefix(cluster.url)
        place += ("&" if "?" in place else "?") + f"digest={digest}"
        host, port = cluster.addresses[0].split(":")
        self.connection = socket.create_connection((host, int(port)), timeout=600)
        head = f"PUT {place} HTTP/1.1\r\nHost: {cluster.address}\r\nAuthorization: {pusher.headers['Authorization']}\r\n"
        self.connection.sendall(f"{head}Content-Type: application/octet-stream\r\nContent-Length: {size}\r\n\r\n".encode())
        self.block, self.size = block, size

    def send(self, count: int) -> None:
        for first in range(0, count, len(self.block)):
            self.connection.sendall(self.block[: count - first])

    def status(self) -> int:
        received = self.connection.recv(4096)
        return int(received.split(b" ", 2)[1]) if received else 0


@pytest.mark.smoke
def test_stalled_uploads_keep_no_other_from_going_on(cluster):
    pusher, block = Pusher(cluster), os.urandom(MIB)
    stalled = []
    for number in range(UPLOADS):
        upload = Upload(cluster, pusher, block, 100 * MIB, "sha256:" + f"{number:064x}")
        # The server need not take what it has no room for.
        upload.connection.setblocking(False)
        for _ in range(4 * MIB // len(block)):
            try:
                upload.connection.send(block)
            except BlockingIOError:
                break
        stalled.append(upload)
    content = os.urandom(40 * MIB)
    assert Pusher(cluster.at(0)).push_blob(REPOSITORY, content) == digest_of(content)
    assert held(cluster) < BUDGET
    for upload in stalled:
        upload.connection.close()


def test_many_large_uploads_at_once_stay_within_the_budget(cluster):
    pusher, most, statuses, over = Pusher(cluster), [0], [], threading.Event()

    def push(number: int):
        block = number.to_bytes(4, "big") + b"x" * (MIB - 4)
        hashed = hashlib.sha256()
        for _ in range(SIZE // MIB):
            hashed.update(block)
        upload = Upload(cluster, pusher, block, SIZE, f"sha256:{hashed.hexdigest()}")
        upload.send(SIZE)
        statuses.append(upload.status())
        upload.connection.close()

    def watch():
        while not over.wait(0.05):
            most[0] = max(most[0], held(cluster))

    watching = threading.Thread(target=watch)
    threads = [threading.Thread(target=push, args=(number,)) for number in range(UPLOADS)]
    for thread in (watching, *threads):
        thread.start()
    for thread in threads:
        thread.join()
    over.set()
    watching.join()
    assert statuses == [201] * UPLOADS
    assert most[0] < BUDGET, f"{most[0] / MIB:.0f} MiB"
