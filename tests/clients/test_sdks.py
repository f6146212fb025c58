"""The life of a repository through every common SDK, and the credential helper.

The scenarios of other languages are in `tests/sdks`; `tests/install.sh sdks` builds them.
"""

import base64
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pushing import digest_of, image, index, push_through_api
from running import clean_environment
from tools import Tool

BUILT = Path(__file__).resolve().parents[2] / ".cache" / "sdks"
SCENARIOS = {
    "go": ["bin/sdk-scenario"],
    "java": ["java", "-cp", "java/lib/*", "java/Scenario.java"],
    "javascript": ["node", "javascript/scenario.mjs"],
    "rust": ["rust/debug/sdk-scenario"],
}
HELPER = BUILT / "bin" / "docker-credential-ecr-login"
TAGS = [f"v{number}" for number in range(5)]
POLICY = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Sid": "Push", "Effect": "Allow", "Principal": "*", "Action": "ecr-public:PutImage"}]}
)


@pytest.fixture(scope="module")
def environment(server, tmp_path_factory):
    """The settings that point AWS clients at another server."""
    access_key, secret = server.key()
    home = tmp_path_factory.mktemp("home")
    settings = {"AWS_ENDPOINT_URL_ECR_PUBLIC": server.url, "AWS_ACCESS_KEY_ID": access_key, "AWS_SECRET_ACCESS_KEY": secret}
    return clean_environment(HOME=str(home), AWS_REGION="us-east-1", AWS_DEFAULT_REGION="us-east-1", AWS_PAGER="", **settings)


