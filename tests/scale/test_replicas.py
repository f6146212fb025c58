"""What clients see of three replicas that is not to differ from one."""

import threading

import pytest

from cluster import Readiness
from load import REPOSITORY, Client, assert_nothing_lost
from pushing import Pusher, image
from services import until

PUSHERS, IMAGES = 16, 12


@pytest.mark.smoke
def test_sixteen_clients_push_into_one_repository(cluster, capsys):
    refused = []

    def push(number: int):
        pusher = Pusher(cluster)
        try:
            for count in range(IMAGES):
                pusher.push(REPOSITORY, image(b"%d of %d" % (count, number) * 3000, b"the same"), f"v{number}-{count}", "latest")
        except Exception as error:  # noqa: BLE001
            refused.append(error)

    threads = [threading.Thread(target=push, args=(number,)) for number in range(PUSHERS)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert not refused, refused
    details = [
        detail
        for page in cluster.client().get_paginator("describe_image_tags").paginate(repositoryName=REPOSITORY)
        for detail in page["imageTagDetails"]
    ]
    assert len(details) == PUSHERS * IMAGES + 1
    [repository] = cluster.client().describe_repositories()["repositories"]
    assert repository["repositoryName"] == REPOSITORY
    writes, conflicts = cluster.metric("roadstead_database_writes"), cluster.metric("roadstead_database_conflicts")
    assert writes > PUSHERS * IMAGES
    with capsys.disabled():
        print(f"\n{PUSHERS} clients push into one repository: {writes:.0f} writes, {conflicts / writes:.1%} of them ran again")


def test_a_rolling_restart_fails_no_request(start_cluster):
    cluster = start_cluster(ROADSTEAD_DRAIN="2s")
    cluster.client().create_repository(repositoryName=REPOSITORY)
    # A client may send on a connection that nginx is about to close because it has a new configuration; these use each one once.
    cluster.balancer.keep_alive = False
    cluster.balancer.use(cluster.addresses)
    readiness = Readiness(cluster)
    clients = [Client(cluster, number, tolerant=False) for number in range(6)]
    try:
        for number in range(3):
            for client in clients:
                client.progress(1)
            cluster.replicas[number].ask_to_stop()
            assert cluster.replicas[number].wait() == 0
            cluster.start_replica(number, balanced=False)
            until(lambda: readiness.used == cluster.addresses, "the load balancer with the new replica")
        for client in clients:
            client.progress(1)
    finally:
        for client in clients:
            client.over.set()
        readiness.stop()
    for client in clients:
        client.finish()
        assert not client.failures
    assert_nothing_lost(clients, Pusher(cluster))
