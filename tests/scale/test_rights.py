"""The rights in a bucket: those to read are enough for commands that write nothing there, and a server needs all."""

import json
import subprocess

import pytest

from deployments import Place
from load import REPOSITORY
from pushing import Pusher, digest_of, image
from running import Server, run
from services import S3, program


class S3WithReader(S3):
    """A versitygw with a user that may read objects and list them, and nothing else."""

    server = "versitygw"
    reader = ("reader", "a-secret-of-the-reader")

    def __init__(self):
        super().__init__()
        key, secret = self.key
        admin = [program("versitygw"), "admin", "--allow-insecure", "--endpoint-url", self.endpoint, "--access", key, "--secret", secret]
        key, secret = self.reader
        subprocess.run([*admin, "create-user", "--access", key, "--secret", secret, "--role", "user"], check=True, capture_output=True)
        allowed = lambda action, of: {"Effect": "Allow", "Principal": {"AWS": [key]}, "Action": [action], "Resource": [f"arn:aws:s3:::{of}"]}
        statements = [allowed("s3:GetObject", f"{self.bucket}/*"), allowed("s3:ListBucket", self.bucket)]
        self.client().put_bucket_policy(Bucket=self.bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": statements}))

    def command(self):
        users = self.folder / "users"
        users.mkdir(exist_ok=True)
        name, *others = super().command()
        return [name, "--iam-dir", users, *others]


@pytest.mark.smoke
def test_commands_that_only_read_a_bucket_need_no_rights_to_write(tmp_path):
    s3 = S3WithReader()
    place = Place("s3")
    place.settings |= s3.settings("registry")
    server = Server(tmp_path / "data", place=place)
    server.client().create_repository(repositoryName=REPOSITORY)
    pushed = image(b"more than the metadata keep" * 1000)
    Pusher(server).push(REPOSITORY, pushed, "v1")
    server.run("backup", f"s3://{s3.bucket}/backups")

    key, secret = s3.reader
    reading = {**server.environment, "AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret}
    succeed("check", "--contents", **reading)
    succeed("backup", tmp_path / "backups", **reading)
    for command in [("check", "--repair"), ("gc",), ("serve", "--listen", "127.0.0.1:0", "--wait", "1h")]:
        refused = run(*command, **reading)
        assert refused.returncode == 1 and "storing an object failed" in refused.stderr, (command, refused.stderr)

    assert server.stop() == 0
    database, blobs = reading.pop("ROADSTEAD_DATABASE"), reading.pop("ROADSTEAD_BLOBS")
    succeed("transfer", "--from", database, blobs, "--to", tmp_path / "copy", **reading)
    assert len(succeed("restore", f"s3://{s3.bucket}/backups", "--list", **reading).splitlines()) == 2
    succeed("restore", f"s3://{s3.bucket}/backups", "--data", tmp_path / "restored", **reading)
    for made in ("copy", "restored"):
        copy = Server(tmp_path / made, place=Place("embedded"))
        for path, content in [("manifests/v1", pushed.body), *((f"blobs/{digest_of(blob)}", blob) for blob in pushed.blobs)]:
            assert Pusher(copy).request("GET", f"{REPOSITORY}/{path}").data == content
        assert copy.stop() == 0


def succeed(*arguments: object, **environment: str) -> str:
    done = run(*arguments, **environment)
    assert done.returncode == 0, (arguments, done.stdout, done.stderr)
    return done.stdout
