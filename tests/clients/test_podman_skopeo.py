"""skopeo, buildah and podman: copies between formats, an index of two architectures, pulls without a daemon."""

import json
import os
import tempfile

import pytest

from images import DEBIAN
from pushing import OCI_INDEX, OCI_MANIFEST
from tools import Tool, need


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("containers")


@pytest.fixture(scope="module")
def login(folder, server):
    """The credentials file of `buildah login`, which all three programs read."""
    need("buildah")
    file = folder / "auth.json"
    Tool("buildah", HOME=str(folder))(
        "login", "--tls-verify=false", "--authfile", file, "--username", "AWS", "--password-stdin", server.address,
        text=server.password(),
    )
    return file


@pytest.fixture(scope="module")
def storage(folder):
    """Separate storage for buildah and podman, which limits the path of the second directory to 50 characters."""
    with tempfile.TemporaryDirectory(prefix="run-", dir="/tmp") as run:
        yield ["--root", folder / "storage", "--runroot", run, "--storage-driver", "vfs"]


@pytest.fixture(scope="module")
def skopeo(folder, login):
    need("skopeo")
    return Tool("skopeo", HOME=str(folder), REGISTRY_AUTH_FILE=str(login))


@pytest.fixture(scope="module")
def buildah(folder, login, storage):
    environment = {"HOME": str(folder), "REGISTRY_AUTH_FILE": str(login), "BUILDAH_ISOLATION": "chroot", "TMPDIR": str(folder)}
    yield (tool := Tool("buildah", *storage, **environment))
    tool.attempt("rm", "--all")
    tool.attempt("rmi", "--all", "--force")


@pytest.fixture(scope="module")
def podman(folder, login, storage):
    need("podman")
    environment = {"HOME": str(folder), "REGISTRY_AUTH_FILE": str(login), "TMPDIR": str(folder)}
    return Tool("podman", *storage, "--cgroup-manager", "cgroupfs", "--events-backend", "file", **environment)


def build(buildah, folder, name, architecture):
    """An image of two layers, for one architecture."""
    for number, base in enumerate(("scratch", f"{name}-base")):
        file = folder / f"{name}-{number}"
        file.write_bytes(os.urandom(50_000))
        container = buildah("from", "--pull-never", base)
        buildah("copy", container, file, f"/srv/{number}")
        buildah("config", "--arch", architecture, "--os", "linux", "--cmd", "/srv/0", container)
        buildah("commit", "--quiet", "--format", "oci", container, name if number else f"{name}-base")
        buildah("rm", container)
    return name


@pytest.fixture(scope="module")
def images(buildah, folder):
    return {architecture: build(buildah, folder, f"app-{architecture}", architecture) for architecture in ("amd64", "arm64")}


def test_skopeo_copies_an_image_in_and_out_unchanged(skopeo, buildah, images, name, folder, ecr, repository):
    layout = f"oci:{folder}/layout:v1"
    buildah("push", "--quiet", images["amd64"], layout)
    skopeo("copy", "--quiet", "--dest-tls-verify=false", "--preserve-digests", layout, f"docker://{name}:v1")
    (detail,) = ecr.describe_image_tags(repositoryName=repository)["imageTagDetails"]
    listed = json.loads((folder / "layout" / "index.json").read_text())["manifests"][-1]
    assert detail["imageDetail"]["imageDigest"] == listed["digest"]
    assert detail["imageDetail"]["imageManifestMediaType"] == OCI_MANIFEST

    skopeo("copy", "--quiet", "--src-tls-verify=false", f"docker://{name}@{listed['digest']}", f"oci:{folder}/back:v1")
    (returned,) = json.loads((folder / "back" / "index.json").read_text())["manifests"]
    assert returned["digest"] == listed["digest"]


def test_skopeo_inspects_lists_and_deletes(skopeo, buildah, images, name, ecr, repository):
    for tag in ("v1", "v2", "latest"):
        buildah("push", "--quiet", "--tls-verify=false", images["amd64"], f"docker://{name}:{tag}")
    inspected = json.loads(skopeo("inspect", "--tls-verify=false", f"docker://{name}:v1"))
    assert inspected["Name"] == name
    assert inspected["RepoTags"] == ["latest", "v1", "v2"]
    assert (inspected["Architecture"], len(inspected["Layers"])) == ("amd64", 2)
    listed = json.loads(skopeo("list-tags", "--tls-verify=false", f"docker://{name}"))
    assert listed == {"Repository": name, "Tags": ["latest", "v1", "v2"]}
    skopeo("delete", "--tls-verify=false", f"docker://{name}:v1")
    assert ecr.describe_image_tags(repositoryName=repository)["imageTagDetails"] == [], "skopeo deletes by digest"


def test_buildah_pulls_what_it_pushed(buildah, images, name):
    buildah("push", "--quiet", "--tls-verify=false", images["amd64"], f"docker://{name}:v1")
    buildah("pull", "--quiet", "--tls-verify=false", f"docker://{name}:v1")
    (pulled, pushed) = (json.loads(buildah("inspect", "--type", "image", image)) for image in (f"{name}:v1", images["amd64"]))
    assert pulled["FromImageID"] == pushed["FromImageID"]


