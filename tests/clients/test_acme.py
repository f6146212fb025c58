"""Certificates that the server orders by itself, from Pebble, the ACME authority that Let's Encrypt tests clients with."""

import re
import socket
import sqlite3
import ssl
import subprocess
import time

import pytest
import urllib3

from authorities import Forwarder, Names, Pebble, self_signed
from deployments import Place
from running import Process, Server, run
from services import free_port
from tools import need

pytestmark = pytest.mark.direct("the server itself holds the certificate")
DOMAIN = "registry.example.org"
UNUSABLE = "the certificate authority cannot be used: check --acme-directory and --acme-ca-file"
TOLD = "the certificate authority knows the new contact"
PATIENCE = 60  # seconds: an authority is asked every ten


@pytest.fixture(scope="module")
def names():
    need("openssl", root=False)
    names = Names()
    yield names
    names.close()


@pytest.fixture
def front():
    """What the authority connects to as if it were port 443, and which leads to the servers that it is given."""
    forwarder = Forwarder()
    yield forwarder
    forwarder.close()


@pytest.fixture
def authority(names, front):
    """Makes an authority that connects to the servers: authority(validity=seconds)."""
    made = []

    def make(**settings) -> Pebble:
        made.append(Pebble(names, front.port, **settings))
        return made[-1]

    yield make
    for pebble in made:
        pebble.close()


@pytest.fixture
def serve(tmp_path, front):
    """Starts a server behind the front, which leads to it unless it is not reachable."""
    servers = []
    place = Place.of_one_process()

    def begin(*flags: str, reachable: bool = True) -> Server:
        servers.append(Server(tmp_path / "data", *flags, place=place))
        front.upstreams = [servers[-1].address] if reachable else []
        return servers[-1]

    yield begin
    for server in servers:
        server.kill()


def events_of(server, message: str) -> list[dict]:
    return [event for event in server.events() if event.get("message") == message]


def wait_for(server, message: str, count: int = 1) -> dict:
    """The event that is the `count`th with this message."""
    deadline = time.monotonic() + PATIENCE
    while len(found := events_of(server, message)) < count:
        assert time.monotonic() < deadline, f"{message!r} was not logged: {server.events()}"
        time.sleep(0.1)
    return found[count - 1]


def presented(address: str, name: str | None = DOMAIN, trusting=None, alpn: list[str] | None = None) -> bytes:
    """The certificate that a server presents, in DER. It is verified if `trusting` names a file of authorities."""
    context = ssl.create_default_context(cafile=trusting)
    if trusting is None:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if alpn:
        context.set_alpn_protocols(alpn)
    host, port = address.rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout=20) as plain, context.wrap_socket(plain, server_hostname=name) as secure:
        return secure.getpeercert(binary_form=True)


def metric(server, name: str) -> float | None:
    """A metric from `--admin-listen`."""
    [ready] = events_of(server, "ready")[-1:]
    lines = urllib3.request("GET", f"http://{ready['admin']}/metrics").data.decode().splitlines()
    return next((float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(f"{name} ")), None)


def test_a_certificate_is_issued_served_to_clients_and_kept_across_a_restart(serve, authority, tmp_path, monkeypatch):
    pebble = authority()
    pebble.start()
    server = serve(*pebble.flags(DOMAIN, "second.example.org"), "--acme-email", "ops@example.org", "--admin-listen", "127.0.0.1:0")
    issued = {wait_for(server, "a certificate was issued", count)["domain"] for count in (1, 2)}
    assert issued == {DOMAIN, "second.example.org"}
    assert events_of(server, "ready")[0]["url"] == f"https://{DOMAIN}:{server.address.rsplit(':', 1)[1]}"
    [warning] = events_of(server, "the server does not listen on port 443: forward port 443 to it without ending TLS, or use --listen 0.0.0.0:443")
    assert warning["level"] == "WARN"

    root, port = pebble.root(), server.address.rsplit(":", 1)[1]
    first, second = presented(server.address, trusting=root), presented(server.address, "second.example.org", trusting=root)
    assert first != second
    assert presented(server.address, None) in (first, second)
    curl = ["curl", "--silent", "--show-error", "--cacert", root, "--resolve", f"{DOMAIN}:{port}:127.0.0.1", f"https://{DOMAIN}:{port}/v2/"]
    assert "Not Authorized" in subprocess.run(curl, capture_output=True, text=True, check=True).stdout
    lookup = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, *rest, **named: lookup("127.0.0.1" if host == DOMAIN else host, *rest, **named))
    monkeypatch.setenv("AWS_CA_BUNDLE", str(root))
    server.url = f"https://{DOMAIN}:{port}"
    server.client().create_repository(repositoryName="app")

    expiry = metric(server, f'roadstead_tls_certificate_expiry_timestamp_seconds{{domain="{DOMAIN}"}}')
    assert 85 * 24 * 3600 < expiry - time.time() < 95 * 24 * 3600
    assert metric(server, 'roadstead_acme_orders_total{outcome="issued"}') == 2
    if not server.place.database:
        for file in (tmp_path / "data").glob("roadstead.db*"):
            assert b"PRIVATE KEY" not in file.read_bytes(), file
            assert file.stat().st_mode & 0o777 == 0o600

    pebble.stop()
    server.restart()
    assert presented(server.address, trusting=root) == first
    assert not events_of(server, "there is no certificate yet: TLS handshakes fail until the certificate authority has issued one")


