"""What marks of tests mean in the deployment that the tests run on."""

import pytest

from deployments import Place, deployment


def pytest_collection_modifyitems(items):
    for item in items:
        if (mark := item.get_closest_marker("embedded")) and deployment() != "embedded":
            item.add_marker(pytest.mark.skip(reason=mark.args[0]))


def place_of(request):
    """What makes a place for a server of this test."""
    return Place.of_one_process if request.node.get_closest_marker("direct") else Place
