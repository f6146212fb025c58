"""A disk with a volatile write cache: one file in a FUSE mount, whose writes and flushes are logged in order.

A flush (`fsync` of the file, which is what a loop device makes of a flush request) makes all writes before it durable. What a power
cut leaves is everything before the last flush, and any subset of the 4 KiB pieces that were written after it.
"""

import errno
import os
import random
import signal
import stat
import struct
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

PIECE = 4096
RECORD = struct.Struct("<QI")
NAME = "disk"


@dataclass(frozen=True)
class Write:
    end: int
    """The position of the log after this record."""
    offset: int
    content: slice
    """Where the bytes are in the log."""


@dataclass(frozen=True)
class Flush:
    end: int


def read_log(log: Path) -> list[Write | Flush]:
    """The records of a log, without its bytes."""
    records: list[Write | Flush] = []
    size = log.stat().st_size
    with log.open("rb") as file:
        while file.tell() + RECORD.size <= size:
            offset, length = RECORD.unpack(file.read(RECORD.size))
            begin = file.tell()
            if length == 0:
                records.append(Flush(begin))
            else:
                file.seek(length, os.SEEK_CUR)
                records.append(Write(begin + length, offset, slice(begin, begin + length)))
    return records


class Images:
    """What a power cut may leave. Cuts are asked for in ascending order, so that the log is applied once."""

    def __init__(self, log: Path, size: int, folder: Path):
        self.records = read_log(log)
        self.log = os.open(log, os.O_RDONLY)
        self.durable = folder / "durable.img"
        self.image = folder / "cut.img"
        self.applied = 0
        with self.durable.open("wb") as file:
            file.truncate(size)

    def cut(self, position: int, choice: random.Random) -> Path:
        """An image of a power cut when the log was this long. It is valid until the next call."""
        count = sum(record.end <= position for record in self.records)
        flushed = max((index for index in range(count) if isinstance(self.records[index], Flush)), default=0)
        assert flushed >= self.applied, "cuts are not in ascending order"
        with self.durable.open("r+b") as file:
            for record in self.records[self.applied : flushed]:
                self.apply(file, record)
        self.applied = flushed
        subprocess.run(["cp", "--sparse=always", self.durable, self.image], check=True)
        likelihood = choice.choice((0, 0.1, 0.5, 0.9, 1))
        with self.image.open("r+b") as file:
            for record in self.records[flushed:count]:
                self.apply(file, record, lambda: choice.random() < likelihood)
        return self.image

    def apply(self, file, record: Write | Flush, is_kept=lambda: True) -> None:
        if isinstance(record, Flush):
            return
        content = os.pread(self.log, record.content.stop - record.content.start, record.content.start)
        for begin in range(0, len(content), PIECE):
            if is_kept():
                file.seek(record.offset + begin)
                file.write(content[begin : begin + PIECE])

    def close(self) -> None:
        os.close(self.log)
        self.durable.unlink()
        self.image.unlink(missing_ok=True)


class VolatileDisk:
    """The process that serves the file, and its log."""

    def __init__(self, folder: Path, size: int):
        self.size = size
        self.mount = folder / "fuse"
        self.mount.mkdir()
        self.log = folder / "disk.log"
        self.process = subprocess.Popen([sys.executable, __file__, self.mount, folder / "disk.img", self.log, str(size)])
        self.file = self.mount / NAME
        deadline = time.monotonic() + 30
        while not self.file.exists():
            assert self.process.poll() is None and time.monotonic() < deadline, "the FUSE file system did not start"
            time.sleep(0.01)

    def position(self) -> int:
        """How long the log is. What is acknowledged now was written before this position."""
        return self.log.stat().st_size

    def fail(self) -> None:
        """Makes all writes and flushes fail from now on."""
        self.process.send_signal(signal.SIGUSR1)

    def __enter__(self) -> "VolatileDisk":
        return self

    def __exit__(self, *_) -> None:
        subprocess.run(["umount", self.mount], check=True)
        assert self.process.wait(30) == 0


def serve(mount: str, backing: str, log: str, size: int) -> None:
    import mfusepy

    class OneFile(mfusepy.Operations):
        use_ns = True

        def __init__(self):
            self.backing = os.open(backing, os.O_RDWR | os.O_CREAT, 0o600)
            os.ftruncate(self.backing, size)
            self.log = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            self.fails = False
            signal.signal(signal.SIGUSR1, self.begin_to_fail)

        def begin_to_fail(self, *_) -> None:
            self.fails = True

        def record(self, offset: int, content: bytes) -> None:
            if self.fails:
                raise mfusepy.FuseOSError(errno.EIO)
            record = RECORD.pack(offset, len(content)) + content
            if os.write(self.log, record) != len(record):
                os._exit(1)

        def getattr(self, path, fh=None):
            if path == "/":
                return {"st_mode": stat.S_IFDIR | 0o755, "st_nlink": 2}
            if path == f"/{NAME}":
                return {"st_mode": stat.S_IFREG | 0o600, "st_nlink": 1, "st_size": size}
            raise mfusepy.FuseOSError(errno.ENOENT)

        def readdir(self, path, fh):
            return [".", "..", NAME]

        def open(self, path, flags):
            return 0

        def read(self, path, length, offset, fh):
            return os.pread(self.backing, length, offset)

        def write(self, path, content, offset, fh):
            self.record(offset, content)
            return os.pwrite(self.backing, content, offset)

        def fsync(self, path, datasync, fh):
            self.record(0, b"")
            return 0

    mfusepy.FUSE(OneFile(), mount, foreground=True, nothreads=True)


if __name__ == "__main__":
    serve(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]))
