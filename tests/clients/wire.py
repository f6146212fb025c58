"""Single awsJson1.1 requests, signed by botocore, that tests can modify."""

import json
from dataclasses import dataclass

import botocore.auth
import botocore.awsrequest
import botocore.credentials

from running import Server


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def error(self) -> tuple[str, str | None]:
        """Type and message, as SDKs read them."""
        found = self.json
        return found["__type"], found.get("message", found.get("Message"))


def headers_of(request) -> dict[str, str]:
    """The headers of a signed request as text; botocore leaves some as bytes."""
    return {name: value.decode() if isinstance(value, bytes) else value for name, value in request.headers.items()}


class Wire:
    def __init__(self, server: Server):
        self.server = server
        self.access_key, self.secret = server.key()

    def request(self, target: str | None, body: bytes, **headers: str) -> botocore.awsrequest.AWSRequest:
        """An unsigned request."""
        named = {"Content-Type": "application/x-amz-json-1.1"}
        if target is not None:
            named["X-Amz-Target"] = target
        named |= {name.replace("_", "-"): value for name, value in headers.items()}
        return botocore.awsrequest.AWSRequest("POST", self.server.url + "/", headers=named, data=body)

    def sign(self, request, access_key=None, secret=None, region="us-east-1", service="ecr-public", signer=botocore.auth.SigV4Auth, **more):
        credentials = botocore.credentials.Credentials(access_key or self.access_key, secret or self.secret)
        signer(credentials, service, region, **more).add_auth(request)
        return request

    def send(self, request) -> Answer:
        prepared = request.prepare()
        answer = self.server.http.request(prepared.method, prepared.url, body=prepared.body, headers=headers_of(prepared))
        return Answer(answer.status, {name.lower(): value for name, value in answer.headers.items()}, answer.data)

    def call(self, operation: str, members: object) -> Answer:
        return self.send(self.sign(self.request(f"SpencerFrontendService.{operation}", json.dumps(members).encode())))
