"""Running the server: behaviour that users and scripts rely on."""

import os
import re
import signal
import stat
import time

import boto3
import pytest

from pushing import Pusher, image
from running import PATIENCE, run, serve


def test_it_answers_probes_and_shows_metrics(server):
    for path in ("/healthz", "/readyz"):
        assert server.http.request("GET", server.url + path).status == 200
    metrics = server.http.request("GET", server.url + "/metrics")
    assert metrics.headers["Content-Type"].startswith(("text/plain", "application/openmetrics-text"))
    assert b"# TYPE " in metrics.data


def test_metrics_name_no_repository_and_no_tag(server, pusher, repository):
    pusher.push(repository, image(b"layer"), "conspicuous-tag")
    metrics = server.http.request("GET", server.url + "/metrics").data.decode()
    assert repository not in metrics and "conspicuous-tag" not in metrics


@pytest.mark.embedded("reads the credentials file of the data directory")
def test_it_writes_the_root_key_for_its_owner_only(server):
    file = server.data / "credentials"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert server.key("default") == server.key("roadstead")
    access_key, secret = server.key()
    assert re.fullmatch("[A-Z0-9]{16,128}", access_key) and len(secret) >= 32
    assert secret not in server.replicas[0].log.read_text()
    stored = [path for path in server.data.rglob("*") if path.is_file() and path != file]
    assert all(secret.encode() not in path.read_bytes() for path in stored), "the secret is in no other file"


def test_it_takes_the_root_key_from_the_environment(start):
    server = start(ROADSTEAD_ACCESS_KEY_ID="AKIAIOSFODNN7EXAMPLE", ROADSTEAD_SECRET_ACCESS_KEY="wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
    session = boto3.session.Session("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", region_name="us-east-1")
    assert session.client("ecr-public", endpoint_url=server.url).describe_registries()["registries"]


def test_account_alias_and_public_url_can_be_chosen(start):
    server = start("--account-id", "123456789012", "--alias", "harbour", "--public-url", "https://registry.example.com")
    ecr = server.client()
    (registry,) = ecr.describe_registries()["registries"]
    assert registry["registryId"] == "123456789012"
    assert registry["registryUri"] == "registry.example.com/harbour"
    repository = ecr.create_repository(repositoryName="team/app")["repository"]
    assert repository["repositoryUri"] == "registry.example.com/harbour/team/app"
    challenge = server.http.request("GET", server.url + "/v2/")
    assert 'realm="https://registry.example.com/token' in challenge.headers["WWW-Authenticate"]


def test_everything_is_there_again_after_a_restart(start):
    server = start()
    server.client().create_repository(repositoryName="team/app")
    Pusher(server).push("team/app", image(b"layer"), "it")
    alias, key = server.alias, server.key()
    before = server.client().describe_image_tags(repositoryName="team/app")["imageTagDetails"]
    server.restart()
    assert (server.alias, server.key()) == (alias, key)
    assert server.client().describe_image_tags(repositoryName="team/app")["imageTagDetails"] == before
    assert Pusher(server).request("GET", "team/app/manifests/it").data == image(b"layer").body


def test_everything_is_there_again_after_a_crash(start):
    server = start()
    server.client().create_repository(repositoryName="team/app")
    Pusher(server).push("team/app", image(b"layer"), "it")
    server.kill()
    server.start()
    assert Pusher(server).request("GET", "team/app/manifests/it").data == image(b"layer").body


@pytest.mark.direct("a signal is for one process")
@pytest.mark.parametrize("asked", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_when_asked_to(start, asked):
    server = start()
    server.process.send_signal(asked)
    assert server.process.wait(PATIENCE) == 0


@pytest.mark.embedded("a data directory has one server, a database any number")
def test_a_second_server_on_the_same_data_is_refused(start):
    server = start()
    second = run("serve", "--listen", "127.0.0.1:0", "--data", server.data)
    assert second.returncode == 1
    assert str(server.data) in second.stderr, second.stderr
    assert server.http.request("GET", server.url + "/readyz").status == 200


def test_an_ephemeral_server_leaves_nothing_behind(tmp_path):
    with (tmp_path / "log").open("wb") as log:
        process = serve("--ephemeral", log=log, cwd=tmp_path, TMPDIR=str(tmp_path))
    deadline = time.monotonic() + PATIENCE
    while b'"ready"' not in (tmp_path / "log").read_bytes() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    assert len(os.listdir(tmp_path)) == 2, "the log and the temporary folder"
    process.terminate()
    assert process.wait(PATIENCE) == 0
    assert os.listdir(tmp_path) == ["log"]


@pytest.mark.parametrize(
    ("flags", "environment", "named"),
    [
        (["--no-such-flag"], {}, "--no-such-flag"),
        (["--listen", "five thousand"], {}, "--listen"),
        (["--public-url", "https://example.com/path"], {}, "--public-url"),
        (["--alias", "No Alias"], {}, "--alias"),
        (["--account-id", "12"], {}, "--account-id"),
        ([], {"ROADSTEAD_LISTEN": "nonsense"}, "ROADSTEAD_LISTEN"),
        ([], {"ROADSTEAD_MASTER_KEY": "hunter2"}, "ROADSTEAD_MASTER_KEY"),
        ([], {"ROADSTEAD_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE"}, "ROADSTEAD_SECRET_ACCESS_KEY"),
    ],
    ids=lambda value: None if isinstance(value, dict) else str(value),
)
def test_a_wrong_setting_is_refused_by_name(tmp_path, flags, environment, named):
    refusal = run("serve", "--data", tmp_path / "data", *flags, **environment)
    assert refusal.returncode == 2
    assert named in refusal.stderr, refusal.stderr
    assert "hunter2" not in refusal.stderr, "a secret is not repeated"
    assert not (tmp_path / "data").exists()


def test_a_wrong_key_of_the_file_is_refused_with_its_place(tmp_path):
    file = tmp_path / "roadstead.toml"
    file.write_text('listen = "127.0.0.1:0"\nlisten_on = "x"\n')
    refusal = run("serve", "--data", tmp_path / "data", "--config", file)
    assert refusal.returncode == 2
    assert str(file) in refusal.stderr and "listen_on" in refusal.stderr and "2" in refusal.stderr, refusal.stderr
