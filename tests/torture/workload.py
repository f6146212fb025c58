"""Clients that push, move and delete, and remember what they were told; and what a server must have afterwards.

Each client has tags of its own, so its steps have an order, and a server that ended in the middle of one has either what was before or
what is after it. Layers are shared, so that clients and the garbage collection meet.
"""

import os
import random
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace

import urllib3

from pushing import Manifest, Pusher, digest_of, image
from running import Server

REPOSITORY = "team/app"
SIZES = (300, 20_000, 150_000)
LAYERS = tuple(bytes([number]) * 30_000 for number in range(3))
TAGS = 6


@dataclass(frozen=True)
class State:
    """What one client has in the registry."""

    tags: frozenset[tuple[str, str]] = frozenset()
    manifests: frozenset[str] = frozenset()

    def tag(self, name: str, digest: str) -> "State":
        return State(self.untag(name).tags | {(name, digest)}, self.manifests | {digest})

    def untag(self, name: str) -> "State":
        return replace(self, tags=frozenset(pair for pair in self.tags if pair[0] != name))

    def delete(self, digest: str) -> "State":
        return State(frozenset(pair for pair in self.tags if pair[1] != digest), self.manifests - {digest})


@dataclass
class Step:
    """One change: when its request was sent, what it leads to, and when the answer had arrived. Times are what the test measures by."""

    begun: float
    after: State
    ended: float | None = None


class Refused(OSError):
    """The server answered that it cannot store anything now."""


class Client(threading.Thread):
    """Changes the registry until the server ends or refuses, or the client is stopped."""

    def __init__(self, server: Server, number: int, now: Callable[[], float], choice: random.Random):
        super().__init__(daemon=True)
        self.number = number
        self.now = now
        self.choice = choice
        self.images: dict[str, Manifest] = {}
        self.steps = [Step(0, State(), 0)]
        self.observed = State()
        self.stopping = threading.Event()
        self.unexpected: BaseException | None = None
        self.pusher = Pusher(server)

    @property
    def state(self) -> State:
        return self.steps[-1].after

    def run(self) -> None:
        try:
            while not self.stopping.is_set():
                self.step()
        except (urllib3.exceptions.HTTPError, OSError):
            pass  # the server has ended, or refuses
        except BaseException as unexpected:
            self.unexpected = unexpected

    def finish(self) -> None:
        self.stopping.set()
        self.join(60)
        assert not self.is_alive(), "a client hangs"
        if self.unexpected:
            raise self.unexpected

    def step(self) -> None:
        kind = self.choice.choices((self.push, self.move, self.untag, self.delete), (6, 3, 2, 3))[0]
        if kind != self.push and not self.state.manifests:
            kind = self.push
        kind()

    def any_tag(self) -> str:
        return f"c{self.number}-{self.choice.randrange(TAGS)}"

    def push(self) -> None:
        layer = os.urandom(self.choice.choice(SIZES))
        made = image(layer, self.choice.choice(LAYERS), config=b'{"salt": "%s"}' % os.urandom(8).hex().encode())
        self.images[made.digest] = made
        for blob in made.blobs:
            self.push_blob(blob)
        self.put(made)

    def push_blob(self, blob: bytes) -> None:
        begun = stored(self.pusher.request("POST", f"{REPOSITORY}/blobs/uploads/"))
        assert begun.status == 202, begun.data
        place = begun.headers["Location"].removeprefix(self.pusher.server.url)
        place += ("&" if "?" in place else "?") + f"digest={digest_of(blob)}"
        ended = stored(self.pusher.request("PUT", place, blob, Content_Type="application/octet-stream"))
        assert ended.status == 201, ended.data

    def move(self) -> None:
        self.put(self.images[self.choice.choice(sorted(self.state.manifests))])

    def put(self, made: Manifest) -> None:
        tag = self.any_tag()
        # The collection may have taken a layer that a slow push had found.
        self.change(self.state.tag(tag, made.digest), lambda: self.pusher.put_manifest(REPOSITORY, made, tag), 201, refused=404)

    def untag(self) -> None:
        if self.state.tags:
            tag = self.choice.choice(sorted(self.state.tags))[0]
            self.change(self.state.untag(tag), lambda: self.remove(tag), 202)

    def delete(self) -> None:
        digest = self.choice.choice(sorted(self.state.manifests))
        self.change(self.state.delete(digest), lambda: self.remove(digest), 202)

    def remove(self, reference: str):
        return self.pusher.request("DELETE", f"{REPOSITORY}/manifests/{reference}")

    def change(self, after: State, request: Callable, expected: int, refused: int | None = None) -> None:
        before = self.state
        self.steps.append(Step(self.now(), after))
        answer = stored(request())
        if answer.status == refused:
            self.steps[-1] = Step(self.steps[-1].begun, before)
        else:
            assert answer.status == expected, (answer.status, answer.data)
        self.steps[-1].ended = self.now()

    def possible(self, time: float) -> list[State]:
        """What the registry may have if it ended at this time: the last state that was acknowledged, or the next one."""
        known = max(index for index, step in enumerate(self.steps) if step.ended is not None and step.ended <= time)
        return [step.after for step in self.steps[known : known + 2] if step.begun <= time]


