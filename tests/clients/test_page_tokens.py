"""nextToken: opaque, bound to one listing, valid for the lifetime of the installation."""

import pytest
from botocore.exceptions import ClientError

from pushing import Pusher, image

TAGS = [f"v{number}" for number in range(9)]

@pytest.fixture
def filled(pusher, repository):
    pusher.push(repository, image(b"layer"), *TAGS)
    return repository

def first_token(ecr, repository, size=3):
    return ecr.describe_image_tags(repositoryName=repository, maxResults=size)["nextToken"]

def rest(ecr, repository, token, **members):
    page = ecr.describe_image_tags(repositoryName=repository, nextToken=token, **members)
    return [detail["imageTag"] for detail in page["imageTagDetails"]]

def refused(call, **members):
    with pytest.raises(ClientError) as refusal:
        call(**members)
    error = refusal.value.response["Error"]
    assert error["Code"] == "InvalidParameterException", error
    assert error["Message"].startswith("Invalid parameter at 'nextToken' failed to satisfy constraint: '"), error

def test_a_token_goes_with_any_page_size(ecr, filled):
    token = first_token(ecr, filled)
    assert rest(ecr, filled, token, maxResults=1) == TAGS[3:4]
    assert rest(ecr, filled, token, maxResults=1000) == TAGS[3:]
    assert rest(ecr, filled, token) == TAGS[3:], "and may be used again"

def test_a_token_of_another_repository(ecr, pusher, filled):
    ecr.create_repository(repositoryName=filled + "-too")
    pusher.push(filled + "-too", image(b"layer"), *TAGS)
    refused(ecr.describe_image_tags, repositoryName=filled + "-too", nextToken=first_token(ecr, filled))

def test_a_token_of_another_operation(ecr, pusher, filled):
    pusher.push(filled, image(b"second"))
    images = ecr.describe_images(repositoryName=filled, maxResults=1)["nextToken"]
    refused(ecr.describe_image_tags, repositoryName=filled, nextToken=images)
    refused(ecr.describe_images, repositoryName=filled, nextToken=first_token(ecr, filled))
    refused(ecr.describe_repositories, nextToken=first_token(ecr, filled))

def test_a_token_of_another_installation(ecr, filled, start):
    other = start()
    other.client().create_repository(repositoryName=filled)
    Pusher(other).push(filled, image(b"layer"), *TAGS)
    refused(ecr.describe_image_tags, repositoryName=filled, nextToken=first_token(other.client(), filled))

@pytest.mark.parametrize("token", ["", " ", "null", "1", "bm9uc2Vuc2U=", "v8", "💥", "a" * 10_000], ids=repr)
def test_a_token_that_never_was_one(ecr, filled, token):
    refused(ecr.describe_image_tags, repositoryName=filled, nextToken=token)

def test_a_token_that_was_tampered_with(ecr, filled):
    token = first_token(ecr, filled)
    for place in range(0, len(token), 5):
        other = "A" if token[place] != "A" else "B"
        refused(ecr.describe_image_tags, repositoryName=filled, nextToken=token[:place] + other + token[place + 1 :])
    for changed in (token[:-1], token + "A", token + "=", token.swapcase(), token + token):
        refused(ecr.describe_image_tags, repositoryName=filled, nextToken=changed)

def test_a_token_is_opaque(ecr, filled):
    token = first_token(ecr, filled)
    assert TAGS[2] not in token and filled not in token

def test_a_token_outlives_a_restart(start):
    server = start()
    server.client().create_repository(repositoryName="team/app")
    Pusher(server).push("team/app", image(b"layer"), *TAGS)
    token = first_token(server.client(), "team/app")
    server.restart()
    assert rest(server.client(), "team/app", token) == TAGS[3:]
