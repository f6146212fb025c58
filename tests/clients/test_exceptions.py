"""Every exception that an operation declares is provoked, or listed here with the reason why it cannot occur.

The test fails if the service model has a pair of operation and exception that this table lacks, or vice versa.
"""

import base64
import json
import os
import re
import uuid

import botocore.exceptions
import pytest

from pushing import OCI_CONFIG, digest_of, image, index, push_layer_through_api, push_through_api
from service_model import OPERATIONS, declared, request_of, sample

# The quotas of the server on which LimitExceededException is provoked.
QUOTAS = {"--limit-repositories": 5, "--limit-images-per-repository": 2, "--limit-layer-size": 20}
ABSENT = "sha256:" + "0" * 64
SCHEMA_1 = "application/vnd.docker.distribution.manifest.v1+json"
PART = 5 << 20
NOBODYS_ALIAS = "nobody-has-this"

# The messages of exceptions, as far as AWS's are known; `…` matches any text.
MESSAGES = {
    "EmptyUploadException": "…",
    "ImageAlreadyExistsException": "Image with digest 'sha256:…' and tag 'it' already exists in the repository with name '…' in registry with id '000000000000'",
    "ImageDigestDoesNotMatchException": "The image with digest 'sha256:…' in repository '…' and registry ID '000000000000' does not match the image digest that Amazon ECR has calculated.",
    "ImageNotFoundException": "The image with imageId {imageDigest:'null', imageTag:'none'} does not exist within the repository with name '…' in the registry with id '000000000000'",
    "InvalidLayerException": "…",
    "InvalidLayerPartException": "…",
    "InvalidParameterException": "Invalid parameter at '…' failed to satisfy constraint: '…'",
    "InvalidTagParameterException": "…",
    "LayerAlreadyExistsException": "…",
    "LayerPartTooSmallException": "All layer parts except the last part should be at least 5MB",
    "LayersNotFoundException": "Layers with digests '[sha256:…, sha256:…]' required for pushing image into repository with name '…' in the registry with id '000000000000' do not exist",
    "LimitExceededException": "…",
    "ReferencedImagesNotFoundException": "Images with digests '[sha256:…]' required for pushing image into repository with name '…' in the registry with id '000000000000' do not exist",
    "RegistryNotFoundException": "…",
    "RepositoryAlreadyExistsException": "The repository with name '…' already exists in the registry with id '000000000000'",
    "RepositoryNotEmptyException": "The repository with name '…' in registry with id '000000000000' cannot be deleted because it still contains images",
    "RepositoryNotFoundException": "The repository with name '…' does not exist in the registry with id '000000000000'",
    "RepositoryPolicyNotFoundException": "Repository policy does not exist for the repository with name '…' in the registry with id '000000000000'",
    "ServerException": "…",
    "TooManyTagsException": "…",
    "UnsupportedCommandException": "… command is only supported in us-east-1.",
    "UploadNotFoundException": "Upload with id '…' could not be found for the repository with name '…' in the registry with id '000000000000'",
}

# Pairs of operation and exception that cannot occur.
NEVER = {
    ("GetAuthorizationToken", "InvalidParameterException"): "the request has no members",
    ("GetRepositoryCatalogData", "RepositoryCatalogDataNotFoundException"): "AWS answers with an empty object for a repository without any",
    ("PutImage", "ImageTagAlreadyExistsException"): "tags can always be moved: ECR Public has no immutable tags",
    ("UntagResource", "TooManyTagsException"): "removing tags makes no more of them",
}


