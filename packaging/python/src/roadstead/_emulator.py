"""Runs the server as an emulator of Amazon ECR Public."""

from __future__ import annotations

import importlib
import json
import os
import select
import subprocess
import tempfile
import time
from typing import TYPE_CHECKING, Any

from roadstead._binary import find_binary

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

#: How long the server may take to start, and to finish requests when it stops, in seconds.
START_TIMEOUT = 30.0
STOP_TIMEOUT = 10.0

#: The region of Amazon ECR Public.
REGION = "us-east-1"


class EmulatorError(RuntimeError):
    """The emulator did not start. The message contains what it said."""


class Emulator:
    """An empty registry on a free port of the loopback interface, for as long as a `with` block runs.

    Keyword arguments are settings of the server, by their names in its configuration file:
    `Emulator(alias="harbour", create_on_push=True)`.
    """

    #: The keys that the clients of this object use. The emulator accepts any other as well.
    access_key_id = "test"
    secret_access_key = "test"  # noqa: S105 - not a secret
    region = REGION

    #: The URL for AWS SDKs, such as `http://localhost:43211`.
    endpoint: str
    #: The host and port for docker and other clients of registries.
    registry: str
    #: The account that requests belong to, and the alias of its registry.
    registry_id: str
    alias: str

    def __init__(self, *, binary: str | None = None, **settings: str | int | bool) -> None:
        """Prepare an emulator. `binary` names another server than the installed one."""
        self._binary = binary
        self._settings = {"listen": "127.0.0.1:0", "log": "warn", **settings}
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        """Start the emulator."""
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the emulator."""
        self.stop()

    def start(self) -> Self:
        """Start the server, and wait until it accepts requests. Prefer a `with` block."""
        if self._process is not None:
            message = "the emulator is running already"
            raise EmulatorError(message)
        # A file without a name: whatever ends this process, it is gone.
        with tempfile.TemporaryFile() as log:
            ready, write = os.pipe()
            try:
                self._process = self._spawn(write, log.fileno())
                os.close(write)
                write = -1
                self._read(_first_line(ready, time.monotonic() + START_TIMEOUT), log.fileno())
            except BaseException:
                self.stop()
                raise
            finally:
                os.close(ready)
                if write >= 0:
                    os.close(write)
        return self

    def stop(self) -> None:
        """Stop the server, which removes its data. Does nothing if it is not running."""
        process, self._process = self._process, None
        if process is None:
            return
        try:
            # The server ends with its standard input.
            process.communicate(timeout=STOP_TIMEOUT)
        except BaseException as error:
            process.kill()
            process.wait()
            if not isinstance(error, subprocess.TimeoutExpired):
                raise

    @property
    def environment(self) -> dict[str, str]:
        """The variables that point the AWS SDKs and the AWS CLI (2.13 or newer) in other processes to the emulator."""
        return {
            "AWS_ENDPOINT_URL_ECR_PUBLIC": self.endpoint,
            "AWS_ACCESS_KEY_ID": self.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.secret_access_key,
            "AWS_DEFAULT_REGION": self.region,
        }

    def repository_uri(self, name: str) -> str:
        """Return the reference of a repository for docker and other clients, such as `localhost:43211/a1b2c3d4/app`."""
        return f"{self.registry}/{self.alias}/{name}"

    def client(self, *, account: str | None = None, **options: Any) -> Any:  # noqa: ANN401 - boto3 has no types
        """Return a boto3 client of `ecr-public`, for another account if its id (twelve digits) is given."""
        boto3 = importlib.import_module("boto3")
        return boto3.client(
            "ecr-public",
            endpoint_url=self.endpoint,
            region_name=self.region,
            aws_access_key_id=account or self.access_key_id,
            aws_secret_access_key=self.secret_access_key,
            **options,
        )

    def _spawn(self, ready: int, log: int) -> subprocess.Popen[bytes]:
        """Start the process. It ends when its standard input does, which the system closes when this process ends."""
        flags = [f"--{name.replace('_', '-')}={_text(value)}" for name, value in self._settings.items()]
        command = [self._binary or find_binary(), "serve", "--emulator", "--ephemeral", "--stop-with-stdin"]
        # The settings of this object are all there are.
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith(("ROADSTEAD_", "RUST_"))
        }
        return subprocess.Popen(
            [*command, f"--ready-file=/dev/fd/{ready}", *flags],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=log,
            env=environment,
            pass_fds=[ready],
            # Ctrl-C interrupts the tests, which then stop the server.
            start_new_session=True,
        )

    def _read(self, line: bytes, log: int) -> None:
        """Take over where the server is."""
        if not line:
            said = os.pread(log, 1 << 20, 0).decode(errors="replace").strip()
            message = f"the emulator did not start: {said or 'it said nothing'}"
            raise EmulatorError(message)
        ready = json.loads(line)
        self.endpoint = ready["url"]
        self.registry = self.endpoint.split("://", 1)[1]
        self.registry_id = ready["registryId"]
        self.alias = ready["alias"]


def _text(value: str | int | bool) -> str:  # noqa: FBT001 - a setting of any type
    return str(value).lower() if isinstance(value, bool) else str(value)


def _first_line(pipe: int, deadline: float) -> bytes:
    """Read a line. Returns an empty one if the other side ends, or takes too long."""
    line = b""
    poll = select.poll()
    poll.register(pipe, select.POLLIN)
    while not line.endswith(b"\n"):
        readable = poll.poll(max(0.0, deadline - time.monotonic()) * 1000)
        piece = os.read(pipe, 4096) if readable else b""
        if not piece:
            return b""
        line += piece
    return line
