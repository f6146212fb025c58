"""The backups that PostgreSQL and S3 offer themselves, as docs/scaling.md tells: a dump, and after it a copy of the bucket."""

import json
import os
import subprocess

from deployments import Place, s3
from load import REPOSITORY
from pushing import Pusher, digest_of, image
from running import Server, run
from services import S3, program


def objects(bucket: S3, place: Place) -> dict[str, bytes]:
    """What is in the bucket below the prefix of this installation."""
    client, prefix = bucket.client(), place.settings["ROADSTEAD_BLOBS"].removeprefix(f"s3://{bucket.bucket}/")
    keys = [found["Key"] for found in client.list_objects_v2(Bucket=bucket.bucket, Prefix=f"{prefix}/")["Contents"]]
    return {key: client.get_object(Bucket=bucket.bucket, Key=key)["Body"].read() for key in keys}


def test_a_dump_and_a_later_copy_of_the_bucket_bring_back_what_was_collected_since(tmp_path):
    bucket, place = s3(), Place("replicas")
    server = Server(tmp_path / "data", place=place)
    server.client().create_repository(repositoryName=REPOSITORY)
    layer, later = os.urandom(300_000), image(os.urandom(300_000))
    digest = Pusher(server).push(REPOSITORY, image(layer), "v1")

    def administer(name: str, *arguments: object) -> None:
        connection = ("--host=127.0.0.1", f"--port={place.postgres.port}", "--username=postgres")
        subprocess.run([program(name), *connection, *map(str, arguments)], check=True, timeout=60)

    administer("pg_dump", "--format=custom", f"--file={tmp_path}/dump", place.database)
    copy = objects(bucket, place)
    Pusher(server).push(REPOSITORY, later, "v2")
    Pusher(server).delete(REPOSITORY, digest)
    server.run("gc", "--grace", "0s")
    assert server.stop() == 0

    administer("dropdb", place.database)
    administer("createdb", "--encoding=UTF8", "--template=template0", place.database)
    administer("pg_restore", f"--dbname={place.database}", f"{tmp_path}/dump")
    missing = copy.keys() - objects(bucket, place).keys()
    assert len(missing) == 1
    for key in missing:
        bucket.client().put_object(Bucket=bucket.bucket, Key=key, Body=copy[key])
    checked = run("check", "--contents", "--output", "json", **place.settings)
    assert json.loads(checked.stdout)["findings"] == [], checked.stderr

    restored = Server(tmp_path / "restored", "--gc-interval", "0", place=place)
    pusher = Pusher(restored)
    assert pusher.request("GET", f"{REPOSITORY}/manifests/v1").headers["Docker-Content-Digest"] == digest
    assert pusher.request("GET", f"{REPOSITORY}/blobs/{digest_of(layer)}").data == layer
    assert pusher.request("GET", f"{REPOSITORY}/manifests/v2").status == 404
    pusher.push(REPOSITORY, later, "v2")
    assert restored.stop() == 0