class Stage:
    """A server whose storage the tests may damage."""

    def __init__(self, server):
        self.server = server
        self.ecr = server.client(parameter_validation=False)
        self.numbers = 0

    def repository(self):
        self.numbers += 1
        name = f"team/app-{self.numbers}"
        self.ecr.create_repository(repositoryName=name)
        return name

    def arn(self, name):
        return f"arn:aws:ecr-public::000000000000:repository/{name}"

    def call(self, operation, client=None, **members):
        return getattr(client or self.ecr, re.sub(r"(?<=[a-z])(?=[A-Z])", "_", operation).lower())(**members)

    def request(self, operation, **members):
        """A valid request of an operation, for an existing repository."""
        name = self.repository() if "repositoryName" in request_of(operation).required_members else "team/none"
        real = {
            "repositoryName": name,
            "resourceArn": self.arn(name),
            "imageManifest": image(b"layer").body.decode(),
            "layerPartBlob": b"x",
            "policyText": '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"ecr-public:PutImage"}]}',
        }
        request = sample(request_of(operation))
        return request | {key: value for key, value in real.items() if key in request} | members

    def edit_store(self, *statements):
        """Changes the metadata without the server."""
        self.server.sql("; ".join(statements))

    def begin(self, name):
        return self.ecr.initiate_layer_upload(repositoryName=name)["uploadId"]

    def send(self, name, upload, content, first=0):
        self.ecr.upload_layer_part(
            repositoryName=name, uploadId=upload, partFirstByte=first, partLastByte=first + len(content) - 1, layerPartBlob=content
        )

    def complete(self, name, upload, digest):
        return self.ecr.complete_layer_upload(repositoryName=name, uploadId=upload, layerDigests=[digest])

    def put(self, name, manifest, **members):
        return self.ecr.put_image(repositoryName=name, imageManifest=manifest.body.decode(), **members)

    def pushed(self, *tags):
        """A repository with an image."""
        name, manifest = self.repository(), image(b"layer")
        push_through_api(self.ecr, name, manifest, *tags)
        return name, manifest


def wrong_type(stage, operation):
    member = next(iter(request_of(operation).members))
    stage.call(operation, **stage.request(operation, **{member: {"of": "another type"}}))


def no_such_repository(stage, operation):
    members = {"repositoryName": "team/none", "resourceArn": stage.arn("team/none"), "repositoryNames": ["team/none"]}
    known = request_of(operation).members
    stage.call(operation, **stage.request(operation, **{name: value for name, value in members.items() if name in known}))


def no_such_registry(stage, operation):
    stage.call(operation, **stage.request(operation, registryId=NOBODYS_ALIAS))


def no_such_upload(stage, operation):
    stage.call(operation, **stage.request(operation, uploadId=str(uuid.uuid4())))


def no_policy(stage, operation):
    stage.call(operation, **stage.request(operation))


def reserved_tag(stage, operation):
    name = "team/tagged-with-a-reserved-key"
    if operation != "CreateRepository":
        name = stage.repository()
    members = {"repositoryName": name, "resourceArn": stage.arn(name), "tags": [{"Key": "aws:mine", "Value": ""}], "tagKeys": ["aws:mine"]}
    stage.call(operation, **{key: value for key, value in members.items() if key in request_of(operation).members})


def too_many_tags(stage, operation):
    tags = [{"Key": f"key-{number}", "Value": ""} for number in range(51)]
    if operation == "CreateRepository":
        stage.call(operation, repositoryName="team/with-many-tags", tags=tags)
    arn = stage.arn(stage.repository())
    stage.call(operation, resourceArn=arn, tags=tags[:50])
    stage.call(operation, resourceArn=arn, tags=tags[50:])


def too_many_repositories(stage, _):
    for _ in range(QUOTAS["--limit-repositories"] + 1):
        stage.repository()


def too_many_images(stage, _):
    name, _ = stage.pushed()
    for number in range(QUOTAS["--limit-images-per-repository"]):
        stage.put(name, image(b"layer", annotations={"number": str(number)}))


def too_large_a_layer(stage, _):
    name = stage.repository()
    stage.send(name, stage.begin(name), bytes(QUOTAS["--limit-layer-size"] + 1))


def taken_name(stage, _):
    stage.ecr.create_repository(repositoryName=stage.repository())


def not_empty(stage, _):
    stage.ecr.delete_repository(repositoryName=stage.pushed()[0])


def no_such_image(stage, _):
    stage.ecr.describe_images(repositoryName=stage.pushed()[0], imageIds=[{"imageTag": "none"}])


def same_image(stage, _):
    name, manifest = stage.pushed("it")
    stage.put(name, manifest, imageTag="it")


def another_digest(stage, _):
    name, _ = stage.pushed()
    stage.put(name, image(b"layer", annotations={"another": "image"}), imageDigest=ABSENT)


def no_layers(stage, _):
    stage.put(stage.repository(), image(b"a layer that nobody pushed"))


def no_children(stage, _):
    stage.put(stage.repository(), index(image(b"an image that nobody pushed")))


def overlapping_part(stage, _):
    name = stage.repository()
    upload = stage.begin(name)
    stage.send(name, upload, b"0123456789")
    try:
        stage.send(name, upload, b"9", first=9)
    except botocore.exceptions.ClientError as refusal:
        told = {member: refusal.response[member] for member in ("registryId", "repositoryName", "uploadId", "lastValidByteReceived")}
        assert told == {"registryId": "000000000000", "repositoryName": name, "uploadId": upload, "lastValidByteReceived": 9}
        raise


