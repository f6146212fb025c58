"""Where the servers under test keep their data, and how many processes one of them is.

ROADSTEAD_TEST_DEPLOYMENT chooses:

    embedded     one process on its data directory [default]
    postgres     one process on PostgreSQL, with its blobs in the data directory
    s3           one process on PostgreSQL and S3
    replicas     three processes on PostgreSQL and S3, behind nginx, which hands every request to the next
    redirecting  the same, and clients are sent to S3 for blobs
"""

import functools
import os
import secrets

from services import S3, Postgres

NAMES = ("embedded", "postgres", "s3", "replicas", "redirecting")
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

    def __init__(self, kind: str | None = None, database_port: int | None = None, s3_endpoint: str | None = None, server: Postgres | None = None):
        """`kind` is that of the tests by default. The next two lead to PostgreSQL and S3 by way of proxies; `server` is the PostgreSQL
        server, unless it is that of the session."""
        self.kind = kind or deployment()
        self.balanced = self.kind in ("replicas", "redirecting")
        self.suffixes = [f"-{number}" for number in range(REPLICAS)] if self.balanced else [""]
        self.needs_data_directory = self.kind in ("embedded", "postgres")
        self.database = None
        self.settings: dict[str, str] = {}
        if self.kind == "embedded":
            return
        self.postgres = server or postgres()
        self.database = self.postgres.new_database()
        self.settings = {
            "ROADSTEAD_DATABASE": self.postgres.url(self.database, database_port),
            "ROADSTEAD_MASTER_KEY": secrets.token_hex(32),
            "ROADSTEAD_ACCESS_KEY_ID": "AKIA" + secrets.token_hex(8).upper(),
            "ROADSTEAD_SECRET_ACCESS_KEY": secrets.token_hex(20),
            "ROADSTEAD_DRAIN": "0s",
        }
        if self.kind != "postgres":
            self.settings |= s3().settings(s3().new_prefix(), s3_endpoint)
        if self.balanced:
            self.settings["ROADSTEAD_TRUSTED_PROXY"] = "127.0.0.1"
        if self.kind == "redirecting":
            self.settings["ROADSTEAD_BLOB_REDIRECT"] = "true"

    @classmethod
    def of_one_process(cls) -> "Place":
        """The deployment of the tests without a load balancer, for tests that speak with the process itself."""
        return cls("s3" if deployment() in ("replicas", "redirecting") else deployment())
