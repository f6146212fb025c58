"""DescribeImageTags as boto3 sees it: every sentence of AWS's page."""

import datetime
import time

import pytest
from botocore.exceptions import ClientError

from pushing import (
    DOCKER_CONFIG,
    DOCKER_LIST,
    DOCKER_MANIFEST,
    HELM_CONFIG,
    OCI_CONFIG,
    OCI_EMPTY,
    OCI_INDEX,
    OCI_MANIFEST,
    image,
    index,
)


def described(ecr, repository, **members):
    """The entries of a page, by tag."""
    page = ecr.describe_image_tags(repositoryName=repository, **members)
    return {detail["imageTag"]: detail for detail in page["imageTagDetails"]}


def walked(ecr, repository, size):
    pages = ecr.get_paginator("describe_image_tags").paginate(repositoryName=repository, PaginationConfig={"PageSize": size})
    return [[detail["imageTag"] for detail in page["imageTagDetails"]] for page in pages]


def test_an_empty_repository_gives_an_empty_list(ecr, repository):
    answer = ecr.describe_image_tags(repositoryName=repository)
    del answer["ResponseMetadata"]
    assert answer == {"imageTagDetails": []}


def test_a_tag_has_exactly_the_fields_of_aws(ecr, pusher, repository):
    before = datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=1)
    manifest = image(b"first layer", b"second", config=b'{"architecture":"amd64"}', docker=True)
    pusher.push(repository, manifest, "v1")
    after = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=1)
    answer = ecr.describe_image_tags(repositoryName=repository)
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200
    (detail,) = answer["imageTagDetails"]
    created, pushed = detail.pop("createdAt"), detail["imageDetail"].pop("imagePushedAt")
    assert detail == {
        "imageTag": "v1",
        "imageDetail": {
            "imageDigest": manifest.digest,
            "imageSizeInBytes": len(b"first layer") + len(b"second") + len(b'{"architecture":"amd64"}'),
            "imageManifestMediaType": DOCKER_MANIFEST,
            "artifactMediaType": DOCKER_CONFIG,
        },
    }
    assert type(detail["imageDetail"]["imageSizeInBytes"]) is int
    assert before <= pushed <= created <= after
    assert "nextToken" not in answer


def test_the_size_of_an_index_is_that_of_its_largest_manifest(ecr, pusher, repository):
    small, large = image(b"s" * 10), image(b"l" * 1000, b"m" * 500)
    largest = image(b"x" * 5000)
    flat = index(small, large)
    nested = index(flat, index(largest, small))
    pusher.push(repository, flat, "flat")
    pusher.push(repository, nested, "nested")
    pusher.push(repository, index(small, large, docker=True), "list")
    tags = described(ecr, repository)
    sizes = {tag: detail["imageDetail"]["imageSizeInBytes"] for tag, detail in tags.items()}
    assert sizes == {"flat": 1502, "nested": 5002, "list": 1502}
    types = {tag: detail["imageDetail"]["imageManifestMediaType"] for tag, detail in tags.items()}
    assert types == {"flat": OCI_INDEX, "nested": OCI_INDEX, "list": DOCKER_LIST}


@pytest.mark.parametrize(
    ("manifest", "expected"),
    [
        (image(b"layer", docker=True), DOCKER_CONFIG),
        (image(b"layer"), OCI_CONFIG),
        (image(b"chart", config_type=HELM_CONFIG), HELM_CONFIG),
        (image(b"sbom", config_type=OCI_EMPTY, artifactType="application/spdx+json"), "application/spdx+json"),
        (image(b"layer", artifactType="application/vnd.example"), "application/vnd.example"),
        (index(image(b"layer")), None),
        (index(image(b"layer", docker=True), docker=True), None),
        (index(image(b"layer"), artifactType="application/vnd.example.set"), "application/vnd.example.set"),
    ],
    ids=["docker", "oci", "helm", "empty config", "artifact type wins", "index", "list", "index with a type"],
)
def test_the_artifact_media_type_is_the_artifact_type_or_the_configs(ecr, pusher, repository, manifest, expected):
    pusher.push(repository, manifest, "it")
    assert described(ecr, repository)["it"]["imageDetail"].get("artifactMediaType") == expected


