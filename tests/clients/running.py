"""A Roadstead server under test, on a free port of the loopback interface."""

import base64
import configparser
import json
import os
import signal
import sqlite3
import subprocess
import time
from pathlib import Path

import boto3
import botocore.config
import urllib3

from deployments import Place
from proxies import Balancer
from services import PATIENCE


def binary() -> Path:
    """The binary under test: ROADSTEAD_BIN, or the release build."""
    default = Path(__file__).resolve().parents[2] / "target" / "release" / "roadstead"
    return Path(os.environ.get("ROADSTEAD_BIN", default))


def clean_environment(**more: str) -> dict[str, str]:
    """The environment of this process without settings of Roadstead or AWS clients."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ROADSTEAD_", "AWS_"))}
    return {**kept, "AWS_EC2_METADATA_DISABLED": "true", **more}


def serve(*flags: object, log, cwd: Path | None = None, **environment: str) -> subprocess.Popen:
    """Starts a server on a free port of the loopback, which logs JSON to the file `log`."""
    command = [binary(), "serve", "--listen", "127.0.0.1:0", "--log-format", "json", *map(str, flags)]
    return subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=cwd, env=clean_environment(**environment)
    )


def run(*arguments: object, text: str = "", stderr=subprocess.PIPE, **environment: str) -> subprocess.CompletedProcess:
    """Runs the program until it ends by itself, as commands do, and a server that cannot start."""
    return subprocess.run(
        [binary(), *map(str, arguments)],
        input=text, stdout=subprocess.PIPE, stderr=stderr, text=True, timeout=PATIENCE, env=clean_environment(**environment),
    )


class Process:
    """One process that serves, and its log."""

    def __init__(self, log: Path, *flags: object, cwd: Path | None = None, **environment: str):
        self.log = log
        with log.open("wb") as file:
            self.process = serve(*flags, log=file, cwd=cwd, **environment)

    def wait_until_ready(self) -> dict:
        """The event that tells its address."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            for event in self.events():
                if event.get("message") == "ready":
                    return event
            if self.process.poll() is not None:
                break
            time.sleep(0.01)
        self.kill()
        raise AssertionError(f"the server did not start:\n{self.log.read_text()}")

    def events(self) -> list[dict]:
        """The events logged so far, without a last, incomplete line."""
        lines = self.log.read_text().splitlines(keepends=True)
        return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("\n")]

    def ask_to_stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)

    def wait(self) -> int:
        """Waits until it has stopped, and returns its exit code."""
        try:
            return self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


class Server:
    """An installation, and what serves it: one process, or replicas behind a load balancer, as the deployment of the tests says."""

    def __init__(self, data: Path, *flags: str, place: Place | None = None, **environment: str):
        self.data = data
        self.flags = flags
        self.place = place or Place()
        self.environment = {**self.place.settings, **environment}
        self.replicas: list[Process] = []
        self.balancer: Balancer | None = None
        self.start()

    def start(self) -> None:
        place = ("--data", self.data) if self.place.needs_data_directory else ()
        logs = [self.data.with_name(f"{self.data.name}{suffix}.log") for suffix in self.place.suffixes]
        self.replicas = [Process(log, *place, *self.flags, cwd=self.data.parent, **self.environment) for log in logs]
        try:
            ready = [replica.wait_until_ready() for replica in self.replicas]
        except AssertionError:
            self.kill()
            raise
        self.addresses: list[str] = [event["address"] for event in ready]
        self.alias: str = ready[0]["alias"]
        if self.place.balanced:
            self.balancer = Balancer(self.addresses)
        # The address it listens on, regardless of `--public-url`.
        self.address: str = self.balancer.address if self.balancer else self.addresses[0]
        secure = {"--tls-cert", "--acme-domain"} & set(self.flags)
        self.url = f"{'https' if secure else 'http'}://{self.address}"
        self.http = urllib3.PoolManager(maxsize=8, retries=False, timeout=30)

    @property
    def process(self) -> subprocess.Popen:
        """The process of a server that is only one."""
        [replica] = self.replicas
        return replica.process

    def events(self) -> list[dict]:
        """The events logged so far by all replicas, in order of time."""
        return sorted((event for replica in self.replicas for event in replica.events()), key=lambda event: event.get("timestamp", ""))

    def stop(self) -> int:
        """Asks all processes to stop, and returns the exit code of one that failed, or 0."""
        for replica in self.replicas:
            replica.ask_to_stop()
        codes = [replica.wait() for replica in self.replicas]
        self.close_balancer()
        return next(filter(None, codes), 0)

    def kill(self) -> None:
        for replica in self.replicas:
            replica.kill()
        self.close_balancer()

    def close_balancer(self) -> None:
        if self.balancer:
            self.balancer.close()
            self.balancer = None

    def restart(self) -> None:
        assert self.stop() == 0
        self.start()

    def key(self, profile: str = "default") -> tuple[str, str]:
        """The root access key and its secret: those it was started with, or from the credentials file that it wrote."""
        if "ROADSTEAD_ACCESS_KEY_ID" in self.environment:
            return self.environment["ROADSTEAD_ACCESS_KEY_ID"], self.environment["ROADSTEAD_SECRET_ACCESS_KEY"]
        file = configparser.ConfigParser()
        file.read(self.data / "credentials")
        return file[profile]["aws_access_key_id"], file[profile]["aws_secret_access_key"]

    def session(self, access_key: str | None = None, secret: str = "any") -> boto3.session.Session:
        """A session of the root key, or of another key."""
        if access_key is None:
            access_key, secret = self.key()
        return boto3.session.Session(access_key, secret, region_name="us-east-1")

    def client(self, **settings):
        """A boto3 client without retries; `settings` are passed to its Config."""
        config = botocore.config.Config(retries={"total_max_attempts": 1}, **settings)
        return self.session().client("ecr-public", endpoint_url=self.url, config=config)

    def run(self, *arguments: str, text: str = "") -> str:
        """Runs a command on the installation, and returns its output."""
        place = {"ROADSTEAD_DATA": str(self.data)} if self.place.needs_data_directory else {}
        done = run(*arguments, text=text, **place, **self.environment)
        assert done.returncode == 0, f"{arguments}: {done.stdout}{done.stderr}"
        return done.stdout

    def sql(self, script: str) -> None:
        """Changes the metadata without the server, which is told that there was a change."""
        if self.place.database:
            self.place.postgres.psql(f"{script}; UPDATE change SET writes = writes + 1 WHERE slot = 0;", self.place.database)
            return
        database = sqlite3.connect(self.data / "roadstead.db", timeout=30)
        database.executescript(script)
        database.close()

    def password(self) -> str:
        """The password of `docker login`."""
        token = self.client().get_authorization_token()["authorizationData"]["authorizationToken"]
        user, password = base64.b64decode(token).decode().split(":")
        assert user == "AWS"
        return password


def starting(folder, end=Server.stop, place=Place):
    """Yields a function that starts a server with its data in `folder(number of the server)`, and stops all of them afterwards."""
    started = []

    def start_one(*flags: str, data: Path | None = None, **environment: str) -> Server:
        server = Server(data or folder(len(started)), *flags, place=place(), **environment)
        started.append(server)
        return server

    yield start_one
    for server in started:
        end(server)
