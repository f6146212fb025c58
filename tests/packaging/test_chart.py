"""The Helm chart: what it renders, what Kubernetes says to that, and whether the server takes its settings.

ROADSTEAD_WRITE_GOLDEN=1 writes the expected renderings anew.
"""

import os
import re
from pathlib import Path

import kubernetes_validate
import pytest
import yaml

from pages import blocks
from running import run
from settings import assert_taken
from tools import Tool, need

SOURCE = Path(__file__).resolve().parents[2]
CHART = SOURCE / "contrib" / "helm" / "roadstead"
VALUES = Path(__file__).parent / "chart"
NAMES = ("single", "replicas", "everything")
# The oldest version that the chart supports, and a newer one.
KUBERNETES = ("1.25", "1.34")


@pytest.fixture(scope="module")
def helm(tmp_path_factory):
    need("helm", root=False)
    return Tool("helm", HOME=str(tmp_path_factory.mktemp("helm")))


def rendering(helm, *arguments: object, kubernetes: str = KUBERNETES[-1]) -> str:
    return helm("template", "harbour", CHART, "--namespace", "registry", "--kube-version", kubernetes, *arguments) + "\n"


def rendered(helm, name: str, **settings: str) -> list[dict]:
    return list(yaml.safe_load_all(rendering(helm, "--values", VALUES / f"{name}.values.yaml", **settings)))


def environment(objects: list[dict]) -> dict[str, str]:
    """The variables of the container that the workload among the objects runs."""
    [workload] = [one for one in objects if one["kind"] in ("Deployment", "StatefulSet")]
    [container] = workload["spec"]["template"]["spec"]["containers"]
    return {variable["name"]: variable.get("value") for variable in container["env"]}


def test_the_version_of_the_chart_is_that_of_the_server():
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    version = run("-V").stdout.split()[1]
    assert (chart["version"], chart["appVersion"]) == (version, version)


@pytest.mark.parametrize("name", NAMES)
def test_the_chart_renders_as_expected_and_lints(helm, name):
    golden = VALUES / f"{name}.golden.yaml"
    text = rendering(helm, "--values", VALUES / f"{name}.values.yaml")
    if "ROADSTEAD_WRITE_GOLDEN" in os.environ:
        golden.write_text(text)
    assert text == golden.read_text()
    helm("lint", "--strict", "--values", VALUES / f"{name}.values.yaml", "--kube-version", KUBERNETES[-1], CHART)


@pytest.mark.parametrize("kubernetes", KUBERNETES)
@pytest.mark.parametrize("name", NAMES)
def test_kubernetes_knows_every_field(helm, name, kubernetes):
    objects = rendered(helm, name, kubernetes=kubernetes)
    # The schema of a ServiceMonitor is that of the Prometheus operator.
    own = [one for one in objects if one["kind"] != "ServiceMonitor"]
    assert len(own) >= 3
    for one in own:
        kubernetes_validate.validate(one, kubernetes, strict=True)


def test_the_validation_of_fields_can_fail(helm):
    [service, *_] = [one for one in rendered(helm, "single") if one["kind"] == "Service"]
    service["spec"]["prots"] = []
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(service, KUBERNETES[-1], strict=True)


@pytest.mark.parametrize("name", NAMES)
def test_the_server_takes_the_settings_of_the_chart(helm, name):
    settings = {key: value for key, value in environment(rendered(helm, name)).items() if value is not None}
    assert_taken(settings)


def test_numbers_lists_and_tables_reach_the_server_as_it_reads_them(helm):
    settings = environment(rendered(helm, "everything"))
    assert settings["ROADSTEAD_LIMIT_LAYER_SIZE"] == "20971520000"
    assert settings["ROADSTEAD_ROBOTS"] == "acme-scanner,acme-mirror"
    assert settings["ROADSTEAD_RATES"] == "GetAuthorizationToken=0.5,PutImage=10"
    assert settings["ROADSTEAD_DRAIN"] == "20s", "a setting has precedence over the chart's own"


@pytest.mark.parametrize("arguments, reason", [
    (["--set", "replicas=2"], "replicas above 1 need database.url and blobs.url"),
    (["--set", "database.url=postgres://db/a"], "database.url needs blobs.url"),
    (["--set", "blobs.url=s3://a"], "blobs.url needs database.url"),
    (["--set", "database.url=postgres://db/a,blobs.url=s3://a,replicas=2"], "database.url needs masterKey.existingSecret"),
    (["--set", "replica=2"], "replica"),
    (["--set", "database.url=mysql://db/a"], "database"),
    (["--set", "terminationGracePeriodSeconds=5"], "terminationGracePeriodSeconds"),
])
def test_values_that_cannot_work_are_refused_by_name(helm, arguments, reason):
    refusal = helm.attempt("template", "harbour", CHART, "--kube-version", KUBERNETES[-1], *arguments)
    assert refusal.returncode != 0 and reason in refusal.stderr, refusal.stderr


def test_the_values_of_the_page_about_kubernetes_render_the_objects_that_its_commands_name(helm, tmp_path):
    page = "docs/start/kubernetes.md"
    texts = [text for _, text in blocks(page, "yaml")]
    objects = set()
    for number in range(1, len(texts) + 1):
        values = tmp_path / "values.yaml"
        values.write_text("".join(texts[:number]))
        text = helm("template", "registry", CHART, "--kube-version", KUBERNETES[-1], "--values", values)
        objects |= {f"{one['kind']}/{one['metadata']['name']}".lower() for one in yaml.safe_load_all(text)}
    named = set(re.findall(r"kubectl \S+ (\w+/[\w-]+)", (SOURCE / page).read_text()))
    assert {"statefulset/registry-roadstead", "deployment/registry-roadstead"} <= named <= objects
