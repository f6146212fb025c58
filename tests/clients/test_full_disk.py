"""A full disk: writes are refused without revealing internals, nothing is half-written, pulls continue."""

import os
import subprocess

import pytest
from botocore.exceptions import ClientError

from pushing import Pusher, digest_of, image
from running import run
from tools import need


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 16 MiB."""
    need("mount")
    folder = tmp_path / "disk"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m,mode=0755", "roadstead-test", folder], check=True)
    yield folder
    subprocess.run(["umount", folder], check=True)


def fill(folder):
    """Fills the remaining space."""
    with (folder / "filler").open("wb", buffering=0) as filler:
        for size in (1 << 20, 1 << 12, 1):
            try:
                while filler.write(bytes(size)) == size:
                    pass
            except OSError:
                continue
    return folder / "filler"


@pytest.mark.embedded("fills the disk of the data directory")
def test_a_full_disk_stops_writes_and_nothing_else(small_disk, start):
    server = start(data=small_disk / "data")
    ecr, pusher = server.client(), Pusher(server)
    ecr.create_repository(repositoryName="team/app")
    kept = image(os.urandom(1 << 20))
    pusher.push("team/app", kept, "kept")
    filler = fill(small_disk)

    begun = pusher.request("POST", "team/app/blobs/uploads/", Content_Length="0")
    layer = os.urandom(1 << 20)
    if begun.status == 202:
        place = begun.headers["Location"] + ("&" if "?" in begun.headers["Location"] else "?") + f"digest={digest_of(layer)}"
        refusal = pusher.request("PUT", place, layer, Content_Type="application/octet-stream")
    else:
        refusal = begun
    assert refusal.status == 503, refusal.data
    assert refusal.headers["Content-Type"].startswith("application/json")
    assert b"errors" in refusal.data and str(small_disk).encode() not in refusal.data

    with pytest.raises(ClientError) as failure:
        for number in range(1000):
            ecr.create_repository(repositoryName=f"team/app-{number}")
    response = failure.value.response
    assert response["Error"]["Code"] == "ServerException"
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 500
    for inside in ("disk", "space", "SQL", "sqlite", str(small_disk)):
        assert inside not in response["Error"]["Message"]

    assert pusher.request("GET", "team/app/manifests/kept").data == kept.body
    assert pusher.request("GET", f"team/app/blobs/{digest_of(kept.blobs[1])}").data == kept.blobs[1]
    assert [tag["imageTag"] for tag in ecr.describe_image_tags(repositoryName="team/app")["imageTagDetails"]] == ["kept"]
    assert pusher.request("HEAD", f"team/app/blobs/{digest_of(layer)}").status == 404

    filler.unlink()
    pusher.push("team/app", image(layer), "later")
    assert pusher.request("GET", f"team/app/blobs/{digest_of(layer)}").data == layer
    assert server.stop() == 0


@pytest.mark.embedded("fills the disk of the data directory")
def test_a_server_on_a_full_disk_says_so_and_does_not_wait(small_disk, start):
    data = small_disk / "data"
    assert start(data=data).stop() == 0
    fill(small_disk)
    done = run("serve", "--listen", "127.0.0.1:0", "--data", data, "--wait", "1d")
    reason = f"roadstead: cannot open the metadata: '{data / 'roadstead.db'}': "
    assert done.returncode == 1 and reason in done.stderr and "(0 bytes are free on the disk)" in done.stderr, done.stderr
