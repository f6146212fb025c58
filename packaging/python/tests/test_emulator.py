"""The module and the fixture as users have them, where the wheel is installed."""

from __future__ import annotations

import base64
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING

import pytest

import roadstead

if TYPE_CHECKING:
    from pathlib import Path

PATIENCE = 60

#: A program that starts an emulator in this directory, says where, and waits in a `with` block. SIGINT ends it even if this test is a
#: background job of a shell, which ignores that signal.
WAITING = """
import signal, time, roadstead
signal.signal(signal.SIGINT, signal.default_int_handler)
with roadstead.Emulator() as ecr:
    print(ecr.endpoint, flush=True)
    time.sleep(600)
"""


def status(url: str, login: str = "") -> int:
    """Return the status of a GET request, with a Basic login if there is one."""
    headers = {"Authorization": f"Basic {base64.b64encode(login.encode()).decode()}"} if login else {}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=PATIENCE) as answer:  # noqa: S310
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def answers(url: str) -> bool:
    """Return whether a server answers there."""
    try:
        return status(f"{url}/readyz") > 0
    except urllib.error.URLError:
        return False


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the directory in which servers keep temporary files."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return tmp_path


def wait_until_empty(directory: Path) -> None:
    """Wait until nothing is in a directory."""
    deadline = time.monotonic() + PATIENCE
    while any(directory.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert list(directory.iterdir()) == []


@pytest.mark.parametrize("turn", [1, 2])
def test_the_fixture_gives_each_test_an_empty_registry(roadstead_emulator: roadstead.Emulator, turn: int) -> None:
    client = roadstead_emulator.client()
    assert client.describe_repositories()["repositories"] == [], turn
    created = client.create_repository(repositoryName="team/app")["repository"]
    assert created["repositoryUri"] == roadstead_emulator.repository_uri("team/app")
    assert created["registryId"] == roadstead_emulator.registry_id


def test_any_login_is_accepted(roadstead_emulator: roadstead.Emulator) -> None:
    assert status(f"{roadstead_emulator.endpoint}/v2/", "me@example.org:anything") == 200


def test_another_account_has_repositories_of_its_own(roadstead_emulator: roadstead.Emulator) -> None:
    roadstead_emulator.client().create_repository(repositoryName="app")
    other = roadstead_emulator.client(account="111122223333")
    assert other.describe_repositories()["repositories"] == []
    assert other.describe_registries()["registries"][0]["registryId"] == "111122223333"


def test_programs_in_other_processes_find_it_by_the_environment(roadstead_emulator: roadstead.Emulator) -> None:
    program = """
import boto3
print(boto3.client("ecr-public").create_repository(repositoryName="app")["repository"]["repositoryUri"])
"""
    environment = {**os.environ, **roadstead_emulator.environment}
    ended = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == roadstead_emulator.repository_uri("app")


class TestSettings:
    """The fixture `roadstead_settings`, overridden."""

    @pytest.fixture
    def roadstead_settings(self) -> dict[str, str | int | bool]:
        return {"alias": "harbour", "anonymous_describe": False, "limit_repositories": 1}

    def test_they_are_those_of_the_server(self, roadstead_emulator: roadstead.Emulator) -> None:
        assert roadstead_emulator.alias == "harbour"
        client = roadstead_emulator.client()
        client.create_repository(repositoryName="one")
        with pytest.raises(client.exceptions.LimitExceededException):
            client.create_repository(repositoryName="two")


def test_emulators_do_not_share_anything() -> None:
    with roadstead.Emulator() as one, roadstead.Emulator() as other:
        one.client().create_repository(repositoryName="app")
        assert other.client().describe_repositories()["repositories"] == []
        assert one.endpoint != other.endpoint


def test_the_end_of_the_block_leaves_nothing_behind(temporary: Path) -> None:
    with roadstead.Emulator() as ecr:
        assert answers(ecr.endpoint)
        assert len(list(temporary.iterdir())) == 1
    assert not answers(ecr.endpoint)
    assert list(temporary.iterdir()) == []


def test_an_exception_in_the_block_leaves_nothing_behind(temporary: Path) -> None:
    ecr = roadstead.Emulator()
    with pytest.raises(KeyError), ecr:
        raise KeyError
    assert not answers(ecr.endpoint)
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("death", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_parent_that_dies_leaves_nothing_behind(temporary: Path, death: signal.Signals) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", WAITING], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    endpoint = parent.stdout.readline().strip()
    assert answers(endpoint)
    parent.send_signal(death)
    parent.communicate(timeout=PATIENCE)
    assert parent.returncode in (-death, 1)
    wait_until_empty(temporary)
    assert not answers(endpoint)


def test_it_can_be_started_again_but_not_twice() -> None:
    ecr = roadstead.Emulator()
    with ecr:
        with pytest.raises(roadstead.EmulatorError, match="is running already"):
            ecr.start()
        ecr.client().create_repository(repositoryName="app")
    ecr.stop()
    with ecr:
        assert ecr.client().describe_repositories()["repositories"] == []


def test_a_server_that_cannot_start_says_why(temporary: Path) -> None:
    with pytest.raises(roadstead.EmulatorError, match=r"did not start: .*--pull-rate-anonymous: 'fast'"):
        roadstead.Emulator(pull_rate_anonymous="fast").start()
    with pytest.raises(roadstead.EmulatorError, match="--colour"):
        roadstead.Emulator(colour="blue").start()
    assert list(temporary.iterdir()) == []


def test_settings_in_the_environment_do_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROADSTEAD_ALIAS", "elsewhere")
    monkeypatch.setenv("ROADSTEAD_LISTEN", "nonsense")
    with roadstead.Emulator() as ecr:
        assert ecr.alias != "elsewhere"


def test_the_module_runs_the_server() -> None:
    binary, module = [roadstead.find_binary()], [sys.executable, "-m", "roadstead"]
    versions = {subprocess.check_output([*command, "--version"], text=True) for command in (binary, module)}
    assert len(versions) == 1
    assert versions.pop().startswith("roadstead ")
