"""A Roadstead server under test, on a free port of the loopback interface."""

import base64
import configparser
import json
import os
import signal
import subprocess
import time
from pathlib import Path

import boto3
import botocore.config
import urllib3

PATIENCE = 20  # seconds


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


class Server:
    """A data directory, and the server that runs on it."""

    def __init__(self, data: Path, *flags: str, **environment: str):
        self.data = data
        self.flags = flags
        self.environment = environment
        self.process: subprocess.Popen | None = None
        self.log = data.with_name(data.name + ".log")
        self.start()

    def start(self) -> None:
        with self.log.open("wb") as log:
            self.process = serve("--data", self.data, *self.flags, log=log, **self.environment)
        ready = self.wait_until_ready()
        self.address: str = ready["address"]
        self.alias: str = ready["alias"]
        # The address it listens on, regardless of `--public-url`.
        self.url = f"{'https' if '--tls-cert' in self.flags else 'http'}://{self.address}"
        self.http = urllib3.PoolManager(retries=False, timeout=30)

    def wait_until_ready(self) -> dict:
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

    def stop(self) -> int:
        """Asks the server to stop, and returns its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def restart(self) -> None:
        assert self.stop() == 0
        self.start()

    def key(self, profile: str = "default") -> tuple[str, str]:
        """The root access key and its secret, from the credentials file that the server wrote."""
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
        """Runs a command on the server's data directory, and returns its output."""
        done = run(*arguments, text=text, ROADSTEAD_DATA=str(self.data))
        assert done.returncode == 0, f"{arguments}: {done.stdout}{done.stderr}"
        return done.stdout

    def password(self) -> str:
        """The password of `docker login`."""
        token = self.client().get_authorization_token()["authorizationData"]["authorizationToken"]
        user, password = base64.b64decode(token).decode().split(":")
        assert user == "AWS"
        return password


def starting(folder, end=Server.stop):
    """Yields a function that starts a server with its data in `folder(number of the server)`, and stops all of them afterwards."""
    started = []

    def start_one(*flags: str, data: Path | None = None, **environment: str) -> Server:
        server = Server(data or folder(len(started)), *flags, **environment)
        started.append(server)
        return server

    yield start_one
    for server in started:
        end(server)
