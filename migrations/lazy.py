"""A table on its way to another version: a row is led when it is touched for the first time, or by a sweep.

So the pause of an upgrade does not grow with the table. The value is immutable, as the map is that it stands for, and
steps use it in the same way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, Final, TypeAlias

import attrs
from immutables import Map

from arrows.cells import Values
from arrows.keys import is_initial, value_of
from migrations.ahead import AT_ONCE
from migrations.planner import Refused
from migrations.refusal import Refusal

Move: TypeAlias = Callable[[Values], Values]
"""The way of a row. Raises Refused."""

_MISSING: Final[Any] = object()


class Unled(BaseException):
    """Raised in a step that touches a row that cannot be led; `is_aside` says that its key alone is set aside.

    It is no Exception, so that nothing in a machine takes it for an error of its own.
    """

    def __init__(self, key: Any, refusal: Refusal, *, is_aside: bool) -> None:
        super().__init__(str(refusal))
        self.key = key
        self.refusal = refusal
        self.is_aside = is_aside


@attrs.frozen(eq=False)
class LazyTable:
    """The rows of `base`, which the old version left, as the new version has them.

    `done` are rows that were led, or written since, and `absent` the keys of `base` that have no row any more.
    `written` are the keys of which steps wrote or deleted the row, and `left` counts the rows that are still to be led.
    `aside` are keys whose rows cannot be led, each with the reason; where it is None such a row stops the sweep.

    >>> old = Map({key: (key,) for key in range(1000)})
    >>> table = lazily(old, lambda row: (row[0] * 2,), (0,))
    >>> table.left, table.get(999), table.get(1000, "none"), len(table.set(999, (1,)))
    (744, (1998,), 'none', 999)
    >>> swept = table.swept(table.base)
    >>> swept.left, len(swept), swept.whole() == table.whole()
    (0, 999, True)
    """

    base: Map[Any, Values]
    move: Move
    first: Values
    done: Map[Any, Values]
    absent: Map[Any, None]
    written: Map[Any, None]
    left: int
    aside: Map[Any, Refusal] | None = None

    def get(self, key: Any, default: Any = None) -> Any:
        """The row of a key, led now where it was not yet. Raises Unled where that cannot be."""
        row = self.done.get(key, _MISSING)
        if row is not _MISSING:
            return row
        if self.aside and key in self.aside:
            raise Unled(value_of(key), self.aside[key], is_aside=True)
        if not self.left or key in self.absent:
            return default
        row = self.base.get(key, _MISSING)
        if row is _MISSING:
            return default
        try:
            led = self.move(row)
        except Refused as refused:
            raise Unled(value_of(key), refused.refusal, is_aside=self.aside is not None) from refused
        return default if is_initial(led, self.first) else led

    def __getitem__(self, key: Any) -> Values:
        row: Any = self.get(key, _MISSING)
        if row is _MISSING:
            raise KeyError(key)
        found: Values = row
        return found

    def __contains__(self, key: Any) -> bool:
        if key in self.done or (self.aside is not None and key in self.aside):
            return True
        return self.left > 0 and key not in self.absent and key in self.base

    def __len__(self) -> int:
        """How many rows there are; those that are still to be led count, also where they turn out to be initial."""
        return len(self.done) + self.left + len(self.aside or ())

    def is_led(self, key: Any) -> bool:
        """Whether nothing is to be done for a key any more."""
        return key in self.done or key in self.absent or (self.aside is not None and key in self.aside)

    def set(self, key: Any, row: Values) -> LazyTable:
        """The table with a row written."""
        absent = self.absent.delete(key) if key in self.absent else self.absent
        return self._with(self.done.set(key, row), absent, key)

    def delete(self, key: Any) -> LazyTable:
        """The table without a row. Raises KeyError where there is none."""
        if key not in self:
            raise KeyError(key)
        done = self.done.delete(key) if key in self.done else self.done
        return self._with(done, self.absent.set(key, None), key)

    def _with(self, done: Map[Any, Values], absent: Map[Any, None], key: Any) -> LazyTable:
        left = self.left - (not self.is_led(key) and key in self.base)
        written = self.written if key in self.written else self.written.set(key, None)
        return LazyTable(self.base, self.move, self.first, done, absent, written, left, self.aside)

    def swept(self, keys: Iterable[Any]) -> LazyTable:
        """The table with the rows of some keys of `base` led. Raises Refused where none may be set aside."""
        done, absent, left, aside = self.done.mutate(), self.absent.mutate(), self.left, self.aside
        led, gone, set_aside = self.done, self.absent, self.aside or ()
        for key in keys:
            if key in led or key in gone or key in set_aside:
                continue
            try:
                row = self.move(self.base[key])
            except Refused as refused:
                if aside is None:
                    raise
                aside = aside.set(key, refused.refusal)
            else:
                if is_initial(row, self.first):
                    absent[key] = None
                else:
                    done[key] = row
            left -= 1
        return LazyTable(
            self.base, self.move, self.first, done.finish(), absent.finish(), self.written, left, aside
        )

    def items(self) -> Iterator[tuple[Any, Values]]:
        """Every row with its key; those that are still to be led are led for this and not kept.

        Without those that are set aside. Raises Refused.
        """
        yield from self.done.items()
        if self.left:
            for key, row in self.base.items():
                if not self.is_led(key):
                    try:
                        led = self.move(row)
                    except Refused:
                        if self.aside is None:
                            raise
                        continue
                    if not is_initial(led, self.first):
                        yield key, led

    def __iter__(self) -> Iterator[Any]:
        return (key for key, _ in self.items())

    def keys(self) -> Iterator[Any]:
        """The keys of `items`."""
        return iter(self)

    def values(self) -> Iterator[Values]:
        """The rows of `items`."""
        return (row for _, row in self.items())

    def whole(self) -> Map[Any, Values]:
        """The table as a plain map, with every row led. Raises Refused, also for one that is set aside."""
        led = self if not self.left else self.swept(self.base)
        if led.aside:
            raise Refused(next(iter(led.aside.values())))
        return led.done

    def _is_as_led(self, key: Any) -> bool:
        """Whether the row of a key holds what the way up made of it, whoever wrote it."""
        if key not in self.base:
            return False
        try:
            led = self.move(self.base[key])
        except Refused:
            return False
        return is_initial(led, self.done.get(key, self.first))

    def back(
        self, down: Callable[[Values, Any], Values], first: Values, thrown: Callable[[Any], Any]
    ) -> Map[Any, Values]:
        """The table of the old version: `base`, with what was written led down.

        `down` is the way of a row, given also what the way up threw away of the one it was, which `thrown` tells of a
        key; `first` is what the old version begins with. A row that was not written, or holds just what it was led to,
        is the very object that it was.
        """
        table = self.base.mutate()
        for key in self.written:
            if self._is_as_led(key):
                continue
            lost = thrown(key)
            row = self.done.get(key)
            led = (
                None if row is None and lost is None else down(self.first if row is None else row, lost or {})
            )
            if led is not None and not is_initial(led, first):
                table[key] = led
            elif key in self.base:
                del table[key]
        return table.finish()


@attrs.frozen(eq=False)
class Thrown:
    """What the way up threw away of the rows of a table, told row by row: as the map of it that is not there."""

    base: Map[Any, Values]
    of: Callable[[Values], Any]

    def get(self, key: Any, default: Any = None) -> Any:
        """What was thrown away of the row of a key."""
        row = self.base.get(key)
        found = None if row is None else self.of(row)
        return default if found is None else found

    def __contains__(self, key: Any) -> bool:
        return self.get(key) is not None

    def __iter__(self) -> Iterator[Any]:
        return (key for key in self.base if key in self)


def lazily(
    base: Map[Any, Values], move: Move, first: Values, rows: int = AT_ONCE, *, quarantine: bool = False
) -> LazyTable:
    """A table on its way, with its first rows led, so many. Raises Refused where one of those cannot be.

    With `quarantine` the keys of such rows are set aside.
    """
    aside: Map[Any, Refusal] | None = Map() if quarantine else None
    table = LazyTable(base, move, first, Map(), Map(), Map(), len(base), aside)
    return table.swept(islice(base, rows))


def stored(fresh: LazyTable, rows: Map[Any, Values], aside: Iterable[Any]) -> LazyTable:
    """A table that was read back, of which nobody knows any more what was written; `fresh` is the same as it began.

    `rows` are all that were led or written, and `aside` the keys that are set aside.
    """
    found = fresh.swept(aside).aside
    absent = Map((key, None) for key in fresh.base if key not in rows and key not in (found or ()))
    everything = Map((key, None) for key in (*rows, *absent))
    return LazyTable(fresh.base, fresh.move, fresh.first, rows, absent, everything, 0, found)


def adopted(
    table: LazyTable, fresh: LazyTable, rows: Map[Any, Values], key: Callable[[Any], Any]
) -> LazyTable:
    """A table whose classes were loaded once more; `fresh` is the same as it began, with them.

    `rows` are those that were led or written, and `key` what becomes of a key.
    """

    def keys(of: Map[Any, Any]) -> Map[Any, Any]:
        return Map((key(each), value) for each, value in of.items())

    absent, written = keys(table.absent), keys(table.written)
    aside = None if table.aside is None else keys(table.aside)
    return LazyTable(fresh.base, fresh.move, fresh.first, rows, absent, written, table.left, aside)


def plain(state: Values) -> Values:
    """A state with every table as a plain map, led whole. Raises Refused."""
    if not any(type(value) is LazyTable for value in state):
        return state
    return tuple(value.whole() if type(value) is LazyTable else value for value in state)


def all_led(state: Values) -> Values:
    """A state with every row of its tables led, or set aside. Raises Refused."""
    return tuple(value.swept(value.base) if type(value) is LazyTable else value for value in state)


def only_led(state: Values) -> Values:
    """A state with every table as a plain map of the rows that were led, or written."""
    return tuple(value.done if type(value) is LazyTable else value for value in state)


def left(state: Values) -> int:
    """How many rows of a state's tables are still to be led."""
    return sum(value.left for value in state if type(value) is LazyTable)
