"""The workflows of GitHub Actions, which cannot run here: actionlint reads them, and what they refer to exists."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from running import run
from tools import Tool, need

SOURCE = Path(__file__).resolve().parents[2]
RELEASE = SOURCE / ".github" / "workflows" / "release.yml"
EXAMPLE = SOURCE / "contrib" / "github-actions-example.yml"


@pytest.mark.parametrize("workflow", [RELEASE, EXAMPLE], ids=lambda path: path.name)
def test_a_workflow_has_no_mistake_that_actionlint_knows(workflow):
    need("actionlint", root=False)
    Tool("actionlint")("-no-color", workflow)


def test_actionlint_finds_mistakes(tmp_path):
    need("actionlint", root=False)
    wrong = tmp_path / "wrong.yml"
    wrong.write_text(EXAMPLE.read_text().replace("runs-on", "run-on"))
    assert Tool("actionlint").attempt("-no-color", wrong).returncode != 0


@pytest.mark.parametrize("workflow", [RELEASE, EXAMPLE], ids=lambda path: path.name)
def test_a_workflow_says_that_it_has_not_run_yet(workflow):
    assert "has not run on GitHub yet" in workflow.read_text()


def test_actions_of_the_release_are_pinned_by_commit_or_come_from_github():
    for action in re.findall(r"uses: (\S+)", RELEASE.read_text()):
        assert action.startswith("actions/"), f"{action}: a release trusts no other code than GitHub's"


def test_the_release_runs_scripts_that_exist():
    text = RELEASE.read_text()
    for path in re.findall(r"\b(?:packaging|contrib|tests)/[\w./-]+", text):
        assert (SOURCE / path).exists(), path
    jobs = yaml.safe_load(text)["jobs"]
    assert {row["target"] for row in jobs["binaries"]["strategy"]["matrix"]["include"]} == {
        "x86_64-unknown-linux-musl", "aarch64-unknown-linux-musl",
    }


def test_everything_names_the_same_version():
    version = run("-V").stdout.split()[1]
    for named, code in [(version, 0), ("9.9.9", 1)]:
        done = subprocess.run(["bash", SOURCE / "packaging" / "release-version.sh", named], capture_output=True, text=True)
        assert done.returncode == code, done.stderr


def test_a_version_without_notes_is_not_released():
    done = subprocess.run(["bash", SOURCE / "packaging" / "release-notes.sh", "9.9.9"], capture_output=True, text=True)
    assert done.returncode == 1 and "CHANGELOG.md has no section" in done.stderr
    notes = subprocess.run(["bash", SOURCE / "packaging" / "release-notes.sh", "Unreleased"], capture_output=True, text=True, check=True)
    assert notes.stdout.strip() and "\n## " not in notes.stdout
