"""Data directories as earlier versions wrote them, in `upgrade/`, and how to make the next one.

`.cache/venv/bin/python tests/clients/upgrading.py` makes that of the release build, or of the server that ROADSTEAD_BIN names. It is called
after the last migrations of the metadata and of the statistics, such as `0012-0003`, or `0005` of a version that had no statistics.
"""

import json
import os
import shutil
import sqlite3
import tarfile
import tempfile
from contextlib import closing
from pathlib import Path

from representative import inventory, populate
from running import Server, run

FOLDER = Path(__file__).parent / "upgrade"
MIGRATIONS = Path(__file__).resolve().parents[2] / "crates" / "registry" / "migrations"
DATA, EXPECTED = "data", "expected.json"
ALIAS = "harbours"


def states() -> list[str]:
    return sorted(file.name.removesuffix(".tar.xz") for file in FOLDER.glob("*.tar.xz"))


def unpack(state: str, folder: Path) -> tuple[Path, dict]:
    """The data directory of this state, and what is in it."""
    with tarfile.open(FOLDER / f"{state}.tar.xz") as archive:
        # Early releases of Python 3.10 and 3.11 know no filters.
        archive.extractall(folder, **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))
    return folder / DATA, json.loads((folder / EXPECTED).read_text())


def state_of(data: Path) -> str:
    files = (data / "roadstead.db", data / "statistics.db")
    return "-".join(f"{version_of(file):04}" for file in files if file.exists())


def version_of(database: Path) -> int:
    with closing(sqlite3.connect(database)) as connection:
        return connection.execute("SELECT MAX(version) FROM schema_version").fetchone()[0]


def pulls_of(data: Path) -> dict[str, list] | None:
    """The pulls of each repository and the day of the last one, as the command prints them. `None` of a version that counts none."""
    if not (data / "statistics.db").exists():
        return None
    shown = run("stats", "--output", "json", ROADSTEAD_DATA=str(data))
    assert shown.returncode == 0, shown.stderr
    return {record["repositoryName"]: [record["pulls"], record["lastPull"]] for record in json.loads(shown.stdout)}


def abandon_uploads(data: Path) -> None:
    """Makes upload sessions so old that a collection ends them."""
    files = list((data / "blobs" / "uploads").iterdir())
    assert files
    for file in files:
        os.utime(file, (0, 0))
    with closing(sqlite3.connect(data / "roadstead.db")) as connection, connection:
        connection.execute("UPDATE upload SET updated_at = 0")


def make() -> Path:
    """Makes the data directory of the state that the server writes, or makes it anew."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / DATA
        server = Server(data, "--alias", ALIAS)
        keys = populate(server)
        expected = {"keys": keys, "inventory": inventory(server, keys)}
        state = state_of(data)
        # Some states are what a killed server leaves.
        if int(state[:4]) % 4 == 0:
            server.kill()
        else:
            assert server.stop() == 0
        expected["pulls"] = pulls_of(shutil.copytree(data, Path(folder) / "copy"))
        (Path(folder) / EXPECTED).write_text(json.dumps(expected, indent=1))
        return pack(state, Path(folder))


def pack(state: str, folder: Path) -> Path:
    FOLDER.mkdir(exist_ok=True)
    file = FOLDER / f"{state}.tar.xz"
    with tarfile.open(file, "w:xz", preset=9) as archive:
        for name in (DATA, EXPECTED):
            archive.add(folder / name, name, filter=anonymous)
    return file


def anonymous(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member


if __name__ == "__main__":
    os.umask(0o077)
    print(make())
