"""Real images to push: a Debian root with more layers on top, and small ones for several architectures."""

import os
from pathlib import Path

DEBIAN = Path(__file__).resolve().parents[2] / ".cache" / "debian.tar"


def write_context(folder: Path, base: str) -> Path:
    """A build without RUN, which would need a network or at least a container."""
    folder.mkdir()
    (folder / "tree").mkdir()
    for number in range(20):
        (folder / "tree" / f"file-{number}").write_text(f"file {number}\n" * 100)
    (folder / "blob").write_bytes(os.urandom(2 << 20))
    (folder / "Dockerfile").write_text(f"FROM {base}\nCOPY tree /srv/tree/\nCOPY blob /srv/blob\n")
    return folder
