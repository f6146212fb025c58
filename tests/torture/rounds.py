"""How much of the torture to run."""

import os


def rounds(name: str, few: int) -> int:
    """`ROADSTEAD_TORTURE_<NAME>`, as `make torture` sets it, or the few that CI has time for."""
    return int(os.environ.get(f"ROADSTEAD_TORTURE_{name}", few))
