"""Places of backups in a bucket, where every copy of a blob has a key of its own."""

import json
import os

import pytest

from deployments import Place
from load import REPOSITORY
from pushing import Pusher, digest_of, image
from running import Server, run
from services import S3


@pytest.mark.smoke
def test_an_old_snapshot_whose_copy_was_damaged_and_removed_is_mended_by_the_next_backup(tmp_path):
    s3 = S3()
    server = Server(tmp_path / "data", place=Place("embedded"))
    server.client().create_repository(repositoryName=REPOSITORY)
    layer = os.urandom(50_000)
    pushed = image(layer)
    Pusher(server).push(REPOSITORY, pushed, "v1")
    settings = {name: value for name, value in s3.settings("unused").items() if name != "ROADSTEAD_BLOBS"}
    place, client = f"s3://{s3.bucket}/backups", s3.client()

    def back_up() -> dict:
        return json.loads(succeed("backup", place, "--data", server.data, "--output", "json", **settings))

    def copies() -> list[str]:
        """The keys of the copies of the layer."""
        start = digest_of(layer).removeprefix("sha256:")[:32]
        listed = client.list_objects_v2(Bucket=s3.bucket, Prefix="backups/blobs/")["Contents"]
        return [found["Key"] for found in listed if found["Key"].split("/")[-1].replace("-", "").startswith(start)]

    def check(*flags: str) -> tuple[int, dict]:
        done = run("check", "--backup", place, "--output", "json", *flags, **settings)
        return done.returncode, json.loads(done.stdout)

    def restores(snapshot: str, name: str) -> None:
        succeed("restore", place, "--snapshot", snapshot, "--data", tmp_path / name, **settings)
        restored = Server(tmp_path / name, place=Place("embedded"))
        assert Pusher(restored).request("GET", f"{REPOSITORY}/blobs/{digest_of(layer)}").data == layer
        assert restored.stop() == 0

    first = back_up()["snapshot"]
    [damaged] = copies()
    client.put_object(Bucket=s3.bucket, Key=damaged, Body=bytes(50_000))
    code, report = check("--contents", "--repair")
    assert (code, report["removed"], [finding["snapshots"] for finding in report["findings"]]) == (1, 1, [[first]]), report
    assert copies() == [] and check()[1]["findings"][0]["snapshots"] == [first]
    assert back_up()["newBlobs"] == 1
    [whole] = copies()
    assert whole != damaged and check("--contents")[0] == 0
    restores(first, "removed")

    # The first snapshot names this key: what is there now is of another size, and no snapshot is hurt by it.
    client.put_object(Bucket=s3.bucket, Key=damaged, Body=b"cut short")
    for flags, removed in [([], False), (["--contents", "--repair"], True)]:
        code, report = check(*flags)
        [finding] = report["findings"]
        assert (code, finding["snapshots"], finding["removed"]) == (1, [], removed), report
    assert copies() == [whole] and check("--contents")[0] == 0
    client.put_object(Bucket=s3.bucket, Key=damaged, Body=bytes(50_000))
    restores(first, "damaged")
    succeed("check", "--repair", "--from", place, "--data", server.data, **settings)
    assert server.stop() == 0


def succeed(*arguments: object, **environment: str) -> str:
    done = run(*arguments, **environment)
    assert done.returncode == 0, (arguments, done.stdout, done.stderr)
    return done.stdout
