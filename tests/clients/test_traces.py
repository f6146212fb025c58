"""Traces as a collector gets them, decoded by the messages that the OpenTelemetry project publishes."""

import contextlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from pushing import Pusher, image
from services import free_port, until

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = "00f067aa0ba902b7"


class Collector:
    """Takes spans, or leaves their senders waiting."""

    def __init__(self, hangs: bool = False):
        self.requests: list[tuple[str, str, ExportTraceServiceRequest]] = []
        self.end = threading.Event()
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if hangs:
                    collector.end.wait()
                    return
                collector.requests.append((self.path, self.headers["Content-Type"], ExportTraceServiceRequest.FromString(body)))
                self.send_response(200)
                self.send_header("Content-Type", "application/x-protobuf")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.end.set()
        self.server.shutdown()
        self.server.server_close()

    def spans(self) -> list[Span]:
        resources = [resource for _, _, request in self.requests for resource in request.resource_spans]
        return [span for resource in resources for scope in resource.scope_spans for span in scope.spans]

    def services(self) -> set[str]:
        resources = [resource for _, _, request in self.requests for resource in request.resource_spans]
        return {attributes(resource.resource)["service.name"] for resource in resources}


def attributes(holder) -> dict:
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in holder.attributes}


@pytest.fixture
def collecting():
    """Starts collectors: collecting(hangs=True)."""
    with contextlib.ExitStack() as stack:

        def start(**how) -> Collector:
            collector = Collector(**how)
            stack.callback(collector.close)
            return collector

        yield start


def outcomes(server, outcome: str) -> int:
    return metric(server, f'roadstead_trace_spans_total{{outcome="{outcome}"}}')


def metric(server, name: str) -> int:
    text = server.http.request("GET", f"{server.url}/metrics").data.decode()
    [value] = [line.rsplit(" ", 1)[1] for line in text.splitlines() if line.startswith(f"{name} ")]
    return int(value)


def traceparent(flags: str) -> dict[str, str]:
    return {"traceparent": f"00-{TRACE}-{PARENT}-{flags}"}


def test_a_request_is_a_trace_of_what_it_waited_for(start, collecting):
    collector = collecting()
    server = start("--otlp-endpoint", collector.url, "--otlp-service", "harbour")
    server.client().create_repository(repositoryName="app")
    Pusher(server).push("app", image(b"layer"), "v1")
    answer = server.http.request("GET", f"{server.url}/v2/{server.alias}/app/manifests/v1?token=secret")
    assert answer.status == 200 and server.stop() == 0

    assert {(path, kind) for path, kind, _ in collector.requests} == {("/v1/traces", "application/x-protobuf")}
    assert collector.services() == {"harbour"}
    spans = collector.spans()
    by_id = {span.span_id: span for span in spans}
    assert all(by_id[span.parent_span_id].trace_id == span.trace_id for span in spans if span.parent_span_id)
    requests = [span for span in spans if not span.parent_span_id]
    assert all(span.kind == Span.SPAN_KIND_SERVER for span in requests)
    assert {"aws write", "oci upload", "oci manifest_write", "oci manifest_read"} <= {span.name for span in requests}

    [pull] = [span for span in requests if span.name == "oci manifest_read" and attributes(span)["http.request.method"] == "GET"]
    facts = attributes(pull)
    assert facts["url.path"] == f"/v2/{server.alias}/app/manifests/v1"
    assert (facts["http.response.status_code"], facts["roadstead.door"], facts["roadstead.operation"]) == (200, "oci", "manifest_read")
    assert facts["http.response.body.size"] == len(answer.data)
    assert facts["roadstead.request_id"] == answer.headers["X-Request-Id"]
    assert "secret" not in str(spans), "a query may hold a signature"

    def inside(name: str) -> set[str]:
        traces = {span.trace_id for span in requests if span.name == name}
        return {span.name for span in spans if span.trace_id in traces and span.parent_span_id}

    assert {"authenticate", "operate", "metadata read"} <= inside("oci manifest_read")
    assert {"authenticate", "operate", "metadata write"} <= inside("aws write") & inside("oci manifest_write")


