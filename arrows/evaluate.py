"""The reference semantics of arrows: short, and obviously right. `compile` must agree with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, assert_never

import attrs
from returns.result import Failure, Success

from arrows.cells import Layout, Path, Slot, Table, Values, initial, layout
from arrows.either import Left, Right
from arrows.keys import keep, key_of
from arrows.primitive import apply
from arrows.term import (
    Arrow,
    Attempt,
    Compose,
    Constant,
    Function,
    Get,
    Identity,
    Keyed,
    Named,
    Node,
    Parallel,
    Primitive,
    Put,
    State,
    Switch,
    node,
)

A = TypeVar("A")
B = TypeVar("B")


class NoCase(TypeError):
    """The input of a `switch` belongs to none of its cases."""


def no_case(value: object, cases: tuple[type, ...]) -> NoCase:
    """Name the class of a value and the classes that would have been taken."""
    names = ", ".join(cls.__qualname__ for cls in cases)
    return NoCase(f"no case for {type(value).__qualname__}: the cases are {names}")


def evaluate(arrow: Arrow[A, B], state: Values | None, value: A) -> tuple[Values, B]:
    """Step a machine once: from a state (None for the first) and an input to the new state and the output.

    What a step raises passes through; the state given is never altered.

    >>> from arrows import loop
    >>> evaluate(loop(lambda x, total: (x + total, x + total), init=0, name="total"), (4,), 1)
    ((5,), 5)
    """
    term = node(arrow)
    plan = layout(term)
    before = initial(plan.slots) if state is None else state
    cells = {slot.address: each for slot, each in zip(plan.slots, before, strict=True)}
    output = _Step(plan, {slot.address: slot for slot in plan.slots}, cells).step(term, (), {}, value)
    return tuple(cells[slot.address] for slot in plan.slots), output


@attrs.frozen
class _Step:
    """One step under way; `cells` holds what is written so far."""

    plan: Layout
    slots: Mapping[str, Slot]
    cells: dict[str, Any]

    def step(self, term: Node, path: Path, scope: dict[str, str], x: Any) -> Any:
        match term:
            case Identity():
                return x
            case Constant(value=value):
                return value
            case Primitive(name=name, args=args):
                return apply(name, args, x)
            case Function(function=function, spread=spread):
                return call(function, spread, x)
            case Compose(steps=steps):
                for index, each in enumerate(steps):
                    x = self.step(each, (*path, index), scope, x)
                return x
            case Parallel(left=left, right=right):
                a, c = x
                return self.step(left, (*path, 0), scope, a), self.step(right, (*path, 1), scope, c)
            case Switch(cases=cases):
                for index, (cls, body) in enumerate(cases):
                    if isinstance(x, cls):
                        return self.step(body, (*path, index), scope, held(cls, x))
                raise no_case(x, tuple(cls for cls, _ in cases))
            case State(name=name, body=body):
                return self.step(body, (*path, 0), {**scope, name: self.plan.addresses[path]}, x)
            case Get(name=name):
                return self.cells[scope[name]]
            case Put(name=name):
                self.cells[scope[name]] = x
                return None
            case Keyed():
                return self.keyed(term, path, x)
            case Attempt(body=body):
                before = dict(self.cells)
                try:
                    return Success(self.step(body, (*path, 0), scope, x))
                except Exception as error:
                    self.cells.clear()
                    self.cells.update(before)
                    return Failure(error)
            case Named(body=body):
                return self.step(body, (*path, 0), scope, x)
            case _:
                assert_never(term)

    def keyed(self, term: Keyed, path: Path, x: Any) -> Any:
        table = self.slots[self.plan.addresses[path]]
        assert isinstance(table, Table)
        rows = self.cells[table.address]
        first = initial(table.slots)
        key = key_of(self.step(term.by, (*path, 0), {}, x))
        row = rows.get(key, first)
        inner = {slot.address: each for slot, each in zip(table.slots, row, strict=True)}
        slots = {slot.address: slot for slot in table.slots}
        output = _Step(self.plan, slots, inner).step(term.body, (*path, 1), {}, x)
        row = tuple(inner[slot.address] for slot in table.slots)
        self.cells[table.address] = keep(rows, key, row, first)
        return output


def held(cls: type, x: Any) -> Any:
    """What a case hands on: a `Left` or `Right` is opened."""
    return x.value if cls in (Left, Right) else x


def call(function: Any, spread: tuple[str, ...] | None, x: Any) -> Any:
    """Call a leaf on its input."""
    if spread is None:
        return function(x)
    pairs = list(zip(spread, x, strict=True))
    return function(
        *(each for name, each in pairs if not name), **{name: each for name, each in pairs if name}
    )
