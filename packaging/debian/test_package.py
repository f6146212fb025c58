"""The Debian package, in a bare root. Its name is in ROADSTEAD_DEB. Needs root, mmdebstrap, lintian, strace and systemd-analyze.

The sandbox of the unit cannot be tried here, because no systemd runs. What it forbids is compared with what the server does.
"""

import json
import os
import re
import shlex
import subprocess
import time
import urllib.request
from configparser import ConfigParser
from pathlib import Path

import pytest

DEB = Path(os.environ["ROADSTEAD_DEB"]).resolve()
UNIT = "usr/lib/systemd/system/roadstead.service"
# Of 10; what a service is exposed to. nginx of Debian has 9.6.
MOST_EXPOSED = 1.9
PATIENCE = 60


def run(*command, **options):
    ended = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    assert ended.returncode == 0, f"{command}: {ended.stdout}{ended.stderr}"
    return ended.stdout


def in_root(root, *command, **options):
    return run("chroot", root, *command, env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND": "noninteractive"}, **options)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A root of Debian in which the package is installed."""
    root = tmp_path_factory.mktemp("root")
    # A temporary directory of pytest is closed to other users, as whom the server runs.
    for folder in (root, *root.parents[:2]):
        folder.chmod(0o755)
    install = ['copy-in "$DEB" /tmp', 'chroot "$1" apt-get install --yes --no-install-recommends /tmp/$(basename "$DEB") >/dev/null']
    hooks = [f"--customize-hook={hook}" for hook in install]
    run(
        "mmdebstrap",
        "--quiet",
        "--variant=minbase",
        "--skip=cleanup/apt/lists",
        *hooks,
        "bookworm",
        root,
        env={**os.environ, "DEB": str(DEB)},
    )
    yield root
    run("rm", "-rf", "--one-file-system", root)


@pytest.fixture(scope="module")
def unit(root):
    """The unit as it is installed, with the last value of each key."""
    parser = ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str
    parser.read(root / UNIT)
    return parser


class Service:
    """What systemd would run, as an unprivileged user, on a free port."""

    def __init__(self, root, unit, *tracer):
        data = root / "var/lib/roadstead"
        data.mkdir(exist_ok=True)
        data.chmod(0o700)
        os.chown(data, 65534, 65534)
        self.ready = data / "ready.json"
        environment = {
            "PATH": os.environ["PATH"],
            "ROADSTEAD_LISTEN": "127.0.0.1:0",
            "ROADSTEAD_READY_FILE": "/var/lib/roadstead/ready.json",
        }
        command = [*tracer, "chroot", "--userspec=nobody:nogroup", root, *shlex.split(unit["Service"]["ExecStart"])]
        self.process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
        deadline = time.monotonic() + PATIENCE
        while not self.ready.exists() and self.process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        if not self.ready.exists():
            self.process.kill()
            pytest.fail(self.process.communicate()[1])
        self.said = json.loads(self.ready.read_text())

    def get(self, path):
        with urllib.request.urlopen(f"http://{self.said['address']}{path}", timeout=PATIENCE) as answer:
            return answer.read()

    def stop(self):
        os.kill(self.said["pid"], 15)
        log = self.process.communicate(timeout=PATIENCE)[1]
        assert self.process.returncode == 0, log
        return log


def test_what_is_installed_is_complete(root):
    assert in_root(root, "roadstead", "--version").startswith("roadstead ")
    listed = in_root(root, "dpkg", "--listfiles", "roadstead").split()
    for path in (
        UNIT,
        "etc/roadstead/roadstead.toml",
        "usr/share/bash-completion/completions/roadstead",
        "usr/share/doc/roadstead/copyright",
    ):
        assert f"/{path}" in listed, listed
    pages = {Path(path).name for path in listed if path.startswith("/usr/share/man/man1/")}
    assert {"roadstead.1.gz", "roadstead-serve.1.gz", "roadstead-access-key-create.1.gz"} <= pages
    assert in_root(root, "dpkg-query", "--show", "--showformat=${Conffiles}", "roadstead").split()[0] == "/etc/roadstead/roadstead.toml"
    enabled = root / "etc/systemd/system/multi-user.target.wants/roadstead.service"
    assert enabled.is_symlink()


def test_the_service_starts_as_an_unprivileged_user_and_answers(root, unit):
    service = Service(root, unit)
    assert service.said["data"] == "/var/lib/roadstead"
    assert service.get("/readyz")
    assert b"roadstead_" in service.get("/metrics")
    data = root / "var/lib/roadstead"
    assert (data / "credentials").stat().st_mode & 0o777 == 0o600
    users = ["roadstead", "user", "list", "--config", "/etc/roadstead/roadstead.toml"]
    assert in_root(root, *users).startswith("USER")
    # systemd kills what has not stopped then.
    assert int(unit["Service"]["TimeoutStopSec"]) > 40
    assert "stopped" in service.stop()
    assert not service.ready.exists()


def test_systemd_accepts_the_unit(root, tmp_path):
    # No systemd is in the root, so that of this machine reads the unit, with the program where it is in the root.
    here = tmp_path / "roadstead.service"
    here.write_text((root / UNIT).read_text().replace("/usr/bin/roadstead", f"{root}/usr/bin/roadstead"))
    complaints = subprocess.run(["systemd-analyze", "verify", "--man=no", here], capture_output=True, text=True, check=False)
    assert "roadstead" not in complaints.stderr, complaints.stderr
    exposure = run("systemd-analyze", "security", "--offline=true", root / UNIT)
    level = float(re.search(r"Overall exposure level for \S+: ([0-9.]+)", exposure)[1])
    assert level <= MOST_EXPOSED, exposure


def calls_of(name, groups):
    """The system calls of a group of systemd, or the call of this name."""
    if not name.startswith("@"):
        return {name}
    return set().union(*(calls_of(member, groups) for member in groups[name]))


def allowed_calls(root):
    """The system calls that the unit allows."""
    groups, group = {}, None
    for line in run("systemd-analyze", "syscall-filter", "--no-pager").splitlines():
        if line.startswith("@"):
            group = groups.setdefault(line.strip(), [])
        elif line.strip() and not line.strip().startswith("#"):
            group.append(line.strip())
    allowed = set()
    for line in (root / UNIT).read_text().splitlines():
        if line.startswith("SystemCallFilter="):
            text = line.partition("=")[2]
            named = set().union(*(calls_of(name, groups) for name in text.removeprefix("~").split()))
            allowed = allowed - named if text.startswith("~") else allowed | named
    return allowed


def test_the_server_makes_no_system_call_that_the_unit_forbids(root, unit, tmp_path):
    trace = tmp_path / "trace"
    service = Service(root, unit, "strace", "--follow-forks", "--quiet=all", "--output", trace)
    assert service.get("/readyz")
    assert b"roadstead_" in service.get("/metrics")
    service.stop()
    traced = trace.read_text()
    begun = traced.index('execve("/usr/bin/roadstead"')
    called = {match[1] for match in re.finditer(r"^\d+ +([a-z_0-9]+)\(", traced[begun:], re.MULTILINE)}
    assert {"accept4", "fdatasync", "mmap"} <= called
    forbidden = called - allowed_calls(root)
    assert not forbidden


def test_lintian_finds_no_error():
    run("lintian", "--allow-root", "--fail-on=error", "--suppress-tags=embedded-library,no-changelog", DEB)


def test_the_package_is_removed_and_purged_but_images_are_not_deleted(root):
    configured = root / "etc/roadstead/roadstead.toml"
    in_root(root, "dpkg", "--remove", "roadstead")
    assert not (root / "usr/bin/roadstead").exists()
    assert configured.exists()
    (root / "var/lib/private/roadstead").mkdir(parents=True)
    said = in_root(root, "dpkg", "--purge", "roadstead")
    assert "is left there" in said
    assert not configured.parent.exists()
    assert (root / "var/lib/private/roadstead").exists()
    assert not (root / "etc/systemd/system/multi-user.target.wants/roadstead.service").is_symlink()
