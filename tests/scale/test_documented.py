"""What the documents say about several servers, as written, with other addresses and keys: the quick start with its SQL, its file, its
commands and its load balancer, and how an installation is moved."""

import contextlib
import os
import secrets
import signal
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
import urllib3

from authorities import self_signed
from deployments import Place
from load import REPOSITORY
from pages import documented, replaced
from proxies import OneServer
from pushing import Pusher, image
from running import PATIENCE, Server, binary, clean_environment
from services import S3, Postgres, free_port, is_listening, until
from tools import SEARCHED, go_tool, need

PAGE = "docs/start/replicas.md"
# What the servers warn of: these tests run as root, and step 6 makes the key.
EXPECTED = ("the server runs as root", "there is no root access key yet")


class Strict(Postgres):
    """A server as distributions set one up in a system without UTF-8, which asks everybody but its administrator for a password."""

    def make_data(self) -> None:
        super().make_data(encoding="SQL_ASCII")
        (self.folder / "data" / "pg_hba.conf").write_text("host all postgres all trust\nhost all all all scram-sha-256\n")


class Machines:
    """The machines of the page: a folder with `registry.env`, three servers, nginx in front, and somebody at a shell."""

    def __init__(self, folder: Path):
        self.folder, self.servers, self.logs = folder, [], []
        self.ports = [free_port() for _ in range(3)]
        self.chain, self.key = self_signed(folder)
        (folder / "bin").mkdir()
        (folder / "bin" / "roadstead").symlink_to(binary())
        self.environment = {
            "PATH": f"{folder}/bin:{Path(sys.executable).parent}:{SEARCHED}", "HOME": str(folder), "AWS_CA_BUNDLE": str(self.chain),
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def prepare(self, database: Postgres, bucket: S3, address: str) -> None:
        """Steps 1 to 3."""
        database.psql(documented(PAGE, "sql"))
        key, secret = bucket.key
        (self.folder / "registry.env").write_text(replaced(documented(PAGE, "ini"), **{
            "db.internal": f"127.0.0.1:{database.port}", "s3://images": f"s3://{bucket.bucket}",
            "https://s3.internal": bucket.endpoint, "registry.example.org": address, "10.0.0.10": "127.0.0.1",
            "ROADSTEAD_MASTER_KEY=…": f"ROADSTEAD_MASTER_KEY={secrets.token_hex(32)}",
            "AWS_ACCESS_KEY_ID=…": f"AWS_ACCESS_KEY_ID={key}", "AWS_SECRET_ACCESS_KEY=…": f"AWS_SECRET_ACCESS_KEY={secret}",
        }))

    def serve(self) -> None:
        """Step 4."""
        for number, port in enumerate(self.ports):
            self.logs.append(self.folder / f"server-{number}.log")
            command = replaced(documented(PAGE, "sh server"), **{"0.0.0.0:5000": f"127.0.0.1:{port}"})
            with self.logs[-1].open("wb") as log:
                self.servers.append(subprocess.Popen(
                    ["bash", "-euc", command], cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                ))
        for port in self.ports:
            until(lambda: is_listening(port) and self.is_ready(port), f"a server: {self.read_logs()}")

    def is_ready(self, port: int) -> bool:
        return urllib3.request("GET", f"http://127.0.0.1:{port}/readyz", retries=False, timeout=PATIENCE).status == 200

    def read_logs(self) -> str:
        return "\n".join(log.read_text() for log in self.logs)

    def balancer(self) -> OneServer:
        """Step 5, with the server block of the page about HTTPS. Its port takes the place of PORT."""
        upstream = replaced(documented(PAGE, "nginx"), **{
            f"10.0.0.1{number}:5000": f"127.0.0.1:{port}" for number, port in enumerate(self.ports, 1)
        })
        return OneServer(upstream + replaced(documented("docs/https.md", "nginx"), **{
            "listen 443 ssl;": "listen 127.0.0.1:PORT ssl http2;", "http2 on; ": "", "registry.example.org": "localhost",
            "/etc/ssl/registry/chain.pem": str(self.chain), "/etc/ssl/registry/key.pem": str(self.key), "127.0.0.1:5000": "registry",
        }))

    def shell(self, commands: str) -> str:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", commands], cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=180,
        )
        assert done.returncode == 0, f"{done.stdout}\n{self.read_logs()}"
        return done.stdout

    def stop(self) -> list[int]:
        for server in self.servers:
            server.send_signal(signal.SIGTERM)
        return [server.wait(PATIENCE) for server in self.servers]

    def kill(self) -> None:
        for server in self.servers:
            server.kill()
            server.wait()


