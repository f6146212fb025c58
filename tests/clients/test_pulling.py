"""Pulls with crane, regctl, skopeo and podman: under pull limits, and with expired or revoked logins.

docker, which has a daemon, does the same in test_docker.py."""

import tempfile

import pytest

from images import of_two_platforms
from pushing import Pusher
from tools import Tool, go_tool, need


class Crane:
    def __init__(self, server, folder):
        self.tool, self.folder = go_tool("crane", folder), folder
        self.address = server.address

    def login(self, password):
        self.tool("auth", "login", self.address, "--username", "AWS", "--password-stdin", text=password)

    def pull(self, name):
        return self.tool.attempt("pull", "--platform", "linux/amd64", name, self.folder / "pulled.tar")

    def push(self, name):
        return self.tool.attempt("push", self.folder / "pulled.tar", name)


class Regctl:
    def __init__(self, server, folder):
        self.tool, self.folder = go_tool("regctl", folder, "--verbosity", "error"), folder
        self.address = server.address
        self.tool("registry", "set", "--tls", "disabled", "--skip-check", server.address)

    def login(self, password):
        self.tool("registry", "login", self.address, "--user", "AWS", "--pass-stdin", text=password)

    def pull(self, name):
        return self.tool.attempt("image", "export", "--platform", "linux/amd64", name, self.folder / "pulled.tar")

    def push(self, name):
        return self.tool.attempt("image", "import", name, self.folder / "pulled.tar")


class Skopeo:
    def __init__(self, server, folder):
        need("skopeo")
        self.folder, self.address = folder, server.address
        self.tool = Tool("skopeo", HOME=str(folder), REGISTRY_AUTH_FILE=str(folder / "auth.json"))

    def login(self, password):
        self.tool("login", "--tls-verify=false", "--username", "AWS", "--password-stdin", self.address, text=password)

    def pull(self, name):
        return self.tool.attempt(
            "copy", "--override-arch", "amd64", "--src-tls-verify=false", f"docker://{name}", f"oci:{self.folder}/pulled"
        )

    def push(self, name):
        return self.tool.attempt("copy", "--dest-tls-verify=false", f"oci:{self.folder}/pulled", f"docker://{name}")


class Podman:
    def __init__(self, server, folder):
        need("podman")
        self.folder, self.address = folder, server.address
        # podman limits this path to 50 characters.
        (folder / "auth.json").write_text("{}")
        self.run = tempfile.TemporaryDirectory(prefix="run-", dir="/tmp")
        storage = ["--root", folder / "storage", "--runroot", self.run.name, "--storage-driver", "vfs"]
        environment = {"HOME": str(folder), "REGISTRY_AUTH_FILE": str(folder / "auth.json"), "TMPDIR": str(folder)}
        self.tool = Tool("podman", *storage, "--cgroup-manager", "cgroupfs", "--events-backend", "file", **environment)

    def login(self, password):
        self.tool("login", "--tls-verify=false", "--username", "AWS", "--password-stdin", self.address, text=password)

    def pull(self, name):
        return self.tool.attempt("pull", "--quiet", "--tls-verify=false", "--arch", "amd64", name)

    def push(self, name):
        return self.tool.attempt("push", "--tls-verify=false", name)


CLIENTS = [Crane, Regctl, Skopeo, Podman]


@pytest.mark.direct("what a replica has counted reaches the others within seconds")
@pytest.mark.parametrize("client", CLIENTS)
def test_one_pull_of_two_platforms_passes_at_any_rate(client, start, tmp_path):
    server = start("--pull-rate-anonymous", "1/h", "--create-on-push")
    Pusher(server).push("app", of_two_platforms(), "many")
    pulled = client(server, tmp_path).pull(f"{server.address}/{server.alias}/app:many")
    assert pulled.returncode == 0, pulled.stdout + pulled.stderr
    assert server.http.request("GET", f"{server.url}/v2/{server.alias}/app/manifests/many").status == 429


@pytest.mark.parametrize("client", CLIENTS)
def test_a_login_that_is_over_still_pulls_and_does_not_push(client, start, tmp_path):
    server = start("--create-on-push")
    Pusher(server).push("app", of_two_platforms(), "many")
    logged_in = client(server, tmp_path)
    logged_in.login(server.password())
    server.run("access-key", "disable", server.key()[0])
    name = f"{server.address}/{server.alias}/app"
    pulled = logged_in.pull(f"{name}:many")
    assert pulled.returncode == 0, pulled.stdout + pulled.stderr
    refused = logged_in.push(f"{name}:many")
    assert refused.returncode != 0, refused.stdout
    assert "uthorized" in refused.stdout + refused.stderr, refused.stderr
