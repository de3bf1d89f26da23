"""A rule of what structure decides, and the search that asks a table of them about shapes and their parts."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, TypeAlias

import attrs

from arrows.shape import Record, Shape

Step: TypeAlias = Callable[[Any], Any]
"""A value to a value. It may raise for a value that has no counterpart."""


@attrs.frozen
class Unclear:
    """Structure does not decide: at `path` (fields, indices, classes of a union), for `problem`.

    `instead` would let it decide; `lenses` are those to write, without those around them.
    """

    path: str
    problem: str
    instead: str = ""
    lenses: tuple[str, ...] = ()

    def __str__(self) -> str:
        place = f"{self.path}: " if self.path else ""
        return f"{place}{self.problem}{f' ({self.instead})' if self.instead else ''}"

    def line(self, address: str) -> str:
        """The lens to write for the cell of an address, or nothing where none is known.

        >>> Unclear("homes[].fax", "", lenses=("drop('fax')",)).line("user")
        "lens.inside('user', lens.inside('homes', lens.each(lens.inside('fax', lens.drop('fax')))))"
        """
        steps = _STEP.findall(self.path if self.path.startswith(("[", "<")) else f".{self.path}")
        if not self.lenses or any(other for _, _, _, other in steps):
            return ""
        found = ", ".join(f"lens.{each}" for each in self.lenses)
        for name, items, cls, _ in reversed(steps):
            found = f"lens.each({found})" if items else f"lens.inside({name or cls!r}, {found})"
        return f"lens.inside({address!r}, {found})"


_STEP: Final = re.compile(r"\.(\w+)|(\[\])|<(\w+)>|(\[[^\]]+\])")


@attrs.frozen
class Rule:
    """One thing that structure decides.

    `way` gets the two shapes and what asks the whole table about parts of them: `within(old, new, path)`. It returns
    None where it has nothing to say, a pair of steps, or raises `Stop`. `example` is two types, a value and what
    becomes of it; `counter` two types about which the table does not decide so, and why.
    """

    name: str
    says: str
    example: tuple[Any, Any, Any, Any]
    counter: tuple[Any, Any, str]
    way: Callable[[Shape, Shape, Search], tuple[Step, Step] | None] = attrs.field(repr=False)


class Stop(Exception):
    """A rule speaks of two shapes and cannot say what becomes of every value."""

    def __init__(self, problem: str, instead: str = "", lenses: Iterable[str] = ()) -> None:
        super().__init__(problem)
        self.unclear = Unclear("", problem, instead, tuple(lenses))


class Search:
    """Asks the table about two shapes and, at a rule's word, about their parts."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.used: list[str] = []
        self.lost: list[str] = []
        self._rules = rules
        self._path: list[str] = []
        self._known: dict[tuple[type, type], tuple[Step, Step]] = {}

    def __call__(self, old: Shape, new: Shape, path: str = "") -> tuple[Step, Step]:
        with self.at(path):
            return self._found(old, new)

    @contextmanager
    def at(self, path: str) -> Iterator[None]:
        """What is asked within is asked of the part at `path`."""
        self._path.append(path)
        try:
            yield
        except Stop as stop:
            if not stop.unclear.path:
                here = "".join(self._path).removeprefix(".")
                stop.unclear = attrs.evolve(stop.unclear, path=here or "")
            raise
        finally:
            self._path.pop()

    def attempt(self, old: Shape, new: Shape, path: str = "") -> tuple[Step, Step] | None:
        """The way between two shapes, or None where there is none."""
        used, lost = len(self.used), len(self.lost)
        known = dict(self._known)
        try:
            return self(old, new, path)
        except Stop:
            del self.used[used:], self.lost[lost:]
            self._known = known
            return None

    def loses(self, name: str) -> None:
        """Note what the way down leaves out."""
        self.lost.append(f"{''.join(self._path)}.{name}".removeprefix("."))

    def _found(self, old: Shape, new: Shape) -> tuple[Step, Step]:
        if isinstance(old, Record) and isinstance(new, Record):
            known = self._known.get((old.cls, new.cls))
            if known is not None:
                return known
            ways: list[tuple[Step, Step]] = []  # of a class that holds itself, until its own way is made

            def up(value: Any) -> Any:
                return ways[0][0](value)

            def down(value: Any) -> Any:
                return ways[0][1](value)

            self._known[old.cls, new.cls] = up, down
            ways.append(self._by_rule(old, new))
            self._known[old.cls, new.cls] = ways[0]
            return ways[0]
        return self._by_rule(old, new)

    def _by_rule(self, old: Shape, new: Shape) -> tuple[Step, Step]:
        for rule in self._rules:
            at = len(self.used)
            self.used.append(rule.name)
            way = rule.way(old, new, self)
            if way is not None:
                return way
            del self.used[at:]
        raise Stop(f"nothing leads from {old} to {new}")
