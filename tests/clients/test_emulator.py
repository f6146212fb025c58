"""`--emulator`: what users of local AWS emulators expect."""

import base64

import boto3
import pytest

from pushing import digest_of, image
from tools import Tool, need


def session(access_key, secret="anything"):
    return boto3.session.Session(access_key, secret, region_name="eu-central-1")


@pytest.fixture
def emulator(start):
    return start("--emulator", "--emulator-on-network")


@pytest.fixture
def client(emulator):
    """A client of this service with an access key that was never created."""
    return lambda access_key, service="ecr-public": session(access_key).client(service, endpoint_url=emulator.url)


def test_any_key_is_good_and_twelve_digits_are_the_account(client):
    assert client("111122223333").describe_registries()["registries"][0]["registryId"] == "111122223333"
    assert client("test").describe_registries()["registries"][0]["registryId"] == "000000000000"
    identity = client("111122223333", "sts").get_caller_identity()
    assert (identity["Account"], identity["Arn"]) == ("111122223333", "arn:aws:iam::111122223333:root")


def test_accounts_do_not_share_their_repositories(client):
    client("111122223333").create_repository(repositoryName="team/app")
    assert client("444455556666").describe_repositories()["repositories"] == []
    assert len(client("444455556666").describe_repositories(registryId="111122223333")["repositories"]) == 1


def test_skopeo_pushes_with_the_password_that_any_key_gets(client, emulator, tmp_path):
    need("skopeo")
    ecr = client("111122223333")
    uri = ecr.create_repository(repositoryName="team/app")["repository"]["repositoryUri"]
    token = ecr.get_authorization_token()["authorizationData"]["authorizationToken"]
    layout = tmp_path / "layout"
    pushed = image(b"layer", config=b'{"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": []}}')
    (layout / "blobs" / "sha256").mkdir(parents=True)
    (layout / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    for content in (*pushed.blobs, pushed.body):
        (layout / "blobs" / "sha256" / digest_of(content).removeprefix("sha256:")).write_bytes(content)
    entry = f'{{"mediaType": "{pushed.media_type}", "digest": "{pushed.digest}", "size": {len(pushed.body)}}}'
    (layout / "index.json").write_text(f'{{"schemaVersion": 2, "manifests": [{entry}]}}')
    skopeo = Tool("skopeo", HOME=str(tmp_path))
    credentials = base64.b64decode(token).decode()
    skopeo("copy", "--preserve-digests", "--dest-tls-verify=false", "--dest-creds", credentials, f"oci:{layout}", f"docker://{uri}:v1")
    (detail,) = ecr.describe_image_tags(repositoryName="team/app")["imageTagDetails"]
    assert detail["imageDetail"]["imageDigest"] == pushed.digest
