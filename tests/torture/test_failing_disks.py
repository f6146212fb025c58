"""A disk that fails under load, upon which its file system turns read-only: writes are refused, pulls go on, nothing acknowledged is lost."""

import random
import time

from disk import Images, VolatileDisk
from filesystems import loop_device, make, mounted
from pushing import image
from test_power_cuts import CLIENTS, SIZE, assert_intact, data_on, serving
from workload import REPOSITORY, compare, observe, start_clients


def test_a_file_system_that_turns_read_only_stops_writes_and_nothing_else(tmp_path):
    with VolatileDisk(tmp_path, SIZE) as disk, loop_device(disk.file) as device:
        make("ext4", device)
        with mounted("ext4", device, tmp_path / "load") as folder, data_on(folder, tmp_path / "data") as data:
            with serving(data, "--gc-interval", "0") as server:
                server.client().create_repository(repositoryName=REPOSITORY)
                clients = start_clients(server, CLIENTS, time.monotonic, seed=5)
                deadline = time.monotonic() + 60
                while min(len(client.steps) for client in clients) < 10 and time.monotonic() < deadline:
                    time.sleep(0.05)
                disk.fail()
                for client in clients:
                    client.join(60)
                    assert not client.is_alive() and client.unexpected is None, client.unexpected
                failed = time.monotonic()
                for client in clients:
                    assert observe(server, client) in client.possible(failed)
                refused = clients[0].pusher.put_manifest(REPOSITORY, image(b"new"), "new")
                assert refused.status == 503, refused.data

    # What the disk has kept, on another one.
    images = Images(disk.log, SIZE, tmp_path)
    left = images.cut(disk.log.stat().st_size, random.Random(5))
    with loop_device(left) as device, mounted("ext4", device, tmp_path / "again") as folder:
        with data_on(folder, tmp_path / "data") as data:
            with serving(data, "--gc-interval", "0") as server:
                compare(server, clients, failed)
            assert_intact(data / "roadstead.db")
    images.close()
