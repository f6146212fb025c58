"""Roadstead: a public container registry with the API of Amazon ECR Public, and an emulator of it for tests."""

from roadstead._binary import find_binary
from roadstead._emulator import Emulator, EmulatorError

__all__ = ["Emulator", "EmulatorError", "find_binary"]
