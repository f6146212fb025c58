#!/usr/bin/env python3
"""Runs the browser tests against a registry that seed.py fills.

    run.py test [ARGUMENT…]    runs the tests, with arguments of `node --test`
    run.py audit               measures performance with Lighthouse, which needs a quiet machine
    run.py serve [FLAG…]       only serves, with flags of `roadstead serve`, until Enter is pressed or stdin ends
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from seed import seed

from running import PATIENCE, Server  # from tests/clients, whose folder seed.py adds to the path

HERE = Path(__file__).resolve().parent


def settle(server: Server) -> None:
    """Waits until lists show what was pushed and pulled: a start counts pulls for the ranking, and the index follows shortly."""
    server.restart()
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        page = server.http.request("GET", f"{server.url}/").data.decode()
        if "library/nginx" in page and "No image yet" not in page:
            return
        time.sleep(0.2)
    print("the index is still behind what was pushed", file=sys.stderr)


def test(log: Path, environment: dict[str, str], *arguments: str) -> int:
    """Runs the tests, and prints a summary that CI counts."""
    reporters = ["--test-reporter=spec", "--test-reporter-destination=stdout", "--test-reporter=tap", f"--test-reporter-destination={log}"]
    code = subprocess.run(["node", "--test", *reporters, *arguments, "gallery.test.mjs"], cwd=HERE, env=environment).returncode
    counts = dict(re.findall(r"^# (pass|fail) (\d+)$", log.read_text(), re.MULTILINE))
    print(f"browser: {counts['pass']} passed, {counts['fail']} failed")
    return code


def main(command: str, *arguments: str) -> int:
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder) / "data", *(arguments if command == "serve" else ()))
        try:
            digests = seed(server)
            settle(server)
            if command == "serve":
                print(server.url, flush=True)
                sys.stdin.readline()
                return 0
            environment = {**os.environ, "GALLERY": server.url, "GALLERY_DIGESTS": json.dumps(digests)}
            if command == "audit":
                return subprocess.run(["node", "audit.mjs"], cwd=HERE, env=environment).returncode
            return test(Path(folder) / "tap", environment, *arguments)
        finally:
            server.stop()


if __name__ == "__main__":
    if sys.argv[1:2] not in (["test"], ["audit"], ["serve"]):
        raise SystemExit(__doc__)
    raise SystemExit(main(*sys.argv[1:]))
