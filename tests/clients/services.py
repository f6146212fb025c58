"""What replicas share in the tests: PostgreSQL and an S3 server.

Each service runs on free ports of the loopback interface with its files in a folder of its own, and ends with this process.
"""

import atexit
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import boto3
import botocore.config
import botocore.exceptions

from tools import SEARCHED

PATIENCE = 20  # seconds
# Databases refuse to run as root.
NOBODY = 65534 if os.geteuid() == 0 else None


def free_port() -> int:
    """A port of the loopback interface that nothing listens on. Another program could take it before it is used."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def program(name: str) -> str:
    """The path of an installed program; `bash tests/install.sh scale` installs all of them."""
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    found = shutil.which(name, path=":".join([SEARCHED, *map(str, versions)]))
    assert found, f"{name} is missing: run `bash tests/install.sh scale`"
    return found


def until(condition, what: str, patience: float = PATIENCE):
    """Waits until this function returns something true, and returns that."""
    deadline = time.monotonic() + patience
    while not (found := condition()):
        assert time.monotonic() < deadline, f"{what} is not up"
        time.sleep(0.02)
    return found


def is_listening(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


class Service:
    """A program that runs until `stop`, or until this process ends."""

    kind = "service"
    user: int | None = None

    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix=f"roadstead-{self.kind}-"))
        self.process: subprocess.Popen | None = None
        if self.user is not None:
            os.chown(self.folder, self.user, self.user)
        atexit.register(self.close)

    def command(self) -> list[object]:
        raise NotImplementedError

    def spawn(self, **environment: str) -> None:
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [str(part) for part in self.command()], stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder,
                env={"PATH": SEARCHED, "HOME": str(self.folder), **environment}, user=self.user, group=self.user,
            )

    def stop(self, by: signal.Signals = signal.SIGTERM) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(by)
            try:
                self.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def close(self) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


class Postgres(Service):
    """A PostgreSQL server that loses its data with the machine. Its superuser is `postgres`, without a password."""

    kind = "postgres"
    user = NOBODY

    def __init__(self, **settings: object):
        super().__init__()
        self.port = free_port()
        self.databases = 0
        self.settings = settings
        self.make_data()
        self.start()

    def make_data(self, encoding: str = "UTF8") -> None:
        self.run("initdb", "--no-sync", "--auth=trust", "--username=postgres", f"--encoding={encoding}", "--locale=C", self.folder / "data")

    def run(self, name: str, *arguments: object) -> None:
        """Runs one of PostgreSQL's programs as the user of the server."""
        command = [program(name), *map(str, arguments)]
        subprocess.run(command, check=True, capture_output=True, cwd=self.folder, user=self.user, group=self.user)

    def command(self):
        settings = {
            "listen_addresses": "127.0.0.1", "port": self.port, "unix_socket_directories": self.folder, "max_connections": 400,
            "fsync": "off", "full_page_writes": "off", "shared_buffers": "128MB", "log_min_messages": "warning", **self.settings,
        }
        return [program("postgres"), "-D", self.folder / "data", *(part for name, value in settings.items() for part in ("-c", f"{name}={value}"))]

    def start(self) -> None:
        self.spawn(LC_ALL="C")
        until(lambda: self.psql("SELECT 1", check=False).returncode == 0, self.kind)

    def stop(self, by: signal.Signals = signal.SIGQUIT) -> None:
        """Ends the server, by default at once, as a failure does."""
        super().stop(by)

    def psql(self, script: str, database: str = "postgres", check: bool = True) -> subprocess.CompletedProcess:
        """Runs SQL; the rows are lines with columns separated by `|`."""
        done = subprocess.run(self.psql_command(database), input=script, capture_output=True, text=True, timeout=300, env={"PATH": SEARCHED})
        assert not check or done.returncode == 0, done.stderr
        return done

    def psql_command(self, database: str) -> list:
        return [program("psql"), "-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres", "-d", database, "-qXAt", "-v", "ON_ERROR_STOP=1"]

    @contextlib.contextmanager
    def locked(self, table: str, database: str):
        """Whoever reads the table meanwhile waits until the end."""
        held = f"SELECT 1 FROM pg_locks WHERE relation = '{table}'::regclass AND mode = 'AccessExclusiveLock' AND granted"
        with subprocess.Popen(self.psql_command(database), stdin=subprocess.PIPE, text=True, env={"PATH": SEARCHED}) as session:
            session.stdin.write(f"BEGIN; LOCK TABLE {table};\n")
            session.stdin.flush()
            until(lambda: self.psql(held, database).stdout, "the lock")
            yield

    def new_database(self) -> str:
        """The name of a new, empty database."""
        self.databases += 1
        name = f"roadstead_{self.databases}"
        self.psql(f"CREATE DATABASE {name}")
        return name

    def url(self, database: str, port: int | None = None, host: str = "127.0.0.1", query: str = "sslmode=disable") -> str:
        return f"postgres://postgres@{host}:{port or self.port}/{database}?{query}"


