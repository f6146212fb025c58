"""Data that earlier versions wrote is served as it was, and data of a later version is refused."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from running import run
from upgrading import inventory, states, unpack

pytestmark = pytest.mark.embedded("about files of the embedded engine")
MIGRATIONS = Path(__file__).resolve().parents[2] / "crates" / "registry" / "migrations"


def test_the_state_before_the_last_migration_is_kept():
    known = sorted(file.name[:4] for file in MIGRATIONS.glob("*.sql"))
    assert known[-1] in states() or known[-2] in states(), "make it with upgrading.py and the server before the migration"


@pytest.mark.parametrize("state", states())
def test_a_data_directory_of_an_earlier_state_serves_all_that_was_in_it(state, tmp_path, start):
    data, expected = unpack(state, tmp_path)
    server = start(data=data)
    assert inventory(server) == expected
    server.run("gc", "--grace", "0s")
    assert inventory(server) == expected
    server.restart()
    assert inventory(server) == expected


def test_a_data_directory_of_a_later_version_is_refused_and_unchanged(tmp_path, start):
    server = start(data=tmp_path / "data")
    assert server.stop() == 0
    database = server.data / "roadstead.db"
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("INSERT INTO schema_version SELECT MAX(version) + 1 FROM schema_version")
    before = database.read_bytes()
    refused = run("serve", "--listen", "127.0.0.1:0", "--data", server.data)
    assert refused.returncode == 1
    assert "written by a newer Roadstead" in refused.stderr and "internal" not in refused.stderr
    assert database.read_bytes() == before
