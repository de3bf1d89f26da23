"""What a machine is still to get from machines: sends, and its own timers. An immutable value, as a state is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import attrs
from immutables import Map


@attrs.frozen
class Due:
    """A message that a machine gets once, of another machine (`sender`), or its own at `deadline` where that is None.

    `number` is its place among all that the node's machines told; `deadline` is in milliseconds since 1970.
    """

    number: int
    deadline: int
    message: Any
    sender: str | None = None
    name: str | None = None


@attrs.frozen
class Waits:
    """What is due to a machine, by number; its timers that have a name, by that; how many timers there are.

    >>> some = Waits().having(Due(1, 500, "a", name="t")).having(Due(2, 900, "b", name="t"))
    >>> [due.message for due in some], some.timers, some.sends
    (['b'], 1, 0)
    >>> len(some.cancelled("t"))
    0
    """

    due: Map[int, Due] = attrs.field(factory=Map)
    named: Map[str, int] = attrs.field(factory=Map)
    timers: int = 0

    @property
    def sends(self) -> int:
        """How many messages of other machines there are."""
        return len(self.due) - self.timers

    def get(self, number: int) -> Due | None:
        """What has that number, unless it is no longer to come."""
        return self.due.get(number)

    def having(self, due: Due) -> Waits:
        """One more; it takes the place of the timer of its name."""
        if due.sender is not None:
            return Waits(self.due.set(due.number, due), self.named, self.timers)
        before = self if due.name is None else self.cancelled(due.name)
        named = before.named if due.name is None else before.named.set(due.name, due.number)
        return Waits(before.due.set(due.number, due), named, before.timers + 1)

    def without(self, due: Due) -> Waits:
        """One less."""
        if due.sender is not None:
            return Waits(self.due.delete(due.number), self.named, self.timers)
        named = self.named if due.name is None else self.named.delete(due.name)
        return Waits(self.due.delete(due.number), named, self.timers - 1)

    def cancelled(self, name: str) -> Waits:
        """Without the timer of that name, if there is one."""
        number = self.named.get(name)
        return self if number is None else self.without(self.due[number])

    def with_messages(self, messages: dict[int, Any]) -> Waits:
        """The same with other messages, by number."""
        due = self.due
        for number, message in messages.items():
            due = due.set(number, attrs.evolve(due[number], message=message))
        return Waits(due, self.named, self.timers)

    def __len__(self) -> int:
        return len(self.due)

    def __iter__(self) -> Iterator[Due]:
        """In the order in which they were told."""
        return iter(sorted(self.due.values(), key=lambda due: due.number))
