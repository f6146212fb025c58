"""The container image: its configuration, and what docker and podman make of it."""

import base64
import json
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
import time
from pathlib import Path

import boto3
import pytest

from daemons import docker_daemon
from running import PATIENCE, binary
from services import free_port
from tools import Tool, need

SOURCE = Path(__file__).resolve().parents[2]
MOST_BYTES = 40_000_000
USER = 65532
STOP_GRACE = 35  # seconds; the server gives requests in flight 30


@pytest.fixture(scope="session")
def archive(tmp_path_factory):
    """The image of the binary under test."""
    need("buildah")
    path = tmp_path_factory.mktemp("image") / "roadstead.tar"
    subprocess.run(["bash", SOURCE / "packaging" / "image.sh", binary(), path], check=True, timeout=180)
    return path


def configuration_of(archive: Path) -> dict:
    with tarfile.open(archive) as tar:
        [listed] = json.load(tar.extractfile("manifest.json"))
        return json.load(tar.extractfile(listed["Config"]))["config"]


class Engine:
    """docker or podman, with the image loaded."""

    def __init__(self, tool: Tool, archive: Path, flags: tuple[str, ...] = (), plain_http: tuple[str, ...] = ()):
        self.tool = tool
        self.flags = flags
        self.plain_http = plain_http
        loaded = tool("load", "--quiet", "--input", archive)
        self.image = loaded.splitlines()[0].removeprefix("Loaded image: ")

    def run(self, name: str, *flags: str) -> None:
        self.tool("run", "--detach", "--name", name, *self.flags, *flags, self.image)

    def state(self, name: str) -> dict:
        [inspected] = json.loads(self.tool("inspect", name))
        return inspected["State"]

    def wait_until_healthy(self, name: str) -> str:
        """The answer of the health check, which the image itself defines."""
        deadline = time.monotonic() + PATIENCE
        while (asked := self.tool.attempt("exec", name, "roadstead", "healthcheck")).returncode != 0:
            assert time.monotonic() < deadline, asked.stderr + self.logs(name)
            time.sleep(0.1)
        return asked.stdout.strip()

    def logs(self, name: str) -> str:
        logged = self.tool.attempt("logs", name)
        return logged.stdout + logged.stderr

    def stop(self, name: str) -> int:
        """Stops and removes a container, and returns its exit code."""
        self.tool("stop", "--time", str(STOP_GRACE), name)
        code = self.state(name)["ExitCode"]
        self.tool("rm", name)
        return code


@pytest.fixture(scope="module")
def docker(archive, tmp_path_factory):
    with docker_daemon(tmp_path_factory.mktemp("docker")) as tool:
        yield Engine(tool, archive)


@pytest.fixture(scope="module")
def podman(archive, tmp_path_factory):
    need("podman")
    need("runc")
    folder = tmp_path_factory.mktemp("podman")
    # podman reads it before any login has written it.
    (folder / "auth.json").write_text("{}")
    # Without systemd there are no timers of health checks; the tests run them. Higher limits than podman's own need a capability.
    flags = ("--health-interval", "disable", "--ulimit", "nofile=1024:4096", "--ulimit", "nproc=4096:4096")
    # podman refuses long paths.
    with tempfile.TemporaryDirectory(prefix="run-", dir="/tmp") as run:
        tool = Tool(
            "podman", "--root", folder / "storage", "--runroot", run, "--storage-driver", "vfs", "--cgroup-manager", "cgroupfs",
            "--events-backend", "file", "--runtime", "runc",
            HOME=str(folder), TMPDIR=str(folder), REGISTRY_AUTH_FILE=str(folder / "auth.json"),
        )
        yield Engine(tool, archive, flags, ("--tls-verify=false",))


@pytest.fixture(params=["docker", "podman"])
def engine(request):
    engine = request.getfixturevalue(request.param)
    yield engine
    for name in engine.tool("ps", "--all", "--quiet").split():
        engine.tool.attempt("rm", "--force", name)


def test_the_image_is_small(archive):
    assert archive.stat().st_size < MOST_BYTES


def files_of(archive: Path) -> dict[str, tarfile.TarInfo]:
    """The files of an image, by path."""
    with tarfile.open(archive) as tar:
        [listed] = json.load(tar.extractfile("manifest.json"))
        [layer] = listed["Layers"]
        with tarfile.open(fileobj=tar.extractfile(layer)) as files:
            return {member.name.rstrip("/"): member for member in files}


