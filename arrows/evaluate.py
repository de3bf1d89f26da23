"""The reference semantics of arrows: short, and obviously right. `compile` must agree with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar, assert_never

import attrs
from returns.result import Failure, Success

from arrows.cells import Layout, Path, Slot, Table, Values, initial, layout
from arrows.continuation import Continuation, continuations, effects, find, told
from arrows.effect import Done, End, Suspended
from arrows.either import Left, Right
from arrows.keys import keep, key_of
from arrows.primitive import apply
from arrows.term import (
    Arrow,
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

    What a step raises passes through; the state given is never altered. Raises TypeError for a machine that
    performs or emits: `begin` and `resume` step it.

    >>> from arrows import loop
    >>> evaluate(loop(lambda x, total: (x + total, x + total), init=0, name="total"), (4,), 1)
    ((5,), 5)
    """
    term = node(arrow)
    if any(effects(term)):
        raise has_effects(term)
    after, end, _ = begin(term, state, value)
    assert isinstance(end, Done)
    return after, end.output


def begin(arrow: Arrow[A, B], state: Values | None, value: A) -> tuple[Values, End[B], tuple[Any, ...]]:
    """Step a machine up to its end or to the first `perform`; also give what it emitted, in order."""
    term = node(arrow)
    return _run(term, state, lambda step: step.step(term, (), {}, value, ()))


def resume(
    arrow: Arrow[A, B], state: Values, suspended: Suspended, answer: Any
) -> tuple[Values, End[B], tuple[Any, ...]]:
    """Go on with the answer, over the state as it is now, up to the end or to the next `perform`.

    Raises UnknownContinuation or BadAnswer, and what the machine raises.
    """
    term = node(arrow)
    known = continuations(term, layout(term)).values()
    found = find({each.digest: each for each in known}, suspended)
    waiting = iter(found.resumed(suspended, answer))
    return _run(term, state, lambda step: step.after(term, (), {}, found.path, answer, waiting, ()))


def has_effects(term: Node) -> TypeError:
    """Why a machine cannot be stepped to an output at once."""
    performed, emitted = ([cls.__qualname__ for cls in classes] for classes in effects(term))
    what = " and ".join(
        [f"performs {', '.join(performed)}"] * bool(performed)
        + [f"emits {', '.join(emitted)}"] * bool(emitted)
    )
    return TypeError(f"this machine {what}: step it with `begin` and `resume` of its program")


def _run(
    term: Node, state: Values | None, go: Callable[[_Step], Any]
) -> tuple[Values, End[Any], tuple[Any, ...]]:
    plan = layout(term)
    before = initial(plan.slots) if state is None else state
    cells = {slot.address: each for slot, each in zip(plan.slots, before, strict=True)}
    step = _Step(plan, continuations(term, plan), {slot.address: slot for slot in plan.slots}, cells, [])
    end: End[Any]
    try:
        end = Done(go(step))
    except _Waits as waits:
        end = waits.suspended
    return tuple(cells[slot.address] for slot in plan.slots), end, tuple(step.emitted)


class _Waits(BaseException):
    """Unwinds a step that is suspended; no `attempt` takes it for a failure."""

    def __init__(self, suspended: Suspended) -> None:
        self.suspended = suspended


