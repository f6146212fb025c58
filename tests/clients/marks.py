"""What marks of tests mean in the deployment that the tests run on."""

import pytest

from deployments import deployment


def pytest_collection_modifyitems(items):
    for item in items:
        if (mark := item.get_closest_marker("embedded")) and deployment() != "embedded":
            item.add_marker(pytest.mark.skip(reason=mark.args[0]))


def is_balanced(request) -> bool:
    """Whether the servers of a test may stand behind a load balancer."""
    return request.node.get_closest_marker("direct") is None
