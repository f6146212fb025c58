"""Every error of an operation, with AWS's text (where ecr-public is undocumented, that of private ECR)."""

import re

import pytest
from botocore.exceptions import ClientError

from pushing import image

NAME = "(?:[a-z0-9]+(?:[._-][a-z0-9]+)*/)*[a-z0-9]+(?:[._-][a-z0-9]+)*"


def refused(call, **members):
    """The code and the message of a refused call; also checks the envelope."""
    with pytest.raises(ClientError) as refusal:
        call(**members)
    response = refusal.value.response
    metadata = response["ResponseMetadata"]
    assert metadata["HTTPStatusCode"] == 400
    headers = metadata["HTTPHeaders"]
    assert re.fullmatch("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", headers["x-amzn-requestid"])
    assert headers["content-type"] == "application/x-amz-json-1.1"
    assert "date" in headers
    return response["Error"]["Code"], response["Error"]["Message"]


def invalid(member, constraint):
    return "InvalidParameterException", f"Invalid parameter at '{member}' failed to satisfy constraint: '{constraint}'"


def test_a_name_that_is_taken(ecr, repository):
    assert refused(ecr.create_repository, repositoryName=repository) == (
        "RepositoryAlreadyExistsException",
        f"The repository with name '{repository}' already exists in the registry with id '000000000000'",
    )


def test_a_repository_that_is_not_empty(ecr, pusher, repository):
    pusher.push(repository, image(b"layer"), "it")
    assert refused(ecr.delete_repository, repositoryName=repository) == (
        "RepositoryNotEmptyException",
        f"The repository with name '{repository}' in registry with id '000000000000' cannot be deleted "
        "because it still contains images",
    )


@pytest.mark.parametrize(
    ("identifier", "text"),
    [
        ({"imageTag": "none"}, "{imageDigest:'null', imageTag:'none'}"),
        ({"imageDigest": "sha256:" + "0" * 64}, "{imageDigest:'sha256:" + "0" * 64 + "', imageTag:'null'}"),
    ],
)
def test_an_image_that_is_not_there(ecr, repository, identifier, text):
    assert refused(ecr.describe_images, repositoryName=repository, imageIds=[identifier]) == (
        "ImageNotFoundException",
        f"The image with imageId {text} does not exist within the repository with name '{repository}' "
        "in the registry with id '000000000000'",
    )


@pytest.mark.parametrize(
    ("name", "constraint"),
    [
        ("a", "must have length greater than or equal to 2"),
        ("", "must have length greater than or equal to 2"),
        ("a" * 206, "must have length less than or equal to 205"),
        ("Upper", f"must satisfy regular expression '{NAME}'"),
        ("-dash", f"must satisfy regular expression '{NAME}'"),
        ("two//slashes", f"must satisfy regular expression '{NAME}'"),
        ("ümlaut", f"must satisfy regular expression '{NAME}'"),
        ("line\n", f"must satisfy regular expression '{NAME}'"),
    ],
)
@pytest.mark.parametrize("operation", ["create_repository", "describe_image_tags", "delete_repository"])
def test_a_name_that_is_no_name(unchecked, operation, name, constraint):
    assert refused(getattr(unchecked, operation), repositoryName=name) == invalid("repositoryName", constraint)


def test_a_name_that_is_missing(unchecked):
    assert refused(unchecked.describe_image_tags) == invalid("repositoryName", "must not be null")


@pytest.mark.parametrize(
    ("size", "bound"),
    [
        (0, "greater than or equal to 1"),
        (-1, "greater than or equal to 1"),
        (-(10**30), "greater than or equal to 1"),
        (1001, "less than or equal to 1000"),
        (2**31, "less than or equal to 1000"),
        (2**64, "less than or equal to 1000"),
        (10**30, "less than or equal to 1000"),
    ],
)
@pytest.mark.parametrize("operation", ["describe_image_tags", "describe_images", "describe_repositories", "describe_registries"])
def test_a_page_size_out_of_range_whatever_its_magnitude(wire, operation, size, bound):
    # Sent without an SDK, because some SDKs truncate such numbers.
    target = "".join(word.capitalize() for word in operation.split("_"))
    answer = wire.call(target, {"repositoryName": "team/any", "maxResults": size})
    assert answer.status == 400
    assert answer.error == invalid("maxResults", f"Member must have value {bound}")


