"""Whether the server takes the settings of charts and the like."""

import re

from running import run


def assert_taken(variables: dict[str, str]) -> None:
    """Fails if the server refuses one of these environment variables, or does not know it."""
    explained = run("serve", "--help").stdout
    settings = {f"ROADSTEAD_{flag.upper().replace('-', '_')}" for flag in re.findall(r"^ +--([a-z0-9-]+)", explained, re.MULTILINE)}
    unknown = variables.keys() - settings - set(re.findall(r"\bROADSTEAD_\w+", explained))
    assert not unknown
    # Nothing listens there. A setting that is wrong would be named instead.
    asked = run("healthcheck", **variables | {"ROADSTEAD_ADMIN_LISTEN": "127.0.0.1:1"})
    assert asked.returncode == 1 and asked.stderr.startswith("roadstead: not ready: http://127.0.0.1:1/readyz: "), asked.stderr
