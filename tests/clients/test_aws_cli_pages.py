"""Every example page of `aws ecr-public`, run as a user would, with the user's own data.

The pages come with the AWS command line. A command's output must have the structure that its page shows: the same members with
the same JSON types. The server is an emulator, so that the accounts of the pages exist.
"""

import base64
import json
import os
import re
import subprocess
import sys
import textwrap
import time
from dataclasses import dataclass, field
from pathlib import Path

import awscli
import pytest

from images import png
from pushing import image, push_through_api
from running import clean_environment
from tools import need

FOLDER = Path(awscli.__file__).parent / "examples" / "ecr-public"
OWN, FOREIGN = "123456789012", "123456789098"
REPOSITORY = "project-a/nginx-web-app"

# Replacements for placeholders and mistakes in the pages.
PLACEHOLDERS = {
    "<YourCustomPublicRepositoryalias>": "YourCustomPublicRepositoryalias",
    "arn:aws:iam::account-id:": f"arn:aws:iam::{OWN}:",
    "arn:aws:iam::other-or-same-account-id:": f"arn:aws:iam::{FOREIGN}:",
    # The output on the page of delete-repository-policy has unescaped quotes, which is invalid JSON.
    f'arn:aws:iam:"{OWN}":': f"arn:aws:iam::{OWN}:",
}
# Pages without a command.
NO_EXAMPLES = {"get-login-password_description.rst": "the text of the help, without a command"}
# The page is named after an operation that does not exist; its command is correct.
NAMED_OTHERWISE = {"describe-repository": "describe-repositories"}


@dataclass
class Example:
    """One example of a page: the command, the files it reads, and its output, if any."""

    page: str
    number: int
    command: str = ""
    files: dict[str, str] = field(default_factory=dict)
    output: str | None = None

    def __str__(self):
        return f"{self.page}-{self.number}"


def blocks(text):
    """The literal blocks of a page, each with the line that introduces it."""
    lines = text.splitlines()
    for number, line in enumerate(lines):
        if line.endswith("::"):
            block = []
            for following in lines[number + 1 :]:
                if following.strip() and not following.startswith((" ", "\t")):
                    break
                block.append(following)
            yield line, textwrap.dedent("\n".join(block)).strip()


def examples():
    found = []
    for page in sorted(FOLDER.glob("*.rst")):
        if page.name in NO_EXAMPLES:
            continue
        text = page.read_text()
        for placeholder, own in PLACEHOLDERS.items():
            text = text.replace(placeholder, own)
        of_page = []
        for announcement, block in blocks(text):
            if block.startswith("aws ecr-public"):
                # One page lacks the backslash before a pipe, which is a syntax error in the shell.
                command = re.sub(r" *\\?\n\|", r" \\\n|", block)
                of_page.append(Example(page.stem, len(of_page) + 1, command))
            elif announcement == "Output::":
                of_page[-1].output = block
            else:
                (name,) = re.findall("``(.+)``", announcement)
                of_page[-1].files[name] = block
        found += of_page
    return found


EXAMPLES = examples()


def structure(value):
    """The structure of a JSON value: types, member names and kinds of entries, without the data."""
    if isinstance(value, dict):
        return frozenset((name, structure(member)) for name, member in value.items())
    if isinstance(value, list):
        return ("list", frozenset(map(structure, value)))
    return type(value).__name__


class World:
    """The accounts of the pages, and a shell."""

    def __init__(self, server, folder):
        self.server = server
        self.folder = folder
        self.clients = {}
        # The format of times in AWS CLI version 2, with which the pages were written.
        (folder / "config").write_text("[default]\ncli_timestamp_format = iso8601\n")

    def ecr(self, account=OWN):
        if account not in self.clients:
            session = self.server.session(access_key=account)
            self.clients[account] = session.client("ecr-public", endpoint_url=self.server.url)
        return self.clients[account]

    def clear(self):
        for ecr in self.clients.values():
            for repository in ecr.describe_repositories()["repositories"]:
                ecr.delete_repository(repositoryName=repository["repositoryName"], force=True)

    def push(self, *tags, account=OWN):
        # The examples sort by times, which have milliseconds.
        time.sleep(0.002)
        return push_through_api(self.ecr(account), REPOSITORY, image(os.urandom(32), docker=True), *tags)

    def run(self, account, command, files):
        for name, content in files.items():
            (self.folder / name).write_text(content)
        environment = clean_environment(
            AWS_ACCESS_KEY_ID=account, AWS_SECRET_ACCESS_KEY="any", AWS_DEFAULT_REGION="us-east-1", AWS_PAGER="",
            AWS_CONFIG_FILE=str(self.folder / "config"), AWS_ENDPOINT_URL_ECR_PUBLIC=self.server.url,
            REGISTRY_AUTH_FILE=str(self.folder / "auth.json"),
        )
        environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
        return subprocess.run(
            ["bash", "-c", f"set -euo pipefail\n{command}"], cwd=self.folder, env=environment, capture_output=True, text=True, timeout=60
        )


