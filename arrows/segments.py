"""Segments of a generated function: it returns where a `perform` waits, and another goes on behind it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, assert_never

from arrows.branching import Scope
from arrows.cells import Layout, Path
from arrows.continuation import Continuation
from arrows.symbol import NEVER, Atom, Symbol, Tup, text
from arrows.term import (
    Attempt,
    Compose,
    Constant,
    Emit,
    Function,
    Get,
    Identity,
    Keyed,
    Named,
    Node,
    Parallel,
    Perform,
    Primitive,
    Put,
    State,
    Switch,
)
from arrows.writing import Draft

EMITTED = ""
"""Stands among the cells for what was emitted so far: like them it is undone by `attempt` and by a raise."""


class Segments(Draft):
    """Writes where a step waits and how it goes on. `wires` and `rows` are what is open around the node at hand."""

    plan: Layout
    continuations: Mapping[Path, Continuation]
    wires: list[Symbol]
    rows: list[Callable[[], None]]
    waiting: Iterator[Symbol]

    if TYPE_CHECKING:

        def emit(self, term: Node, path: Path, scope: Scope, x: Symbol) -> Symbol: ...
        def steps(
            self, steps: tuple[Node, ...], path: Path, scope: Scope, x: Symbol, at: int = 0
        ) -> Symbol: ...
        def attempted(self, body: Callable[[], Symbol]) -> Symbol: ...
        def opened(self, path: Path, key: str) -> Callable[[], None]: ...

    @contextmanager
    def beside(self, wire: Symbol, store: Callable[[], None] | None = None) -> Iterator[None]:
        """Write what steps while a value waits on a wire, and perhaps a row is open."""
        self.wires.append(wire)
        if store is not None:
            self.rows.append(store)
        yield
        self.wires.pop()
        if store is not None:
            self.rows.pop()

    def told(self, term: Emit, x: Symbol) -> None:
        effect = self.let(f"told({self.bind(term.effect, 'effect')}, {text(x)})")
        before = self.cells[EMITTED]
        self.cells[EMITTED] = (
            Tup((*before.items, effect))
            if isinstance(before, Tup)
            else self.let(f"(*{text(before)}, {effect.text})")
        )

    def suspend(self, path: Path, effect: Symbol) -> None:
        """Store the open rows, the innermost first, and return the suspension."""
        for store in reversed(self.rows):
            store()
        suspend = self.bind(self.continuations[path].suspend, "suspend")
        wires = text(Tup(tuple(self.wires)))
        self.leave(f"{suspend}({text(effect)}, {wires})")

    def leave(self, end: str) -> None:
        """Return from a function of a machine with effects."""
        self.write(f"return {self.row(self.plan.slots)}, {end}, {text(self.cells[EMITTED])}")

    def resumption(self, term: Node, behind: Continuation, name: str) -> None:
        """Write the function that goes on with an answer."""
        self.define(f"def {name}(state, answer, wires):")
        self.cells = {}
        self.unpack(self.plan.slots, "state")
        self.cells[EMITTED] = Tup(())
        wires = self.split(Atom("wires"), len(behind.wires))
        self.waiting = iter(wires)
        output = self.after(term, (), {}, behind.path, Atom("answer"))
        if output != NEVER:
            self.leave(f"Done({text(output)})")

    def after(self, term: Node, path: Path, scope: Scope, way: Path, x: Symbol) -> Symbol:
        """Write what is left of a node behind the `perform` at `way`."""
        match term:
            case Perform():
                self.at(term, path)
                return x
            case Compose(steps=steps):
                x = self.after(steps[way[0]], (*path, way[0]), scope, way[1:], x)
                return self.steps(steps, path, scope, x, way[0] + 1)
            case Parallel(left=left, right=right):
                kept = next(self.waiting)
                with self.beside(kept):
                    part = left if way[0] == 0 else right
                    b = self.after(part, (*path, way[0]), scope, way[1:], x)
                if b == NEVER or way[0] == 1:
                    return NEVER if b == NEVER else Tup((kept, b))
                with self.beside(b):
                    d = self.emit(right, (*path, 1), scope, kept)
                return NEVER if d == NEVER else Tup((b, d))
            case Switch(cases=cases):
                return self.after(cases[way[0]][1], (*path, way[0]), scope, way[1:], x)
            case State(name=name, body=body):
                inner = {**scope, name: self.plan.addresses[path]}
                return self.after(body, (*path, 0), inner, way[1:], x)
            case Keyed(body=body):
                self.at(term, path)
                key = next(self.waiting)
                store = self.opened(path, text(key))
                with self.beside(key, store):
                    output = self.after(body, (*path, 1), {}, way[1:], x)
                if output != NEVER:
                    store()
                return output
            case Attempt(body=body):
                return self.attempted(lambda: self.after(body, (*path, 0), scope, way[1:], x))
            case Named(body=body):
                return self.after(body, (*path, 0), scope, way[1:], x)
            case Identity() | Constant() | Primitive() | Function() | Get() | Put() | Emit():
                raise AssertionError(path)
            case _:
                assert_never(term)