@pytest.mark.parametrize("registry", ["1", "12345678901", "1234567890123", "abcdefghijkl", "", "٠٠٠٠٠٠٠٠٠٠٠٠", "public"])
def test_a_registry_id_that_is_none(unchecked, repository, registry):
    code, text = refused(unchecked.describe_image_tags, repositoryName=repository, registryId=registry)
    assert code == "InvalidParameterException"
    assert text.startswith("Invalid parameter at 'registryId' failed to satisfy constraint: '"), text
    assert "[0-9]{12}" in text, text


@pytest.mark.parametrize(
    ("members", "member"),
    [
        ({"repositoryName": 5}, "repositoryName"),
        ({"repositoryName": ["a"]}, "repositoryName"),
        ({"repositoryName": {}}, "repositoryName"),
        ({"repositoryName": True}, "repositoryName"),
        ({"repositoryName": None}, "repositoryName"),
        ({"repositoryName": "team/any", "maxResults": "7"}, "maxResults"),
        ({"repositoryName": "team/any", "maxResults": 7.5}, "maxResults"),
        ({"repositoryName": "team/any", "nextToken": 7}, "nextToken"),
        ({"repositoryName": "team/any", "registryId": 0}, "registryId"),
    ],
)
def test_a_member_of_the_wrong_json_type(wire, members, member):
    answer = wire.call("DescribeImageTags", members)
    assert answer.status == 400
    code, text = answer.error
    assert code == "InvalidParameterException"
    assert text.startswith(f"Invalid parameter at '{member}' failed to satisfy constraint: '"), text


def test_a_list_with_a_wrong_entry(unchecked):
    code, text = refused(unchecked.describe_repositories, repositoryNames=["good/name", "Bad"])
    assert code == "InvalidParameterException"
    assert text.startswith("Invalid parameter at 'repositoryNames' failed to satisfy constraint: 'Member must satisfy constraint: [")
    assert f"Member must satisfy regular expression pattern: {NAME}" in text


def test_a_list_that_is_too_long_or_empty(unchecked, repository):
    many = [{"imageTag": f"t{number}"} for number in range(101)]
    bound = "Member must have length less than or equal to 100"
    assert refused(unchecked.batch_delete_image, repositoryName=repository, imageIds=many) == invalid("imageIds", bound)
    bound = "Member must have length greater than or equal to 1"
    assert refused(unchecked.batch_delete_image, repositoryName=repository, imageIds=[]) == invalid("imageIds", bound)


def test_names_and_pages_exclude_each_other(unchecked, repository):
    code, _ = refused(unchecked.describe_repositories, repositoryNames=[repository], maxResults=5)
    assert code == "InvalidParameterException"
    code, _ = refused(unchecked.describe_images, repositoryName=repository, imageIds=[{"imageTag": "a"}], maxResults=5)
    assert code == "InvalidParameterException"


def test_members_that_nobody_knows_are_ignored(wire, repository):
    answer = wire.call("DescribeImageTags", {"repositoryName": repository, "imageIds": [{"imageTag": "a"}], "new": {"a": [None]}})
    assert (answer.status, answer.json) == (200, {"imageTagDetails": []})


def test_only_the_us_east_1_rule_knows_regions_and_only_if_told_to(start):
    def call(server, region):
        client = server.session().client("ecr-public", region_name=region, endpoint_url=server.url)
        return client.get_authorization_token

    indifferent = start()
    assert call(indifferent, "eu-west-2")()["authorizationData"]
    strict = start("--aws-regions")
    assert call(strict, "us-east-1")()["authorizationData"]
    assert refused(call(strict, "us-west-2")) == (
        "UnsupportedCommandException", "GetAuthorizationToken command is only supported in us-east-1."
    )
