"""Shared fixtures of the attacks: one server per test, from the module that the clients use."""

import pytest

from deployments import Place
from marks import pytest_collection_modifyitems
from running import Server, starting


@pytest.fixture
def start(tmp_path):
    """Starts a server for one test: start(flags…, VARIABLE=value…). It is killed afterwards, because a graceful shutdown would wait
    for the attackers' requests. It is one process without a load balancer in every deployment: its own limits are under attack."""
    yield from starting(lambda number: tmp_path / f"data-{number}", end=Server.kill, place=Place.of_one_process)