def test_a_certificate_is_renewed_without_a_restart(serve, authority):
    pebble = authority(validity=20)
    pebble.start()
    server = serve(*pebble.flags(DOMAIN))
    wait_for(server, "a certificate was issued")
    first = presented(server.address)
    # The next order of a domain may begin after a minute.
    server.sql("UPDATE acme_certificate SET retry_at = 0")
    wait_for(server, "a certificate was issued", 2)
    assert presented(server.address) != first


def test_an_authority_that_is_down_at_first_is_asked_again_and_clients_are_refused_meanwhile(serve, authority):
    pebble = authority()
    server = serve(*pebble.flags(DOMAIN), "--admin-listen", "127.0.0.1:0")
    down = wait_for(server, "the certificate authority cannot be reached: it is retried")
    assert "Connection refused" in down["error"] and down["domain"] == DOMAIN, down
    with pytest.raises(ssl.SSLError, match="(?i)access.denied"):
        presented(server.address)
    failed = wait_for(server, "TLS handshake failed: there is no certificate yet")
    assert failed["reason"] == "no_certificate", failed
    assert metric(server, 'roadstead_tls_handshakes_failed_total{reason="no_certificate"}') == 1
    pebble.start()
    wait_for(server, "a certificate was issued")
    presented(server.address, trusting=pebble.root())


def test_a_new_account_is_made_when_the_authority_does_not_know_the_old_one_any_more(serve, authority):
    pebble = authority(validity=20)
    pebble.start()
    server = serve(*pebble.flags(DOMAIN))
    wait_for(server, "a certificate was issued")
    pebble.stop()
    pebble.start()
    server.sql("UPDATE acme_certificate SET retry_at = 0")
    wait_for(server, "an account was made at the certificate authority", 2)
    wait_for(server, "a certificate was issued", 2)


def test_an_authority_that_is_not_trusted_is_named_with_the_setting_that_helps(serve, authority, tmp_path):
    pebble = authority()
    pebble.start()
    other, _ = self_signed(tmp_path, "other")
    server = serve("--acme-domain", DOMAIN, "--acme-directory", pebble.directory, "--acme-ca-file", str(other))
    unusable = wait_for(server, UNUSABLE)
    assert "UnknownIssuer" in unusable["error"] and "--acme-ca-file" in unusable["error"], unusable
    assert pebble.orders() == 0


def test_a_wrong_directory_is_no_outage_but_told_for_what_it_is(serve, authority):
    pebble = authority()
    pebble.start()
    for directory, reason in [
        (pebble.directory + "/nope", "the directory answers 404 Not Found"),
        (f"https://localhost:{pebble.management}/roots/0", "what answers is no ACME directory, but application/pem-certificate-chain"),
    ]:
        server = serve("--acme-domain", DOMAIN, "--acme-directory", directory, "--acme-ca-file", str(pebble.ca_file))
        unusable = wait_for(server, UNUSABLE)
        assert unusable["level"] == "ERROR" and reason in unusable["error"] and unusable["domain"] == DOMAIN, unusable
        assert server.stop() == 0
    assert pebble.orders() == 0