class Standby(Postgres):
    """A standby that has what its primary has committed."""

    kind = "standby"

    def __init__(self, primary: Postgres):
        self.primary = primary
        super().__init__()

    def make_data(self) -> None:
        primary = ("--host", "127.0.0.1", "--port", self.primary.port, "--username", "postgres")
        self.run("pg_basebackup", *primary, "--pgdata", self.folder / "data", "--checkpoint=fast", "--write-recovery-conf", "--no-sync")

    def promote(self) -> None:
        self.psql("SELECT pg_promote()")


class PgBouncer(Service):
    """A pgbouncer in front of a PostgreSQL server."""

    kind = "pgbouncer"
    user = NOBODY

    def __init__(self, postgres: Postgres, mode: str):
        super().__init__()
        self.port = free_port()
        (self.folder / "users").write_text('"postgres" ""\n')
        (self.folder / "pgbouncer.ini").write_text(f"""
            [databases]
            * = host=127.0.0.1 port={postgres.port}
            [pgbouncer]
            listen_addr = 127.0.0.1
            listen_port = {self.port}
            unix_socket_dir =
            auth_type = trust
            auth_file = {self.folder}/users
            pool_mode = {mode}
            default_pool_size = 100
            max_client_conn = 1000
        """)
        self.spawn()
        until(lambda: is_listening(self.port), self.kind)

    def command(self):
        return [program("pgbouncer"), self.folder / "pgbouncer.ini"]


class S3(Service):
    """An S3 server on a folder, with one bucket: versitygw, or minio if ROADSTEAD_TEST_S3 says so."""

    kind = "s3"
    server = os.environ.get("ROADSTEAD_TEST_S3") or "versitygw"
    bucket = "roadstead"
    key = ("AKIATESTS3", "a-secret-of-the-tests")

    def __init__(self):
        super().__init__()
        self.port = free_port()
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self.prefixes = 0
        (self.folder / "objects").mkdir()
        self.start()
        with contextlib.suppress(botocore.exceptions.ClientError):
            self.client().create_bucket(Bucket=self.bucket)

    def command(self):
        address, objects = f"127.0.0.1:{self.port}", self.folder / "objects"
        return {
            "versitygw": lambda: [program("versitygw"), "--port", address, "--keep-alive", "posix", objects],
            "minio": lambda: [program("minio"), "server", "--quiet", "--address", address, objects],
        }[self.server]()

    def start(self) -> None:
        key, secret = self.key
        self.spawn(ROOT_ACCESS_KEY=key, ROOT_SECRET_KEY=secret, MINIO_ROOT_USER=key, MINIO_ROOT_PASSWORD=secret, MINIO_BROWSER="off")
        until(lambda: is_listening(self.port), self.kind)

    def client(self):
        config = botocore.config.Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 3})
        return boto3.session.Session(*self.key, region_name="us-east-1").client("s3", endpoint_url=self.endpoint, config=config)

    def new_prefix(self) -> str:
        self.prefixes += 1
        return f"registry-{self.prefixes}"

    def settings(self, prefix: str, endpoint: str | None = None) -> dict[str, str]:
        """The environment of a server that keeps its blobs under this prefix."""
        return {
            "ROADSTEAD_BLOBS": f"s3://{self.bucket}/{prefix}",
            "ROADSTEAD_S3_ENDPOINT": endpoint or self.endpoint,
            "ROADSTEAD_S3_REGION": "us-east-1",
            "ROADSTEAD_S3_PATH_STYLE": "true",
            "AWS_ACCESS_KEY_ID": self.key[0],
            "AWS_SECRET_ACCESS_KEY": self.key[1],
        }