@pytest.fixture(scope="module")
def world(start_for_module, tmp_path_factory):
    return World(start_for_module("--emulator", "--emulator-on-network"), tmp_path_factory.mktemp("shell"))


ALLOW_PUSH = {
    "Version": "2008-10-17",
    "Statement": [
        {
            "Sid": "AllowPush",
            "Effect": "Allow",
            "Principal": {"AWS": [f"arn:aws:iam::{OWN}:user/eksuser1", f"arn:aws:iam::{OWN}:user/admin"]},
            "Action": ["ecr-public:PutImage", "ecr-public:BatchDeleteImage"],
        }
    ],
}


def prepare_batch_delete_image(world, example):
    """Pushes the images of the example; their digests replace those of the page."""
    digests = dict.fromkeys(re.findall("sha256:[0-9a-f]{64}", example.command))
    account = FOREIGN if FOREIGN in example.command else OWN
    if account == FOREIGN:
        world.ecr(FOREIGN).create_repository(repositoryName=REPOSITORY)
        grant = {"Effect": "Allow", "Principal": {"AWS": OWN}, "Action": "ecr-public:BatchDeleteImage"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [grant]})
        world.ecr(FOREIGN).set_repository_policy(repositoryName=REPOSITORY, policyText=policy)
    for tag in re.findall(r"imageTag=(\S+)", example.command):
        world.push(tag, account=account)
    shown = {id["imageDigest"]: id.get("imageTag") for id in json.loads(example.output)["imageIds"]}
    for digest in digests:
        tags = [shown[digest]] if shown[digest] else []
        digests[digest] = world.push(*tags, account=account)
    return digests


def prepare_three_images(world, _):
    world.push("temp3.0", "latest")
    world.push("temp1.0")
    world.push("temp2.0")


def prepare_catalog_data(world, _):
    data = {"description": "d", "architectures": ["ARM"], "operatingSystems": ["Linux"], "logoImageBlob": png(60), "aboutText": "a", "usageText": "u"}
    world.ecr().put_repository_catalog_data(repositoryName=REPOSITORY, catalogData=data)


def prepare_tags(world, _):
    arn = f"arn:aws:ecr-public::{OWN}:repository/{REPOSITORY}"
    world.ecr().tag_resource(resourceArn=arn, tags=[{"Key": key, "Value": "dev"} for key in ("stack", "Name", "Environment")])


def prepare_policy(world, _):
    world.ecr().set_repository_policy(repositoryName=REPOSITORY, policyText=json.dumps(ALLOW_PUSH))


def prepare_tagged_image(world, _):
    world.push("latest")


def prepare_display_name(world, _):
    world.ecr().put_registry_catalog_data(displayName="name")


def prepare_listed_repositories(world, example):
    for name in re.findall(r"^\|\s+(\S+)\s+\|$", example.output, re.MULTILINE)[1:]:
        if name != REPOSITORY:
            world.ecr().create_repository(repositoryName=name)


# Set-up besides the repository common to all pages, by page or by page and number.
PREPARATIONS = {
    "batch-delete-image": prepare_batch_delete_image,
    "delete-repository-policy": prepare_policy,
    "describe-image-tags": prepare_tagged_image,
    "describe-images": prepare_three_images,
    "describe-repository-2": prepare_listed_repositories,
    "get-registry-catalog-data": prepare_display_name,
    "get-repository-catalog-data": prepare_catalog_data,
    "get-repository-policy": prepare_policy,
    "list-tags-for-resource": prepare_tags,
    "untag-resource": prepare_tags,
}