def test_created_at_is_renewed_when_the_tag_moves_and_only_then(ecr, pusher, repository):
    first, second = image(b"first"), image(b"second")
    pusher.push(repository, first, "latest")
    at_first = described(ecr, repository)["latest"]
    time.sleep(0.01)
    pusher.push(repository, first, "latest")
    assert described(ecr, repository)["latest"] == at_first, "the same push again changes nothing"
    time.sleep(0.01)
    pusher.push(repository, second, "latest")
    moved = described(ecr, repository)["latest"]
    assert moved["createdAt"] > at_first["createdAt"]
    time.sleep(0.01)
    pusher.push(repository, first, "latest")
    back = described(ecr, repository)["latest"]
    assert back["createdAt"] > moved["createdAt"], "moving back is also a move"
    assert back["imageDetail"] == at_first["imageDetail"], "the image was pushed once"


def test_the_image_keeps_the_time_of_its_first_push_under_later_tags(ecr, pusher, repository):
    manifest = image(b"layer")
    pusher.push(repository, manifest, "a")
    time.sleep(0.01)
    pusher.push(repository, manifest, "b")
    tags = described(ecr, repository)
    assert tags["a"]["imageDetail"] == tags["b"]["imageDetail"]
    assert tags["b"]["createdAt"] > tags["a"]["createdAt"] >= tags["a"]["imageDetail"]["imagePushedAt"]


def test_the_push_time_belongs_to_the_repository(ecr, pusher, repository):
    manifest = image(b"layer")
    pusher.push(repository, manifest, "it")
    other = repository + "-too"
    ecr.create_repository(repositoryName=other)
    time.sleep(0.01)
    pusher.push(other, manifest, "it")
    one, two = (described(ecr, name)["it"]["imageDetail"]["imagePushedAt"] for name in (repository, other))
    assert one < two


def test_tags_come_in_byte_order(ecr, pusher, repository):
    tags = ["a", "B", "_x", "a.b", "a-b", "a_b", "ab", "A", "10", "9", "1", "z", "Z", "a0", "latest"]
    pusher.push(repository, image(b"layer"), *tags)
    (page,) = walked(ecr, repository, 1000)
    assert page == sorted(tags, key=str.encode)


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_the_paginator_sees_every_tag_once(ecr, pusher, repository, size):
    tags = [f"v{number}" for number in range(23)]
    pusher.push(repository, image(b"layer"), *tags)
    pages = walked(ecr, repository, size)
    assert [tag for page in pages for tag in page] == sorted(tags)
    assert all(len(page) == size for page in pages[:-1])
    assert len(pages) == -(-23 // size), "no empty page follows the last"


def test_a_page_holds_a_hundred_unless_told_otherwise(ecr, pusher, repository):
    pusher.push(repository, image(b"layer"), *(f"t{number:03}" for number in range(100)))
    answer = ecr.describe_image_tags(repositoryName=repository)
    assert len(answer["imageTagDetails"]) == 100
    assert "nextToken" not in answer, "nothing follows"
    pusher.put_manifest(repository, image(b"layer"), "t100")
    answer = ecr.describe_image_tags(repositoryName=repository)
    assert len(answer["imageTagDetails"]) == 100
    rest = ecr.describe_image_tags(repositoryName=repository, nextToken=answer["nextToken"])
    assert [detail["imageTag"] for detail in rest["imageTagDetails"]] == ["t100"]
    assert "nextToken" not in rest


def test_untagged_images_do_not_appear(ecr, pusher, repository):
    child = image(b"child")
    pusher.push(repository, index(child), "index")
    pusher.push(repository, image(b"by digest only"))
    pusher.push(repository, image(b"old"), "moved")
    pusher.push(repository, image(b"new"), "moved")
    pusher.push(repository, image(b"gone"), "gone")
    pusher.delete(repository, "gone")
    assert list(described(ecr, repository)) == ["index", "moved"]
    images = ecr.describe_images(repositoryName=repository)["imageDetails"]
    untagged = [detail["imageDigest"] for detail in images if "imageTags" not in detail]
    assert child.digest in untagged and image(b"old").digest in untagged


def test_the_callers_own_registry_may_be_named(ecr, pusher, repository):
    pusher.push(repository, image(b"layer"), "it")
    (registry,) = ecr.describe_registries()["registries"]
    assert list(described(ecr, repository, registryId=registry["registryId"])) == ["it"]


def test_the_repository_of_another_registry_is_not_found_there(ecr, repository):
    with pytest.raises(ClientError) as refusal:
        ecr.describe_image_tags(repositoryName=repository, registryId="999999999999")
    assert refusal.value.response["Error"] == {
        "Code": "RepositoryNotFoundException",
        "Message": f"The repository with name '{repository}' does not exist in the registry with id '999999999999'",
    }
