"""The audit log of what real clients do."""

import json
import tarfile

import pytest
from botocore.exceptions import ClientError

from tools import go_tool


@pytest.fixture
def audited(start, tmp_path):
    """A server with an audit log, and a function that stops it and returns the events."""
    file = tmp_path / "audit.log"
    server = start("--audit-log", str(file), ROADSTEAD_FAILED_LOGIN_RATE="3/h")

    def events() -> list[dict]:
        assert server.stop() == 0
        return [json.loads(line) for line in file.read_text().splitlines()]

    return server, events


def test_a_push_is_told_with_its_author_and_a_bad_login_without_its_password(audited, tmp_path):
    server, events = audited
    server.client().create_repository(repositoryName="team/app")
    crane = go_tool("crane", tmp_path)
    name, password = f"{server.address}/{server.alias}/team/app", server.password()
    (tmp_path / "file").write_bytes(b"cargo")
    with tarfile.open(tmp_path / "layer.tar", "w") as archive:
        archive.add(tmp_path / "file", "srv/file")
    anonymous = crane.attempt("append", "--new_layer", tmp_path / "layer.tar", "--new_tag", f"{name}:v1")
    assert anonymous.returncode != 0
    crane("auth", "login", server.address, "--username", "AWS", "--password-stdin", text=password)
    crane("append", "--new_layer", tmp_path / "layer.tar", "--new_tag", f"{name}:v1")
    crane("auth", "login", server.address, "--username", "AWS", "--password-stdin", text="hunter2")
    assert crane.attempt("append", "--new_layer", tmp_path / "layer.tar", "--new_tag", f"{name}:v2").returncode != 0

    told = events()
    resource = "arn:aws:ecr-public::000000000000:repository/team/app"
    pushed = [event for event in told if event["action"] == "oci:PutManifest"]
    assert [(event["outcome"], event["object"], event["resource"], event["account"]) for event in pushed] == [("done", "v1", resource, "000000000000")]
    assert {event["action"] for event in told if event["outcome"] == "done"} >= {"oci:StartUpload", "oci:CompleteUpload"}
    refused = [event for event in told if event["outcome"] == "refused"]
    assert refused and {event["action"] for event in refused} == {"oci:Token"}, "a challenge is not a refusal"
    text = json.dumps(told)
    assert password not in text and "hunter2" not in text


@pytest.mark.direct("what a replica has counted reaches the others within seconds")
def test_a_client_that_signs_with_a_wrong_secret_is_held_back_and_the_right_one_is_served(audited):
    server, events = audited
    key, _ = server.key()
    wrong = server.session(key, "wrong").client("ecr-public", endpoint_url=server.url)
    codes = []
    for _ in range(2):
        with pytest.raises(ClientError) as failure:
            wrong.describe_registries()
        codes.append(failure.value.response["Error"]["Code"])
    assert codes == ["InvalidSignatureException", "ThrottlingException"], "one key has a third of an address's failures"
    assert server.client().describe_registries()["registries"]
    refused = [event for event in events() if event["outcome"] == "refused"]
    assert {event["claimed_key_id"] for event in refused} == {key}
    assert "held_back" not in refused[0] and refused[1]["held_back"] is True
