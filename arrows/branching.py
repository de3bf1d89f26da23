"""Branches of a generated function: which case a value takes, and where the ways meet again."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from arrows.cells import Path
from arrows.either import Left, Right
from arrows.evaluate import no_case
from arrows.symbol import Atom, Choice, Side, Symbol
from arrows.term import Compose, Node, Switch
from arrows.writing import Draft

Scope: TypeAlias = dict[str, str]
"""The address that each cell's name stands for here."""

Finish: TypeAlias = Callable[[Symbol], None]
"""What is written behind the last value of a path through the function."""

Cases: TypeAlias = tuple[tuple[type, Node], ...]

_MAX_CHAIN = 8
"""How many branches of a chain are nested before they are written side by side."""


def case_of(value: object, cases: tuple[type, ...]) -> type:
    """The case a value belongs to, for one that is not exactly of any case's class."""
    for cls in cases:
        if isinstance(value, cls):
            return cls
    raise no_case(value, cases)


class Branching(Draft):
    """Writes switches."""

    if TYPE_CHECKING:

        def emit(self, term: Node, path: Path, scope: Scope, x: Symbol) -> Symbol: ...
        def tail(self, term: Node, path: Path, scope: Scope, x: Symbol, finish: Finish) -> None: ...

    def decide(self, cases: Cases, path: Path, x: Symbol) -> list[tuple[str, Path, Node, Symbol]]:
        """Return for each case: the test for it, its path, its arrow and what it takes. The last is else."""
        bodies = {cls: ((*path, index), body) for index, (cls, body) in enumerate(cases)}
        classes = tuple(bodies)
        if isinstance(x, Side | Choice):
            names = {"Left": Left, "Right": Right}
            if isinstance(x, Side) and names.get(x.name) in bodies:
                return [("True", *bodies[names[x.name]], x.held)]
            if isinstance(x, Choice) and set(classes) == {Left, Right}:
                return [(x.test, *bodies[Left], x.left), ("else", *bodies[Right], x.right)]
        value = self.variable(x)
        found = self.let(f"type({value})", "").text
        known = [self.bind(cls, "case") for cls in classes]
        everything = self.bind(classes, "cases")
        with self.block(f"if {' and '.join(f'{found} is not {name}' for name in known)}:"):
            self.write(f"{found} = case_of({value}, {everything})", comment=self.where())
        decided: list[tuple[str, Path, Node, Symbol]] = []
        for name, cls in zip(known, classes, strict=True):
            held = Atom(f"{value}.value") if cls in (Left, Right) else Atom(value)
            decided.append((f"{found} is {name}", *bodies[cls], held))
        return decided

    def tail_switch(self, cases: Cases, path: Path, scope: Scope, x: Symbol, finish: Finish) -> None:
        *decided, (_, at, body, held) = self.decide(cases, path, x)
        before, here = self.cells, self.here
        for index, (test, at_case, case, given) in enumerate(decided):
            self.cells = dict(before)
            self.case(here, index)
            with self.block(f"if {test}:"):
                self.tail(case, at_case, scope, given, finish)
        self.cells = before
        self.case(here, -1)
        self.tail(body, at, scope, held, finish)

    def switch(self, cases: Cases, path: Path, scope: Scope, x: Symbol) -> Symbol:
        if _chain(cases[-1][1]) > _MAX_CHAIN:
            return self.long_switch(cases, path, scope, x)
        decided = self.decide(cases, path, x)
        if len(decided) == 1:
            _, at, body, held = decided[0]
            return self.emit(body, at, scope, held)
        before, ends, here = self.cells, [], self.here
        for index, (test, at, body, held) in enumerate(decided):
            self.cells = dict(before)
            last = index == len(decided) - 1
            self.case(here, index)
            with self.block("else:" if last else f"{'elif' if index else 'if'} {test}:"):
                self.case(here, -1 if last else index)
                ends.append(self.end(self.emit(body, at, scope, held)))
        return self.join(ends, before)

    def long_switch(self, cases: Cases, path: Path, scope: Scope, x: Symbol) -> Symbol:
        """Write a chain of branches side by side, as Python does not indent without end."""
        before, ends = dict(self.cells), []

        def finish(output: Symbol) -> None:
            ends.append(self.end(output))
            self.write("break")

        with self.block("while True:"):
            self.tail_switch(cases, path, scope, x, finish)
        return self.join(ends, before)


def _chain(term: Node) -> int:
    """How many branches follow each other, each behind all others of the one before."""
    count = 0
    while True:
        last = term.steps[-1] if isinstance(term, Compose) else term
        if not isinstance(last, Switch):
            return count
        term, count = last.cases[-1][1], count + 1