def stored(answer):
    """The answer, unless it says that the storage failed, in the words of the OCI door."""
    if answer.status in (500, 503):
        [error] = answer.json()["errors"]
        for inside in ("SQL", "sqlite", "disk", "os error", "/"):
            assert inside not in error["message"], error
        raise Refused(error["message"])
    return answer


def start_clients(server: Server, count: int, now: Callable[[], float], seed: int, before: "list[Client] | None" = None) -> list[Client]:
    """Starts clients, which go on with the images and the observed states of those `before`."""
    clients = [Client(server, number, now, random.Random(f"{seed} {number}")) for number in range(count)]
    for client, earlier in zip(clients, before or []):
        client.images = {digest: earlier.images[digest] for digest in earlier.observed.manifests}
        client.steps = [Step(0, earlier.observed, 0)]
    for client in clients:
        client.start()
    return clients


def observe(server: Server, client: Client) -> State:
    """What the server has of this client."""
    def get(path: str):
        return server.http.request("GET", f"{server.url}/v2/{server.alias}/{REPOSITORY}/{path}")

    def digest(reference: str) -> str | None:
        answer = get(f"manifests/{reference}")
        assert answer.status in (200, 404), (answer.status, answer.data)
        if answer.status == 404:
            return None
        made = client.images[digest_of(answer.data)]
        return made.digest

    listed = get("tags/list?n=1000")
    assert listed.status == 200, listed.data
    own = [tag for tag in listed.json()["tags"] or [] if tag.startswith(f"c{client.number}-")]
    tags = {(tag, digest(tag)) for tag in own}
    manifests = {reference for reference in client.images if digest(reference)}
    for blob in {blob for reference in manifests for blob in client.images[reference].blobs}:
        answer = get(f"blobs/{digest_of(blob)}")
        assert answer.status == 200 and answer.data == blob, f"a layer of {len(blob)} bytes: status {answer.status}, {len(answer.data)} bytes"
    return State(frozenset(tags), frozenset(manifests))


def compare(server: Server, clients: list[Client], time: float) -> None:
    """Asserts that the server has what the clients were told until this time, and lets the clients know which of the possible states it is."""
    for client in clients:
        state = observe(server, client)
        possible = client.possible(time)
        assert state in possible, difference(client, state, possible)
        client.observed = state


def difference(client: Client, state: State, possible: list[State]) -> str:
    texts = [f"client {client.number} had {len(client.steps)} steps"]
    for expected in possible:
        texts.append(f"tags missing {sorted(expected.tags - state.tags)}, unexpected {sorted(state.tags - expected.tags)}")
        texts.append(f"manifests missing {sorted(expected.manifests - state.manifests)}, unexpected {sorted(state.manifests - expected.manifests)}")
    return "; ".join(texts)
