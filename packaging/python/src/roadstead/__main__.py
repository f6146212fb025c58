"""Runs the server: `python -m roadstead` is `roadstead`."""

import os
import sys

from roadstead._binary import find_binary

if __name__ == "__main__":
    binary = find_binary()
    os.execv(binary, [binary, *sys.argv[1:]])  # noqa: S606 - this process becomes the server