def no_parts(stage, _):
    name = stage.repository()
    stage.complete(name, stage.begin(name), ABSENT)


def another_layer(stage, _):
    name = stage.repository()
    upload = stage.begin(name)
    stage.send(name, upload, b"content")
    stage.complete(name, upload, digest_of(b"other content"))


def same_layer(stage, _):
    name = stage.repository()
    push_layer_through_api(stage.ecr, name, b"content")
    push_layer_through_api(stage.ecr, name, b"content")


def short_parts(stage, _):
    name = stage.repository()
    upload, content = stage.begin(name), os.urandom(PART)
    stage.send(name, upload, content[:-1])
    stage.send(name, upload, content[-1:], first=PART - 1)
    stage.complete(name, upload, digest_of(content))


# Exceptions that are provoked in the same way in all operations that declare them.
ANYWHERE = {
    "InvalidParameterException": wrong_type,
    "RepositoryNotFoundException": no_such_repository,
    "RegistryNotFoundException": no_such_registry,
    "UploadNotFoundException": no_such_upload,
    "RepositoryPolicyNotFoundException": no_policy,
    "InvalidTagParameterException": reserved_tag,
    "TooManyTagsException": too_many_tags,
}
BEYOND_A_QUOTA = {
    ("PutImage", "LimitExceededException"): too_many_images,
    ("UploadLayerPart", "LimitExceededException"): too_large_a_layer,
    ("CreateRepository", "LimitExceededException"): too_many_repositories,
}
IN_ONE = {
    ("CreateRepository", "RepositoryAlreadyExistsException"): taken_name,
    ("DeleteRepository", "RepositoryNotEmptyException"): not_empty,
    ("DescribeImages", "ImageNotFoundException"): no_such_image,
    ("PutImage", "ImageAlreadyExistsException"): same_image,
    ("PutImage", "ImageDigestDoesNotMatchException"): another_digest,
    ("PutImage", "LayersNotFoundException"): no_layers,
    ("PutImage", "ReferencedImagesNotFoundException"): no_children,
    ("UploadLayerPart", "InvalidLayerPartException"): overlapping_part,
    ("CompleteLayerUpload", "EmptyUploadException"): no_parts,
    ("CompleteLayerUpload", "InvalidLayerException"): another_layer,
    ("CompleteLayerUpload", "LayerAlreadyExistsException"): same_layer,
    ("CompleteLayerUpload", "LayerPartTooSmallException"): short_parts,
}
# These need a server with special settings, and have separate tests below.
ELSEWHERE = {"ServerException", "UnsupportedCommandException"}

PAIRS = [(operation, exception) for operation in OPERATIONS for exception in declared(operation)]


@pytest.fixture(scope="module")
def stage(start_for_module):
    return Stage(start_for_module())


def assert_refused(client, operation, exception, provoke):
    """The call fails with this exception as SDKs know it, with the known message and status."""
    with pytest.raises(getattr(client.exceptions, exception)) as refusal:
        provoke()
    response = refusal.value.response
    assert refusal.value.operation_name == operation
    assert response["Error"]["Code"] == exception
    assert response["ResponseMetadata"]["HTTPStatusCode"] == (500 if exception == "ServerException" else 400)
    pattern = ".+".join(map(re.escape, MESSAGES[exception].split("…")))
    assert re.fullmatch(pattern, response["Error"]["Message"]), response["Error"]["Message"]


def test_every_pair_of_the_service_model_is_in_the_table_and_no_other():
    known = set(IN_ONE) | set(BEYOND_A_QUOTA) | set(NEVER) | {pair for pair in PAIRS if pair[1] in ANYWHERE or pair[1] in ELSEWHERE}
    assert known == set(PAIRS)
    assert set(MESSAGES) == {exception for operation, exception in PAIRS if (operation, exception) not in NEVER}


@pytest.fixture(scope="module")
def tight(start_for_module):
    return Stage(start_for_module(*(text for name, number in QUOTAS.items() for text in (name, str(number)))))


@pytest.mark.parametrize(("operation", "exception"), BEYOND_A_QUOTA)
def test_a_quota_that_is_spent_is_an_exception(tight, operation, exception):
    assert_refused(tight.ecr, operation, exception, lambda: BEYOND_A_QUOTA[operation, exception](tight, operation))


