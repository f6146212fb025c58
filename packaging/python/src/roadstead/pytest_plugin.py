"""The pytest fixtures. pytest finds them by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from roadstead._emulator import Emulator

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def roadstead_settings() -> dict[str, str | int | bool]:
    """Return the settings of the emulator. Override this fixture to change them."""
    return {}


@pytest.fixture
def roadstead_emulator(roadstead_settings: dict[str, str | int | bool]) -> Iterator[Emulator]:
    """Return an emulator of Amazon ECR Public, for one test."""
    with Emulator(**roadstead_settings) as emulator:  # type: ignore[arg-type]
        yield emulator
