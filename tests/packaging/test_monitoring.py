"""The alerts for Prometheus and the dashboard for Grafana name metrics that exist."""

import json
import re
from pathlib import Path

import pytest

from running import starting
from tools import Tool, need

SOURCE = Path(__file__).resolve().parents[2]
ALERTS = SOURCE / "contrib" / "prometheus" / "alerts.yaml"
ALERT_TESTS = SOURCE / "contrib" / "prometheus" / "alerts_test.yaml"
DASHBOARD = SOURCE / "contrib" / "grafana" / "roadstead.json"
DOCUMENT = SOURCE / "docs" / "configuration.md"
NAME = re.compile(r"\b(?:roadstead|process)_[a-z0-9_]+")
SUFFIXES = ("_total", "_bucket", "_sum", "_count")


@pytest.fixture
def start(tmp_path):
    yield from starting(lambda number: tmp_path / f"data-{number}")


def without_suffix(name: str) -> str:
    return next((name.removesuffix(suffix) for suffix in SUFFIXES if name.endswith(suffix)), name)


def documented() -> set[str]:
    """The metrics in the table of docs/configuration.md."""
    rows = [line for line in DOCUMENT.read_text().splitlines() if line.startswith("| `roadstead_")]
    return {name for row in rows for name in NAME.findall(row.split("|")[1])}


def expressions() -> list[str]:
    panels = json.loads(DASHBOARD.read_text())["panels"]
    return [target["expr"] for panel in panels for target in panel.get("targets", [])] + [ALERTS.read_text()]


def scraped(server) -> set[str]:
    assert server.http.request("GET", f"{server.url}/v2/").status == 401
    text = server.http.request("GET", f"{server.url}/metrics").data.decode()
    return set(re.findall(r"^# TYPE (\S+)", text, re.MULTILINE))


def test_the_alerts_have_no_mistake_and_fire_when_they_should():
    need("promtool", root=False)
    Tool("promtool")("check", "rules", ALERTS)
    Tool("promtool")("test", "rules", ALERT_TESTS)


def test_alerts_and_dashboard_use_metrics_that_are_documented():
    used = {without_suffix(name) for text in expressions() for name in NAME.findall(text) if name != "roadstead"}
    process = {name for name in used if name.startswith("process_")}
    assert used - process - documented() == set()
    assert len(used) > 25


def test_a_server_has_the_documented_metrics(start):
    names = scraped(start())
    assert {name for name in names if name.startswith("roadstead_")} - documented() == set()
    used = {without_suffix(name) for text in expressions() for name in NAME.findall(text) if name.startswith("process_")}
    assert used <= names
    rare = {"roadstead_gc_collections", "roadstead_failed_logins", "roadstead_connections_refused", "roadstead_scrub_blobs", "roadstead_acme_orders"}
    assert rare <= names, "alerts on an increase need a counter that begins at zero"
