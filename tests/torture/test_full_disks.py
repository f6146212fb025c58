"""Full disks: whichever write is the first that finds no space, it is refused, nothing is half-written, and all goes on once there is space."""

import os
import random
import time
from contextlib import suppress
from pathlib import Path

import pytest

from filesystems import loop_device, make, mounted
from rounds import rounds
from test_power_cuts import assert_intact, data_on
from workload import REPOSITORY, Client, Refused, compare, observe

SIZE = 64 << 20
MOST_BLOCKS = 96
"""More than one image of this test takes."""
AMOUNTS = rounds("FULL_DISKS", 8)
STEPS = 8


def fill(folder: Path, blocks: int) -> Path:
    """Takes all space but about this many blocks."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        free = os.statvfs(folder)
        # The file's own extents take some blocks, so the last ones are taken one by one.
        sizes = [max(free.f_bfree - blocks - 8, 0), *([1] * 8)]
        with suppress(OSError):
            for size in sizes:
                os.posix_fallocate(file.fileno(), file.seek(0, os.SEEK_END), size * free.f_bsize)
        os.fsync(file.fileno())
    return filler


def step_until_refused(client: Client) -> None:
    """Makes some steps; one that is refused leaves what was before."""
    for _ in range(STEPS):
        known = client.state
        try:
            client.step()
        except Refused:
            if client.steps[-1].ended is None:
                client.steps[-1].after, client.steps[-1].ended = known, time.monotonic()


@pytest.mark.parametrize("kind", ("ext4",))
def test_each_write_in_turn_finds_a_full_disk(kind, tmp_path, start):
    disk = tmp_path / "disk.img"
    with disk.open("wb") as file:
        file.truncate(SIZE)
    refusals = 0
    with loop_device(disk) as device:
        make(kind, device)
        with mounted(kind, device, tmp_path / "mount") as folder, data_on(folder, tmp_path / "data") as data:
            server = start("--gc-interval", "0", data=data)
            server.client().create_repository(repositoryName=REPOSITORY)
            client = Client(server, 0, time.monotonic, random.Random(4))
            for blocks in range(0, MOST_BLOCKS, MOST_BLOCKS // AMOUNTS):
                client.push()
                filler = fill(folder, blocks)
                before = len(client.images)
                step_until_refused(client)
                refusals += len(client.images) - before
                compare(server, [client], time.monotonic())
                filler.unlink()
                client.push()
                assert observe(server, client) == client.state
                server.run("gc", "--grace", "0s")
            assert server.stop() == 0
            assert_intact(data / "roadstead.db")
    assert refusals > 0, "the disk was never full"
