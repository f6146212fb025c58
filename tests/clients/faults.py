"""Programs one of whose changes to files fails: see faults.c."""

import functools
import subprocess
import tempfile
from pathlib import Path

SOURCE = Path(__file__).with_name("faults.c")
KILL, FULL, STOP = "kill", "full", "stop"
MOST = 1 << 16
"""The changes of which it is known whether they made a name."""


@functools.cache
def library() -> Path:
    built = Path(tempfile.mkdtemp(prefix="roadstead-faults-")) / "faults.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", "-o", built, SOURCE], check=True)
    return built


class Changes:
    """Counts the changes of one process."""

    def __init__(self, folder: Path):
        self.file = folder / "changes"

    def environment(self, kind: str | None = None, at: int = 0, sent: bool = False) -> dict[str, str]:
        """For a process that begins to count, and whose change of this number fails. What is `sent` may count as a change, too."""
        self.file.write_bytes(bytes(8 + MOST))
        fault = {"FAULTS_KIND": kind, "FAULTS_AT": str(at)} if kind else {}
        fault |= {"FAULTS_SENT": "1"} if sent else {}
        return {"LD_PRELOAD": str(library()), "FAULTS_COUNT": str(self.file), **fault}

    @property
    def number(self) -> int:
        return int.from_bytes(self.file.read_bytes()[:8], "little")

    @property
    def beside_names(self) -> list[int]:
        """The changes that made a name, and those before and after them."""
        made = [number for number, makes_name in enumerate(self.file.read_bytes()[8:], 1) if makes_name]
        return sorted({beside for number in made for beside in (number - 1, number, number + 1) if 0 < beside <= self.number})

    @property
    def thirds(self) -> list[int]:
        """The first change, and those after one and two thirds of them: each is made again when everything is, though the number of all
        varies a little."""
        return [1, self.number // 3, self.number * 2 // 3]
