"""cosign with its own key: signatures and attestations, as tags and as referrers, without sigstore's services."""

import json

import pytest

from pushing import OCI_MANIFEST, image
from tools import go_tool

PLAIN = ("--allow-insecure-registry", "--allow-http-registry")
SIGN = ("--key", "cosign.key", "--tlog-upload=false", "--yes", *PLAIN)
VERIFY = ("--key", "cosign.pub", "--insecure-ignore-tlog", *PLAIN)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("cosign")


@pytest.fixture(scope="module")
def cosign(home, server):
    tool = go_tool("cosign", home, COSIGN_PASSWORD="secret", COSIGN_EXPERIMENTAL="1")
    tool("generate-key-pair")
    tool("login", server.address, "--username", "AWS", "--password-stdin", text=server.password())
    return tool


@pytest.fixture
def signed(server, repository, pusher):
    """The reference of an image to sign."""
    digest = pusher.push(repository, image(b"a layer"), "v1")
    return f"{server.address}/{server.alias}/{repository}@{digest}"


def tags(ecr, repository) -> list[str]:
    return [detail["imageTag"] for detail in ecr.describe_image_tags(repositoryName=repository)["imageTagDetails"]]


def test_a_signature_under_a_tag_is_verified(cosign, signed, ecr, repository):
    assert cosign.attempt("verify", *VERIFY, signed).returncode != 0, "not signed yet"
    cosign("sign", *SIGN, signed)
    (payload,) = json.loads(cosign("verify", *VERIFY, signed))
    digest = signed.rpartition("@")[2]
    assert payload["critical"]["image"]["docker-manifest-digest"] == digest
    assert digest.replace(":", "-") + ".sig" in tags(ecr, repository)


def test_a_signature_that_refers_to_its_image_is_verified(cosign, signed, ecr, repository):
    cosign("sign", "--registry-referrers-mode=oci-1-1", *SIGN, signed)
    (payload,) = json.loads(cosign("verify", "--experimental-oci11", *VERIFY, signed))
    assert payload["critical"]["image"]["docker-manifest-digest"] == signed.rpartition("@")[2]
    assert tags(ecr, repository) == ["v1"]


def test_a_signature_is_found_among_as_many_others_as_one_page_holds(cosign, signed, repository, pusher):
    # cosign reads one page of referrers and does not follow `Link`.
    config, digest = b"{}", signed.rpartition("@")[2]
    subject = {"mediaType": OCI_MANIFEST, "digest": digest, "size": 1}
    for number in range(60):
        pusher.push(repository, image(config=config, subject=subject, annotations={"n": f"{number:065000}"}))
    cosign("sign", "--registry-referrers-mode=oci-1-1", *SIGN, signed)
    listed = pusher.request("GET", f"{repository}/referrers/{digest}")
    assert len(listed.data) > 3_800_000 and "Link" not in listed.headers
    (payload,) = json.loads(cosign("verify", "--experimental-oci11", *VERIFY, signed))
    assert payload["critical"]["image"]["docker-manifest-digest"] == digest


def test_an_attestation_is_verified(cosign, signed, home):
    (home / "predicate.json").write_text(json.dumps({"tested": True}))
    cosign("attest", "--type", "custom", "--predicate", "predicate.json", *SIGN, signed)
    attested = json.loads(cosign("verify-attestation", "--type", "custom", *VERIFY, signed))
    assert attested["payloadType"] == "application/vnd.in-toto+json"
