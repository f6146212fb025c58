"""Whether what clients saw of a tag could have happened one operation after the other (Herlihy and Wing, 1990).

A tag is a register that holds a digest, or nothing. An operation takes effect at one moment between its call and its return. One whose
outcome the client does not know may take effect at any later time, or never. The search is that of Wing and Gong (1993), with the
memory of states that Lowe (2017) added.
"""

import math
import threading
import time
from dataclasses import dataclass

UNKNOWN = math.inf


@dataclass(frozen=True)
class Operation:
    """A call on a tag. `value` is the digest that was put, or that was read or deleted (None: there was no such tag)."""

    kind: str  # put, delete or read
    value: str | None
    called: float
    returned: float = UNKNOWN

    def after(self, state: str | None) -> tuple[bool, str | None]:
        """Whether the operation fits a tag that holds `state`, and what the tag holds afterwards."""
        if self.kind == "put":
            return True, self.value
        if self.kind == "read":
            return state == self.value, state
        if self.returned is UNKNOWN:
            return True, None
        return (state is None) == (self.value is None), None


class History:
    """What all clients saw of all tags, recorded while they run."""

    def __init__(self):
        self.tags: dict[str, list[Operation]] = {}
        self.lock = threading.Lock()

    def record(self, tag: str, kind: str, called: float, value: str | None, known: bool = True) -> None:
        """Adds an operation that returns now. A read whose outcome is unknown says nothing."""
        if known or kind != "read":
            operation = Operation(kind, value, called, time.monotonic() if known else UNKNOWN)
            with self.lock:
                self.tags.setdefault(tag, []).append(operation)

    def __len__(self) -> int:
        return sum(map(len, self.tags.values()))

    def violations(self) -> dict[str, list[Operation]]:
        """The histories of tags that no order explains."""
        return {tag: operations for tag, operations in self.tags.items() if not is_linearizable(operations)}


def is_linearizable(operations: list[Operation], state: str | None = None) -> bool:
    """Whether there is an order of the operations, within their times, in which each returns what it returned."""
    ordered = sorted(operations, key=lambda operation: operation.called)
    known = sum(1 << number for number, operation in enumerate(ordered) if operation.returned is not UNKNOWN)
    pending, seen = [((1 << len(ordered)) - 1, state)], set()
    while pending:
        left, state = pending.pop()
        if not left & known:
            return True
        if (left, state) in seen:
            continue
        seen.add((left, state))
        for number in _next(ordered, left):
            fits, then = ordered[number].after(state)
            if fits:
                pending.append((left & ~(1 << number), then))
    return False


def _next(ordered: list[Operation], left: int):
    """The operations that may come next: those called before any of the others that are left returned."""
    first_return = UNKNOWN
    number = (left & -left).bit_length() - 1
    candidates = []
    while number < len(ordered) and ordered[number].called <= first_return:
        if left >> number & 1:
            candidates.append(number)
            first_return = min(first_return, ordered[number].returned)
        number += 1
    return candidates
