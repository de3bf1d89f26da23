"""What was led before an upgrade's moment, beside the machine that runs: in the moment only what changed since is led.

A state is an immutable value, so what is led of it holds for as long as its cells are the very objects that were read.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import attrs

from arrows.cells import Values

AT_ONCE: Final = 256
"""Rows of a table that are led with the upgrade itself, so that what fails there refuses it.

Which ones is left to chance: the order of a table is another one in each process. So one that was accepted leads none
when it is done again.
"""


class _Reads:
    """A state that remembers what is read of it."""

    def __init__(self, state: Any) -> None:
        self._state = state
        self.read: dict[int, Any] = {}

    def __getitem__(self, place: int) -> Any:
        value = self.read[place] = self._state[place]
        return value


@attrs.frozen(eq=False)
class _Led:
    """A value that was led: what it was read from, and how many seconds it took."""

    read: dict[int, Any]
    value: Any
    seconds: float

    def holds(self, state: Values) -> bool:
        return all(state[place] is value for place, value in self.read.items())


class Ahead(dict[str, Any]):
    """Goes with a state on its way up, in place of what was lost, of which there is nothing.

    With a `clock`, which gives seconds, it remembers each value that it saw led, and gives it again while what it
    was read from is the same. The rows of large tables are led when they are touched, where they can be; with
    `quarantine` the keys of those that cannot be led are set aside.

    >>> ahead, state = Ahead(iter([0.0, 2.5]).__next__), ([1, 2], 7)
    >>> ahead.take("all", lambda state, _: sum(state[0]), state)
    3
    >>> ahead.late((state[0], 8)), ahead.late(([1, 2], 7))
    ({}, {'all': 2.5})
    """

    def __init__(
        self, clock: Callable[[], float] | None = None, *, lazily: bool = True, quarantine: bool = False
    ) -> None:
        super().__init__()
        self.lazily = lazily
        self.quarantine = quarantine
        self._clock = clock
        self._led: dict[str, _Led] = {}
        self._hops: list[Ahead] = []
        self._order: tuple[str, ...] = ()
        self._rows = AT_ONCE
        self._put_off = False

    def hop(self, at: int) -> Ahead:
        """For the step `at` of a way that has several, whose tables are led whole."""
        while len(self._hops) <= at:
            self._hops.append(Ahead(self._clock, lazily=False))
        return self._hops[at]

    def rows(self) -> int:
        """How many rows of a table are led now; the others are put off. Those that were led once are not again."""
        self._put_off = True
        return self._rows

    def again(self) -> None:
        """What is led from now on was led before, as it was then."""
        self._rows = 0

    def knows(self, address: str) -> None:
        """The value of a slot is at hand, and is not led."""
        self._led[address] = _Led({}, None, 0.0)

    def took(self, addresses: tuple[str, ...]) -> None:
        """These are the values of the state that is led to."""
        self._order = addresses

    def take(self, address: str, take: Callable[[Any, Any], Any], state: Values) -> Any:
        """The value of a slot: what was led of it, or led now. Raises Refused."""
        known = self._led.get(address)
        if known is not None and known.holds(state):
            return known.value
        if self._clock is None:
            return take(state, self)
        reads, self._put_off, since = _Reads(state), False, self._clock()
        value = take(reads, self)
        seconds = 0.0 if self._put_off else self._clock() - since
        self._led[address] = _Led(reads.read, value, seconds)
        return value

    def late(self, state: Values) -> dict[str, float]:
        """What is to be led anew as the state has changed since, by address, and the seconds that it took before."""
        if not self._hops:
            return {at: led.seconds for at, led in self._led.items() if led.seconds and not led.holds(state)}
        found: dict[str, float] = {}
        for hop in self._hops:
            for address, seconds in hop.late(state).items():
                found[address] = found.get(address, 0.0) + seconds
            state = tuple([hop._now(address, state) for address in hop._order])
        return found

    def _now(self, address: str, state: Values) -> Any:
        led = self._led.get(address)
        return led.value if led is not None and led.holds(state) else object()
