"""crane and regctl: images created, moved, validated and copied with their referrers."""

import json
import os
import tarfile

import pytest

from pushing import OCI_CONFIG, OCI_MANIFEST, Manifest, digest_of
from tools import go_tool


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("crane")


@pytest.fixture(scope="module")
def crane(home, server):
    tool = go_tool("crane", home)
    tool("auth", "login", server.address, "--username", "AWS", "--password-stdin", text=server.password())
    return tool


@pytest.fixture(scope="module")
def regctl(home, server):
    tool = go_tool("regctl", home, "--verbosity", "error")
    tool("registry", "set", "--tls", "disabled", server.address)
    tool("registry", "login", server.address, "--user", "AWS", "--pass-stdin", text=server.password())
    return tool


@pytest.fixture(scope="module")
def layer(home):
    """A tar layer with one file."""
    (home / "file").write_bytes(os.urandom(3 << 20))
    with tarfile.open(home / "layer.tar", "w") as archive:
        archive.add(home / "file", "srv/file")
    return home / "layer.tar"


def test_crane_appends_mutates_validates_and_lists(crane, layer, name, ecr, repository):
    crane("append", "--new_layer", layer, "--new_tag", f"{name}:v1")
    crane("mutate", f"{name}:v1", "--label", "harbour=pier", "--tag", f"{name}:v2")
    for tag in ("v1", "v2"):
        assert crane("validate", "--remote", f"{name}:{tag}").startswith("PASS")
    assert crane("ls", name).split() == ["v1", "v2"]
    assert json.loads(crane("config", f"{name}:v2"))["config"]["Labels"] == {"harbour": "pier"}
    tags = {detail["imageTag"]: detail["imageDetail"]["imageDigest"] for detail in ecr.describe_image_tags(repositoryName=repository)["imageTagDetails"]}
    assert tags == {tag: crane("digest", f"{name}:{tag}") for tag in ("v1", "v2")}


def test_crane_pushes_what_it_pulled(crane, layer, name, home):
    crane("append", "--new_layer", layer, "--new_tag", f"{name}:v1")
    crane("pull", "--format", "oci", f"{name}:v1", home / "pulled")
    crane("push", home / "pulled", f"{name}:again")
    assert crane("digest", f"{name}:again") == crane("digest", f"{name}:v1")
    crane("pull", f"{name}:again", home / "pulled.tar")
    crane("push", home / "pulled.tar", f"{name}:docker")
    assert crane("validate", "--remote", f"{name}:docker").startswith("PASS")


def test_an_image_without_layers_as_buildkit_writes_it_is_copied_as_it_is(crane, name, repository, pusher, home):
    config = json.dumps({"architecture": "amd64", "os": "linux", "config": {"Env": ["A=b"]}, "rootfs": {"type": "layers", "diff_ids": None}})
    described = {"mediaType": OCI_CONFIG, "digest": digest_of(config.encode()), "size": len(config)}
    body = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": described, "layers": None}
    pusher.push(repository, Manifest(OCI_MANIFEST, json.dumps(body).encode(), (config.encode(),)), "v1")
    crane("copy", f"{name}:v1", f"{name}:copy")
    assert json.loads(crane("manifest", f"{name}:copy")) == body
    assert json.loads(crane("config", f"{name}:copy"))["config"] == {"Env": ["A=b"]}
    crane("pull", "--format", "oci", f"{name}:v1", home / "empty")
    crane("push", home / "empty", f"{name}:again")
    assert crane("digest", f"{name}:again") == crane("digest", f"{name}:v1")


def test_crane_copies_tags_and_deletes(crane, layer, name, server):
    crane("append", "--new_layer", layer, "--new_tag", f"{name}:v1")
    crane("tag", f"{name}:v1", "stable")
    crane("copy", f"{name}:v1", f"{name}:copy")
    crane("delete", f"{name}:copy")
    assert crane("ls", name).split() == ["stable", "v1"]
    assert name.removeprefix(server.address + "/") in crane("catalog", server.address).split()


def test_regctl_copies_an_image_with_its_referrers_and_digest_tags(crane, regctl, layer, name, ecr, repository, home):
    crane("append", "--new_layer", layer, "--new_tag", f"{name}:v1")
    digest = crane("digest", f"{name}:v1")
    (home / "bill").write_text("everything")
    bill = ["--file", home / "bill", "--file-media-type", "text/plain"]
    regctl("artifact", "put", "--artifact-type", "application/x.bill", "--subject", f"{name}:v1", *bill)
    regctl("artifact", "put", "--artifact-type", "application/x.note", *bill, f"{name}:{digest.replace(':', '-')}.note")

    ecr.create_repository(repositoryName=repository + "-too")
    regctl("image", "copy", "--digest-tags", "--referrers", f"{name}:v1", f"{name}-too:v1")
    listed = json.loads(regctl("artifact", "list", "--format", "{{json .}}", f"{name}-too:v1"))
    assert [entry["artifactType"] for entry in listed["descriptors"]] == ["application/x.bill"]
    assert regctl("tag", "ls", f"{name}-too").split() == [digest.replace(":", "-") + ".note", "v1"]
    assert crane("digest", f"{name}-too:v1") == digest


def test_regctl_deletes_one_tag_and_leaves_the_image(crane, regctl, layer, name):
    crane("append", "--new_layer", layer, "--new_tag", f"{name}:v1")
    crane("tag", f"{name}:v1", "v2")
    regctl("tag", "delete", f"{name}:v1")
    assert regctl("tag", "ls", name).split() == ["v2"]
    assert crane("validate", "--remote", f"{name}:v2").startswith("PASS")


def test_regctl_puts_and_gets_an_artifact(regctl, name, home):
    (home / "text").write_text("ahoy")
    regctl("artifact", "put", "--artifact-type", "application/x.text", "--file", home / "text", "--file-media-type", "text/plain", f"{name}:text")
    assert regctl("artifact", "get", f"{name}:text") == "ahoy"


def test_regctl_exports_and_imports_an_image(crane, regctl, layer, name, home):
    crane("append", "--new_layer", layer, "--new_tag", f"{name}:v1")
    regctl("image", "export", f"{name}:v1", home / "export.tar")
    regctl("image", "import", f"{name}:imported", home / "export.tar")
    assert crane("digest", f"{name}:imported") == crane("digest", f"{name}:v1")
