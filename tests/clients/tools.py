"""The command-line programs that people use against a registry."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

# Programs built by `tests/install.sh tools` take precedence over installed ones.
BUILT = Path(__file__).resolve().parents[2] / ".cache" / "bin"
SEARCHED = f"{BUILT}:{os.environ['PATH']}:/usr/sbin:/sbin"


class Tool:
    """A client program, with settings that confine it to a temporary directory."""

    def __init__(self, program: str, *settings: object, folder: Path | None = None, **environment: str):
        self.command = [program, *map(str, settings)]
        self.folder = folder
        self.environment = {"PATH": SEARCHED, **environment}

    def attempt(self, *arguments: object, text: str | None = None) -> subprocess.CompletedProcess:
        return subprocess.run(
            [*self.command, *map(str, arguments)], cwd=self.folder,
            input=text or "", capture_output=True, text=True, timeout=180, env=self.environment,
        )

    def __call__(self, *arguments: object, text: str | None = None) -> str:
        done = self.attempt(*arguments, text=text)
        assert done.returncode == 0, f"{self.command[0]} {arguments}: {done.stdout}{done.stderr}"
        return done.stdout.strip()


def need(program: str, root: bool = True) -> None:
    """Skips a test if this program, or root if required, is not available. CI has both."""
    if shutil.which(program, path=SEARCHED) is None or (root and os.geteuid() != 0):
        wanted = f"{program} and root" if root else program
        assert "CI" not in os.environ, f"{wanted} must be there"
        pytest.skip(f"needs {wanted}")


def go_tool(program: str, home: Path, *settings: object, **environment: str) -> Tool:
    """A program that runs in `home` and stores its logins there, as docker does, without access to the internet."""
    need(program, root=False)
    nowhere = "http://127.0.0.1:9"
    return Tool(program, *settings, folder=home, HOME=str(home), DOCKER_CONFIG=str(home / ".docker"), TMPDIR=str(home),
                HTTPS_PROXY=nowhere, https_proxy=nowhere, **environment)
