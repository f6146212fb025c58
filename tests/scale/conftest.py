"""Shared fixtures: replicas on a PostgreSQL and an S3 server of this test session."""

import pytest

from cluster import Cluster
from load import REPOSITORY


@pytest.fixture
def cluster(start_cluster):
    """Three replicas with an empty repository."""
    cluster = start_cluster()
    cluster.client().create_repository(repositoryName=REPOSITORY)
    return cluster


@pytest.fixture
def start_cluster(tmp_path):
    """Starts replicas for one test: start_cluster(flags…, VARIABLE=value…)."""
    started = []

    def start(*flags: str, **environment) -> Cluster:
        started.append(Cluster(tmp_path / f"data-{len(started)}", *flags, **environment))
        return started[-1]

    yield start
    for cluster in started:
        cluster.close()