@attrs.frozen
class _Step:
    """One step under way; `cells` and `emitted` hold what is written and told so far.

    `wires` are the values that wait beside the node at hand, the outermost first.
    """

    plan: Layout
    continuations: Mapping[Path, Continuation]
    slots: Mapping[str, Slot]
    cells: dict[str, Any]
    emitted: list[Any]

    def step(self, term: Node, path: Path, scope: dict[str, str], x: Any, wires: tuple[Any, ...]) -> Any:
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
                    x = self.step(each, (*path, index), scope, x, wires)
                return x
            case Parallel(left=left, right=right):
                a, c = x
                b = self.step(left, (*path, 0), scope, a, (*wires, c))
                return b, self.step(right, (*path, 1), scope, c, (*wires, b))
            case Switch(cases=cases):
                for index, (cls, body) in enumerate(cases):
                    if isinstance(x, cls):
                        return self.step(body, (*path, index), scope, held(cls, x), wires)
                raise no_case(x, tuple(cls for cls, _ in cases))
            case State(name=name, body=body):
                inner = {**scope, name: self.plan.addresses[path]}
                return self.step(body, (*path, 0), inner, x, wires)
            case Get(name=name):
                return self.cells[scope[name]]
            case Put(name=name):
                self.cells[scope[name]] = x
                return None
            case Keyed():
                key = key_of(self.step(term.by, (*path, 0), {}, x, ()))
                inside = (*wires, key)
                return self.row(path, key, lambda row: row.step(term.body, (*path, 1), {}, x, inside))
            case Perform():
                raise _Waits(self.continuations[path].suspend(x, wires))
            case Emit(effect=effect):
                self.emitted.append(told(effect, x))
                return None
            case Attempt(body=body):
                return self.attempt(lambda: self.step(body, (*path, 0), scope, x, wires))
            case Named(body=body):
                return self.step(body, (*path, 0), scope, x, wires)
            case _:
                assert_never(term)

    def after(
        self,
        term: Node,
        path: Path,
        scope: dict[str, str],
        way: Path,
        x: Any,
        waiting: Iterator[Any],
        wires: tuple[Any, ...],
    ) -> Any:
        """Step what is left of a node behind the `perform` at `way`; `waiting` is what was kept on the wires."""
        match term:
            case Compose(steps=steps):
                x = self.after(steps[way[0]], (*path, way[0]), scope, way[1:], x, waiting, wires)
                for index in range(way[0] + 1, len(steps)):
                    x = self.step(steps[index], (*path, index), scope, x, wires)
                return x
            case Parallel(left=left, right=right):
                kept = next(waiting)
                inside = (*wires, kept)
                if way[0] == 1:
                    return kept, self.after(right, (*path, 1), scope, way[1:], x, waiting, inside)
                b = self.after(left, (*path, 0), scope, way[1:], x, waiting, inside)
                return b, self.step(right, (*path, 1), scope, kept, (*wires, b))
            case Switch(cases=cases):
                return self.after(cases[way[0]][1], (*path, way[0]), scope, way[1:], x, waiting, wires)
            case State(name=name, body=body):
                inner = {**scope, name: self.plan.addresses[path]}
                return self.after(body, (*path, 0), inner, way[1:], x, waiting, wires)
            case Keyed(body=body):
                key = next(waiting)
                inside = (*wires, key)
                return self.row(
                    path, key, lambda row: row.after(body, (*path, 1), {}, way[1:], x, waiting, inside)
                )
            case Attempt(body=body):
                return self.attempt(lambda: self.after(body, (*path, 0), scope, way[1:], x, waiting, wires))
            case Named(body=body):
                return self.after(body, (*path, 0), scope, way[1:], x, waiting, wires)
            case Perform():
                return x
            case Identity() | Constant() | Primitive() | Function() | Get() | Put() | Emit():
                raise AssertionError(path)
            case _:
                assert_never(term)

    def attempt(self, go: Callable[[], Any]) -> Any:
        before, said = dict(self.cells), len(self.emitted)
        try:
            return Success(go())
        except Exception as error:
            self.cells.clear()
            self.cells.update(before)
            del self.emitted[said:]
            return Failure(error)

    def row(self, path: Path, key: Any, go: Callable[[_Step], Any]) -> Any:
        """Step inside the row of a key, and store it when that ends or waits."""
        table = self.slots[self.plan.addresses[path]]
        assert isinstance(table, Table)
        first = initial(table.slots)
        before = self.cells[table.address].get(key, first)
        inner = {slot.address: each for slot, each in zip(table.slots, before, strict=True)}
        step = _Step(
            self.plan, self.continuations, {slot.address: slot for slot in table.slots}, inner, self.emitted
        )

        def store() -> None:
            row = tuple(inner[slot.address] for slot in table.slots)
            self.cells[table.address] = keep(self.cells[table.address], key, row, first)

        try:
            output = go(step)
        except _Waits:
            store()
            raise
        store()
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
