#!/usr/bin/env python3
"""Runs the OCI distribution conformance suite, in its default configuration, against the deployment that the tests run on.

    ROADSTEAD_CONFORMANCE  the suite: conformance/ of opencontainers/distribution-spec [default: what `bash tests/install.sh conformance`
                           cloned; without that, nothing is run]
    ROADSTEAD_RESULTS      the directory for reports [default: .cache/conformance]

Prints the counts for each version of the specification; fails if a test failed or was skipped.
"""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "clients"))

from deployments import deployment  # noqa: E402
from running import Server, clean_environment  # noqa: E402
from tools import SEARCHED  # noqa: E402

VERSIONS = ("1.1", "dev")
OUTCOMES = ("Pass", "FAIL", "Error", "Skip", "Disabled")


def counts(output: str) -> dict[str, int]:
    """The suite's summary, which counts tests that a version does not require as disabled."""
    return {outcome: int(re.search(rf"^ +{outcome}\.+: +(\d+)$", output, re.MULTILINE)[1]) for outcome in OUTCOMES}


def test(server: Server, program: Path, version: str, report: Path) -> bool:
    """Whether the suite passes for a version."""
    repositories = [f"v{version}/repo{number}" for number in (1, 2)]
    for repository in repositories:
        server.client().create_repository(repositoryName=repository)
    first, second = (f"{server.alias}/{repository}" for repository in repositories)
    report.mkdir(parents=True, exist_ok=True)
    settings = {
        "OCI_REGISTRY": server.address, "OCI_TLS": "disabled", "OCI_VERSION": version, "OCI_RESULTS_DIR": str(report),
        "OCI_REPO1": first, "OCI_REPO2": second, "OCI_USERNAME": "AWS", "OCI_PASSWORD": server.password(),
    }
    environment = {name: value for name, value in clean_environment().items() if not name.startswith("OCI_")}
    done = subprocess.run([program], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env={**environment, **settings})
    (report / "output.txt").write_text(done.stdout)
    found = counts(done.stdout)
    print(
        "conformance: {Pass} passed, {FAIL} failed, {Error} errors, {Skip} skipped, {Disabled} not part of version {version}"
        .format(**found, version=version), flush=True,
    )
    if found["FAIL"] or found["Error"] or found["Skip"]:
        print("\n".join(line for line in done.stdout.splitlines() if re.search(": (FAIL|Error|Skip)$", line)), file=sys.stderr)
        return False
    return done.returncode == 0


def main() -> int:
    named = os.environ.get("ROADSTEAD_CONFORMANCE")
    suite = Path(named or ROOT / ".cache" / "distribution-spec" / "conformance")
    if not suite.is_dir() and not named:
        print("not tried: OCI conformance (GitHub is not reachable, and ROADSTEAD_CONFORMANCE does not name the suite)")
        return 0
    assert suite.is_dir(), f"ROADSTEAD_CONFORMANCE: {named} is not a directory"
    results = Path(os.environ.get("ROADSTEAD_RESULTS", ROOT / ".cache" / "conformance"))
    if deployment() != "embedded":
        results = results / deployment()
    results.mkdir(parents=True, exist_ok=True)
    program = results.resolve() / "suite"
    subprocess.run(["go", "build", "-o", program, "."], cwd=suite, check=True, env={**os.environ, "PATH": SEARCHED})
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder) / "data", "--alias", "conformance")
        try:
            return 0 if all([test(server, program, version, results / version) for version in VERSIONS]) else 1
        finally:
            server.stop()


if __name__ == "__main__":
    sys.exit(main())
