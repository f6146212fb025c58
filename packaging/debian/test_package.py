"""The Debian package, in a bare root, and in a machine with systemd that boots from it. The name of the package is in ROADSTEAD_DEB.

Needs root, mmdebstrap, systemd-nspawn, lintian and strace. The machine has a network of its own, without a way out.
"""

import json
import os
import re
import shlex
import subprocess
import sys
import textwrap
import time
import urllib.request
from configparser import ConfigParser
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
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
    install = 'chroot "$1" apt-get install --yes --no-install-recommends'
    hooks = [
        # mmdebstrap does not expand the words of its own hooks.
        f"copy-in {shlex.quote(str(DEB))} /tmp",
        # Before systemd, which brings libraries that the package may lack.
        f"{install} /tmp/{shlex.quote(DEB.name)} >/dev/null",
        f"{install} systemd-sysv dbus ca-certificates >/dev/null",
    ]
    options = [f"--customize-hook={hook}" for hook in hooks]
    run("mmdebstrap", "--quiet", "--variant=minbase", "--skip=cleanup/apt/lists", *options, "bookworm", root)
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
    """What systemd runs, without systemd: as an unprivileged user, on a free port."""

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


def test_systemd_accepts_the_unit(root):
    verify = ["chroot", root, "systemd-analyze", "verify", "--man=no", f"/{UNIT}"]
    complaints = subprocess.run(verify, capture_output=True, text=True, check=False)
    assert "roadstead" not in complaints.stderr, complaints.stderr
    exposure = in_root(root, "systemd-analyze", "security", "--offline=true", f"/{UNIT}")
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
    for line in in_root(root, "systemd-analyze", "syscall-filter", "--no-pager").splitlines():
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


class Machine:
    """A machine that boots from the root, with systemd as its first process and only a loopback interface."""

    CONFIGURATION = "/etc/roadstead/roadstead.toml"

    def __init__(self, root):
        self.root = root
        command = ["systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--private-network", "--boot", "--directory", root]
        self.nspawn = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        self.first_process = None

    def boot(self):
        self.wait_for(self.find_first_process)
        self.wait_for(lambda: self.call("systemctl", "is-system-running").stdout.strip() in ("running", "degraded"))

    def find_first_process(self):
        """Finds it among the children of systemd-nspawn, which begin as copies of that."""
        for child in Path(f"/proc/{self.nspawn.pid}/task/{self.nspawn.pid}/children").read_text().split():
            try:
                program = Path(f"/proc/{child}/exe").readlink()
            except FileNotFoundError:
                continue
            if program.name == "systemd":
                self.first_process = child
        return self.first_process

    def wait_for(self, happened):
        deadline = time.monotonic() + PATIENCE
        while not happened():
            assert self.nspawn.poll() is None, "systemd-nspawn ended"
            assert time.monotonic() < deadline, self.journal() if self.first_process else "systemd did not start"
            time.sleep(0.2)

    def call(self, *command):
        entered = ["nsenter", "--target", self.first_process, "--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup", *command]
        return subprocess.run(entered, capture_output=True, text=True, check=False, env={"PATH": os.environ["PATH"], "HOME": "/root"})

    def run(self, *command):
        """What a command says that root runs in the machine."""
        ended = self.call(*command)
        assert ended.returncode == 0, f"{command}: {ended.stdout}{ended.stderr}{self.journal()}"
        return ended.stdout

    def journal(self):
        return self.call("journalctl", "--no-pager", "--lines=50", "--unit=roadstead*").stdout

    def write(self, path, text):
        file = self.root / path.removeprefix("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def restart(self):
        """Has the service begin again with what was written, and waits until it is ready."""
        self.run("systemctl", "daemon-reload")
        self.run("systemctl", "restart", "roadstead")
        self.wait_until_ready()

    def wait_until_ready(self):
        self.wait_for(lambda: self.call("roadstead", "healthcheck", "--config", self.CONFIGURATION).returncode == 0)

    def outside(self, *command):
        """What a program of this machine says that uses the network of the other one."""
        return run("nsenter", "--target", self.first_process, "--net", *command)

    def create_repository(self, name):
        script = f"""if True:
            import boto3, configparser
            keys = configparser.ConfigParser()
            keys.read({str(self.root / "var/lib/private/roadstead/credentials")!r})
            client = boto3.client("ecr-public", endpoint_url="http://127.0.0.1:5000", region_name="us-east-1", **keys["default"])
            client.create_repository(repositoryName={name!r})
        """
        self.outside(sys.executable, "-c", script)

    def user_of_the_service(self):
        return int(re.search(r"^Uid:\t(\d+)", self.run("cat", f"/proc/{self.property('MainPID')}/status"), re.MULTILINE)[1])

    def property(self, name):
        return self.run("systemctl", "show", "--property", name, "--value", "roadstead").strip()

    def stop(self):
        self.nspawn.terminate()  # as by the power button
        try:
            self.nspawn.wait(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            self.nspawn.kill()
            self.nspawn.wait()


@pytest.fixture(scope="module")
def machine(root):
    # What earlier tests left there belongs to another user.
    run("rm", "-rf", root / "var/lib/roadstead")
    machine = Machine(root)
    try:
        machine.boot()
        machine.wait_until_ready()
        machine.create_repository("team/app")
        yield machine
    finally:
        machine.stop()


def indented(document, beginning):
    """The indented lines of a document from the one that begins so to the next that is not indented, such as a unit."""
    lines = (PROJECT / document).read_text().splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith(f"    {beginning}"))
    last = next(number for number in range(first, len(lines)) if lines[number] and not lines[number].startswith("    "))
    return textwrap.dedent("\n".join(lines[first:last]))


def test_the_service_works_in_its_sandbox_and_keeps_its_data(machine):
    assert machine.user_of_the_service() >= 61184, "a user that systemd invents"
    listed = machine.run("ls", "-l", "/var/lib/private/roadstead/credentials").split()
    assert listed[0] == "-rw-------" and int(listed[2]) == machine.user_of_the_service()
    machine.restart()
    assert "team/app" in machine.run("roadstead", "repository", "list", "--config", machine.CONFIGURATION)
    owners = machine.run("find", "/var/lib/private/roadstead", "-printf", "%U\n").split()
    assert set(owners) == {str(machine.user_of_the_service())}


def test_the_service_uses_certificates_that_only_root_can_read_as_its_configuration_tells(machine):
    live = machine.root / "etc/letsencrypt/live/registry.example.org"
    live.mkdir(parents=True)
    live.parent.chmod(0o700)
    run(
        "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
        "-subj", "/CN=registry.example.org", "-addext", "subjectAltName=DNS:registry.example.org",
        "-keyout", live / "privkey.pem", "-out", live / "fullchain.pem",
    )  # fmt: skip
    shipped = (machine.root / machine.CONFIGURATION[1:]).read_text()
    told = re.findall(r"^#     (\[Service\]|LoadCredential=.*)$", shipped, re.MULTILINE)
    machine.write("/etc/systemd/system/roadstead.service.d/override.conf", "\n".join(told))
    enabled = re.sub(r"^#(?=listen|tls_|admin_listen|audit_log)", "", re.sub(r"(?m)^listen .*", "", shipped), flags=re.MULTILINE)
    machine.write(machine.CONFIGURATION, enabled)
    machine.restart()
    answer = machine.outside(
        "curl", "--silent", "--show-error", "--cacert", live / "fullchain.pem", "--resolve", "registry.example.org:443:127.0.0.1",
        "--output", "/dev/null", "--write-out", "%{http_code}", "https://registry.example.org/",
    )  # fmt: skip
    assert answer == "200"
    assert machine.run("ls", "/var/log/private/roadstead").split() == ["audit.log"]


def test_the_timer_of_the_page_about_backups_makes_one(machine):
    files = re.split(r"^# (/\S+)\n", indented("docs/backup.md", "# /etc/systemd/system/roadstead-backup.service"), flags=re.MULTILINE)[1:]
    assert files[::2] == [f"/etc/systemd/system/roadstead-backup.{kind}" for kind in ("service", "timer")]
    for path, unit in zip(files[::2], files[1::2], strict=True):
        machine.write(path, unit)
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "enable", "--now", "roadstead-backup.timer")
    assert machine.run("systemctl", "is-active", "roadstead-backup.timer").strip() == "active"
    machine.run("systemctl", "start", "roadstead-backup.service")
    (snapshot,) = json.loads(machine.run("roadstead", "restore", "/backup/registry", "--list", "--output", "json"))
    assert snapshot["repositories"] == 1, snapshot
    owners = machine.run("find", "/var/lib/private/roadstead", "-printf", "%U\n").split()
    assert set(owners) == {str(machine.user_of_the_service())}


