"""Fixtures of the torture: how much of it, and the servers of one test."""

import os

import pytest

from running import Server, starting


def rounds(name: str, few: int) -> int:
    """How many rounds to run: `ROADSTEAD_TORTURE_<NAME>`, or the few that CI has time for."""
    return int(os.environ.get(f"ROADSTEAD_TORTURE_{name}", few))


@pytest.fixture
def start(tmp_path):
    yield from starting(lambda number: tmp_path / f"data-{number}", end=Server.kill)
