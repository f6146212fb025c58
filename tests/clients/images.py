"""Real images to push: a Debian root with more layers on top, and small ones for several architectures."""

import gzip
import io
import json
import os
import struct
import tarfile
import zlib
from pathlib import Path

from pushing import Manifest, digest_of, image, index

DEBIAN = Path(__file__).resolve().parents[2] / ".cache" / "debian.tar"


def write_context(folder: Path, base: str) -> Path:
    """A build without RUN, which would need a container and perhaps a network."""
    folder.mkdir()
    (folder / "tree").mkdir()
    for number in range(20):
        (folder / "tree" / f"file-{number}").write_text(f"file {number}\n" * 100)
    (folder / "blob").write_bytes(os.urandom(2 << 20))
    (folder / "Dockerfile").write_text(f"FROM {base}\nCOPY tree /srv/tree/\nCOPY blob /srv/blob\n")
    return folder


def unpackable(architecture: str, text: str = "") -> Manifest:
    """A single-file image for one architecture that clients can unpack, another one for each text."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        content = (architecture + text).encode()
        file = tarfile.TarInfo("architecture")
        file.size = len(content)
        tar.addfile(file, io.BytesIO(content))
    layer = archive.getvalue()
    config = {"architecture": architecture, "os": "linux", "rootfs": {"type": "layers", "diff_ids": [digest_of(layer)]}, "config": {}}
    return image(gzip.compress(layer, mtime=0), config=json.dumps(config).encode())


def of_two_platforms(text: str = "") -> Manifest:
    return index(unpackable("amd64", text), unpackable("arm64", text))


def png(side: int) -> bytes:
    """A black PNG image of the minimum size for a logo."""
    chunk = lambda kind, data: struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    pixels = zlib.compress(bytes(side * (side + 1)))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
