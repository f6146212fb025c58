"""What the attacks share: a server of each test's own, from the same module that the clients use."""

import pytest

from running import Server, starting


@pytest.fixture
def start(tmp_path):
    """Starts a server of the test's own: start(flags…, VARIABLE=value…). It is killed in the end: whoever attacks leaves requests
    behind that a server which is asked to stop would wait for."""
    yield from starting(lambda number: tmp_path / f"data-{number}", end=Server.kill)
