"""The checker of histories accepts what can have happened, and nothing else."""

import random

import pytest

from histories import UNKNOWN, Operation, is_linearizable

pytestmark = pytest.mark.smoke


def operations(*rows):
    return [Operation(kind, value, called, returned) for kind, value, called, returned in rows]


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [("read", None, 0, 1)],
        [("put", "a", 0, 1), ("read", "a", 2, 3)],
        [("put", "a", 0, 5), ("read", None, 1, 2), ("read", "a", 3, 4)],
        [("put", "a", 0, 1), ("put", "b", 2, 9), ("read", "a", 3, 4), ("read", "b", 5, 6)],
        [("put", "a", 0, 9), ("put", "b", 0, 9), ("read", "b", 1, 2), ("read", "a", 3, 4)],
        [("put", "a", 0, 1), ("delete", "a", 2, 3), ("delete", None, 4, 5), ("read", None, 6, 7)],
        [("put", "a", 0, UNKNOWN), ("read", None, 5, 6), ("read", "a", 7, 8)],
        [("put", "a", 0, UNKNOWN), ("read", None, 5, 6)],
        [("put", "a", 0, 1), ("delete", None, 2, UNKNOWN), ("read", "a", 3, 4), ("read", None, 5, 6)],
    ],
    ids=range(10),
)
def test_a_history_that_an_order_explains_is_accepted(rows):
    assert is_linearizable(operations(*rows))


@pytest.mark.parametrize(
    "rows",
    [
        [("read", "a", 0, 1)],
        [("put", "a", 0, 1), ("read", None, 2, 3)],
        [("put", "a", 0, 1), ("put", "b", 2, 3), ("read", "a", 4, 5)],
        [("put", "a", 0, 1), ("put", "b", 2, 9), ("read", "b", 3, 4), ("read", "a", 5, 6)],
        [("put", "a", 0, 1), ("delete", None, 2, 3)],
        [("put", "a", 0, 1), ("delete", "a", 2, 3), ("read", "a", 4, 5)],
        [("put", "a", 0, 1), ("delete", "a", 2, 5), ("delete", "a", 2, 5)],
        [("put", "a", 0, UNKNOWN), ("read", "a", 5, 6), ("read", None, 7, 8)],
    ],
    ids=range(8),
)
def test_a_history_that_no_order_explains_is_refused(rows):
    assert not is_linearizable(operations(*rows))


def history_of(seed: int, clients: int = 3, count: int = 300) -> list[Operation]:
    """What clients see of one register that is never stale."""
    chance, state, clock, recorded = random.Random(seed), None, [0.0] * clients, []
    for number in range(count):
        client = min(range(clients), key=clock.__getitem__)
        called = max(clock[client], recorded[-1][0] if recorded else 0)
        kind = chance.choice(["put", "read", "read", "delete"])
        value = f"{number}" if kind == "put" else state
        state = {"put": value, "read": state, "delete": None}[kind]
        moment = called + chance.random()
        clock[client] = moment + chance.random()
        recorded.append((moment, Operation(kind, value, called, clock[client])))
        clock = [max(time, moment) for time in clock]
    return [operation for _, operation in recorded]


@pytest.mark.parametrize("seed", range(5))
def test_a_stale_read_in_a_long_history_is_found(seed):
    history = history_of(seed)
    assert is_linearizable(history)
    last = max(operation.returned for operation in history)
    values = [operation.value for operation in history if operation.kind == "put"]
    assert not is_linearizable([*history, Operation("put", "new", last + 1, last + 2), Operation("read", values[0], last + 3, last + 4)])
