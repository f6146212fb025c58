"""Shared fixtures: one server for all tests that do not stop it, and fresh repositories on it."""

import itertools

import pytest

from marks import place_of, pytest_collection_modifyitems
from pushing import Pusher
from running import Server, binary, starting
from wire import Wire

_numbers = itertools.count(1)


def pytest_configure(config):
    if not binary().exists():
        pytest.exit(f"{binary()} does not exist: run `make build`, or name the program in ROADSTEAD_BIN", returncode=2)


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("shared") / "data")
    yield server
    assert server.stop() == 0


@pytest.fixture
def start(request, tmp_path):
    """Starts a server for one test: start(flags…, VARIABLE=value…)."""
    yield from starting(lambda number: tmp_path / f"data-{number}", place=place_of(request))


@pytest.fixture(scope="module")
def start_for_module(request, tmp_path_factory):
    """Starts a server shared by the tests of one file."""
    yield from starting(lambda _: tmp_path_factory.mktemp("module") / "data", place=place_of(request))


@pytest.fixture(scope="session")
def ecr(server):
    """A boto3 client with default settings."""
    return server.client()


@pytest.fixture(scope="session")
def unchecked(server):
    """A boto3 client without parameter validation, so that the server has to refuse invalid parameters."""
    return server.client(parameter_validation=False)


@pytest.fixture(scope="session")
def pusher(server):
    return Pusher(server)


@pytest.fixture(scope="session")
def wire(server):
    return Wire(server)


@pytest.fixture
def repository(ecr):
    """The name of an empty repository, unique to the test."""
    name = f"team/app-{next(_numbers)}"
    ecr.create_repository(repositoryName=name)
    return name


@pytest.fixture
def name(server, repository):
    """The repository as a reference of registry clients, without a tag."""
    return f"{server.address}/{server.alias}/{repository}"
