"""Shared fixtures: a docker daemon, and somebody who reads a document."""

import pytest

from daemons import docker_daemon
from documents import Reader


@pytest.fixture(scope="session")
def docker(tmp_path_factory):
    with docker_daemon(tmp_path_factory.mktemp("docker")) as docker:
        yield docker


@pytest.fixture
def reader(docker, tmp_path):
    reader = Reader(tmp_path, docker)
    yield reader
    reader.leave()
