"""compose.yaml: the Compose specification's own program reads it, nginx reads its configuration, and the server takes its settings."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from settings import assert_taken
from services import program
from tools import Tool, need

SOURCE = Path(__file__).resolve().parents[2]
CONTRIB = SOURCE / "contrib"


@pytest.fixture
def folder(tmp_path):
    """A copy of the files, whose secrets have been made."""
    shutil.copy(CONTRIB / "compose.yaml", tmp_path)
    shutil.copytree(CONTRIB / "compose", tmp_path / "compose", ignore=shutil.ignore_patterns("secrets"))
    return tmp_path


def make_secrets(folder: Path) -> subprocess.CompletedProcess:
    return subprocess.run(["bash", folder / "compose" / "make-secrets.sh"], capture_output=True, text=True)


def read(folder: Path) -> dict:
    """The file as the reference implementation of the Compose specification understands it."""
    need("compose-go", root=False)
    return json.loads(Tool("compose-go", folder=folder)("-format", "json", "compose.yaml"))


def test_the_single_server_needs_no_secrets_and_no_other_service(folder):
    services = read(folder)["services"]
    assert [name for name, service in services.items() if not service.get("profiles")] == ["roadstead"]
    assert {mount["target"] for mount in services["roadstead"]["volumes"]} == {"/var/lib/roadstead"}
    assert services["roadstead"]["ports"][0]["host_ip"] == "127.0.0.1"


def test_every_service_that_another_one_waits_for_is_in_its_profile(folder):
    services = read(folder)["services"]
    for service in services.values():
        for awaited in service.get("depends_on", {}):
            assert services[awaited]["profiles"] == service["profiles"]


def test_the_server_takes_the_settings_of_the_replicas(folder):
    made = make_secrets(folder)
    assert made.returncode == 0, made.stderr
    assert (folder / "compose" / "secrets" / "replica.env").stat().st_mode & 0o777 == 0o600
    replica = read(folder)["services"]["replica"]
    secrets = dict(line.split("=", 1) for line in (folder / "compose" / "secrets" / "replica.env").read_text().splitlines())
    settings = {name: value for name, value in (secrets | replica["environment"]).items() if name.startswith("ROADSTEAD_")}
    assert {"ROADSTEAD_MASTER_KEY", "ROADSTEAD_DATABASE", "ROADSTEAD_BLOBS"} <= settings.keys()
    assert_taken(settings)


def test_secrets_are_made_once(folder):
    assert make_secrets(folder).returncode == 0
    first = (folder / "compose" / "secrets" / "replica.env").read_text()
    assert make_secrets(folder).returncode != 0
    assert (folder / "compose" / "secrets" / "replica.env").read_text() == first


def test_no_service_but_the_replicas_gets_the_master_key_or_the_whole_url_of_the_database(folder):
    assert make_secrets(folder).returncode == 0
    for file in (folder / "compose" / "secrets").iterdir():
        if file.name != "replica.env":
            assert "ROADSTEAD_" not in file.read_text()


def test_nginx_accepts_the_configuration_of_the_balancer(folder):
    done = subprocess.run(
        [program("nginx"), "-t", "-p", folder, "-c", folder / "compose" / "nginx.conf", "-e", folder / "errors", "-g", f"pid {folder}/pid;"],
        capture_output=True, text=True, env={"PATH": os.environ["PATH"]},
    )
    assert done.returncode == 0, done.stderr
