"""What people call one pull is counted as one, whichever client they use."""

import json
import tempfile
import uuid

import pytest
import urllib3

from images import of_two_platforms, unpackable
from pushing import Pusher
from test_containerd_umoci import ctr
from test_docker import daemon
from tools import Tool, go_tool, need

pytestmark = pytest.mark.direct("each replica remembers for itself which requests are parts of one pull")
REPOSITORY = "team/app"


class Counted:
    """A server of its own, with an image of two platforms as `v1` and one of a single platform as `v2`."""

    def __init__(self, server):
        self.server = server
        server.client().create_repository(repositoryName=REPOSITORY)
        self.pusher = Pusher(server)
        # Clients do not pull again what they already have from another test.
        self.digest = self.pusher.push(REPOSITORY, of_two_platforms(str(uuid.uuid4())), "v1")
        self.pusher.push(REPOSITORY, unpackable("amd64", str(uuid.uuid4())), "v2")

    def name(self) -> str:
        """The repository as a reference of registry clients, without a tag."""
        return f"{self.server.address}/{self.server.alias}/{REPOSITORY}"

    def pulls(self, repository: str = REPOSITORY) -> tuple[int, int, dict[str, int]]:
        """The numbers of pulls and of those by robots, and the pulls of each tag. Stops the server, which writes its counts."""
        assert self.server.stop() == 0

        def stats(*arguments):
            return json.loads(self.server.run("stats", repository, *arguments, "--output", "json"))

        totals = stats()
        return totals["pulls"], totals["robots"], {row["tag"]: row["pulls"] for row in stats("--by", "tag")}


@pytest.fixture
def counted(start):
    return Counted(start())


@pytest.fixture
def login(counted):
    """The arguments and the input of a login to the server."""
    return ("--username", "AWS", "--password-stdin"), counted.server.password()


@pytest.mark.parametrize("tag", ["v1", "v2"])
def test_docker_counts_once(daemon, counted, tag):
    daemon("pull", f"{counted.name()}:{tag}")
    assert counted.pulls() == (1, 0, {tag: 1})


def test_docker_counts_a_pull_by_digest_once(daemon, counted):
    # What a client requests by digest soon after it has pushed it is no pull, so another address pushes.
    counted.server.http = urllib3.PoolManager(retries=False, timeout=30, source_address=("127.0.0.66", 0))
    digest = Pusher(counted.server).push(REPOSITORY, of_two_platforms(str(uuid.uuid4())))
    daemon("pull", f"{counted.name()}@{digest}")
    assert counted.pulls() == (1, 0, {})


@pytest.mark.parametrize("tag", ["v1", "v2"])
def test_containerd_counts_once(ctr, counted, tag):
    ctr("images", "pull", "--plain-http", "--snapshotter", "native", f"{counted.name()}:{tag}")
    assert counted.pulls() == (1, 0, {tag: 1})


@pytest.mark.parametrize("tag", ["v1", "v2"])
def test_podman_counts_once(counted, tag, tmp_path):
    need("podman")
    # podman refuses long paths.
    with tempfile.TemporaryDirectory(prefix="run-", dir="/tmp") as run:
        podman = Tool(
            "podman", "--root", tmp_path / "storage", "--runroot", run, "--storage-driver", "vfs",
            "--cgroup-manager", "cgroupfs", "--events-backend", "file", HOME=str(tmp_path), TMPDIR=str(tmp_path),
        )
        podman("pull", "--tls-verify=false", f"{counted.name()}:{tag}")
    assert counted.pulls() == (1, 0, {tag: 1})


@pytest.mark.parametrize("tag", ["v1", "v2"])
def test_skopeo_counts_once(counted, tag, tmp_path):
    need("skopeo", root=False)
    skopeo = Tool("skopeo", HOME=str(tmp_path), TMPDIR=str(tmp_path))
    skopeo("copy", "--src-tls-verify=false", f"docker://{counted.name()}:{tag}", f"oci:{tmp_path / 'copy'}:copy")
    assert counted.pulls() == (1, 0, {tag: 1})


@pytest.mark.parametrize("tag", ["v1", "v2"])
def test_crane_counts_a_pull_once_and_a_digest_not_at_all(counted, tag, tmp_path):
    crane = go_tool("crane", tmp_path)
    crane("digest", f"{counted.name()}:{tag}")
    crane("pull", "--platform", "linux/amd64", f"{counted.name()}:{tag}", tmp_path / "image.tar")
    assert counted.pulls() == (1, 0, {tag: 1})


def test_crane_digest_counts_nothing(counted, tmp_path):
    crane = go_tool("crane", tmp_path)
    for tag in ("v1", "v2"):
        crane("digest", f"{counted.name()}:{tag}")
    assert counted.pulls() == (0, 0, {})


def test_oras_counts_once(counted, login, tmp_path):
    oras = go_tool("oras", tmp_path)
    arguments, password = login
    oras("login", "--plain-http", counted.server.address, *arguments, text=password)
    (tmp_path / "manual").write_text("the manual\n")
    oras("push", "--plain-http", f"{counted.name()}:manual", "--artifact-type", "application/x.manual", "manual:text/plain")
    oras("pull", "--plain-http", "--output", tmp_path / "pulled", f"{counted.name()}:manual")
    assert counted.pulls() == (1, 0, {"manual": 1})


def test_helm_counts_once(counted, login, tmp_path):
    helm = go_tool("helm", tmp_path)
    arguments, password = login
    helm("registry", "login", "--plain-http", counted.server.address, *arguments, text=password)
    helm("create", tmp_path / "chart")
    helm("package", tmp_path / "chart", "--destination", tmp_path)
    counted.server.client().create_repository(repositoryName="team/chart")
    address = f"oci://{counted.server.address}/{counted.server.alias}/team"
    helm("push", "--plain-http", tmp_path / "chart-0.1.0.tgz", address)
    helm("pull", "--plain-http", f"{address}/chart", "--version", "0.1.0", "--destination", tmp_path)
    assert counted.pulls("team/chart") == (1, 0, {"0.1.0": 1})


@pytest.mark.parametrize("mode", [(), ("--registry-referrers-mode=oci-1-1",)], ids=["tag", "referrer"])
def test_cosign_is_a_robot_and_what_it_attaches_is_never_pulled(counted, login, tmp_path, mode):
    cosign = go_tool("cosign", tmp_path, COSIGN_PASSWORD="secret", COSIGN_EXPERIMENTAL="1")
    plain = ("--allow-insecure-registry", "--allow-http-registry")
    arguments, password = login
    cosign("generate-key-pair")
    cosign("login", counted.server.address, *arguments, text=password)
    image = f"{counted.name()}@{counted.digest}"
    cosign("sign", "--key", "cosign.key", "--tlog-upload=false", "--yes", *mode, *plain, image)
    verify = ("--experimental-oci11",) if mode else ()
    cosign("verify", "--key", "cosign.pub", "--insecure-ignore-tlog", *verify, *plain, image)
    cosign("verify", "--key", "cosign.pub", "--insecure-ignore-tlog", *verify, *plain, f"{counted.name()}:v1")
    pulls, _, tags = counted.pulls()
    assert (pulls, tags) == (0, {})


def test_a_script_is_a_robot(counted):
    for agent in ("curl/8.5.0", "Go-http-client/1.1", "python-requests/2.32.3", "RenovateBot/37", "trivy/0.57.0"):
        path = f"{counted.server.url}/v2/{counted.server.alias}/{REPOSITORY}/manifests/v1"
        assert counted.server.http.request("GET", path, headers={"User-Agent": agent}).status == 200
    assert counted.pulls() == (0, 5, {})
