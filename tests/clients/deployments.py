"""Where the servers under test keep their data, and how many processes one of them is.

ROADSTEAD_TEST_DEPLOYMENT chooses:

    embedded   one process on its data directory [default]
    postgres   one process on PostgreSQL, with its blobs in the data directory
    s3         one process on PostgreSQL and S3
    replicas   three processes on PostgreSQL and S3, behind nginx, which hands every request to the next
"""

import functools
import os
import secrets

from services import S3, Postgres

NAMES = ("embedded", "postgres", "s3", "replicas")
REPLICAS = 3


def deployment() -> str:
    name = os.environ.get("ROADSTEAD_TEST_DEPLOYMENT") or "embedded"
    assert name in NAMES, f"ROADSTEAD_TEST_DEPLOYMENT: {name} is none of {NAMES}"
    return name


@functools.cache
def postgres() -> Postgres:
    """The PostgreSQL server of this test session."""
    return Postgres()


@functools.cache
def s3() -> S3:
    """The S3 server of this test session."""
    return S3()


class Place:
    """Where one server under test keeps its data, which no other server uses, and how many processes it is."""

    def __init__(self, balanced: bool = True):
        """Without `balanced`, one process and no load balancer, as tests need it that speak with the process itself."""
        self.kind = deployment()
        self.balanced = balanced and self.kind == "replicas"
        self.suffixes = [f"-{number}" for number in range(REPLICAS)] if self.balanced else [""]
        self.needs_data_directory = self.kind in ("embedded", "postgres")
        self.database = None if self.kind == "embedded" else postgres().new_database()
        self.settings = self.settings_of(self.database) if self.database else {}

    def settings_of(self, database: str) -> dict[str, str]:
        """The settings of all processes and commands, as environment variables."""
        blobs = {} if self.needs_data_directory else s3().settings(s3().new_prefix())
        proxy = {"ROADSTEAD_TRUSTED_PROXY": "127.0.0.1"} if self.balanced else {}
        return {
            "ROADSTEAD_DATABASE": postgres().url(database),
            "ROADSTEAD_MASTER_KEY": secrets.token_hex(32),
            "ROADSTEAD_ACCESS_KEY_ID": "AKIA" + secrets.token_hex(8).upper(),
            "ROADSTEAD_SECRET_ACCESS_KEY": secrets.token_hex(20),
            "ROADSTEAD_DRAIN": "0s",
            **blobs,
            **proxy,
        }
