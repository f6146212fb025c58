"""Places of backups in a bucket, where every copy of a blob has a key of its own."""

import json
import os

import pytest

from deployments import Place
from load import REPOSITORY
from proxies import Nginx
from pushing import Pusher, digest_of, image
from running import Server, run
from services import S3, free_port

LAYER = os.urandom(50_000)


def refusing(s3: S3, requests: str, at_first: bool = False) -> Nginx:
    """A proxy before an S3 server that refuses requests whose method and path with query match this, or only every other one of them,
    beginning with the first."""
    port = free_port()
    denied = '<?xml version="1.0"?><Error><Code>AccessDenied</Code><Message>Access Denied.</Message></Error>'
    upstreams = f"""
        upstream served {{ server 127.0.0.1:{s3.port}; }}
        upstream refused {{ server 127.0.0.1:{port}; }}
        upstream refused_at_first {{ server 127.0.0.1:{port}; server 127.0.0.1:{s3.port}; }}
        map "$request_method $request_uri" $upstream {{ default served; "~{requests}" {"refused_at_first" if at_first else "refused"}; }}
        server {{ listen 127.0.0.1:{port}; location / {{ default_type application/xml; return 403 '{denied}'; }} }}
    """
    return Nginx(upstreams, "location / { proxy_pass http://$upstream; proxy_http_version 1.1; proxy_set_header Host $http_host; }")


class Backups:
    """A server whose image has a layer in a file, and a place of its backups in a bucket."""

    def __init__(self, folder):
        self.folder, self.s3 = folder, S3()
        self.client = self.s3.client()
        self.place, self.settings = f"s3://{self.s3.bucket}/backups", self.settings_at(self.s3.endpoint)
        self.server = Server(folder / "data", place=Place("embedded"))
        self.server.client().create_repository(repositoryName=REPOSITORY)
        Pusher(self.server).push(REPOSITORY, image(LAYER), "v1")

    def settings_at(self, endpoint: str) -> dict[str, str]:
        settings = self.s3.settings("unused", endpoint)
        return {name: value for name, value in settings.items() if name != "ROADSTEAD_BLOBS"}

    def back_up(self, *flags: object, damaged: int = 0) -> dict:
        done = run("backup", self.place, *flags, "--data", self.server.data, "--output", "json", **self.settings)
        made = json.loads(done.stdout)
        assert (done.returncode, made["damagedBlobs"]) == (min(damaged, 1), damaged), done
        return made

    def copies(self) -> list[str]:
        """The keys of the copies of the layer, in their order."""
        start = digest_of(LAYER).removeprefix("sha256:")[:32]
        listed = self.client.list_objects_v2(Bucket=self.s3.bucket, Prefix="backups/blobs/")["Contents"]
        return [found["Key"] for found in listed if found["Key"].split("/")[-1].replace("-", "").startswith(start)]

    def put(self, key: str, content: bytes) -> None:
        self.client.put_object(Bucket=self.s3.bucket, Key=key, Body=content)

    def check(self, *flags: str, through: Nginx | None = None) -> tuple[int, dict]:
        settings = self.settings_at(f"http://{through.address}") if through else self.settings
        done = run("check", "--backup", self.place, "--output", "json", *flags, **settings)
        return done.returncode, json.loads(done.stdout)

    def restores(self, snapshot: str, name: str) -> None:
        succeed("restore", self.place, "--snapshot", snapshot, "--data", self.folder / name, **self.settings)
        restored = Server(self.folder / name, place=Place("embedded"))
        assert Pusher(restored).request("GET", f"{REPOSITORY}/blobs/{digest_of(LAYER)}").data == LAYER
        assert restored.stop() == 0

    def lose_layer(self) -> None:
        digest = digest_of(LAYER).removeprefix("sha256:")
        [file] = (self.server.data / "blobs" / "sha256" / digest[:2]).glob(f"{digest}.*")
        file.unlink()

    def repair(self, through: Nginx | None = None):
        settings = self.settings_at(f"http://{through.address}") if through else self.settings
        return run("check", "--repair", "--from", self.place, "--data", self.server.data, **settings)


@pytest.fixture
def backups(tmp_path):
    backups = Backups(tmp_path)
    yield backups
    backups.server.kill()


