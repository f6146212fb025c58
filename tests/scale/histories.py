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

    @property
    def is_known(self) -> bool:
        return self.returned is not UNKNOWN

    def after(self, state: str | None) -> tuple[bool, str | None]:
        """Whether the operation can return what it returned if the tag holds `state`, and what the tag holds afterwards."""
        if self.kind == "put":
            return True, self.value
        if self.kind == "read":
            return state == self.value, state
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
    """Whether there is an order of the operations, within their times, in which each returns what it returned.

    An operation of unknown outcome has all the time there is, so it need not come earlier than right before one that does not fit
    without it; whatever else it could do is what happens without it.
    """
    known = sorted((operation for operation in operations if operation.is_known), key=lambda operation: operation.called)
    unknown = [operation for operation in operations if not operation.is_known]
    pending, seen = [((1 << len(known)) - 1, 0, state)], set()
    while pending:
        here = left, used, state = pending.pop()
        if not left:
            return True
        if here in seen:
            continue
        seen.add(here)
        candidates, deadline = _next(known, left)
        for number in candidates:
            rest = left & ~(1 << number)
            fits, then = known[number].after(state)
            if fits:
                pending.append((rest, used, then))
                continue
            for helper, before in enumerate(unknown):
                fits, then = known[number].after(before.value if before.kind == "put" else None)
                if fits and not used >> helper & 1 and before.called <= deadline:
                    pending.append((rest, used | 1 << helper, then))
    return False


def _next(known: list[Operation], left: int) -> tuple[list[int], float]:
    """The operations that may come next, those that return first last, and the time by which one of them must have happened."""
    deadline, candidates = UNKNOWN, []
    number = (left & -left).bit_length() - 1
    while number < len(known) and known[number].called <= deadline:
        if left >> number & 1:
            candidates.append(number)
            deadline = min(deadline, known[number].returned)
        number += 1
    return sorted(candidates, key=lambda number: -known[number].returned), deadline
