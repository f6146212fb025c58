"""The configurations of proxies in docs/https.md, and what clients are told when a proxy is set up wrongly."""

import os
import tarfile
from pathlib import Path

import botocore.exceptions
import pytest
import urllib3

from authorities import self_signed
from pages import documented, replaced
from proxies import Caddy, OneServer
from tools import go_tool, need

pytestmark = pytest.mark.direct("this proxy stands in front of one server")
GUIDE = "docs/https.md"


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    need("openssl", root=False)
    return self_signed(tmp_path_factory.mktemp("proxies"))


@pytest.fixture
def backend(start):
    return start("--create-on-push", "--trusted-proxy", "127.0.0.1")


@pytest.fixture
def nginx(files, backend):
    """Starts nginx as documented, with changes."""
    chain, key = files
    begun = []

    def begin(**changes: str) -> str:
        block = replaced(documented(GUIDE, "nginx"), **{
            "listen 443 ssl;": "listen 127.0.0.1:PORT ssl http2;", "http2 on; ": "", "registry.example.org": "localhost",
            "/etc/ssl/registry/chain.pem": str(chain), "/etc/ssl/registry/key.pem": str(key), "127.0.0.1:5000": backend.address, **changes,
        })
        begun.append(OneServer(block))
        return f"localhost:{begun[-1].port}"

    yield begin
    for proxy in begun:
        proxy.close()


@pytest.fixture
def caddy(files, backend):
    """Starts Caddy as documented, with the certificate of the tests."""
    chain, key = files
    site = replaced(documented(GUIDE, "caddy"), **{
        "registry.example.org {": f"https://localhost:PORT {{\n\tbind 127.0.0.1\n\ttls {chain} {key}", "127.0.0.1:5000": backend.address,
    })
    proxy = Caddy(site)
    yield f"localhost:{proxy.port}"
    proxy.close()


def client_at(backend, address: str, chain: Path, monkeypatch):
    """A boto3 client that reaches the server through a proxy."""
    monkeypatch.setenv("AWS_CA_BUNDLE", str(chain))
    backend.url = f"https://{address}"
    return backend.client()


def check(backend, address: str, chain: Path, folder: Path, monkeypatch) -> None:
    """Signed requests, a login, and a push of a layer that is larger than what proxies allow by default."""
    client = client_at(backend, address, chain, monkeypatch)
    uri = client.create_repository(repositoryName="app")["repository"]["repositoryUri"]
    assert uri == f"{address}/{backend.alias}/app"
    challenge = urllib3.PoolManager(ca_certs=str(chain)).request("GET", f"https://{address}/v2/").headers["WWW-Authenticate"]
    assert f'realm="https://{address}/token/"' in challenge
    (folder / "file").write_bytes(os.urandom(5 << 20))
    with tarfile.open(folder / "layer.tar", "w") as archive:
        archive.add(folder / "file", "srv/file")
    crane = go_tool("crane", folder, SSL_CERT_FILE=str(chain))
    crane("auth", "login", address, "--username", "AWS", "--password-stdin", text=backend.password())
    crane("append", "--new_layer", folder / "layer.tar", "--new_tag", f"{uri}:v1")
    assert crane("validate", "--remote", f"{uri}:v1").startswith("PASS")


def test_nginx_as_documented_passes_signatures_logins_and_large_layers(backend, nginx, files, tmp_path, monkeypatch):
    check(backend, nginx(), files[0], tmp_path, monkeypatch)


def test_caddy_as_documented_passes_signatures_logins_and_large_layers(backend, caddy, files, tmp_path, monkeypatch):
    check(backend, caddy, files[0], tmp_path, monkeypatch)


def refusal_of(client) -> str:
    with pytest.raises(botocore.exceptions.ClientError) as refused:
        client.describe_repositories()
    assert refused.value.response["Error"]["Code"] == "InvalidSignatureException"
    return refused.value.response["Error"]["Message"]


def test_a_signature_that_a_proxy_broke_is_refused_with_the_host_that_it_is_valid_for(backend, nginx, files, monkeypatch):
    client = client_at(backend, nginx(**{"Host $http_host": "X-Forwarded-Host $http_host"}), files[0], monkeypatch)
    host = backend.url.removeprefix("https://")
    hint = f"It is valid for the host '{host}': the proxy in front of this registry must pass on the Host header."
    assert refusal_of(client).endswith(f" {hint}")
    [warning] = [event for event in backend.events() if event["message"].startswith("a proxy replaced the Host header")]
    assert (warning["signed"], warning["received"]) == (host, backend.address)


def test_a_signature_that_a_proxy_broke_without_a_trace_is_refused_with_what_the_proxy_must_do(backend, nginx, files, monkeypatch):
    client = client_at(backend, nginx(**{"proxy_set_header Host $http_host;": ""}), files[0], monkeypatch)
    hint = "A proxy forwarded the request: it must pass on the Host header, the path and the query unchanged."
    assert refusal_of(client).endswith(f" {hint}")


def test_the_limit_of_nginx_that_the_guide_lifts_would_refuse_a_layer(nginx, files):
    address = nginx(**{"client_max_body_size 0;": ""})
    answer = urllib3.PoolManager(ca_certs=str(files[0]), retries=False).request("PUT", f"https://{address}/v2/a/b/manifests/c", body=bytes(2 << 20))
    assert answer.status == 413 and b"nginx" in answer.data
