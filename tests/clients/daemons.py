"""Daemons of clients, isolated from this machine."""

import contextlib
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Iterator

from running import PATIENCE
from tools import Tool, need


@contextlib.contextmanager
def docker_daemon(folder: Path) -> Iterator[Tool]:
    """docker with a daemon of its own: no bridge, no firewall rules, everything in this folder."""
    need("dockerd")
    (folder / "daemon.json").write_text("{}")
    socket = f"unix://{folder}/docker.sock"
    command = [
        "dockerd", "--config-file", folder / "daemon.json", "--host", socket, "--pidfile", folder / "pid",
        "--data-root", folder / "data", "--exec-root", folder / "exec",
        "--bridge=none", "--iptables=false", "--ip6tables=false", "--storage-driver=vfs",
    ]
    path = os.environ["PATH"] + ":/usr/sbin:/sbin"
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env={"PATH": path, "HOME": str(folder)}
        )
    try:
        docker = Tool("docker", DOCKER_HOST=socket, DOCKER_CONFIG=str(folder / "client"), DOCKER_BUILDKIT="0", HOME=str(folder))
        deadline = time.monotonic() + PATIENCE
        while docker.attempt("version").returncode != 0:
            assert process.poll() is None and time.monotonic() < deadline, (folder / "log").read_text()
            time.sleep(0.2)
        yield docker
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE)
        # What containers on the host's network leave mounted.
        for network in (folder / "exec" / "netns").glob("*"):
            subprocess.run(["umount", network], check=True)
