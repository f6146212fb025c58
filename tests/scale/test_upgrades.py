"""Upgrades: servers of two versions on one database, and the move of old data to a database and a bucket."""

import pytest

from deployments import Place
from load import REPOSITORY, Client, assert_nothing_lost
from pushing import Pusher
from representative import inventory
from running import Server, run
from upgrading import states, unpack

# What the first server of a new version does: it waits for the writes that run, and no other runs beside it.
MIGRATION = """
    BEGIN;
    LOCK TABLE write_turn IN ACCESS EXCLUSIVE MODE;
    ALTER TABLE tag ADD COLUMN of_next_version BIGINT NOT NULL DEFAULT 0;
    ALTER TABLE manifest ADD COLUMN of_next_version TEXT;
    ALTER TABLE upload ADD COLUMN of_next_version BIGINT NOT NULL DEFAULT 0;
    CREATE TABLE of_next_version (id BIGINT PRIMARY KEY);
    CREATE INDEX of_next_version_manifest ON manifest (pushed_at);
    INSERT INTO schema_version (version) SELECT MAX(version) + 1 FROM schema_version;
    UPDATE change SET writes = writes + 1 WHERE slot = 0;
    COMMIT;
"""


def test_servers_of_both_versions_serve_while_one_is_replaced_by_the_other(cluster):
    database, postgres = cluster.place.database, cluster.place.postgres
    clients = [Client(cluster, number, tolerant=False) for number in range(6)]
    for client in clients:
        client.progress()
    postgres.psql(MIGRATION, database)
    for client in clients:
        client.progress()
    # A server that is started in the middle of the upgrade, because another one crashed, is of the version before.
    cluster.start_replica(0, balanced=False)
    assert Pusher(cluster.at(0)).request("GET", f"{REPOSITORY}/tags/list").status == 200
    for client in clients:
        client.finish()
        assert not client.failures
    assert assert_nothing_lost(clients, Pusher(cluster)) >= 6 * len(clients)
    postgres.psql("INSERT INTO schema_version (version) SELECT MAX(version) + 1 FROM schema_version", database)
    refused = run("serve", "--listen", "127.0.0.1:0", "--wait", "1h", **cluster.environment)
    assert refused.returncode == 1 and "newer Roadstead" in refused.stderr, refused.stderr


@pytest.mark.smoke
def test_the_oldest_data_directory_moves_to_a_database_and_a_bucket(tmp_path):
    data, expected = unpack(states()[0], tmp_path)
    place = Place("s3")
    for own in ("ROADSTEAD_ACCESS_KEY_ID", "ROADSTEAD_SECRET_ACCESS_KEY"):
        del place.settings[own]
    place.settings["ROADSTEAD_MASTER_KEY"] = (data / "master.key").read_text().strip()
    environment = dict(place.settings)
    target = [environment.pop(name) for name in ("ROADSTEAD_DATABASE", "ROADSTEAD_BLOBS")]
    transfer = ("transfer", "--from", data, "--to", *target)

    refused = run(*transfer, **environment)
    assert refused.returncode == 1 and "start a server of this version on it first" in refused.stderr, refused.stderr
    assert Server(data, place=Place("embedded")).stop() == 0
    moved = run(*transfer, **environment)
    assert moved.returncode == 0, moved.stderr

    server = Server(data, "--gc-interval", "0", place=place)
    assert inventory(server, expected["keys"]) == expected["inventory"]
    assert '"findings": []' in server.run("check", "--contents", "--output", "json")
    assert server.stop() == 0