def test_skopeo_copies_an_index_with_all_its_images(skopeo, buildah, images, name, ecr, repository, folder):
    buildah("manifest", "create", "all")
    for image in images.values():
        buildah("manifest", "add", "all", image)
    buildah("manifest", "push", "--all", "--tls-verify=false", "--format", "oci", "all", f"docker://{name}:all")
    layout = f"oci:{folder}/all:v1"
    skopeo("copy", "--quiet", "--all", "--src-tls-verify=false", f"docker://{name}:all", layout)
    skopeo("copy", "--quiet", "--all", "--dest-tls-verify=false", layout, f"docker://{name}:again")
    again, first = ecr.describe_image_tags(repositoryName=repository)["imageTagDetails"]
    assert again["imageDetail"]["imageDigest"] == first["imageDetail"]["imageDigest"]


def test_skopeo_copies_from_one_repository_to_another(skopeo, buildah, images, name, ecr, repository):
    buildah("push", "--quiet", "--tls-verify=false", images["amd64"], f"docker://{name}:v1")
    ecr.create_repository(repositoryName=repository + "-too")
    skopeo("copy", "--quiet", "--src-tls-verify=false", "--dest-tls-verify=false", f"docker://{name}:v1", f"docker://{name}-too:v1")
    digests = {
        ecr.describe_image_tags(repositoryName=one)["imageTagDetails"][0]["imageDetail"]["imageDigest"]
        for one in (repository, repository + "-too")
    }
    assert len(digests) == 1


def test_skopeo_converts_between_docker_and_oci(skopeo, buildah, images, name, ecr, repository):
    for form in ("oci", "v2s2"):
        buildah("push", "--quiet", "--tls-verify=false", "--format", form, images["amd64"], f"docker://{name}:{form}")
        skopeo("copy", "--quiet", "--src-tls-verify=false", "--dest-tls-verify=false", "--format", "v2s2" if form == "oci" else "oci",
               f"docker://{name}:{form}", f"docker://{name}:from-{form}")
    tags = ecr.describe_image_tags(repositoryName=repository)["imageTagDetails"]
    kinds = {detail["imageTag"]: detail["imageDetail"]["imageManifestMediaType"].split(".")[1:3] for detail in tags}
    assert {tag: kind[0] for tag, kind in kinds.items()} == {"oci": "oci", "from-v2s2": "oci", "v2s2": "docker", "from-oci": "docker"}


@pytest.mark.parametrize("form", ["oci", "v2s2"])
def test_an_index_of_two_architectures_is_pushed_and_pulled(buildah, podman, images, name, ecr, repository, folder, form):
    manifest = f"both-{form}"
    buildah("manifest", "create", manifest)
    for image in images.values():
        buildah("manifest", "add", manifest, image)
    buildah("manifest", "push", "--all", "--tls-verify=false", "--format", form, manifest, f"docker://{name}:both")
    (detail,) = ecr.describe_image_tags(repositoryName=repository)["imageTagDetails"]
    image = detail["imageDetail"]
    assert image["imageManifestMediaType"] == (OCI_INDEX if form == "oci" else "application/vnd.docker.distribution.manifest.list.v2+json")
    assert "artifactMediaType" not in image
    children = [child for child in ecr.describe_images(repositoryName=repository)["imageDetails"] if "imageTags" not in child]
    assert len(children) == 2
    assert image["imageSizeInBytes"] == max(child["imageSizeInBytes"] for child in children)

    for architecture in images:
        podman("pull", "--quiet", "--tls-verify=false", "--arch", architecture, f"{name}:both")
        (pulled,) = json.loads(podman("image", "inspect", f"{name}:both"))
        assert pulled["Architecture"] == architecture
        podman("rmi", f"{name}:both")


def test_podman_pushes_and_pulls_a_debian_root(podman, name, ecr, repository):
    podman("import", "--quiet", DEBIAN, "debian-root")
    podman("push", "--quiet", "--tls-verify=false", "debian-root", f"{name}:debian")
    (before,) = json.loads(podman("image", "inspect", "debian-root"))
    podman("rmi", "debian-root")
    podman("pull", "--quiet", "--tls-verify=false", f"{name}:debian")
    (after,) = json.loads(podman("image", "inspect", f"{name}:debian"))
    assert (after["Id"], after["RootFS"]) == (before["Id"], before["RootFS"])
    (detail,) = ecr.describe_image_tags(repositoryName=repository)["imageTagDetails"]
    assert detail["imageDetail"]["imageDigest"] == after["Digest"]


def test_a_push_to_an_absent_repository_is_refused_in_awss_words(skopeo, buildah, images, server):
    refusal = buildah.attempt(
        "push", "--tls-verify=false", images["amd64"], f"docker://{server.address}/{server.alias}/no/such:v1"
    )
    assert refusal.returncode != 0
    text = f"The repository with name 'no/such' does not exist in the registry with id '{server.alias}'"
    assert text in refusal.stdout + refusal.stderr, refusal.stderr