def test_an_installation_that_is_replaced_by_its_backup_as_the_page_tells_belongs_to_the_service(machine):
    data = "/var/lib/private/roadstead"
    machine.run("systemctl", "stop", "roadstead")
    machine.run("mv", data, f"{data}.damaged")
    machine.run("roadstead", "restore", "/backup/registry", "--data", data)
    machine.restart()
    assert "team/app" in machine.run("roadstead", "repository", "list", "--config", machine.CONFIGURATION)
    owners = machine.run("find", data, "-printf", "%U\n").split()
    assert set(owners) == {str(machine.user_of_the_service())}


def test_the_service_of_the_page_about_a_public_registry_runs(machine):
    page = (PROJECT / "docs/start/public.md").read_text()
    blocks = dict(re.findall(r"^ *```(toml|ini)\n(.*?)^ *```$", page, re.MULTILINE | re.DOTALL))
    configuration, unit = textwrap.dedent(blocks["toml"]), textwrap.dedent(blocks["ini"])
    command = re.search(r"`(useradd [^`]+)`", page)[1]
    machine.run(*command.split())
    machine.run("cp", "/usr/bin/roadstead", "/usr/local/bin/roadstead")
    machine.write(machine.CONFIGURATION, configuration)
    machine.run("systemctl", "stop", "roadstead")
    machine.run("rm", "-rf", "/etc/systemd/system/roadstead.service.d", "/var/lib/roadstead", "/var/lib/private/roadstead")
    machine.write("/etc/systemd/system/roadstead.service", unit)
    machine.restart()
    assert 0 < machine.user_of_the_service() < 1000


def test_lintian_finds_no_error():
    run("lintian", "--allow-root", "--fail-on=error", "--suppress-tags=embedded-library,no-changelog", DEB)


def test_the_package_is_removed_and_purged_but_images_are_not_deleted(root):
    configured = root / "etc/roadstead/roadstead.toml"
    in_root(root, "dpkg", "--remove", "roadstead")
    assert not (root / "usr/bin/roadstead").exists()
    assert configured.exists()
    (root / "var/lib/private/roadstead").mkdir(parents=True, exist_ok=True)
    said = in_root(root, "dpkg", "--purge", "roadstead")
    assert "is left there" in said
    assert not configured.parent.exists()
    assert (root / "var/lib/private/roadstead").exists()
    assert not (root / "etc/systemd/system/multi-user.target.wants/roadstead.service").is_symlink()