BY_A_REQUEST = [pair for pair in PAIRS if pair[1] not in ELSEWHERE and pair not in NEVER and pair not in BEYOND_A_QUOTA]


@pytest.mark.parametrize(("operation", "exception"), BY_A_REQUEST)
def test_a_declared_exception_is_provoked(stage, operation, exception):
    provoke = IN_ONE.get((operation, exception)) or ANYWHERE[exception]
    assert_refused(stage.ecr, operation, exception, lambda: provoke(stage, operation))


@pytest.fixture(scope="module")
def narrow(start_for_module):
    return Stage(start_for_module("--aws-regions"))


@pytest.mark.parametrize("operation", [operation for operation, exception in PAIRS if exception == "UnsupportedCommandException"])
def test_an_operation_is_unsupported_outside_of_the_regions_that_are_set(narrow, operation):
    client = narrow.server.session().client("ecr-public", region_name="us-west-2", endpoint_url=narrow.server.url)
    request = narrow.request(operation)
    assert_refused(client, operation, "UnsupportedCommandException", lambda: narrow.call(operation, client, **request))


def test_a_broken_store_is_a_server_exception_of_every_operation_and_nothing_is_told_about_it(start_for_module):
    stage = Stage(start_for_module())
    requests = {operation: stage.request(operation) for operation, exception in PAIRS if exception == "ServerException"}
    assert set(requests) == set(OPERATIONS)
    # This call needs only the key, and the other calls must fail because of the key alone.
    last = requests.pop("GetAuthorizationToken")
    stage.edit_store(*(f"ALTER TABLE {table} RENAME TO lost_{table}" for table in ("repository", "registry_alias", "registry")))
    for operation, request in requests.items():
        assert_refused(stage.ecr, operation, "ServerException", lambda: stage.call(operation, **request))
    stage.edit_store("ALTER TABLE access_key RENAME TO lost_access_key")
    assert_refused(stage.ecr, "GetAuthorizationToken", "ServerException", lambda: stage.call("GetAuthorizationToken", **last))
    messages = {event.get("message") for event in stage.server.events()}
    assert "the operation failed" in messages, "the operator is told"


def test_a_logo_that_is_none_and_a_policy_that_is_none_are_invalid_parameters(stage):
    for logo in (b"text", base64.b64encode(os.urandom(100)), b"\x89PNG\r\n\x1a\n"):
        data = {"logoImageBlob": logo}
        provoke = lambda: stage.ecr.put_repository_catalog_data(repositoryName=stage.repository(), catalogData=data)
        assert_refused(stage.ecr, "PutRepositoryCatalogData", "InvalidParameterException", provoke)
    for text in ("", "{", "[]", "{}", '{"Version":"2012-10-17","Statement":[{"Effect":"Maybe"}]}'):
        provoke = lambda: stage.ecr.set_repository_policy(repositoryName=stage.repository(), policyText=text)
        assert_refused(stage.ecr, "SetRepositoryPolicy", "InvalidParameterException", provoke)


@pytest.mark.parametrize(
    ("manifest", "reason"),
    [
        ("{", "Invalid JSON syntax"),
        ("", None),
        ("[]", "invalid type: sequence, expected an object at line 1 column 0"),
        ("{}", "Invalid JSON syntax"),
        (json.dumps({"schemaVersion": 2, "config": [OCI_CONFIG, ABSENT, 2, None], "layers": []}), None),
        (json.dumps({"schemaVersion": 2, "config": {"digest": ABSENT, "size": "2"}, "layers": []}), None),
        (json.dumps({"schemaVersion": 2, "config": {"digest": "sha256:0", "size": 2}, "layers": []}), None),
        (json.dumps({"schemaVersion": 1, "fsLayers": []}), "Invalid JSON syntax"),
        (json.dumps({"schemaVersion": 1, "mediaType": SCHEMA_1, "fsLayers": []}), "manifests of schema version 1 are not supported"),
    ],
)
def test_a_manifest_that_is_none_is_refused_without_a_word_about_our_source(stage, manifest, reason):
    provoke = lambda: stage.ecr.put_image(repositoryName=stage.repository(), imageManifest=manifest)
    assert_refused(stage.ecr, "PutImage", "InvalidParameterException", provoke)
    with pytest.raises(stage.ecr.exceptions.InvalidParameterException, match=reason and re.escape(reason)) as refusal:
        provoke()
    assert "struct" not in str(refusal.value)
