"""Lets go of large tables that nobody reads any more, a few rows at a time.

When the last reference to a table goes, Python frees all of its rows at once, and nothing else is done meanwhile: a
tenth of a second for a million small rows, and more for larger ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from immutables import Map

from migrations.ahead import AT_ONCE
from migrations.lazy import LazyTable
from runtime.hosted import Running


class LettingGo:
    """The tables that are still to be let go of.

    >>> letting_go = LettingGo()
    >>> letting_go.add([Map((key, (key,)) for key in range(1000)), Map(few=1)])
    >>> letting_go.some(600), letting_go.some(600), letting_go.some(600)
    (600, 400, 0)
    """

    def __init__(self) -> None:
        self._tables: list[Map[Any, Any]] = []

    def __bool__(self) -> bool:
        return bool(self._tables)

    def add(self, tables: Iterable[Map[Any, Any]]) -> None:
        """Hold these tables until they are empty. Whoever else reads them still has all of their rows."""
        self._tables += (table for table in tables if len(table) > AT_ONCE)

    def some(self, count: int) -> int:
        """Let go of so many rows; return how many it were."""
        if not self._tables:
            return 0
        table = self._tables.pop()
        keys = list(islice(table, count))
        rest = table.mutate()
        for key in keys:
            del rest[key]
        if len(rest):
            self._tables.append(rest.finish())
        return len(keys)


def held(running: Running) -> dict[int, Map[Any, Any]]:
    """The tables that an application holds: those of its machines, and those for the way back."""
    states = [hosted.state for hosted in running.machines.values()]
    if running.previous is not None:
        states += running.previous.states.values()
    return {id(table): table for state in states for table in tables(state)}


def tables(state: Iterable[Any]) -> Iterator[Map[Any, Any]]:
    """The tables in a machine's state."""
    for value in state:
        if type(value) is LazyTable:
            yield from (value.base, value.done, value.absent, value.written)
        elif type(value) is Map:
            yield value