@pytest.fixture
def machines(tmp_path):
    need("openssl", root=False)
    machines = Machines(tmp_path)
    yield machines
    machines.kill()


@pytest.mark.smoke
def test_the_commands_of_the_quick_start_make_one_registry_of_three_servers(machines):
    with contextlib.closing(Strict()) as database, contextlib.closing(S3()) as bucket, contextlib.closing(machines.balancer()) as balancer:
        address = f"localhost:{balancer.port}"
        machines.prepare(database, bucket, address)
        machines.serve()
        shown = machines.shell(replaced(documented(PAGE, "sh"), **{"registry.example.org": address}))
        assert '"verified"' in shown and address in shown, shown

        ecr = f"aws ecr-public --profile registry --region us-east-1 --endpoint-url https://{address}"
        repository = machines.shell(f"{ecr} create-repository --repository-name app --query repository.repositoryUri --output text").strip()
        assert repository.startswith(f"{address}/")
        crane = go_tool("crane", machines.folder, SSL_CERT_FILE=str(machines.chain))
        crane("auth", "login", address, "--username", "AWS", "--password-stdin", text=machines.shell(f"{ecr} get-login-password"))
        (machines.folder / "file").write_bytes(os.urandom(5 << 20))
        with tarfile.open(machines.folder / "layer.tar", "w") as archive:
            archive.add(machines.folder / "file", "srv/file")
        crane("append", "--new_layer", machines.folder / "layer.tar", "--new_tag", f"{repository}:v1")
        # nginx takes the servers in turn, so each of them answers for what the others were told.
        for _ in machines.servers:
            assert crane("validate", "--remote", f"{repository}:v1").startswith("PASS")
        assert machines.stop() == [0, 0, 0]
        warnings = [line for line in machines.read_logs().splitlines() if " WARN " in line]
        assert [line for line in warnings if not any(text in line for text in EXPECTED)] == []


@pytest.mark.smoke
def test_the_commands_that_move_an_installation_copy_a_data_directory_to_a_database_and_a_bucket(tmp_path):
    server, target = Server(tmp_path / "data", place=Place("embedded")), Place("s3")
    server.client().create_repository(repositoryName=REPOSITORY)
    digest = Pusher(server).push(REPOSITORY, image(os.urandom(50_000)), "v1")
    assert server.stop() == 0
    commands = replaced(documented("docs/scaling.md", "sh"), **{
        "roadstead transfer": f"{binary()} transfer", "/srv/roadstead-data": str(server.data),
        "postgres://roadstead@db/registry": f"'{target.settings['ROADSTEAD_DATABASE']}'",
        "s3://images/registry": target.settings["ROADSTEAD_BLOBS"],
    })
    # The place is in the commands, and the keys are those of the data directory.
    settings = {name: value for name, value in target.settings.items() if name.startswith(("ROADSTEAD_S3", "AWS"))}
    subprocess.run(["bash", "-euxc", commands], check=True, timeout=180, env=clean_environment(**settings))

    key, secret = server.key()
    target.settings |= {
        "ROADSTEAD_MASTER_KEY": (server.data / "master.key").read_text().strip(),
        "ROADSTEAD_ACCESS_KEY_ID": key, "ROADSTEAD_SECRET_ACCESS_KEY": secret,
    }
    moved = Server(tmp_path / "moved", place=target)
    answer = Pusher(moved).request("GET", f"{REPOSITORY}/manifests/v1")
    assert (answer.status, answer.headers["Docker-Content-Digest"]) == (200, digest)
    assert moved.stop() == 0
