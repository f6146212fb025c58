"""The awsJson1.1 protocol and Signature Version 4, with requests that no SDK sends."""

import datetime
import json
import re
import uuid

import botocore.auth
import pytest

from pushing import image

PREFIX = "SpencerFrontendService."
MISMATCH = (
    "The request signature we calculated does not match the signature you provided. "
    "Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
)


@pytest.fixture
def request_(wire, repository):
    """An unsigned DescribeImageTags that would succeed."""
    return wire.request(PREFIX + "DescribeImageTags", json.dumps({"repositoryName": repository}).encode())


@pytest.fixture
def clock(monkeypatch):
    """Shifts the signer's clock."""

    def set_off(**by):
        now = datetime.datetime.now(datetime.UTC).replace(tzinfo=None) + datetime.timedelta(**by)
        monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda *_, **__: now)

    return set_off


def refusal(answer):
    """The error in an answer; also checks the envelope that AWS clients expect."""
    assert answer.status == 400, answer
    assert uuid.UUID(answer.headers["x-amzn-requestid"])
    assert answer.headers["content-type"] == "application/x-amz-json-1.1"
    assert int(answer.headers["content-length"]) == len(answer.body)
    assert re.fullmatch(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", answer.headers["date"])
    return answer.error


def test_an_answer_is_json_with_numbers_for_sizes_and_times(wire, pusher, repository):
    pusher.push(repository, image(b"layer"), "it")
    answer = wire.call("DescribeImageTags", {"repositoryName": repository})
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/x-amz-json-1.1"
    assert uuid.UUID(answer.headers["x-amzn-requestid"])
    assert answer.json.keys() == {"imageTagDetails"}
    (detail,) = answer.json["imageTagDetails"]
    assert detail.keys() == {"imageTag", "createdAt", "imageDetail"}
    for time in (detail["createdAt"], detail["imageDetail"]["imagePushedAt"]):
        assert isinstance(time, (int, float)) and 1.7e9 < time < 4e9
    assert re.search(rb'"createdAt": ?\d{10}(\.\d{1,3})?[,}]', answer.body), "seconds, with at most three decimals"


def test_every_answer_has_a_request_id_of_its_own(wire, repository):
    answers = [wire.call("DescribeImageTags", {"repositoryName": repository}) for _ in range(3)]
    assert len({answer.headers["x-amzn-requestid"] for answer in answers}) == 3


def test_a_target_that_is_no_operation(wire):
    for target in (PREFIX + "DescribeNothing", "OtherService.DescribeImageTags", "DescribeImageTags", "", PREFIX):
        code, _ = refusal(wire.send(wire.sign(wire.request(target, b"{}"))))
        assert code == "UnknownOperationException", target
    code, _ = refusal(wire.send(wire.sign(wire.request(None, b"{}"))))
    assert code == "UnknownOperationException"


@pytest.mark.parametrize("body", [b"{", b"[]", b"null", b"5", b'"text"', b"{} {}", b'{"repositoryName":}', b"\xff\xfe", b"{'a':1}"])
def test_a_body_that_is_no_json_object(wire, body):
    code, _ = refusal(wire.send(wire.sign(wire.request(PREFIX + "DescribeImageTags", body))))
    assert code == "SerializationException"


def test_no_signature(wire, request_):
    assert refusal(wire.send(request_)) == ("MissingAuthenticationTokenException", "Missing Authentication Token")


def test_another_secret(wire, request_):
    code, text = refusal(wire.send(wire.sign(request_, secret="wrong" * 8)))
    assert code == "InvalidSignatureException"
    assert text.startswith(MISMATCH)
    assert wire.secret not in text


def test_a_key_that_nobody_has(wire, request_):
    assert refusal(wire.send(wire.sign(request_, access_key="AKIAIOSFODNN7EXAMPLE"))) == (
        "UnrecognizedClientException", "The security token included in the request is invalid."
    )


def test_a_body_that_was_changed_after_signing(wire, request_, repository):
    wire.sign(request_)
    request_.data = json.dumps({"repositoryName": repository, "maxResults": 5}).encode()
    code, text = refusal(wire.send(request_))
    assert code == "InvalidSignatureException" and text.startswith(MISMATCH)


def test_a_target_that_was_changed_after_signing(wire, request_):
    wire.sign(request_)
    request_.headers.replace_header("X-Amz-Target", PREFIX + "DeleteRepository")
    code, _ = refusal(wire.send(request_))
    assert code == "InvalidSignatureException"


def test_a_signature_without_the_list_of_signed_headers(wire, request_):
    wire.sign(request_)
    whole = request_.headers["Authorization"]
    request_.headers.replace_header("Authorization", re.sub("SignedHeaders=[^,]*, ", "", whole))
    code, text = refusal(wire.send(request_))
    assert code == "IncompleteSignatureException"
    assert "Authorization header requires 'SignedHeaders' parameter." in text
    assert request_.headers["Authorization"].split("Signature=")[1] not in text, "an answer repeats no signature"


def test_a_signature_for_another_service(wire, request_):
    code, text = refusal(wire.send(wire.sign(request_, service="ecr")))
    assert code == "InvalidSignatureException"
    assert "Credential should be scoped to correct service: 'ecr-public'." in text


def test_a_date_that_is_past(wire, request_, clock):
    clock(minutes=-20)
    code, text = refusal(wire.send(wire.sign(request_)))
    assert code == "InvalidSignatureException"
    stamp = r"(\d{8}T\d{6}Z)"
    found = re.fullmatch(rf"Signature expired: {stamp} is now earlier than {stamp} \({stamp} - 5 min\.\)", text)
    assert found, text
    signed, bound, now = (datetime.datetime.strptime(time, "%Y%m%dT%H%M%SZ") for time in found.groups())
    assert signed < bound and now - bound == datetime.timedelta(minutes=5)


def test_a_date_that_is_to_come(wire, request_, clock):
    clock(minutes=20)
    code, text = refusal(wire.send(wire.sign(request_)))
    assert code == "InvalidSignatureException"
    stamp = r"\d{8}T\d{6}Z"
    assert re.fullmatch(rf"Signature not yet current: {stamp} is still later than {stamp} \({stamp} \+ 5 min\.\)", text), text


@pytest.mark.parametrize("minutes", [-4, 4])
def test_a_clock_that_is_a_little_off(wire, request_, clock, minutes):
    clock(minutes=minutes)
    assert wire.send(wire.sign(request_)).status == 200


@pytest.mark.parametrize("region", ["us-east-1", "us-west-2", "eu-west-2", "mars-north-7"])
def test_any_region_will_do(wire, request_, region):
    assert wire.send(wire.sign(request_, region=region)).status == 200


@pytest.fixture
def presigned(wire):
    """Presigns a request without members, because botocore would move them to the query, which operations do not read."""

    def sign(**more):
        request = wire.request(PREFIX + "DescribeRegistries", b"")
        return wire.sign(request, signer=botocore.auth.SigV4QueryAuth, **more)

    return sign


def test_a_presigned_request(wire, presigned):
    request = presigned(expires=60)
    assert "X-Amz-Signature=" in request.url
    answer = wire.send(request)
    assert answer.status == 200, answer
    assert answer.json["registries"][0]["registryId"] == "000000000000"


def test_a_presigned_request_with_another_signature(wire, presigned):
    request = presigned(expires=60)
    request.url = request.url[:-1] + ("0" if request.url[-1] != "0" else "1")
    code, text = refusal(wire.send(request))
    assert code == "InvalidSignatureException" and text.startswith(MISMATCH), text


def test_a_presigned_request_that_has_expired(wire, presigned, clock):
    clock(seconds=-100)
    code, text = refusal(wire.send(presigned(expires=60)))
    assert code == "InvalidSignatureException" and text.startswith("Signature expired: "), text


def test_authentication_comes_before_what_the_repository_is(wire):
    unsigned = wire.request(PREFIX + "DescribeImageTags", b'{"repositoryName":"no/such"}')
    code, _ = refusal(wire.send(unsigned))
    assert code == "MissingAuthenticationTokenException"
