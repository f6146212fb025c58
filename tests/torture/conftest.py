"""Fixtures of the torture."""

import pytest

from running import Server, starting


@pytest.fixture
def start(tmp_path):
    yield from starting(lambda number: tmp_path / f"data-{number}", end=Server.kill)