def test_a_new_email_address_is_told_to_the_authority_when_the_server_starts(serve, authority):
    pebble = authority()
    pebble.start()
    server = serve(*pebble.flags(DOMAIN), "--acme-email", "old@example.org")
    wait_for(server, "a certificate was issued")
    assert server.stop() == 0
    server = serve(*pebble.flags(DOMAIN), "--acme-email", "new@example.org")
    assert wait_for(server, TOLD)["email"] == "new@example.org"
    assert server.stop() == 0
    server.sql("UPDATE acme_certificate SET retry_at = 0, issued = 0, sealed = NULL")
    server = serve(*pebble.flags(DOMAIN), "--acme-email", "new@example.org")
    wait_for(server, "a certificate was issued")
    assert not events_of(server, TOLD)


def test_a_failed_order_tells_the_reason_and_a_restart_does_not_repeat_it(serve, authority, front):
    pebble = authority()
    pebble.start()
    server = serve(*pebble.flags(DOMAIN), reachable=False)  # as if a firewall refused port 443
    failed = wait_for(server, "no certificate was issued: it is retried, also after a restart, at retry_at")
    assert failed["level"] == "ERROR" and "urn:ietf:params:acme:error:" in failed["error"] and failed["retry_at"], failed
    orders = pebble.orders()
    for _ in range(3):
        server.restart()
        front.upstreams = [server.address]
    time.sleep(1)
    assert pebble.orders() == orders
    server.sql("UPDATE acme_certificate SET retry_at = 0")
    wait_for(server, "a certificate was issued")


def test_strangers_who_ask_for_challenges_are_refused_and_hold_up_nobody(serve, authority):
    pebble = authority()
    pebble.start()
    server = serve(*pebble.flags(DOMAIN))
    wait_for(server, "a certificate was issued")
    for name in [DOMAIN, "other.example.org", None] * 50:
        with pytest.raises(ssl.SSLError, match="(?i)no.application.protocol"):
            presented(server.address, name, alpn=["acme-tls/1"])
    presented(server.address, trusting=pebble.root())


def test_what_cannot_work_is_refused_at_start_with_its_reason(tmp_path):
    chain, key = self_signed(tmp_path)
    empty = tmp_path / "empty.pem"
    empty.write_text("")
    data = tmp_path / "data"
    for flags, code, reason in [
        (["--tls-cert", chain, "--tls-key", key], 2, "--acme-domain: cannot be set together with --tls-cert: remove one of them"),
        (["--acme-ca-file", empty], 1, f"--acme-ca-file: '{empty}' cannot be used: it holds no certificate"),
        (["--acme-ca-file", tmp_path / "none.pem"], 1, "none.pem' cannot be used: "),
    ]:
        ended = run("serve", "--listen", "127.0.0.1:0", "--data", data, "--acme-domain", DOMAIN, *flags)
        assert ended.returncode == code and reason in ended.stderr, ended
    assert not data.exists()


def test_replicas_share_one_order_any_of_them_is_asked_and_all_serve_the_certificate(authority, front, tmp_path):
    place = Place("postgres")
    pebble = authority()
    flags = ["--data", str(tmp_path / "data"), *pebble.flags(DOMAIN)]
    replicas = [Process(tmp_path / f"{number}.log", *flags, cwd=tmp_path, **place.settings) for number in (1, 2)]
    try:
        addresses = [replica.wait_until_ready()["address"] for replica in replicas]
        front.upstreams = addresses
        pebble.start()
        deadline = time.monotonic() + PATIENCE
        while not any(events_of(replica, "a certificate was issued") for replica in replicas):
            assert time.monotonic() < deadline, [replica.events() for replica in replicas]
            time.sleep(0.1)
        assert front.accepted >= 2, "the authority has asked only one replica"
        root = pebble.root()
        while True:
            try:
                one, other = (presented(address, trusting=root) for address in addresses)
                break
            except ssl.SSLError:
                assert time.monotonic() < deadline, "one replica does not serve the certificate"
                time.sleep(0.2)
        assert one == other
        assert sum(len(events_of(replica, "a certificate was issued")) for replica in replicas) == 1
        assert pebble.orders() == 1
    finally:
        for replica in replicas:
            replica.kill()
