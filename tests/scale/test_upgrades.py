"""A rolling upgrade: the schema of the next version is applied while servers of this one are running."""

from load import REPOSITORY, Client, assert_nothing_lost
from pushing import Pusher
from running import run

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