def test_a_trace_of_the_client_is_continued_and_what_it_does_not_sample_is_not_traced(start, collecting):
    collector = collecting()
    server = start("--otlp-endpoint", collector.url, "--otlp-ratio", "0")
    for path, headers in [("/v2/", traceparent("01")), ("/v2/_catalog", traceparent("00")), ("/healthz", {}), ("/nothing", {"traceparent": "nonsense"})]:
        server.http.request("GET", server.url + path, headers=headers)
    assert server.stop() == 0
    [request] = [span for span in collector.spans() if span.kind == Span.SPAN_KIND_SERVER]
    assert (request.trace_id.hex(), request.parent_span_id.hex(), request.name) == (TRACE, PARENT, "oci other")
    assert {span.trace_id.hex() for span in collector.spans()} == {TRACE}
    assert request.status.code == Status.STATUS_CODE_UNSET, "a 401 is not an error of the server"
    logged = {event["path"]: event.get("trace_id") for event in server.events() if event.get("target") == "roadstead::access"}
    assert logged["/v2/"] == TRACE
    assert {logged[path] for path in ("/v2/_catalog", "/healthz", "/nothing")} == {None}


def test_what_a_client_says_of_its_trace_is_not_kept(start, collecting):
    collector = collecting()
    server = start("--otlp-endpoint", collector.url)
    headers = {**traceparent("01"), "tracestate": "vendor=conspicuous", "baggage": "key=conspicuous", "user-agent": "long" * 1000}
    server.http.request("GET", f"{server.url}/v2/", headers=headers)
    assert server.stop() == 0
    [request] = [span for span in collector.spans() if span.trace_id.hex() == TRACE and span.kind == Span.SPAN_KIND_SERVER]
    assert "conspicuous" not in str(request) and len(attributes(request)["user_agent.original"]) == 512


def test_without_an_endpoint_nothing_is_traced(start):
    server = start()
    server.http.request("GET", f"{server.url}/v2/", headers=traceparent("01"))
    assert [outcomes(server, outcome) for outcome in ("sent", "failed", "dropped")] == [0, 0, 0]
    assert server.stop() == 0
    assert not any("trace_id" in event for event in server.events())


def test_a_collector_that_is_away_costs_spans_and_nothing_else(start):
    server = start("--otlp-endpoint", f"http://127.0.0.1:{free_port()}")
    assert server.http.request("GET", f"{server.url}/v2/").status == 401
    until(lambda: outcomes(server, "failed") > 0, "a failure to send spans")
    assert server.http.request("GET", f"{server.url}/readyz").status == 200
    assert server.stop() == 0
    told = [event for event in server.events() if "collector of traces" in event.get("message", "")]
    assert {event["level"] for event in told} == {"WARN"}
    assert len(told) <= len(server.replicas), "the first failure is told, not each of them"
    assert all("Connection refused" in event["cause"] for event in told), told


def test_without_certificates_of_authorities_spans_go_to_a_plain_collector(start, collecting, tmp_path):
    none = {"SSL_CERT_FILE": str(tmp_path / "none"), "SSL_CERT_DIR": str(tmp_path / "none")}
    collector = collecting()
    server = start("--otlp-endpoint", collector.url, **none)
    assert server.http.request("GET", f"{server.url}/v2/").status == 401
    assert server.stop() == 0 and collector.spans()


def test_a_server_stops_although_its_collector_hangs(start, collecting):
    collector = collecting(hangs=True)
    server = start("--otlp-endpoint", collector.url)
    until(lambda: metric(server, "roadstead_trace_spans_waiting") > 0, "a span that waits")
    assert server.http.request("GET", f"{server.url}/v2/").status == 401
    assert server.stop() == 0
