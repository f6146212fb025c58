"""h2spec: HTTP/2 and HPACK as RFC 7540 and RFC 7541 have them, over TLS and plain."""

import subprocess
import xml.etree.ElementTree

import pytest

from tools import SEARCHED, need

# What fails for a good reason. Over TLS nothing does.
EXPECTED_OF_PLAIN = {
    # Without the preface of HTTP/2 a plain connection is one of HTTP/1.1: the answer is 400, and the end of the connection.
    ("http2/3.5", "Sends invalid connection preface"),
}
CASES = 145
# A request may be answered before its end has arrived (RFC 9113 §8.1), and what is wrong with the rest is then nobody's concern.
# h2spec sends the rest in frames of its own, which race with the answer: some cases with an answer that waits for the body of the
# request, others with one that does not. So each case gets chances with both.
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
    """How many cases ran, and which of them failed: section and description."""
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
