"""What the attacks share: a server of each test's own, from the same module that the clients use."""

import pytest

from running import starting


@pytest.fixture
def start(tmp_path):
    """Starts a server of the test's own: start(flags…, VARIABLE=value…)."""
    yield from starting(lambda number: tmp_path / f"data-{number}")
