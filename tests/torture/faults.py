"""Programs one of whose changes to files fails: see faults.c."""

import functools
import subprocess
import tempfile
from pathlib import Path

SOURCE = Path(__file__).with_name("faults.c")
KILL, FULL = "kill", "full"


@functools.cache
def library() -> Path:
    built = Path(tempfile.mkdtemp(prefix="roadstead-faults-")) / "faults.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", "-o", built, SOURCE], check=True)
    return built


class Changes:
    """Counts the changes of one process."""

    def __init__(self, folder: Path):
        self.file = folder / "changes"

    def environment(self, kind: str | None = None, at: int = 0) -> dict[str, str]:
        """For a process that begins to count, and whose change of this number fails."""
        self.file.write_bytes(bytes(8))
        fault = {"FAULTS_KIND": kind, "FAULTS_AT": str(at)} if kind else {}
        return {"LD_PRELOAD": str(library()), "FAULTS_COUNT": str(self.file), **fault}

    @property
    def number(self) -> int:
        return int.from_bytes(self.file.read_bytes(), "little")
