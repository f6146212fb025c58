"""docker, with a separate daemon: login, build, push, pull."""

import json

import pytest
import urllib3

from daemons import docker_daemon
from images import DEBIAN, of_two_platforms, write_context
from pushing import DOCKER_CONFIG, DOCKER_LIST, DOCKER_MANIFEST, Pusher, push_layer_through_api


@pytest.fixture(scope="module")
def daemon(tmp_path_factory):
    with docker_daemon(tmp_path_factory.mktemp("docker")) as docker:
        yield docker


@pytest.fixture(scope="module")
def docker(daemon, server):
    """docker after `aws ecr-public get-login-password | docker login`."""
    said = daemon("login", "--username", "AWS", "--password-stdin", server.address, text=server.password())
    assert "Login Succeeded" in said
    return daemon


@pytest.fixture(scope="module")
def built(docker, tmp_path_factory):
    """The name of an image of three layers, one of them a Debian root."""
    docker("import", "--change", "CMD /bin/bash", "--change", "LABEL of=debian", DEBIAN, "debian:root")
    context = write_context(tmp_path_factory.mktemp("build") / "context", "debian:root")
    docker("build", "--quiet", "--network", "none", "--tag", "built:latest", context)
    return "built:latest"


def inspected(docker, name):
    (image,) = json.loads(docker("image", "inspect", name))
    return image


def test_a_wrong_password_is_refused(daemon, server):
    refusal = daemon.attempt("login", "--username", "AWS", "--password-stdin", server.address, text="wrong")
    assert refusal.returncode != 0
    assert "Login Succeeded" not in refusal.stdout


def test_an_image_is_pushed_described_and_pulled_again(docker, built, server, ecr, repository):
    name = f"{server.address}/{server.alias}/{repository}"
    before = inspected(docker, built)
    assert len(before["RootFS"]["Layers"]) == 3
    docker("tag", built, f"{name}:v1")
    said = docker("push", f"{name}:v1")

    (detail,) = ecr.describe_image_tags(repositoryName=repository)["imageTagDetails"]
    assert detail["imageTag"] == "v1"
    image = detail["imageDetail"]
    assert f"digest: {image['imageDigest']}" in said
    assert image["imageManifestMediaType"] == DOCKER_MANIFEST
    assert image["artifactMediaType"] == DOCKER_CONFIG
    manifest = server.http.request("GET", f"{server.url}/v2/{server.alias}/{repository}/manifests/v1").json()
    assert image["imageSizeInBytes"] == sum(part["size"] for part in [manifest["config"], *manifest["layers"]])
    assert image["imageSizeInBytes"] > 20 << 20

    # Removes only the names; the next test pulls the layers from scratch.
    docker("rmi", f"{name}:v1")
    for reference in (f"{name}:v1", f"{name}@{image['imageDigest']}"):
        docker("pull", "--quiet", reference)
        after = inspected(docker, reference)
        assert (after["Id"], after["RootFS"]) == (before["Id"], before["RootFS"])
        docker("rmi", reference)


def test_every_layer_is_downloaded_whole_without_a_login(docker, built, server, repository):
    name = f"{server.address}/{server.alias}/{repository}:v1"
    docker("tag", built, name)
    docker("push", "--quiet", name)
    before = inspected(docker, name)
    docker("rmi", name, built, "debian:root")
    assert docker("image", "ls", "--quiet", "--all") == "", "no local layer that would skip a download"
    docker("logout", server.address)
    try:
        docker("pull", "--quiet", name)
    finally:
        docker("login", "--username", "AWS", "--password-stdin", server.address, text=server.password())
    after = inspected(docker, name)
    assert (after["Id"], after["RootFS"]) == (before["Id"], before["RootFS"])
    docker("tag", name, built)
    docker("rmi", name)


def test_an_image_that_only_the_aws_api_pushed_is_pulled(docker, built, server, ecr, repository):
    name, sister = f"{server.address}/{server.alias}/{repository}", repository + "-aws"
    docker("tag", built, f"{name}:v1")
    docker("push", "--quiet", f"{name}:v1")
    before = inspected(docker, built)
    ecr.create_repository(repositoryName=sister)

    def content(path):
        answer = urllib3.request("GET", f"{server.url}/v2/{server.alias}/{repository}/{path}")  # follows redirects
        assert answer.status == 200
        return answer.data

    manifest = content("manifests/v1")
    parts = json.loads(manifest)
    for part in [parts["config"], *parts["layers"]]:
        assert push_layer_through_api(ecr, sister, content(f"blobs/{part['digest']}")) == part["digest"]
    ecr.put_image(repositoryName=sister, imageManifest=manifest.decode(), imageTag="v1")
    docker("rmi", f"{name}:v1", built)
    assert docker("image", "ls", "--quiet", "--all") == "", "no local layer that would skip a download"
    docker("pull", "--quiet", f"{name}-aws:v1")
    after = inspected(docker, f"{name}-aws:v1")
    assert (after["Id"], after["RootFS"]) == (before["Id"], before["RootFS"])
    docker("tag", f"{name}-aws:v1", built)
    docker("rmi", f"{name}-aws:v1")


def test_pushing_again_changes_nothing(docker, built, server, ecr, repository):
    name = f"{server.address}/{server.alias}/{repository}:v1"
    docker("tag", built, name)
    docker("push", "--quiet", name)
    before = ecr.describe_image_tags(repositoryName=repository)["imageTagDetails"]
    assert "Layer already exists" in docker("push", name)
    assert ecr.describe_image_tags(repositoryName=repository)["imageTagDetails"] == before


