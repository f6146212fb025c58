"""The server under attack: the memory it holds, and whether it still answers others."""

import os
import threading
import time

import urllib3

from pushing import Pusher, image
from running import Server

MIB = 1024 * 1024


def anonymous_memory(server: Server) -> int:
    """The anonymous memory of the server in bytes (`RssAnon`, proc_pid_status(5)), without mapped files."""
    with open(f"/proc/{server.process.pid}/status") as status:
        [line] = [line for line in status if line.startswith("RssAnon:")]
    return int(line.split()[1]) * 1024


def is_served(server: Server) -> bool:
    """Whether `/healthz` answers another client."""
    return server.http.request("GET", f"{server.url}/healthz").status == 200


class Victim:
    """A client that repeatedly requests `/healthz`, calls, pushes and pulls until `over`, and records the results."""

    def __init__(self, server: Server):
        self.server, self.over = server, threading.Event()
        self.memory, self.health, self.served, self.trouble = [], [], [], []
        self.threads = [threading.Thread(target=self.again, args=pair) for pair in ((self.look, 0.01), (self.ask, 0.05), (self.use, 0.1))]
        [thread.start() for thread in self.threads]

    def again(self, act, pause):
        while not self.over.wait(pause):
            try:
                act()
            except Exception as error:
                self.trouble.append(f"{type(error).__name__}: {str(error)[:150]}")

    def look(self):
        self.memory.append(anonymous_memory(self.server))

    def ask(self):
        with urllib3.PoolManager(retries=False, timeout=30, ca_certs=os.environ.get("AWS_CA_BUNDLE")) as pool:
            begun = time.monotonic()
            status = pool.request("GET", f"{self.server.url}/healthz").status
            self.health.append(time.monotonic() - begun)
            assert status == 200, f"healthz {status}"

    def use(self):
        begun, manifest = time.monotonic(), image(b"a layer of %d" % time.monotonic_ns())
        client = self.server.client()
        client.describe_image_tags(repositoryName="app", maxResults=5)
        pusher = Pusher(self.server, client)
        pusher.push("served", manifest, "v1")
        assert pusher.request("GET", "served/manifests/v1").data == manifest.body
        self.served.append(time.monotonic() - begun)
