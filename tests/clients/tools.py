"""The command-line programs that people use against a registry."""

import os
import shutil
import subprocess

import pytest


class Tool:
    """A program that talks to the registry, with the settings that keep it within a folder of ours."""

    def __init__(self, program: str, *settings: object, **environment: str):
        self.command = [program, *map(str, settings)]
        self.environment = {"PATH": os.environ["PATH"] + ":/usr/sbin:/sbin", **environment}

    def attempt(self, *arguments: object, text: str | None = None) -> subprocess.CompletedProcess:
        return subprocess.run(
            [*self.command, *map(str, arguments)],
            input=text or "", capture_output=True, text=True, timeout=180, env=self.environment,
        )

    def __call__(self, *arguments: object, text: str | None = None) -> str:
        done = self.attempt(*arguments, text=text)
        assert done.returncode == 0, f"{self.command[0]} {arguments}: {done.stdout}{done.stderr}"
        return done.stdout.strip()


def need(program: str) -> None:
    """Skips a test on a machine without this program or without root. CI has both."""
    missing = shutil.which(program, path=os.environ["PATH"] + ":/usr/sbin:/sbin") is None
    if missing or os.geteuid() != 0:
        assert "CI" not in os.environ, f"{program} and root are needed"
        pytest.skip(f"needs {program} and root")
