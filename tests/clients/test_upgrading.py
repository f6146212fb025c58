"""Data that earlier versions wrote is served as it was and goes on as new data does, and data of a later version is refused."""

import json
import os
import re
import sqlite3
from contextlib import closing

import pytest
from botocore.exceptions import ClientError

from pushing import Pusher, digest_of, image
from representative import OTHER_ALIAS, client_of, inventory
from running import run
from services import until
from upgrading import ALIAS, FOLDER, MIGRATIONS, abandon_uploads, pulls_of, states, unpack

pytestmark = pytest.mark.embedded("about files of the embedded engine")
of_every_state = pytest.mark.parametrize("state", states())
# The first version wrote the state after the second migration, so the one before never was in a data directory.
NEVER_WRITTEN = {"0001"}


def numbers(folder) -> set[str]:
    return {file.name[:4] for file in folder.glob("*.sql")}


def test_there_is_a_data_directory_of_the_state_after_each_migration():
    kept = [state.split("-") for state in states()]
    make = "make it with upgrading.py and a server whose last migration this is"
    assert numbers(MIGRATIONS) - {state for state, *_ in kept} == NEVER_WRITTEN, make
    assert numbers(MIGRATIONS / "statistics") == {state for _, *of_statistics in kept for state in of_statistics}, make
    assert max(file.stat().st_size for file in FOLDER.iterdir()) < 25_000


@of_every_state
def test_a_data_directory_of_an_earlier_state_serves_all_that_was_in_it(state, tmp_path, start):
    data, expected = unpack(state, tmp_path)
    server = start("--gc-interval", "0", data=data)
    if expected["pulls"] is not None:
        assert pulls_of(data) == expected["pulls"]
    assert inventory(server, expected["keys"]) == expected["inventory"]
    assert_users_may_do_what_they_could(server, expected["keys"])


def assert_users_may_do_what_they_could(server, keys) -> None:
    root, alice, bob = server.client(), client_of(server, keys["alice"]), client_of(server, keys["bob"])
    charts = root.describe_repositories(repositoryNames=["team/charts"])["repositories"][0]["repositoryArn"]
    assert len(alice.describe_repositories()["repositories"]) == 3
    alice.tag_resource(resourceArn=charts, tags=[{"Key": "by", "Value": "alice"}])
    Pusher(server, bob).push("team/charts", image(b"by bob"), "bob")
    refused = [
        ("AccessDeniedException", lambda: alice.create_repository(repositoryName="alice")),
        ("AccessDeniedException", lambda: bob.tag_resource(resourceArn=charts, tags=[{"Key": "by", "Value": "bob"}])),
        ("AccessDeniedException", lambda: bob.initiate_layer_upload(repositoryName="team/app")),
        *[("UnrecognizedClientException", client_of(server, keys[user]).describe_repositories) for user in ("carol", "dave")],
    ]
    for code, attempt in refused:
        with pytest.raises(ClientError) as failure:
            attempt()
        assert failure.value.response["Error"]["Code"] == code
    # One who is made again has no right of a deleted one.
    server.run("user", "create", "carol")
    made = json.loads(server.run("access-key", "create", "--user", "carol", "--output", "json"))
    with pytest.raises(ClientError) as failure:
        client_of(server, (made["accessKeyId"], made["secretAccessKey"])).initiate_layer_upload(repositoryName="team/charts")
    assert failure.value.response["Error"]["Code"] == "AccessDeniedException"


@of_every_state
def test_the_gallery_finds_and_shows_what_earlier_versions_wrote(state, tmp_path, start):
    data, _ = unpack(state, tmp_path)
    server = start(data=data)

    def api(path: str) -> dict:
        answer = server.http.request("GET", f"{server.url}/api/v1/{path}")
        assert answer.status == 200, (path, answer.data)
        return answer.json()

    def found(query: str) -> list[str]:
        return sorted(f"{result['alias']}/{result['name']}" for result in api(f"search?{query}")["results"])

    until(lambda: found("signed=true") and found("kind=chart") and found("q=pier"), "the index")
    app, charts, pier = f"{ALIAS}/team/app", f"{ALIAS}/team/charts", f"{OTHER_ALIAS}/pier"
    assert found("q=application") == found("signed=true") == [app]
    assert found("kind=chart") == [charts]
    assert found("verified=true") == [pier]
    assert found("q=gone") == []
    until(lambda: "nightly-1" not in json.dumps(api(f"repositories/{app}/-/tags")), "tags that the owner hides")
    shown = [tag["name"] for tag in api(f"repositories/{app}/-/tags")["tags"]]
    assert {"1.0.0", "1.1.0", "latest", "multi"} <= set(shown) and not [tag for tag in shown if tag.endswith(".sig")], shown
    page = lambda path: server.http.request("GET", f"{server.url}/{path}").data.decode()
    until(lambda: "It runs." in page(app) and "Pull it." in page(f"{app}/-/usage"), "the texts")
    until(lambda: "One of them." in page(charts), "the README")


@of_every_state
def test_an_upgraded_data_directory_has_the_schema_of_a_new_one(state, tmp_path, start):
    data, _ = unpack(state, tmp_path)
    new = tmp_path / "new"
    for folder in (data, new):
        assert start(data=folder).stop() == 0
    for database in ("roadstead.db", "statistics.db"):
        assert schema(data / database) == schema(new / database)


def schema(database) -> dict[str, str]:
    """The statement that makes each table and index, without comments, which were rewritten."""
    with closing(sqlite3.connect(database)) as connection:
        statements = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
    return {name: " ".join(re.sub("--.*", "", sql).replace('"', "").split()) for name, sql in statements}


@of_every_state
def test_collections_checks_backups_and_pushes_lose_nothing_of_an_earlier_state(state, tmp_path, start):
    data, expected = unpack(state, tmp_path)
    keys, before = expected["keys"], expected["inventory"]
    abandon_uploads(data)
    server = start("--gc-interval", "0", data=data)
    server.run("gc", "--grace", "0s")
    assert inventory(server, keys) == before
    assert list((data / "blobs" / "uploads").iterdir()) == []
    assert_sound(server)

    server.run("backup", str(tmp_path / "backup"))
    restored = run("restore", tmp_path / "backup", "--data", tmp_path / "restored")
    assert restored.returncode == 0, restored.stderr
    assert inventory(start(data=tmp_path / "restored"), keys) == before

    pusher, layer = Pusher(server), os.urandom(50_000)
    digest = pusher.push("team/app", image(layer), "latest", "new")
    for reference in ("latest", "new"):
        assert digest_of(pusher.request("GET", f"team/app/manifests/{reference}").data) == digest
    for old in before[ALIAS]["repositories"]["team/app"]["tags"]:
        if old != "latest":
            pusher.delete("team/app", old)
    server.client().delete_repository(repositoryName="team/charts", force=True)
    server.run("gc", "--grace", "0s")
    assert pusher.request("GET", f"team/app/blobs/{digest_of(layer)}").data == layer
    assert_sound(server)


def assert_sound(server) -> None:
    checked = json.loads(server.run("check", "--contents", "--output", "json"))
    assert checked["findings"] == [] and checked["blobs"] > 0


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