def caller_of(example):
    """The account of the command: the one in its ARN, or the default account of the pages."""
    return next(iter(re.findall(r"arn:aws:ecr-public::(\d{12}):", example.command)), OWN)


def stage(world, example):
    """Sets up what the example presumes, and returns the replacements for its command."""
    world.clear()
    if example.page != "create-repository":
        world.ecr(caller_of(example)).create_repository(repositoryName=REPOSITORY)
    prepare = PREPARATIONS.get(str(example)) or PREPARATIONS.get(example.page)
    return (prepare(world, example) if prepare else None) or {}


def do(world, example):
    command = example.command
    for shown, own in stage(world, example).items():
        command = command.replace(shown, own)
    logo = base64.b64encode(png(60)).decode()
    files = {name: re.sub('"iVBOR[^"]*"', json.dumps(logo), content) for name, content in example.files.items()}
    done = world.run(caller_of(example), command, files)
    assert done.returncode == 0, f"{command}\n{done.stderr}"
    return done.stdout


def printed_as(kind):
    """Examples that print JSON, text, a table or nothing."""

    def is_of_kind(example):
        option = re.search(r"--output[ =](\w+)", example.command)
        return kind == ("nothing" if example.output is None else option[1] if option else "json")

    chosen = [example for example in EXAMPLES if "| docker login" not in example.command and is_of_kind(example)]
    return pytest.mark.parametrize("example", chosen, ids=str)


@printed_as("json")
def test_an_example_prints_json_of_the_structure_on_its_page(world, example):
    assert structure(json.loads(do(world, example))) == structure(json.loads(example.output))


def test_a_policy_is_given_back_in_the_form_on_its_page(world):
    (example,) = [example for example in EXAMPLES if str(example) == "set-repository-policy-1"]
    shown = json.loads(example.output)["policyText"]
    (sent,) = example.files.values()
    assert json.loads(sent) == json.loads(shown) and sent != shown
    assert json.loads(do(world, example))["policyText"] == shown


@printed_as("text")
def test_an_example_prints_the_lines_of_text_on_its_page(world, example):
    lines = lambda text: [set(line.split()) for line in text.strip().splitlines()]
    shown, printed = lines(example.output), lines(do(world, example))
    if example.page == "get-authorization-token":
        # Tokens differ from call to call, and the page's is truncated; both begin with the user name.
        for ((token,),) in (printed, shown):
            assert base64.b64decode(token[:8]).startswith(b"AWS:")
    else:
        assert printed == shown


@printed_as("table")
def test_an_example_prints_the_rows_of_the_table_on_its_page(world, example):
    rows = lambda text: sorted(re.findall(r"^\|\s+(\S+)\s+\|$", text, re.MULTILINE))
    assert rows(example.output)
    assert rows(do(world, example)) == rows(example.output)


@printed_as("nothing")
def test_an_example_that_shows_no_output_prints_none(world, example):
    assert do(world, example) == ""


@pytest.mark.parametrize("example", [example for example in EXAMPLES if "| docker login" in example.command], ids=str)
def test_an_example_logs_in_to_the_registry(world, example):
    # skopeo takes docker's options, needs no daemon and stays within the test's directory.
    need("skopeo")
    alias = world.ecr().describe_registries()["registries"][0]["aliases"][0]["name"]
    host = re.compile(r"public\.ecr\.aws(/<[\w-]+>)?")
    command = host.sub(lambda found: world.server.address + (f"/{alias}" if found[1] else ""), example.command)
    command = command.replace("docker login", "skopeo login --tls-verify=false")
    done = world.run(OWN, command, example.files)
    assert done.returncode == 0, done.stderr
    assert "Login Succeeded" in done.stdout
    (kept,) = json.loads((world.folder / "auth.json").read_text())["auths"].values()
    assert base64.b64decode(kept["auth"]).startswith(b"AWS:")
    (world.folder / "auth.json").unlink()


def test_every_page_was_read_and_is_about_its_command():
    assert NO_EXAMPLES.keys() <= {page.name for page in FOLDER.glob("*.rst")}
    assert {example.page for example in EXAMPLES} == {page.stem for page in FOLDER.glob("*.rst") if page.name not in NO_EXAMPLES}
    for example in EXAMPLES:
        assert re.match(rf"aws ecr-public {NAMED_OTHERWISE.get(example.page, example.page)}\b", example.command), example
