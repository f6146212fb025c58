"""Copying an installation to a database and a bucket."""

import signal

import pytest

from deployments import Place
from faults import KILL, Changes
from representative import inventory
from running import Server, run
from upgrading import states, unpack


@pytest.mark.smoke
def test_a_transfer_that_is_killed_goes_on_where_it_was_and_is_never_served_before_it_is_whole(tmp_path):
    data, expected = unpack(states()[-1], tmp_path)
    changes = Changes(tmp_path)

    def target() -> Place:
        place = Place("s3")
        for own in ("ROADSTEAD_ACCESS_KEY_ID", "ROADSTEAD_SECRET_ACCESS_KEY"):
            del place.settings[own]
        place.settings["ROADSTEAD_MASTER_KEY"] = (data / "master.key").read_text().strip()
        return place

    def transfer(place: Place, **faults: str):
        settings = dict(place.settings)
        names = [settings.pop(name) for name in ("ROADSTEAD_DATABASE", "ROADSTEAD_BLOBS")]
        return run("transfer", "--from", data, "--to", *names, **settings, **faults)

    done = transfer(target(), **changes.environment(sent=True))
    assert done.returncode == 0, done.stderr
    before_rows, *others = changes.thirds
    for at in (before_rows, *others):
        place = target()
        assert transfer(place, **changes.environment(KILL, at, sent=True)).returncode == -signal.SIGKILL
        if at in others:
            # As 30 seconds do, after which the lease has expired.
            place.postgres.psql("DELETE FROM leader", place.database)
            refused = run("serve", "--listen", "127.0.0.1:0", "--wait", "1h", **place.settings)
            assert refused.returncode == 1 and "this is an unfinished copy" in refused.stderr, refused.stderr
        done = transfer(place)
        assert done.returncode == 0, done.stderr
        server = Server(data, "--gc-interval", "0", place=place)
        assert inventory(server, expected["keys"]) == expected["inventory"]
        assert '"findings": []' in server.run("check", "--contents", "--output", "json")
        assert server.stop() == 0
