"""Layers through the AWS API, whose upload sessions are shared with the OCI door."""

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.exceptions import ClientError

from pushing import digest_of, image, push_layer_through_api

PART = 5 << 20


def send(ecr, repository, upload, content, first=0):
    return ecr.upload_layer_part(
        repositoryName=repository, uploadId=upload, partFirstByte=first, partLastByte=first + len(content) - 1, layerPartBlob=content
    )


def begin(ecr, repository):
    return ecr.initiate_layer_upload(repositoryName=repository)["uploadId"]


def complete(ecr, repository, upload, content):
    return ecr.complete_layer_upload(repositoryName=repository, uploadId=upload, layerDigests=[digest_of(content)])


def test_of_two_writers_one_wins_and_the_other_is_told_where_the_upload_stands(ecr, server, repository):
    upload, content = begin(ecr, repository), os.urandom(PART)

    def write(client):
        try:
            return send(client, repository, upload, content)["lastByteReceived"]
        except ClientError as refusal:
            return refusal.response

    with ThreadPoolExecutor(4) as pool:
        ended = list(pool.map(write, [server.client() for _ in range(4)]))
    assert [answer for answer in ended if isinstance(answer, int)] == [PART - 1]
    for refusal in (answer for answer in ended if not isinstance(answer, int)):
        assert refusal["Error"]["Code"] == "InvalidLayerPartException"
        assert (refusal["registryId"], refusal["repositoryName"], refusal["uploadId"]) == ("000000000000", repository, upload)
        assert refusal.get("lastValidByteReceived") in (None, PART - 1), "before or after the other part"
    assert complete(ecr, repository, upload, content)["layerDigest"] == digest_of(content)


def test_an_upload_goes_on_after_a_restart(start):
    server = start()
    ecr = server.client()
    ecr.create_repository(repositoryName="team/app")
    upload, content = begin(ecr, "team/app"), os.urandom(PART + 1000)
    send(ecr, "team/app", upload, content[:PART])
    server.restart()
    ecr = server.client()
    with pytest.raises(ecr.exceptions.InvalidLayerPartException) as refusal:
        send(ecr, "team/app", upload, content[:PART])
    assert refusal.value.response["lastValidByteReceived"] == PART - 1
    send(ecr, "team/app", upload, content[PART:], PART)
    assert complete(ecr, "team/app", upload, content)["layerDigest"] == "sha256:" + hashlib.sha256(content).hexdigest()


def test_a_part_of_the_greatest_size_is_taken_and_a_byte_more_is_not(ecr, unchecked, repository):
    upload, content = begin(ecr, repository), os.urandom(20_971_520)
    assert send(ecr, repository, upload, content)["lastByteReceived"] == len(content) - 1
    with pytest.raises(ClientError) as refusal:
        send(unchecked, repository, upload, content + b"x", len(content))
    assert refusal.value.response["Error"]["Code"] == "InvalidParameterException"
    assert complete(ecr, repository, upload, content)["layerDigest"] == digest_of(content)


def test_what_one_door_pushes_the_other_sees(ecr, pusher, repository):
    """Layers pushed at the OCI door seen by BatchCheckLayerAvailability, and those of the AWS door under /v2/."""
    pushed = image(b"a layer of the oci door")
    pusher.push(repository, pushed, "oci")
    digests = [digest_of(blob) for blob in pushed.blobs]
    available = ecr.batch_check_layer_availability(repositoryName=repository, layerDigests=digests)
    assert [(layer["layerDigest"], layer["layerAvailability"]) for layer in available["layers"]] == [(one, "AVAILABLE") for one in digests]
    assert available["failures"] == []

    other = image(b"a layer of the aws door", config=b'{"of": "aws"}')
    for blob in other.blobs:
        push_layer_through_api(ecr, repository, blob)
    put = ecr.put_image(repositoryName=repository, imageManifest=other.body.decode(), imageTag="aws")["image"]
    assert put["imageManifest"].encode() == other.body
    assert pusher.request("GET", f"{repository}/manifests/aws").data == other.body
    for blob in other.blobs:
        assert pusher.request("GET", f"{repository}/blobs/{digest_of(blob)}").data == blob