def test_the_image_holds_the_server_and_no_other_program(archive):
    members = files_of(archive)
    programs = [name for name, member in members.items() if member.isfile() and member.mode & 0o111]
    assert [name for name in programs if not re.search(r"\.so(\.\d+)*$", name)] == ["usr/bin/roadstead"]
    assert "etc/ssl/certs/ca-certificates.crt" in members
    data = members["var/lib/roadstead"]
    assert (data.uid, data.gid, data.mode & 0o7777) == (USER, USER, 0o700)
    assert members["tmp"].mode & 0o7777 == 0o1777
    owned_by_the_user = [name for name, member in members.items() if member.uid == USER]
    assert owned_by_the_user == ["var/lib/roadstead"], "the server cannot change its own program"


def test_the_configuration_says_how_to_run_the_image(archive):
    configuration = configuration_of(archive)
    assert configuration["User"] == f"{USER}:{USER}"
    assert list(configuration["Volumes"]) == ["/var/lib/roadstead"]
    assert list(configuration["ExposedPorts"]) == ["5000/tcp"]
    assert configuration["Entrypoint"] + configuration["Cmd"] == ["roadstead", "serve"]
    assert configuration["Healthcheck"]["Test"] == ["CMD", "roadstead", "healthcheck"]
    labels = configuration["Labels"]
    version = re.search(r'^version = "(.*)"', (SOURCE / "Cargo.toml").read_text(), re.MULTILINE)[1]
    assert labels["org.opencontainers.image.version"] == version
    assert re.fullmatch(r"[0-9a-f]{40}|unknown", labels["org.opencontainers.image.revision"])
    assert labels["org.opencontainers.image.licenses"] == "Apache-2.0"


def test_by_default_a_container_listens_on_every_address_of_its_own_network(engine):
    engine.run("harbour", "--network", "none")
    assert engine.wait_until_healthy("harbour") == "ready: http://0.0.0.0:5000/readyz"
    assert engine.stop("harbour") == 0


def test_the_health_check_follows_the_settings_of_the_container(engine):
    engine.run("harbour", "--network", "none", "--env", "ROADSTEAD_ADMIN_LISTEN=localhost:5001")
    assert engine.wait_until_healthy("harbour") == "ready: http://localhost:5001/readyz"


def test_a_container_keeps_images_for_the_next_one_with_its_volume(engine):
    port = free_port()
    address = f"127.0.0.1:{port}"
    flags = (
        "--read-only", "--network", "host", "--volume", "anchorage:/var/lib/roadstead", "--env", f"ROADSTEAD_LISTEN={address}",
        "--cap-drop", "all", "--security-opt", "no-new-privileges",
    )
    engine.run("first", *flags)
    engine.wait_until_healthy("first")
    status = Path(f"/proc/{engine.state('first')['Pid']}/status").read_text()
    assert re.search(r"^Uid:\t(\d+)\t", status, re.MULTILINE)[1] == str(USER)

    # The log says how to learn the key.
    [command] = re.findall(r"'(roadstead access-key root [^']*)'", engine.logs("first"))
    key = json.loads(engine.tool("exec", "first", *command.split(), "--output", "json"))
    session = boto3.session.Session(key["accessKeyId"], key["secretAccessKey"], region_name="us-east-1")
    ecr = session.client("ecr-public", endpoint_url=f"http://{address}")
    token = ecr.get_authorization_token()["authorizationData"]["authorizationToken"]
    repository = ecr.create_repository(repositoryName="team/app")["repository"]["repositoryUri"]

    # The image itself is what is pushed.
    password = base64.b64decode(token).decode().removeprefix("AWS:")
    engine.tool("login", *engine.plain_http, "--username", "AWS", "--password-stdin", address, text=password)
    engine.tool("tag", engine.image, f"{repository}:v1")
    engine.tool("push", *engine.plain_http, f"{repository}:v1")
    [pushed] = ecr.describe_images(repositoryName="team/app")["imageDetails"]
    assert engine.stop("first") == 0

    engine.run("second", *flags)
    engine.wait_until_healthy("second")
    engine.tool("rmi", f"{repository}:v1")
    engine.tool("pull", "--quiet", *engine.plain_http, f"{repository}@{pushed['imageDigest']}")
    assert engine.stop("second") == 0
    engine.tool("rmi", f"{repository}@{pushed['imageDigest']}")


