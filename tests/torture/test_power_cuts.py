"""Power cuts: whatever subset of its unflushed pieces a disk keeps, a server that starts on it has all that clients were told."""

import random
import sqlite3
import time
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from disk import Images, VolatileDisk
from filesystems import MAKE, loop_device, make, mounted
from rounds import rounds
from running import Server
from workload import REPOSITORY, compare, start_clients

SIZE = 512 << 20
CLIENTS = 3
LOAD_SECONDS = rounds("SECONDS", 3)
CUTS = rounds("CUTS", 2)
COLLECTING = ("--gc-interval", "1s", "--gc-grace", "1s")
NO_FLUSHES = {"LD_PRELOAD": "libeatmydata.so"}


class Run:
    """A load on a volatile disk until it lost power, and its clients."""

    def __init__(self, kind: str, folder: Path, seed: int, **environment: str):
        self.kind = kind
        self.folder = folder
        self.choice = random.Random(seed)
        self.log = self.load(seed, environment)

    def load(self, seed: int, environment: dict[str, str]) -> Path:
        with VolatileDisk(self.folder, SIZE) as disk, loop_device(disk.file) as device:
            make(self.kind, device)
            with mounted(self.kind, device, self.folder / "load") as folder, data_on(folder, self.folder / "data") as data:
                with serving(data, *COLLECTING, **environment) as server:
                    server.client().create_repository(repositoryName=REPOSITORY)
                    self.begin = disk.position()
                    self.clients = start_clients(server, CLIENTS, disk.position, seed)
                    time.sleep(LOAD_SECONDS)
                self.end = disk.position()
                for client in self.clients:
                    client.finish()
        return disk.log

    def cut(self, count: int) -> None:
        """Cuts the power at `count` random moments."""
        images = Images(self.log, SIZE, self.folder)
        for position in sorted(self.choice.randint(self.begin, self.end) for _ in range(count)):
            self.examine(images.cut(position, self.choice), position)
        images.close()

    def examine(self, image: Path, position: int) -> None:
        with loop_device(image) as device, mounted(self.kind, device, self.folder / "cut") as folder:
            with data_on(folder, self.folder / "data") as data:
                with serving(data, "--gc-interval", "0") as server:
                    compare(server, self.clients, position)
                    server.run("gc", "--grace", "0s")
                    compare(server, self.clients, position)
                assert_intact(data / "roadstead.db")


@contextmanager
def serving(data: Path, *flags: str, **environment: str):
    """A server, which is killed."""
    server = Server(data, *flags, **environment)
    try:
        yield server
    finally:
        server.kill()


@contextmanager
def data_on(folder: Path, link: Path):
    """A link to the data directory in this file system; the log of the server stands beside the link, on another one."""
    (folder / "data").mkdir(exist_ok=True)
    link.symlink_to(folder / "data")
    try:
        yield link
    finally:
        link.unlink()


def assert_intact(database: Path) -> None:
    with closing(sqlite3.connect(database)) as connection:
        found = {text for text, in connection.execute("PRAGMA integrity_check")}
        # SQLite 3.40 of Debian 12 finds NULL in columns of tables WITHOUT ROWID that have none.
        assert {text for text in found - {"ok"} if not text.startswith("NULL value in ")} == set()
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []


@pytest.mark.parametrize("kind", MAKE)
def test_what_was_acknowledged_survives_power_cuts(kind, tmp_path):
    run = Run(kind, tmp_path, seed=1)
    assert min(len(client.steps) for client in run.clients) > 5, "there was hardly a load"
    run.cut(CUTS)


def test_power_cuts_are_noticed_if_nothing_is_flushed(tmp_path):
    run = Run("ext4", tmp_path, seed=2, **NO_FLUSHES)
    with pytest.raises(AssertionError):
        run.cut(8)
