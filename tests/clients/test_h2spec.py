"""h2spec: conformance with RFC 7540 (HTTP/2) and RFC 7541 (HPACK), over TLS and in cleartext."""

import subprocess
import xml.etree.ElementTree

import pytest

from tools import SEARCHED, need

pytestmark = pytest.mark.direct("a load balancer has a HTTP/2 of its own")

# Cases that fail by design, in cleartext only.
EXPECTED_OF_PLAIN = {
    # A cleartext connection without the HTTP/2 preface is HTTP/1.1: the server answers 400 and closes it.
    ("http2/3.5", "Sends invalid connection preface"),
}
CASES = 145
# A server may answer before the request has arrived completely, and then ignore errors in the rest (RFC 9113 §8.1). h2spec sends
# that rest in separate frames, which race with the answer. Whether a case wins depends on whether the answer waits for the body, so
# each case is tried with both kinds of path.
PATHS = ["/token", "/"] * 4


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    need("openssl", root=False)
    folder = tmp_path_factory.mktemp("h2spec")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=localhost",
         "-keyout", folder / "key.pem", "-out", folder / "chain.pem"],
        check=True, capture_output=True,
    )
    return folder


def failures(server, report, path, *flags) -> tuple[int, set]:
    """The number of cases run, and the failed ones as section and description."""
    host, port = server.address.split(":")
    command = ["h2spec", "--host", host, "--port", port, "--path", path, "--timeout", "2", "--junit-report", report, *flags]
    subprocess.run(command, env={"PATH": SEARCHED}, capture_output=True, timeout=120)
    cases = list(xml.etree.ElementTree.parse(report).iter("testcase"))
    failed = [case for case in cases if case.find("failure") is not None or case.find("error") is not None]
    return len(cases), {(case.get("package"), case.get("classname")) for case in failed}


@pytest.mark.parametrize("secure", [True, False], ids=["TLS", "plain"])
def test_every_case_passes_but_those_that_fail_for_a_reason(start, certificate, tmp_path, secure):
    need("h2spec", root=False)
    expected = set() if secure else EXPECTED_OF_PLAIN
    server = start("--tls-cert", str(certificate / "chain.pem"), "--tls-key", str(certificate / "key.pem")) if secure else start()
    flags = ["--tls", "--insecure"] if secure else []
    failed = None
    for path in PATHS:
        ran, failed_now = failures(server, tmp_path / "report.xml", path, *flags)
        assert ran == CASES
        failed = failed_now if failed is None else failed & failed_now
        if failed == expected:
            break
    assert failed == expected
