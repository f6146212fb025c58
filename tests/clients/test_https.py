"""Clients over HTTPS (HTTP/2 for those written in Go), with a certificate that they are set up to trust."""

import json
import os
import re
import tarfile

import pytest
import urllib3

from authorities import self_signed
from running import run
from services import until
from tools import go_tool, need


pytestmark = pytest.mark.direct("the server itself holds the certificate")


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("https")


@pytest.fixture(scope="module")
def certificate(home):
    need("openssl", root=False)
    return self_signed(home)[0]


@pytest.fixture
def secure(start, certificate, home, monkeypatch):
    """An HTTPS server that boto3 trusts, with `--create-on-push`."""
    monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate))
    return start("--tls-cert", str(certificate), "--tls-key", str(certificate.with_name("localhost-key.pem")), "--create-on-push")


@pytest.fixture
def layer(home):
    (home / "file").write_bytes(os.urandom(20 << 20))
    with tarfile.open(home / "layer.tar", "w") as archive:
        archive.add(home / "file", "srv/file")
    return home / "layer.tar"


def test_crane_and_oras_push_and_pull(secure, certificate, layer, home):
    name = f"{secure.address}/{secure.alias}/app"
    password = secure.password()
    crane = go_tool("crane", home, SSL_CERT_FILE=str(certificate))
    crane("auth", "login", secure.address, "--username", "AWS", "--password-stdin", text=password)
    crane("append", "--new_layer", layer, "--new_tag", f"{name}:v1")
    assert crane("validate", "--remote", f"{name}:v1").startswith("PASS")

    oras = go_tool("oras", home, SSL_CERT_FILE=str(certificate))
    oras("push", f"{name}:file", "file:application/octet-stream")
    digest = json.loads(oras("manifest", "fetch", f"{name}:file"))["layers"][0]["digest"]
    oras("blob", "fetch", "--output", "again", f"{name}@{digest}")
    assert (home / "again").read_bytes() == (home / "file").read_bytes()


def test_skopeo_trusts_the_certificate_and_nobody_else_does(secure, certificate, layer, home):
    skopeo = go_tool("skopeo", home, REGISTRY_AUTH_FILE=str(home / "auth.json"))
    trust = home / "trust"
    trust.mkdir(exist_ok=True)
    (trust / "ca.crt").write_bytes(certificate.read_bytes())
    skopeo("login", "--cert-dir", trust, secure.address, "--username", "AWS", "--password-stdin", text=secure.password())
    crane = go_tool("crane", home, SSL_CERT_FILE=str(certificate))
    image = home / "image.tar"
    crane("append", "--new_layer", layer, "--new_tag", "localhost/app:v1", "--output", image)
    name = f"docker://{secure.address}/{secure.alias}/app:v1"
    skopeo("copy", "--quiet", "--dest-cert-dir", trust, f"docker-archive:{image}", name)
    assert json.loads(skopeo("inspect", "--cert-dir", trust, name))["Name"] == f"{secure.address}/{secure.alias}/app"
    refusal = skopeo.attempt("inspect", name)
    assert refusal.returncode != 0 and "certificate" in refusal.stderr, refusal.stderr


def test_a_refused_body_is_answered_over_a_secure_connection_too(secure, certificate):
    pool = urllib3.PoolManager(ca_certs=str(certificate), retries=False, timeout=30)
    for _ in range(20):
        answer = pool.request("PUT", f"{secure.url}/v2/{secure.alias}/app/manifests/v1", body=bytes(16 << 20))
        assert (answer.status, answer.headers["Connection"]) == (401, "close")
        assert pool.request("GET", f"{secure.url}/healthz").status == 200


def test_failed_handshakes_are_counted_by_reason_and_logged_once_a_minute_for_each(start, certificate):
    key = certificate.with_name("localhost-key.pem")
    server = start("--tls-cert", str(certificate), "--tls-key", str(key), "--admin-listen", "127.0.0.1:0")
    for _ in range(3):
        with pytest.raises(urllib3.exceptions.SSLError, match="certificate verify failed"):
            urllib3.PoolManager(retries=False).request("GET", f"{server.url}/v2/")
    plain = urllib3.PoolManager(retries=False).request("GET", f"http://{server.address}/v2/")
    assert plain.status == 400 and b"https://" in plain.data
    [admin] = [event["admin"] for event in server.events() if event.get("message") == "ready"]

    def counted() -> dict[str, str]:
        metrics = urllib3.request("GET", f"http://{admin}/metrics").data.decode()
        return dict(re.findall(r'roadstead_tls_handshakes_failed_total{reason="(\w+)"} (\d+)', metrics))

    until(lambda: counted() == {"untrusted": "3", "plain_http": "1"}, "the metric")
    logged = [event for event in server.events() if event.get("message", "").startswith("TLS handshake failed: ")]
    assert sorted(event["reason"] for event in logged) == ["plain_http", "untrusted"], logged


@pytest.mark.parametrize(
    "flags",
    [
        ["--acme-domain", "registry.example.org"],
        ["--otlp-endpoint", "https://127.0.0.1:1"],
        ["--blobs", "s3://bucket", "--s3-endpoint", "https://127.0.0.1:1"],
    ],
    ids=lambda flags: flags[0],
)
def test_a_machine_without_certificates_of_authorities_is_told_what_to_install(flags, tmp_path):
    environment = {"SSL_CERT_FILE": str(tmp_path / "none"), "SSL_CERT_DIR": str(tmp_path / "none")}
    environment |= {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"}
    ended = run("serve", "--listen", "127.0.0.1:0", "--data", tmp_path / "data", *flags, **environment)
    assert ended.returncode == 1 and "install those of public authorities (the package ca-certificates)" in ended.stderr, ended
