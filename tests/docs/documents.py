"""Documents as their readers use them: the code blocks that are meant to be run, in order.

A fenced block is run if its language is `sh` or `python`; blocks of other languages, and indented ones, are only read. All `sh` blocks of a
document are one session of bash, which ends with the first command that fails. `sh server` runs in a terminal of its own until the end
of the document. A `python` block is a program of its own, in a fresh shell.
"""

import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

from pages import ROOT, blocks
from running import binary
from services import free_port
from tools import SEARCHED, Tool

# The ports and the directories at the root of the file system that documents use.
PORTS = re.compile(r"(?<=:)500\d\b")
DIRECTORIES = re.compile(r"(?<=\s)/(?=(?:backup|srv)/)")
LANGUAGES = ("sh", "sh server", "python")  # of what is meant to be run

# Runs a script in a fresh shell in the background, and waits until what it serves is ready.
SERVE = """
env --ignore-environment {environment} setsid bash {script} >>{log} 2>&1 </dev/null &
echo $! >>{pids}
until curl --fail --silent --output /dev/null http://127.0.0.1:{port}/readyz; do kill -0 $!; sleep 0.1; done
"""


class Reader:
    """Somebody with a fresh home and an empty folder, who types what a document says. `roadstead` is on the PATH.

    Only the ports differ, and directories: `/backup` and `/srv` are in the reader's home, the data of `make run` in the reader's folder.
    """

    def __init__(self, home: Path, docker: Tool):
        self.home = home
        self.folder = home / "folder"
        self.log = home / "server.log"
        self.pids = home / "pids"
        self.ports: dict[str, str] = {}
        programs = home / "bin"
        for folder in (self.folder, programs):
            folder.mkdir()
        for file in (self.log, self.pids):
            file.touch()
        (programs / "roadstead").symlink_to(binary())
        (home / "storage.conf").write_text(f'[storage]\ndriver = "vfs"\ngraphroot = "{home}/storage"\nrunroot = "{home}/run"\n')
        (home / "containers.conf").write_text('[engine]\nevents_logger = "none"\ncgroup_manager = "cgroupfs"\n')
        self.environment = {
            "PATH": f"{programs}:{Path(sys.executable).parent}:{SEARCHED}", "HOME": str(home), "TMPDIR": str(home),
            "DOCKER_HOST": docker.environment["DOCKER_HOST"], "REGISTRY_AUTH_FILE": str(home / "auth.json"),
            "CONTAINERS_STORAGE_CONF": str(home / "storage.conf"), "CONTAINERS_CONF": str(home / "containers.conf"),
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def read(self, document: Path) -> str:
        """Does what the document says, and returns what its commands printed. Fails with that if one of them fails."""
        return self.run("".join(self.command(number, *block) for number, block in enumerate(blocks(document, *LANGUAGES))))

    def run(self, session: str, **environment: str) -> str:
        """Runs commands as one session of bash."""
        done = subprocess.run(
            ["bash", "-euxo", "pipefail", "-c", session], cwd=self.folder, env=self.environment | environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=600,
        )
        assert done.returncode == 0, f"exit code {done.returncode}:\n{done.stdout}\nthe server:\n{self.log.read_text()}"
        return done.stdout

    def here(self, port: str) -> str:
        """The free port that stands for one of the documents."""
        return self.ports.setdefault(port, str(free_port()))

    def listen(self) -> str:
        """The address that stands for the default one."""
        return f"127.0.0.1:{self.here('5000')}"

    def adapted(self, text: str) -> str:
        """The text with the reader's ports and directories."""
        return DIRECTORIES.sub(f"{self.home}/", PORTS.sub(lambda found: self.here(found[0]), text))

    def command(self, number: int, language: str, text: str) -> str:
        """What the session runs for one block."""
        text = self.adapted(text)
        script = self.home / f"block-{number}"
        if language == "sh":
            return text
        if language == "python":
            script.write_text(text)
            return f"env --ignore-environment {self.assignments(self.environment)} python3 {script}\n"
        settings = {"ROADSTEAD_LISTEN": self.listen()}
        if text == "make run\n":
            text = f"make -C {ROOT} --assume-old=build run\n"
            settings |= {"ROADSTEAD_DATA": str(self.folder / "roadstead-data"), "ROADSTEAD_BIN": str(binary())}
        script.write_text(text)
        port = next(iter(re.findall(r"--listen \S+:(\d+)", text)), self.here("5000"))
        environment = self.assignments(self.environment | settings)
        return SERVE.format(environment=environment, script=script, log=self.log, pids=self.pids, port=port)

    @staticmethod
    def assignments(environment: dict[str, str]) -> str:
        return shlex.join(f"{name}={value}" for name, value in environment.items())

    def leave(self) -> None:
        """Stops the servers."""
        for pid in self.pids.read_text().split():
            os.killpg(int(pid), signal.SIGTERM)
