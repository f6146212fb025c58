"""Kills: a server that ends at any moment, again and again on the same data, has all that clients were told."""

import random
import time

import pytest

from rounds import rounds
from test_power_cuts import CLIENTS, COLLECTING, assert_intact
from workload import REPOSITORY, compare, start_clients

KILLS = rounds("KILLS", 8)
# On the same data: what clients have grows, and all of it is compared after each kill.
LIVES = 100


@pytest.mark.parametrize("first", range(0, KILLS, LIVES))
def test_what_was_acknowledged_survives_kill_after_kill(start, first):
    choice = random.Random(first)
    server = start(*COLLECTING)
    server.client().create_repository(repositoryName=REPOSITORY)
    clients = None
    for life in range(first, min(first + LIVES, KILLS)):
        clients = start_clients(server, CLIENTS, time.monotonic, life, clients)
        time.sleep(choice.uniform(0, 0.5))
        server.kill()
        killed = time.monotonic()
        for client in clients:
            client.finish()
        server.start()
        compare(server, clients, killed)
    # While it runs, the server collects too, and only one can.
    assert server.stop() == 0
    server.run("gc", "--grace", "0s")
    server.start()
    compare(server, clients, time.monotonic())
    assert server.stop() == 0
    assert_intact(server.data / "roadstead.db")