def run(command, environment, text=""):
    done = subprocess.run(command, cwd=BUILT, env=environment, input=text, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def need(built):
    """Skips if the tools of a language are not installed. CI has all of them."""
    if not (BUILT / built).exists():
        assert "CI" not in os.environ, f"{built} is missing in {BUILT}"
        pytest.skip("not built: `bash tests/install.sh sdks` says why")


@pytest.mark.parametrize("language", SCENARIOS)
def test_a_repository_lives_its_life_through_the_sdk_of_a_language(environment, language):
    program = SCENARIOS[language]
    need(program[-1])
    assert run([*program, f"sdk/{language}"], environment).splitlines()[-1] == f"scenario passed: {language}"


def test_a_repository_lives_its_life_through_boto3(ecr):
    name, manifest = "sdk/boto3", image(b"layer " * 1_000_000)
    created = ecr.create_repository(
        repositoryName=name, catalogData={"description": "from Python"}, tags=[{"Key": "made", "Value": "by the SDK"}]
    )
    assert created["catalogData"] == {"description": "from Python"}
    arn = created["repository"]["repositoryArn"]
    push_through_api(ecr, name, manifest, *TAGS)
    with pytest.raises(ecr.exceptions.ImageAlreadyExistsException):
        push_through_api(ecr, name, manifest, TAGS[0])

    ecr.set_repository_policy(repositoryName=name, policyText=POLICY)
    assert json.loads(ecr.get_repository_policy(repositoryName=name)["policyText"]) == json.loads(POLICY)
    ecr.delete_repository_policy(repositoryName=name)
    with pytest.raises(ecr.exceptions.RepositoryPolicyNotFoundException):
        ecr.get_repository_policy(repositoryName=name)

    ecr.tag_resource(resourceArn=arn, tags=[{"Key": "team", "Value": "blue"}, {"Key": "Team", "Value": ""}])
    ecr.untag_resource(resourceArn=arn, tagKeys=["made"])
    tags = {tag["Key"]: tag["Value"] for tag in ecr.list_tags_for_resource(resourceArn=arn)["tags"]}
    assert tags == {"team": "blue", "Team": ""}

    ecr.put_repository_catalog_data(repositoryName=name, catalogData={"aboutText": "# About", "architectures": ["ARM 64", "x86-64"]})
    catalog = ecr.get_repository_catalog_data(repositoryName=name)["catalogData"]
    assert catalog == {"aboutText": "# About", "architectures": ["ARM 64", "x86-64"]}
    registry = ecr.get_registry_catalog_data()["registryCatalogData"]
    assert ecr.put_registry_catalog_data(displayName="The name")["registryCatalogData"] == {"displayName": "The name"}
    assert ecr.get_registry_catalog_data()["registryCatalogData"] == {"displayName": "The name"}
    ecr.put_registry_catalog_data(**registry)

    deleted = ecr.batch_delete_image(repositoryName=name, imageIds=[{"imageDigest": manifest.digest}])
    assert deleted["failures"] == [] and sorted(id["imageTag"] for id in deleted["imageIds"]) == TAGS
    ecr.delete_repository(repositoryName=name)
    with pytest.raises(ecr.exceptions.RepositoryNotFoundException):
        ecr.describe_repositories(repositoryNames=[name])


def test_all_paginators_of_boto3_walk_to_the_end(start):
    ecr = start().client()
    names = [f"paged/app-{number}" for number in range(7)]
    for name in names:
        ecr.create_repository(repositoryName=name)
    digests = sorted(push_through_api(ecr, names[0], image(b"layer %d" % number), f"v{number}") for number in range(5))

    def walk(operation, member, size, **members):
        pages = [page[member] for page in ecr.get_paginator(operation).paginate(PaginationConfig={"PageSize": size}, **members)]
        assert all(len(page) <= size for page in pages)
        return pages

    assert [len(page) for page in walk("describe_repositories", "repositories", 3)] == [3, 3, 1]
    assert [each["repositoryName"] for page in walk("describe_repositories", "repositories", 3) for each in page] == names
    pages = walk("describe_images", "imageDetails", 2, repositoryName=names[0])
    assert [len(page) for page in pages] == [2, 2, 1]
    assert [detail["imageDigest"] for page in pages for detail in page] == digests
    pages = walk("describe_image_tags", "imageTagDetails", 2, repositoryName=names[0])
    assert [[detail["imageTag"] for detail in page] for page in pages] == [TAGS[0:2], TAGS[2:4], TAGS[4:5]]
    assert [len(page) for page in walk("describe_registries", "registries", 1)] == [1]


def test_a_repository_lives_its_life_through_the_aws_command_line(environment, tmp_path):
    tool = Tool(str(Path(sys.executable).with_name("aws")), "ecr-public", **environment)
    aws = lambda command, *arguments: json.loads(tool(command, *arguments) or "{}")
    name = ("--repository-name", "sdk/aws-cli")
    created = aws("create-repository", *name, "--catalog-data", "description=from the shell", "--tags", "Key=made,Value=by the SDK")
    arn = ("--resource-arn", created["repository"]["repositoryArn"])

    layer, config = os.urandom((5 << 20) + 7), b"{}"
    for content in (layer, config):
        upload = ("--upload-id", aws("initiate-layer-upload", *name)["uploadId"])
        for first in range(0, len(content), 5 << 20):
            part = tmp_path / "part"
            part.write_bytes(content[first : first + (5 << 20)])
            last = first + part.stat().st_size - 1
            bounds = ("--part-first-byte", first, "--part-last-byte", last)
            sent = aws("upload-layer-part", *name, *upload, *bounds, "--layer-part-blob", f"fileb://{part}")
            assert sent["lastByteReceived"] == last
        aws("complete-layer-upload", *name, *upload, "--layer-digests", digest_of(content))
    found = aws("batch-check-layer-availability", *name, "--layer-digests", digest_of(layer), digest_of(config))
    assert [layer["layerAvailability"] for layer in found["layers"]] == ["AVAILABLE", "AVAILABLE"]

    manifest, file = image(layer, config=config), tmp_path / "manifest.json"
    file.write_bytes(manifest.body)
    for tag in TAGS:
        put = aws("put-image", *name, "--image-tag", tag, "--image-manifest", f"file://{file}")
        assert put["image"]["imageId"] == {"imageDigest": manifest.digest, "imageTag": tag}
    listed = aws("describe-image-tags", *name, "--page-size", 2)
    assert [detail["imageTag"] for detail in listed["imageTagDetails"]] == TAGS

    aws("set-repository-policy", *name, "--policy-text", POLICY)
    assert json.loads(aws("get-repository-policy", *name)["policyText"]) == json.loads(POLICY)
    aws("delete-repository-policy", *name)
    assert "RepositoryPolicyNotFoundException" in tool.attempt("get-repository-policy", *name).stderr

    aws("tag-resource", *arn, "--tags", "Key=team,Value=blue")
    aws("untag-resource", *arn, "--tag-keys", "made")
    assert aws("list-tags-for-resource", *arn)["tags"] == [{"Key": "team", "Value": "blue"}]

    aws("put-repository-catalog-data", *name, "--catalog-data", "aboutText=About,architectures=ARM 64,x86-64")
    assert aws("get-repository-catalog-data", *name)["catalogData"] == {"aboutText": "About", "architectures": ["ARM 64", "x86-64"]}

    deleted = aws("batch-delete-image", *name, "--image-ids", f"imageDigest={manifest.digest}")
    assert deleted["failures"] == [] and len(deleted["imageIds"]) == len(TAGS)
    aws("delete-repository", *name)
    assert "RepositoryNotFoundException" in tool.attempt("describe-repositories", "--repository-names", name[1]).stderr


def test_an_index_and_its_children_go_in_one_call_whatever_their_order(ecr, repository):
    children = [image(b"one"), image(b"two")]
    parent = index(*children)
    for child in children:
        push_through_api(ecr, repository, child)
    ecr.put_image(repositoryName=repository, imageManifest=parent.body.decode(), imageTag="both")
    ids = [{"imageDigest": manifest.digest} for manifest in (children[0], parent, children[1])]
    kept = ecr.batch_delete_image(repositoryName=repository, imageIds=ids[:1])
    assert [failure["failureCode"] for failure in kept["failures"]] == ["ImageReferencedByManifestList"]
    assert ecr.batch_delete_image(repositoryName=repository, imageIds=ids)["failures"] == []
    assert ecr.describe_images(repositoryName=repository)["imageDetails"] == []


def test_the_credential_helper_of_docker_gets_a_password(environment, server):
    need(HELPER)
    told = json.loads(run([HELPER, "get"], environment, "public.ecr.aws"))
    assert told["Username"] == "AWS"
    headers = {"Authorization": "Basic " + base64.b64encode(f"AWS:{told['Secret']}".encode()).decode()}
    answer = server.http.request("GET", server.url + "/token", headers=headers)
    assert answer.status == 200 and answer.json()["token"]