def test_layers_of_a_sister_repository_are_not_sent_again(docker, built, server, ecr, repository):
    name = f"{server.address}/{server.alias}/{repository}"
    ecr.create_repository(repositoryName=repository + "-too")
    for reference in (f"{name}:v1", f"{name}-too:v1"):
        docker("tag", built, reference)
        said = docker("push", reference)
    assert said.count("Mounted from") + said.count("Layer already exists") == 3, said


def test_a_list_of_two_architectures_is_made_and_pushed(docker, name, ecr, repository, tmp_path):
    for architecture in ("amd64", "arm64"):
        (tmp_path / "Dockerfile").write_text(f"FROM scratch\nCOPY Dockerfile /srv/{architecture}\n")
        docker("build", "--quiet", "--network", "none", "--tag", f"{name}:{architecture}", tmp_path)
        docker("push", f"{name}:{architecture}")
    docker("manifest", "create", "--insecure", f"{name}:both", f"{name}:amd64", f"{name}:arm64")
    docker("manifest", "annotate", "--arch", "arm64", f"{name}:both", f"{name}:arm64")
    digest = docker("manifest", "push", "--purge", f"{name}:both")
    details = {detail["imageTag"]: detail["imageDetail"] for detail in ecr.describe_image_tags(repositoryName=repository)["imageTagDetails"]}
    assert details["both"]["imageDigest"] == digest
    assert details["both"]["imageManifestMediaType"] == DOCKER_LIST
    listed = json.loads(docker("manifest", "inspect", "--insecure", f"{name}:both"))["manifests"]
    assert {entry["platform"]["architecture"]: entry["digest"] for entry in listed} == {
        architecture: details[architecture]["imageDigest"] for architecture in ("amd64", "arm64")
    }
    docker("pull", "--quiet", f"{name}:both")


def test_a_push_to_an_absent_repository_is_refused_in_awss_words(docker, built, server):
    name = f"{server.address}/{server.alias}/no/such:v1"
    docker("tag", built, name)
    refusal = docker.attempt("push", name)
    assert refusal.returncode != 0
    text = f"The repository with name 'no/such' does not exist in the registry with id '{server.alias}'"
    assert text in refusal.stdout + refusal.stderr


def test_a_push_without_the_alias_is_told_the_right_path(docker, built, server):
    name = f"{server.address}/app:v1"
    docker("tag", built, name)
    refusal = docker.attempt("push", name)
    assert refusal.returncode != 0
    assert f"{server.alias}/app" in refusal.stdout + refusal.stderr


def test_a_push_without_a_login_is_refused(docker, built, server, repository):
    name = f"{server.address}/{server.alias}/{repository}:v1"
    docker("tag", built, name)
    docker("logout", server.address)
    try:
        refusal = docker.attempt("push", name)
    finally:
        docker("login", "--username", "AWS", "--password-stdin", server.address, text=server.password())
    assert refusal.returncode != 0
    assert any(word in (refusal.stdout + refusal.stderr).lower() for word in ("denied", "no basic auth", "unauthorized"))


def test_a_pull_of_what_is_not_there_says_so(docker, server, repository):
    refusal = docker.attempt("pull", f"{server.address}/{server.alias}/{repository}:none")
    assert refusal.returncode != 0
    assert "not found" in refusal.stderr or "manifest unknown" in refusal.stderr, refusal.stderr


@pytest.mark.direct("what a replica has counted reaches the others within seconds")
def test_one_pull_of_two_platforms_passes_at_any_rate(daemon, start):
    limited = start("--pull-rate-anonymous", "1/h", "--create-on-push")
    index = of_two_platforms()
    Pusher(limited).push("app", index, "many")
    name = f"{limited.address}/{limited.alias}/app:many"
    daemon("pull", "--quiet", name)
    daemon("rmi", name)
    of = f"/v2/{limited.alias}/app/manifests/"
    assert limited.http.request("GET", f"{limited.url}{of}{index.digest}").status == 429
    assert limited.stop() == 0, "the log is whole once the server has stopped"
    asked = [(event["method"], event["path"]) for event in limited.events() if "/manifests/" in event.get("path", "")]
    assert asked[-4:-2] == [("HEAD", of + "many"), ("GET", of + index.digest)]
    assert asked[-2] in [("GET", of + child.digest) for child in index.children]


def test_a_login_that_is_over_still_pulls_and_is_told_when_it_pushes(daemon, start):
    """docker stores its login and sends it with every request."""
    own = start("--create-on-push")
    Pusher(own).push("app", of_two_platforms(), "many")
    name = f"{own.address}/{own.alias}/app:many"
    daemon("login", "--username", "AWS", "--password-stdin", own.address, text=(password := own.password()))
    own.run("access-key", "disable", own.key()[0])
    daemon("pull", "--quiet", name)
    for refused in (("push", name), ("login", "--username", "AWS", "--password-stdin", own.address)):
        refusal = daemon.attempt(*refused, text=password)
        assert refusal.returncode != 0, refused
        assert "Not Authorized" in refusal.stdout + refusal.stderr or "unauthorized" in refusal.stdout + refusal.stderr
    daemon("logout", own.address)
    daemon("rmi", name)