@pytest.mark.smoke
def test_an_old_snapshot_whose_copy_was_damaged_and_removed_is_mended_by_the_next_backup(backups):
    first = backups.back_up()["snapshot"]
    [damaged] = backups.copies()
    backups.put(damaged, bytes(50_000))
    code, report = backups.check("--contents", "--repair")
    assert (code, report["removed"], [finding["snapshots"] for finding in report["findings"]]) == (1, 1, [[first]]), report
    assert backups.copies() == [] and backups.check()[1]["findings"][0]["snapshots"] == [first]
    assert backups.back_up()["newBlobs"] == 1
    [whole] = backups.copies()
    assert whole != damaged and backups.check("--contents")[0] == 0
    backups.restores(first, "removed")

    # The first snapshot names this key: what is there now is of another size, and no snapshot is hurt by it.
    backups.put(damaged, b"cut short")
    for flags, removed in [([], False), (["--contents", "--repair"], True)]:
        code, report = backups.check(*flags)
        [finding] = report["findings"]
        assert (code, finding["snapshots"], finding["removed"]) == (1, [], removed), report
    assert backups.copies() == [whole] and backups.check("--contents")[0] == 0
    backups.put(damaged, bytes(50_000))
    backups.restores(first, "damaged")


@pytest.mark.smoke
def test_a_copy_that_cannot_be_read_is_read_again_and_never_removed(backups):
    snapshot = backups.back_up()["snapshot"]
    [key] = backups.copies()
    reading = f"^GET [^?]*{key}"
    code, report = backups.check("--contents", "--repair", through=refusing(backups.s3, reading, at_first=True))
    assert (code, report["found"]) == (0, 0), report
    code, report = backups.check("--contents", "--repair", through=refusing(backups.s3, reading))
    [finding] = report["findings"]
    assert (code, finding["snapshots"], report["removed"]) == (1, [snapshot], 0) and " cannot be read: " in finding["text"], report
    assert backups.copies() == [key] and backups.check("--contents")[0] == 0


@pytest.mark.smoke
def test_old_copies_of_another_size_are_deleted_with_old_snapshots_once_there_is_a_whole_one(backups):
    backups.back_up()
    [cut] = backups.copies()
    backups.put(cut, LAYER[:100])
    made = backups.back_up("--keep", 1)
    [whole] = backups.copies()
    assert whole != cut and (made["newBlobs"], made["deletedSnapshots"]) == (1, 1), made
    assert backups.check("--contents")[0] == 0
    backups.restores(made["snapshot"], "restored")

    # Without a whole one, it is kept as what is left.
    backups.put(whole, LAYER[:100])
    backups.lose_layer()
    made = backups.back_up("--keep", 1, damaged=1)
    assert made["deletedSnapshots"] == 0 and backups.copies() == [whole], made


@pytest.mark.smoke
def test_a_repair_takes_the_first_whole_copy_of_several_and_names_the_reason_if_there_is_none(backups):
    backups.back_up()
    [whole] = backups.copies()
    stem = whole.rsplit(".", 1)[0]
    first, last = f"{stem}.00000000", f"{stem}.zzzzzzzz"
    for key in (first, last):
        backups.put(key, bytes(50_000))
    assert backups.copies() == [first, whole, last]
    backups.lose_layer()
    done = backups.repair()
    assert done.returncode == 0, done.stdout + done.stderr
    assert Pusher(backups.server).request("GET", f"{REPOSITORY}/blobs/{digest_of(LAYER)}").data == LAYER

    backups.lose_layer()
    done = backups.repair(through=refusing(backups.s3, f"^GET [^?]*{first}"))
    assert done.returncode == 0, done.stdout + done.stderr
    backups.lose_layer()
    done = backups.repair(through=refusing(backups.s3, f"^GET [^?]*{whole}"))
    assert done.returncode == 1 and f"'{whole.removeprefix('backups/blobs/')}' cannot be read: " in done.stdout, done.stdout
    for key in (first, whole, last):
        backups.put(key, LAYER[:100])
    done = backups.repair()
    assert done.returncode == 1 and done.stdout.count(" has other content than its digest says") == 3, done.stdout
    assert backups.copies() == [first, whole, last]


@pytest.mark.smoke
def test_a_repair_from_a_place_that_cannot_be_listed_says_so_and_changes_nothing(backups):
    backups.back_up()
    backups.lose_layer()
    done = backups.repair(through=refusing(backups.s3, "^GET .*[?&]prefix=backups%2Fblobs"))
    assert done.returncode == 1 and done.stdout == "" and " cannot be read: " in done.stderr, done.stdout + done.stderr
    assert backups.repair().returncode == 0


def succeed(*arguments: object, **environment: str) -> str:
    done = run(*arguments, **environment)
    assert done.returncode == 0, (arguments, done.stdout, done.stderr)
    return done.stdout
