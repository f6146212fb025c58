"""containerd through `ctr`, and images made by umoci without a daemon."""

import subprocess
import time

import pytest

from pushing import image
from tools import SEARCHED, Tool, go_tool, need

CONFIGURATION = """
version = 2
root = "{folder}/root"
state = "{folder}/state"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
  address = "{folder}/socket"
[ttrpc]
  address = "{folder}/socket.ttrpc"
"""


@pytest.fixture(scope="module")
def ctr(tmp_path_factory):
    need("containerd")
    need("ctr")
    folder = tmp_path_factory.mktemp("ctr")
    (folder / "config.toml").write_text(CONFIGURATION.format(folder=folder))
    with (folder / "log").open("wb") as log:
        daemon = subprocess.Popen(["containerd", "--config", folder / "config.toml"], stdout=log, stderr=log, env={"PATH": SEARCHED})
    tool = Tool("ctr", "--address", folder / "socket", HOME=str(folder))
    try:
        deadline = time.monotonic() + 30
        while tool.attempt("version").returncode != 0:
            assert time.monotonic() < deadline and daemon.poll() is None, (folder / "log").read_text()
            time.sleep(0.1)
        yield tool
    finally:
        daemon.terminate()
        daemon.wait(30)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("umoci")


@pytest.fixture(scope="module")
def umoci(folder):
    need("umoci")
    return Tool("umoci", HOME=str(folder))


@pytest.fixture
def skopeo(folder, server):
    need("skopeo")
    tool = go_tool("skopeo", folder, REGISTRY_AUTH_FILE=str(folder / "auth.json"))
    tool("login", "--tls-verify=false", server.address, "--username", "AWS", "--password-stdin", text=server.password())
    return tool


@pytest.fixture
def layout(umoci, folder, repository):
    """A single-file image in an OCI layout."""
    layout = folder / repository.replace("/", "-")
    (folder / "file").write_text("ahoy\n")
    umoci("init", "--layout", layout)
    umoci("new", "--image", f"{layout}:v1")
    umoci("insert", "--rootless", "--image", f"{layout}:v1", folder / "file", "/srv/file")
    return layout


def test_what_umoci_made_is_pushed_pulled_and_unpacked(umoci, skopeo, layout, name, tmp_path):
    skopeo("copy", "--quiet", "--dest-tls-verify=false", f"oci:{layout}:v1", f"docker://{name}:v1")
    skopeo("copy", "--quiet", "--src-tls-verify=false", f"docker://{name}:v1", f"oci:{tmp_path}/back:v1")
    umoci("unpack", "--rootless", "--image", f"{tmp_path}/back:v1", tmp_path / "bundle")
    assert (tmp_path / "bundle/rootfs/srv/file").read_text() == "ahoy\n"


def test_containerd_pulls_pushes_and_pulls_again(ctr, skopeo, layout, name, server, ecr, repository):
    skopeo("copy", "--quiet", "--dest-tls-verify=false", f"oci:{layout}:v1", f"docker://{name}:v1")
    ctr("image", "pull", "--snapshotter", "native", "--plain-http", f"{name}:v1")
    ctr("image", "tag", f"{name}:v1", f"{name}:v2")
    ctr("image", "push", "--plain-http", "--user", f"AWS:{server.password()}", f"{name}:v2")
    first, second = ecr.describe_image_tags(repositoryName=repository)["imageTagDetails"]
    assert first["imageDetail"]["imageDigest"] == second["imageDetail"]["imageDigest"]
    ctr("image", "rm", "--sync", f"{name}:v1", f"{name}:v2")
    ctr("image", "pull", "--snapshotter", "native", "--plain-http", f"{name}@{first['imageDetail']['imageDigest']}")


def test_containerd_cannot_push_without_a_login(ctr, skopeo, layout, name, ecr, repository):
    skopeo("copy", "--quiet", "--dest-tls-verify=false", f"oci:{layout}:v1", f"docker://{name}:v1")
    ctr("image", "pull", "--snapshotter", "native", "--plain-http", f"{name}:v1")
    ctr("image", "tag", f"{name}:v1", f"{name}:mine")
    assert ctr.attempt("image", "push", "--plain-http", f"{name}:mine").returncode != 0
    (detail,) = ecr.describe_image_tags(repositoryName=repository)["imageTagDetails"]
    assert detail["imageTag"] == "v1"


def test_skopeo_syncs_a_repository_there_and_back(skopeo, pusher, name, server, ecr, repository, tmp_path):
    for number in range(3):
        pusher.push(repository, image(b"layer %d" % number), f"v{number}")
    skopeo("sync", "--src", "docker", "--dest", "dir", "--src-tls-verify=false", name, tmp_path)
    base = repository.rpartition("/")[2]
    ecr.create_repository(repositoryName=f"synced/{base}")
    skopeo("sync", "--src", "dir", "--dest", "docker", "--dest-tls-verify=false", tmp_path, f"{server.address}/{server.alias}/synced")

    def digests(where):
        return {detail["imageTag"]: detail["imageDetail"]["imageDigest"] for detail in ecr.describe_image_tags(repositoryName=where)["imageTagDetails"]}

    assert digests(f"synced/{base}") == digests(repository)
