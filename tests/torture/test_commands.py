"""The first start on old data, and the commands that write: whichever of their changes to files is the last before they are killed, or the
first that finds a full disk, they leave nothing half-done that is taken for whole, and once they are run again, nothing is missing.
"""

import json
import os
import random
import shutil
import signal
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from faults import FULL, KILL, Changes
from representative import inventory
from rounds import rounds
from running import Process, Server, run
from upgrading import abandon_uploads, states, unpack

FAULTS = rounds("FAULTS", 2)
"""How many of the changes fail, each in a round of its own."""
SEED = int(os.environ.get("ROADSTEAD_TORTURE_SEED") or random.randrange(1 << 32))
"""Which ones. It is printed, and given again, makes the same choice among the same changes."""


def chosen(changes: Changes, seed: str) -> list[int]:
    """The first change, which surely fails, and others at random. Half of those are next to a new name, where a step becomes visible."""
    choice = random.Random(seed)
    named, every = changes.beside_names, range(1, changes.number + 1)
    drawn = {choice.choice(named if number % 2 else every) for number in range(1, FAULTS)}
    return sorted({1, *drawn})


class Work:
    """What is done to a data directory, which the server and then the class prepare."""

    state = states()[-1]
    left: frozenset[str] = frozenset()
    """The kinds of findings that it may leave to its next run when it is interrupted."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.data, self.expected = unpack(self.state, folder)
        self.backup, self.copy = folder / "backup", folder / "copy"
        self.prepare()

    def prepare(self) -> None:
        pass

    def command(self, *arguments: object, **environment: str) -> CompletedProcess:
        return run(*arguments, ROADSTEAD_DATA=str(self.data), **environment)

    def do(self, **environment: str) -> CompletedProcess:
        """Does it, as often as it is asked to."""
        raise NotImplementedError

    def result(self) -> Path:
        """The data directory that has everything once it is done."""
        return self.data

    def is_taken_for_whole(self) -> bool:
        """Whether commands use the result."""
        return run("account", "list", ROADSTEAD_DATA=str(self.result())).returncode == 0

    def assert_complete(self, left: frozenset[str] = frozenset()) -> None:
        checked = run("check", "--contents", "--output", "json", ROADSTEAD_DATA=str(self.result()))
        kinds = {finding["kind"] for finding in json.loads(checked.stdout)["findings"]}
        assert kinds <= left and checked.returncode == len(kinds), checked.stdout + checked.stderr
        server = Server(self.result(), "--gc-interval", "0")
        try:
            assert inventory(server, self.expected["keys"]) == self.expected["inventory"]
        finally:
            server.kill()


class Migrating(Work):
    """The first start of a server on the oldest data."""

    state = states()[0]

    def do(self, **environment: str) -> CompletedProcess:
        log = self.folder / "log"
        process = Process(log, "--data", self.data, "--gc-interval", "0", cwd=self.folder, **environment)
        try:
            process.wait_until_ready()
        except AssertionError:
            pass
        process.ask_to_stop()
        return CompletedProcess([], process.wait(), "", log.read_text())

    def is_taken_for_whole(self) -> bool:
        return False


class Collecting(Work):
    # The row of a blob is deleted before its bytes.
    left = frozenset({"orphans"})

    def prepare(self) -> None:
        abandon_uploads(self.data)

    def do(self, **environment: str) -> CompletedProcess:
        return self.command("gc", "--grace", "0s", **environment)


class BackingUp(Work):
    """What is restored from the backup must be complete."""

    def do(self, **environment: str) -> CompletedProcess:
        return self.command("backup", self.backup, **environment)

    def result(self) -> Path:
        shutil.rmtree(self.copy, ignore_errors=True)
        run("restore", self.backup, ROADSTEAD_DATA=str(self.copy))
        return self.copy


class Restoring(Work):
    def prepare(self) -> None:
        assert self.command("backup", self.backup).returncode == 0

    def do(self, **environment: str) -> CompletedProcess:
        return run("restore", self.backup, ROADSTEAD_DATA=str(self.copy), **environment)

    def result(self) -> Path:
        return self.copy


class Transferring(Restoring):
    def prepare(self) -> None:
        pass

    def do(self, **environment: str) -> CompletedProcess:
        return run("transfer", "--from", self.data, "--to", self.copy, **environment)


class Repairing(Work):
    """Blobs that are lost, cut and changed."""

    def prepare(self) -> None:
        assert self.command("backup", self.backup).returncode == 0
        lost, cut, changed = sorted((self.data / "blobs" / "sha256").glob("*/*"))[:3]
        content = changed.read_bytes()
        for file in (lost, cut, changed):
            file.unlink()
        cut.write_bytes(b"cut")
        changed.write_bytes(bytes([content[0] ^ 1]) + content[1:])

    def do(self, **environment: str) -> CompletedProcess:
        return self.command("check", "--contents", "--repair", "--from", self.backup, **environment)

    def is_taken_for_whole(self) -> bool:
        return False


@pytest.mark.parametrize("kind", (KILL, FULL))
@pytest.mark.parametrize("work", Work.__subclasses__() + Restoring.__subclasses__(), ids=lambda work: work.__name__.lower())
def test_each_change_in_turn_fails(work, kind, tmp_path):
    changes = Changes(tmp_path)

    def prepared(name: str) -> Work:
        folder = tmp_path / name
        folder.mkdir()
        return work(folder)

    undisturbed = prepared("undisturbed")
    done = undisturbed.do(**changes.environment())
    assert done.returncode == 0, done.stderr
    undisturbed.assert_complete()
    points, failed = chosen(changes, f"{SEED} {work.__name__} {kind}"), 0
    print(f"ROADSTEAD_TORTURE_SEED={SEED}: changes {points} of {changes.number}")
    for at in points:
        doing = prepared(f"at-{at}")
        done = doing.do(**changes.environment(kind, at))
        failed += done.returncode != 0
        assert done.returncode in ((0, -signal.SIGKILL) if kind == KILL else (0, 1)), (at, done.stderr)
        assert "panicked" not in done.stderr and "internal error" not in done.stderr, (at, done.stderr)
        whole = doing.is_taken_for_whole()
        if whole:
            doing.assert_complete(doing.left)
        again = doing.do()
        assert again.returncode == 0 or (whole and "the target is not empty" in again.stderr), (at, again.stderr)
        doing.assert_complete()
        shutil.rmtree(doing.folder)
    assert failed > 0, "no change failed"
