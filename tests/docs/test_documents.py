"""Every command of README and of the quick starts runs as written, in a fresh home and an empty folder."""

import re

import pytest
import yaml

from documents import LANGUAGES
from pages import ROOT, blocks, documented
from running import run

DOCUMENTS = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
RUN = [
    "README.md", "docs/backup.md",
    "docs/how-to/ci-user.md", "docs/how-to/garbage.md", "docs/how-to/moving.md", "docs/how-to/policies.md", "docs/how-to/quotas.md",
    "docs/start/terraform.md", "docs/start/tests.md",
]
# Run by tests/scale/test_documented.py, which has a database, a bucket and a load balancer.
RUN_ELSEWHERE = ["docs/scaling.md", "docs/start/replicas.md"]

# What servers warn of that are started as documented: these tests run as root.
EXPECTED = ("the server runs as root", "THIS IS AN EMULATOR")


@pytest.mark.parametrize("document", RUN)
def test_the_commands_of_a_document_run_in_their_order(reader, document):
    reader.read(ROOT / document)
    warnings = [line for line in reader.log.read_text().splitlines() if " WARN " in line]
    assert [line for line in warnings if not any(text in line for text in EXPECTED)] == []


WORKFLOWS = [documented("docs/start/github-actions.md", "yaml"), (ROOT / "contrib/github-actions-example.yml").read_text()]


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=["page", "example"])
def test_the_steps_of_a_workflow_for_users_run_in_a_checkout(reader, workflow):
    [job] = yaml.safe_load(reader.adapted(workflow))["jobs"].values()
    (reader.folder / "Dockerfile").write_text("FROM scratch\nCOPY Dockerfile /\n")
    # A runner ends what steps leave behind. Services are containers of the image, whose command is `roadstead serve`.
    begin = "trap 'kill $(jobs -p)' EXIT\n"
    for service in job.get("services", {}).values():
        begin += f"env {reader.assignments(service['env'])} roadstead serve &\n"
        begin += f"timeout 30 sh -c 'until curl -fsS http://{reader.listen()}/readyz; do sleep 0.1; done'\n"
    steps = [step["run"] for step in job["steps"] if "run" in step]
    printed = reader.run(begin + "".join(steps), ROADSTEAD_LISTEN=reader.listen(), GITHUB_SHA="0123abcd", **job["env"])
    assert "Login Succeeded" in printed and ": digest: sha256:" in printed


# The code under test in the example for pytest.
PUBLISH = """
import boto3

def publish(endpoint):
    ecr = boto3.client("ecr-public", endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id="any", aws_secret_access_key="any")
    index = '{"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": []}'
    ecr.put_image(repositoryName="team/app", imageManifest=index, imageTag="v1")

"""


def test_the_examples_of_the_python_package_run(reader):
    (_, program), (_, test) = blocks("packaging/python/README.md", "python")
    (reader.folder / "program.py").write_text(program)
    (reader.folder / "test_publishing.py").write_text(PUBLISH + test)
    session = "python3 program.py\npython3 -m pytest -q -p roadstead.pytest_plugin test_publishing.py\n"
    printed = reader.run(session, PYTHONPATH=str(ROOT / "packaging/python/src"), PYTHONDONTWRITEBYTECODE="1")
    assert "/team/app\n" in printed and "1 passed" in printed


def test_documents_with_commands_to_run_are_run():
    found = [path.relative_to(ROOT) for path in DOCUMENTS if blocks(path, *LANGUAGES)]
    assert sorted(map(str, found)) == sorted(RUN + RUN_ELSEWHERE)


# Code of a document: a fenced block, an indented one, or what stands between backticks.
CODE = re.compile(r"^ *```.*?^ *```$|^(?: {4,}\S[^\n]*\n)+|`[^`]+`", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"(?<![\w/.-])roadstead (?!roadstead\b)([a-z][^`|#;)'\n]*)")


def test_every_command_that_a_document_names_exists_with_its_options(tmp_path):
    assert run("man", tmp_path).returncode == 0
    manual = {page.stem: page.read_text().replace("\\-", "-") for page in tmp_path.glob("*.1")}
    named, wrong = 0, []
    for document in DOCUMENTS:
        code = "\n".join(CODE.findall(document.read_text())).replace("\\\n", " ")
        for command in COMMAND.findall(code):
            named += 1
            words = command.split()
            page = next((page for size in (2, 1) if (page := "-".join(["roadstead", *words[:size]])) in manual), None)
            options = re.findall(r"(?<!\S)\[?(--[a-z0-9-]+)", command)
            if words[0] != "help" and (page is None or not all(option in manual[page] for option in options)):
                wrong.append((document.name, command))
    assert wrong == [] and named > 100


def test_the_page_about_errors_explains_every_code_of_the_registry_protocol():
    codes = re.findall(r'=> "([A-Z_]+)"', (ROOT / "crates/server/src/oci/failure.rs").read_text())
    explained = re.findall(r"^\| `([A-Z_]+)` \| \d", (ROOT / "docs/errors.md").read_text(), re.MULTILINE)
    assert sorted(codes) == sorted(explained) and codes
