"""Repositories, the registry and images as boto3 sees them."""

import base64
import datetime
import re

import pytest
from botocore.exceptions import ClientError

from pushing import image, index


def test_a_repository_is_created_described_and_deleted(ecr, server):
    answer = ecr.create_repository(repositoryName="life/cycle")
    assert answer["catalogData"] == {}
    repository = answer["repository"]
    created = repository.pop("createdAt")
    assert abs(datetime.datetime.now(datetime.UTC) - created) < datetime.timedelta(seconds=60)
    assert repository == {
        "repositoryArn": "arn:aws:ecr-public::000000000000:repository/life/cycle",
        "registryId": "000000000000",
        "repositoryName": "life/cycle",
        "repositoryUri": f"{server.address}/{server.alias}/life/cycle",
    }
    (found,) = ecr.describe_repositories(repositoryNames=["life/cycle"])["repositories"]
    assert found == {**repository, "createdAt": created}
    assert ecr.delete_repository(repositoryName="life/cycle")["repository"] == found
    with pytest.raises(ecr.exceptions.RepositoryNotFoundException):
        ecr.describe_repositories(repositoryNames=["life/cycle"])


def test_a_deletion_by_force_takes_the_images_along(ecr, pusher, repository):
    pusher.push(repository, index(image(b"layer")), "it")
    with pytest.raises(ecr.exceptions.RepositoryNotEmptyException):
        ecr.delete_repository(repositoryName=repository, force=False)
    ecr.delete_repository(repositoryName=repository, force=True)
    ecr.create_repository(repositoryName=repository)
    assert ecr.describe_images(repositoryName=repository)["imageDetails"] == []


def test_the_registry_shows_its_alias_before_any_repository_exists(start):
    server = start()
    (registry,) = server.client().describe_registries()["registries"]
    assert re.fullmatch("([a-z][0-9]){4}", server.alias)
    assert registry == {
        "registryId": "000000000000",
        "registryArn": "arn:aws:ecr-public::000000000000:registry/000000000000",
        "registryUri": f"{server.address}/{server.alias}",
        "verified": False,
        "aliases": [{"name": server.alias, "status": "ACTIVE", "primaryRegistryAlias": True, "defaultRegistryAlias": True}],
    }


def test_a_paged_walk_through_repositories_sees_each_once(start):
    ecr = start().client()
    names = sorted(f"walk/r{number}" for number in range(11))
    for name in names:
        ecr.create_repository(repositoryName=name)
    pages = list(ecr.get_paginator("describe_repositories").paginate(PaginationConfig={"PageSize": 4}))
    assert [repository["repositoryName"] for page in pages for repository in page["repositories"]] == names
    assert len(pages) == 3


def test_images_are_described_with_all_their_tags(ecr, pusher, repository):
    tagged, untagged = image(b"tagged"), image(b"untagged")
    pusher.push(repository, tagged, "b", "a")
    pusher.push(repository, untagged)
    images = {detail["imageDigest"]: detail for detail in ecr.describe_images(repositoryName=repository)["imageDetails"]}
    assert images.keys() == {tagged.digest, untagged.digest}
    detail = images[tagged.digest]
    assert type(detail.pop("imagePushedAt")) is datetime.datetime
    assert detail == {
        "registryId": "000000000000",
        "repositoryName": repository,
        "imageDigest": tagged.digest,
        "imageTags": ["a", "b"],
        "imageSizeInBytes": tagged.size,
        "imageManifestMediaType": tagged.media_type,
        "artifactMediaType": "application/vnd.oci.image.config.v1+json",
    }
    assert "imageTags" not in images[untagged.digest]
    (by_tag,) = ecr.describe_images(repositoryName=repository, imageIds=[{"imageTag": "a"}])["imageDetails"]
    assert by_tag["imageDigest"] == tagged.digest


def test_a_paged_walk_through_images_sees_each_once(ecr, pusher, repository):
    manifests = [image(b"layer %d" % number) for number in range(5)]
    for manifest in manifests:
        pusher.push(repository, manifest)
    pages = list(ecr.get_paginator("describe_images").paginate(repositoryName=repository, PaginationConfig={"PageSize": 2}))
    seen = [detail["imageDigest"] for page in pages for detail in page["imageDetails"]]
    assert sorted(seen) == sorted(manifest.digest for manifest in manifests)


def test_the_last_tag_takes_its_image_along_and_another_does_not(ecr, pusher, repository):
    manifest = image(b"layer")
    pusher.push(repository, manifest, "a", "b")

    def delete(tag):
        answer = ecr.batch_delete_image(repositoryName=repository, imageIds=[{"imageTag": tag}])
        assert answer["failures"] == []
        return answer["imageIds"]

    assert delete("a") == [{"imageDigest": manifest.digest, "imageTag": "a"}]
    (detail,) = ecr.describe_images(repositoryName=repository)["imageDetails"]
    assert detail["imageTags"] == ["b"]
    assert delete("b") == [{"imageDigest": manifest.digest, "imageTag": "b"}]
    assert ecr.describe_images(repositoryName=repository)["imageDetails"] == []


def test_an_image_deleted_by_digest_goes_with_all_its_tags(ecr, pusher, repository):
    manifest = image(b"layer")
    pusher.push(repository, manifest, "a", "b")
    answer = ecr.batch_delete_image(repositoryName=repository, imageIds=[{"imageDigest": manifest.digest}])
    assert sorted(identifier["imageTag"] for identifier in answer["imageIds"]) == ["a", "b"]
    assert ecr.describe_image_tags(repositoryName=repository)["imageTagDetails"] == []


def test_an_image_that_cannot_be_deleted_is_listed_with_its_failure(ecr, pusher, repository):
    child = image(b"child")
    pusher.push(repository, index(child), "index")
    absent = "sha256:" + "0" * 64
    asked = {
        "ImageReferencedByManifestList": {"imageDigest": child.digest},
        "ImageNotFound": {"imageDigest": absent},
        "ImageTagDoesNotMatchDigest": {"imageDigest": child.digest, "imageTag": "index"},
        "InvalidImageDigest": {"imageDigest": "nonsense"},
        "InvalidImageTag": {"imageTag": "no/tag"},
        "MissingDigestAndTag": {},
    }
    answer = ecr.batch_delete_image(repositoryName=repository, imageIds=list(asked.values()))
    assert answer["imageIds"] == []
    assert {failure["failureCode"]: failure["imageId"] for failure in answer["failures"]} == asked
    assert all(failure["failureReason"] for failure in answer["failures"])


def test_the_password_lasts_twelve_hours(ecr):
    data = ecr.get_authorization_token()["authorizationData"]
    user, password = base64.b64decode(data["authorizationToken"]).decode().split(":")
    assert (user, password != "") == ("AWS", True)
    lasts = data["expiresAt"] - datetime.datetime.now(datetime.UTC)
    assert datetime.timedelta(hours=11, minutes=59) < lasts <= datetime.timedelta(hours=12, seconds=1)


@pytest.mark.parametrize("operation", ["describe_image_tags", "describe_images", "delete_repository"])
def test_an_absent_repository_is_named_with_its_registry(ecr, operation):
    with pytest.raises(ClientError) as refusal:
        getattr(ecr, operation)(repositoryName="no/such")
    assert refusal.value.response["Error"] == {
        "Code": "RepositoryNotFoundException",
        "Message": "The repository with name 'no/such' does not exist in the registry with id '000000000000'",
    }