def test_a_backup_that_a_container_makes_is_restored_to_a_new_volume_by_another(engine, tmp_path):
    place = tmp_path / "place"
    place.mkdir(mode=0o700)
    os.chown(place, USER, USER)
    command = ("exec", "harbour", "roadstead", "access-key", "root", "--output", "json")
    engine.run("harbour", "--network", "none", "--read-only", "--volume", f"{place}:/backup")
    engine.wait_until_healthy("harbour")
    key = engine.tool(*command)
    engine.tool("exec", "harbour", "roadstead", "backup", "/backup")
    assert engine.stop("harbour") == 0

    volumes = ("--volume", f"restored-{tmp_path.name}:/var/lib/roadstead", "--volume", f"{place}:/backup:ro")
    engine.tool("run", "--rm", "--network", "none", *engine.flags, *volumes, engine.image, "restore", "/backup")
    engine.run("harbour", "--network", "none", "--read-only", *volumes)
    engine.wait_until_healthy("harbour")
    assert engine.tool(*command) == key
    assert engine.stop("harbour") == 0


def test_docker_finds_a_container_healthy_by_itself(docker):
    docker.run("harbour", "--network", "none", "--health-interval", "1s")
    deadline = time.monotonic() + PATIENCE
    while (health := docker.state("harbour")["Health"])["Status"] != "healthy":
        assert time.monotonic() < deadline, health
        time.sleep(0.2)
    assert docker.stop("harbour") == 0


def test_podman_runs_the_health_check_of_the_image(podman):
    podman.run("harbour", "--network", "none")
    podman.wait_until_healthy("harbour")
    podman.tool("healthcheck", "run", "harbour")
    assert podman.stop("harbour") == 0


def test_a_container_prints_its_version_and_refuses_what_it_does_not_know(engine):
    assert engine.tool("run", "--rm", *engine.flags, engine.image, "--version").startswith("roadstead ")
    refusal = engine.tool.attempt("run", "--rm", *engine.flags, "--env", "ROADSTEAD_LISTEN=everywhere", engine.image)
    assert refusal.returncode == 2 and "ROADSTEAD_LISTEN" in refusal.stderr, refusal.stderr


def copy_with_libraries(program: Path, base: Path) -> None:
    """Copies a program, and the shared objects that it needs, to their own paths below a folder."""
    linked = subprocess.run(["ldd", program], capture_output=True, text=True).stdout
    for file in (str(program), *re.findall(r"/\S+", linked)):
        target = base / file.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, target)


def test_the_dockerfile_makes_the_same_image_from_a_base_image_in_which_cargo_only_copies(archive, tmp_path):
    """The official image of Rust cannot be had here: a stand-in has its name, and all that the Dockerfile runs but a compiler."""
    base, source = tmp_path / "base", tmp_path / "source"
    for name in ("bash", "cat", "cp", "dirname", "grep", "install", "ldd", "mkdir", "rm"):
        copy_with_libraries(Path("/usr/bin") / name, base)
    copy_with_libraries(binary(), base)
    (base / "bin").mkdir()
    for shell in ("bash", "sh"):
        shutil.copy("/usr/bin/bash", base / "bin" / shell)
    for name, script in {
        "cargo": f"#!/bin/sh\nmkdir -p target/release && cp {binary()} target/release/roadstead\n", "strip": "#!/bin/sh\n",
    }.items():
        (base / "usr" / "bin" / name).write_text(script)
        (base / "usr" / "bin" / name).chmod(0o755)
    (base / "etc" / "ssl" / "certs").mkdir(parents=True)
    shutil.copy("/etc/ssl/certs/ca-certificates.crt", base / "etc" / "ssl" / "certs")
    source.mkdir()
    shutil.copytree(SOURCE / "packaging", source / "packaging")
    shutil.copy(SOURCE / "LICENSE", source)

    storage = ("--root", tmp_path / "storage", "--runroot", tmp_path / "run", "--storage-driver", "vfs")
    buildah = Tool("buildah", *storage, HOME=str(tmp_path), TMPDIR=str(tmp_path), BUILDAH_ISOLATION="chroot")
    container = buildah("from", "scratch")
    buildah("copy", container, base, "/")
    buildah("commit", "--quiet", container, "docker.io/library/rust:1.95-bookworm")
    buildah("build", "--quiet", "--format", "docker", "--pull-never", "--file", SOURCE / "contrib" / "Dockerfile", "--tag", "built", source)
    made = tmp_path / "built.tar"
    buildah("push", "--quiet", "built", f"docker-archive:{made}:built")
    assert files_of(made).keys() == files_of(archive).keys()
    for key in ("User", "Env", "Entrypoint", "Cmd", "Volumes", "ExposedPorts", "Healthcheck", "WorkingDir", "StopSignal"):
        assert configuration_of(made)[key] == configuration_of(archive)[key], key
