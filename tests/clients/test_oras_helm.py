"""oras and helm: files, attached artifacts, and charts."""

import json

import pytest

from tools import go_tool

HTTP = "--plain-http"


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("oras")


@pytest.fixture(scope="module")
def oras(home, server):
    tool = go_tool("oras", home)
    tool("login", HTTP, server.address, "--username", "AWS", "--password-stdin", text=server.password())
    return tool


@pytest.fixture(scope="module")
def helm(home, server):
    tool = go_tool("helm", home)
    tool("registry", "login", HTTP, server.address, "--username", "AWS", "--password-stdin", text=server.password())
    return tool


@pytest.fixture
def pushed(oras, name, home):
    """A single-file artifact with an attached signature, and a signature attached to that."""
    for file in ("manual", "signature", "seal"):
        (home / file).write_text(f"the {file}\n")
    oras("push", HTTP, f"{name}:v1", "--artifact-type", "application/x.manual", "manual:text/plain")
    subject = f"{name}:v1"
    for file in ("signature", "seal"):
        attached = oras("attach", HTTP, "--format", "json", "--artifact-type", f"application/x.{file}", subject, f"{file}:text/plain")
        subject = json.loads(attached)["reference"]
    return f"{name}:v1"


def referrers(oras, reference) -> list:
    return json.loads(oras("discover", HTTP, "--format", "json", reference)).get("referrers") or []


def test_oras_finds_what_is_attached_and_what_is_attached_to_that(oras, pushed):
    (signature,) = referrers(oras, pushed)
    (seal,) = signature["referrers"]
    assert (signature["artifactType"], seal["artifactType"]) == ("application/x.signature", "application/x.seal")
    filtered = json.loads(oras("discover", HTTP, "--format", "json", "--artifact-type", "application/x.seal", pushed))
    assert not filtered.get("referrers")


def test_oras_pulls_the_files_again(oras, pushed, tmp_path):
    oras("pull", HTTP, "--output", tmp_path, pushed)
    assert (tmp_path / "manual").read_text() == "the manual\n"
    digest = json.loads(oras("manifest", "fetch", HTTP, pushed))["layers"][0]["digest"]
    assert oras("blob", "fetch", HTTP, "--output", "-", pushed.rpartition(":")[0] + "@" + digest) == "the manual"


def test_oras_copies_an_artifact_with_all_that_refers_to_it(oras, pushed, name, ecr, repository):
    ecr.create_repository(repositoryName=repository + "-too")
    oras("cp", "--recursive", "--from-plain-http", "--to-plain-http", pushed, f"{name}-too:v1")
    (signature,) = referrers(oras, f"{name}-too:v1")
    assert [seal["artifactType"] for seal in signature["referrers"]] == ["application/x.seal"]
    oras("manifest", "delete", HTTP, "--force", f"{name}-too:v1")
    assert oras("repo", "tags", HTTP, f"{name}-too") == ""


def test_a_chart_is_pushed_shown_and_pulled(helm, name, server, home, ecr, repository, tmp_path):
    helm("create", tmp_path / repository.rpartition("/")[2])
    helm("package", tmp_path / repository.rpartition("/")[2], "--destination", tmp_path)
    (package,) = tmp_path.glob("*.tgz")
    helm("push", HTTP, package, f"oci://{name.rpartition('/')[0]}")
    assert "version: 0.1.0" in helm("show", "chart", HTTP, f"oci://{name}")
    helm("pull", HTTP, f"oci://{name}", "--version", "0.1.0", "--destination", home)
    assert (home / package.name).read_bytes() == package.read_bytes()
    (detail,) = ecr.describe_image_tags(repositoryName=repository)["imageTagDetails"]
    assert (detail["imageTag"], detail["imageDetail"]["artifactMediaType"]) == ("0.1.0", "application/vnd.cncf.helm.config.v1+json")
