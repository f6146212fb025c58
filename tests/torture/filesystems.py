"""File systems on loop devices."""

import subprocess
from contextlib import contextmanager
from pathlib import Path

from tools import need

MAKE = {"ext4": ("mkfs.ext4", "-q", "-b", "4096"), "xfs": ("mkfs.xfs", "-q"), "btrfs": ("mkfs.btrfs", "-q")}
OPTIONS = {"ext4": "errors=remount-ro", "xfs": "nouuid", "btrfs": "defaults"}


def make(kind: str, device: Path | str) -> None:
    need(MAKE[kind][0])
    subprocess.run([*MAKE[kind], device], check=True)


@contextmanager
def loop_device(file: Path):
    found = subprocess.run(["losetup", "--find", "--show", file], check=True, stdout=subprocess.PIPE, text=True)
    device = found.stdout.strip()
    try:
        yield device
    finally:
        subprocess.run(["losetup", "--detach", device], check=True)


@contextmanager
def mounted(kind: str, device: str, folder: Path):
    """The folder, with the file system on it."""
    folder.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", kind, "-o", OPTIONS[kind], device, folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)
