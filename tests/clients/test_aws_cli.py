"""The AWS command line (version 1, from PyPI)."""

import base64
import json
import sys
from pathlib import Path

import pytest

from pushing import image
from running import clean_environment
from tools import Tool

TAGS = [f"v{number}" for number in range(8)]


@pytest.fixture(scope="module")
def aws(server, tmp_path_factory):
    """`aws ecr-public …` set up as the banner says."""
    credentials = tmp_path_factory.mktemp("aws") / "credentials"
    key, secret = server.key()
    credentials.write_text(f"[default]\naws_access_key_id = {key}\naws_secret_access_key = {secret}\n")
    environment = clean_environment(
        AWS_SHARED_CREDENTIALS_FILE=str(credentials),
        AWS_CONFIG_FILE=str(tmp_path_factory.mktemp("aws") / "config"),
        AWS_PAGER="",
    )
    program = Path(sys.executable).with_name("aws")
    return Tool(str(program), "--endpoint-url", server.url, "--region", "us-east-1", "ecr-public", **environment)


def test_it_prints_a_password_for_docker_login(aws, server):
    password = aws("get-login-password")
    assert password and ":" not in password and "\n" not in password
    headers = {"Authorization": "Basic " + base64.b64encode(f"AWS:{password}".encode()).decode()}
    answer = server.http.request("GET", server.url + "/token", headers=headers)
    assert answer.status == 200 and answer.json()["token"]


def test_it_says_who_the_caller_is(server, aws):
    sts = Tool(aws.command[0], "--endpoint-url", server.url, "--region", "us-east-1", "sts", **aws.environment)
    identity = json.loads(sts("get-caller-identity"))
    assert identity == {"UserId": "000000000000", "Account": "000000000000", "Arn": "arn:aws:iam::000000000000:root"}


def test_it_creates_and_deletes_a_repository(aws, server):
    created = json.loads(aws("create-repository", "--repository-name", "from/cli"))
    assert created["repository"]["repositoryUri"] == f"{server.address}/{server.alias}/from/cli"
    assert json.loads(aws("delete-repository", "--repository-name", "from/cli"))["repository"] == created["repository"]


def test_it_lists_tags_in_pieces(aws, pusher, repository):
    pusher.push(repository, image(b"layer"), *TAGS)
    command = ["describe-image-tags", "--repository-name", repository, "--output", "json"]
    whole = json.loads(aws(*command))
    assert [detail["imageTag"] for detail in whole["imageTagDetails"]] == TAGS
    assert "NextToken" not in whole
    assert json.loads(aws(*command, "--page-size", 3)) == whole

    seen, more = [], []
    for _ in range(len(TAGS)):
        piece = json.loads(aws(*command, "--max-items", 3, "--page-size", 2, *more))
        seen.append([detail["imageTag"] for detail in piece["imageTagDetails"]])
        if "NextToken" not in piece:
            break
        more = ["--starting-token", piece["NextToken"]]
    assert seen == [TAGS[0:3], TAGS[3:6], TAGS[6:8]]


def test_it_draws_a_table(aws, pusher, repository):
    manifest = image(b"layer")
    pusher.push(repository, manifest, "v1")
    table = aws("describe-image-tags", "--repository-name", repository, "--output", "table")
    assert "DescribeImageTags" in table
    for cell in ("imageTag", "v1", "imageDigest", manifest.digest, "imageSizeInBytes", str(manifest.size)):
        assert cell in table, table


def test_it_picks_single_fields(aws, pusher, repository):
    pusher.push(repository, image(b"layer"), "b", "a")
    query = "imageTagDetails[].imageTag"
    assert aws("describe-image-tags", "--repository-name", repository, "--query", query, "--output", "text") == "a\tb"


def test_it_shows_the_error_as_aws_words_it(aws):
    refusal = aws.attempt("describe-image-tags", "--repository-name", "no/such")
    assert refusal.returncode in (254, 255)
    assert (
        "An error occurred (RepositoryNotFoundException) when calling the DescribeImageTags operation: "
        "The repository with name 'no/such' does not exist in the registry with id '000000000000'"
    ) in refusal.stderr
