"""Where a machine waits, and what is left to do from there.

A `perform` ends a segment of a step. What is left is an arrow again: the tree without the parts that were
done. Nothing else has to be kept but the values on the wires beside it, so a suspension is data, and its
digest tells whether another version would go on in the same way. (This is defunctionalisation: Reynolds,
"Definitional Interpreters", 1972; the rest of a tree is its derivative at the place of the `perform`.)
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, assert_never

import attrs

from arrows.canonical import Packer, canonical
from arrows.cells import Layout, Path
from arrows.content import function_digest
from arrows.effect import BadAnswer, Suspended, UnknownContinuation
from arrows.fit import misfit
from arrows.keys import key_of, value_of
from arrows.origin import BuildError
from arrows.shape import Shape
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
    children,
    sequence,
)
from arrows.wire import kernel

HELD = "held"
"""The name of a value on a wire that nobody named."""


@attrs.frozen
class Wire:
    """A value that waits beside the path to a `perform`.

    It is a tuple whose items have `names`, or one value under one name; `is_key` where it is the key of a row.
    """

    names: tuple[str, ...]
    is_tuple: bool = False
    is_key: bool = False


@attrs.frozen
class Continuation:
    """The rest of a machine behind one `perform`: which it is, and what it needs, on wires and by names."""

    path: Path
    effect: type
    answer: Shape
    wires: tuple[Wire, ...]
    names: tuple[str, ...]
    digest: str

    def suspend(self, effect: Any, wires: Sequence[Any]) -> Suspended:
        """The suspension that asks for an effect. Raises TypeError for what is not plain data."""
        told(self.effect, effect)
        values: list[Any] = []
        for wire, value in zip(self.wires, wires, strict=True):
            values += value if wire.is_tuple else [value_of(value)]
        live = dict(zip(self.names, values, strict=True))
        for name, value in live.items():
            try:
                Packer().value(value)
            except TypeError as wrong:
                raise TypeError(f"{name!r} must be kept while {effect!r:.60} is performed: {wrong}") from None
        return Suspended(self.digest, effect, live)

    def resumed(self, suspended: Suspended, answer: Any) -> list[Any]:
        """What waits on each wire. Raises BadAnswer for an answer of another type."""
        wrong = misfit(answer, self.answer)
        if wrong:
            raise BadAnswer(f"the answer to {self.effect.__qualname__}: {wrong}")
        values = iter([suspended.live[name] for name in self.names])
        waiting: list[Any] = []
        for wire in self.wires:
            held = tuple(next(values) for _ in wire.names)
            waiting.append(held if wire.is_tuple else key_of(held[0]) if wire.is_key else held[0])
        return waiting


def told(cls: type, effect: Any) -> Any:
    """Return an effect, or raise TypeError where it is not data of the class that was announced."""
    if not isinstance(effect, cls):
        raise TypeError(f"{effect!r:.60} is not a {cls.__qualname__}")
    Packer().value(effect)
    return effect


def find(known: Mapping[str, Continuation], suspended: Suspended) -> Continuation:
    """The continuation of a suspension, or UnknownContinuation."""
    found = known.get(suspended.continuation)
    if found is None or set(found.names) != set(suspended.live):
        raise UnknownContinuation(
            f"this machine does not go on from {suspended.continuation[:12]} "
            f"({type(suspended.effect).__qualname__}): its waiting step is of another version or machine"
        )
    return found


def effects(term: Node) -> tuple[list[type], list[type]]:
    """The classes of the effects that a machine performs, and of those that it emits."""
    performed: list[type] = []
    emitted: list[type] = []
    waiting = [term]
    while waiting:
        here = waiting.pop()
        into = performed if isinstance(here, Perform) else emitted
        if isinstance(here, Perform | Emit) and here.effect not in into:
            into.append(here.effect)
        waiting += reversed(children(here))
    return performed, emitted


def continuations(term: Node, plan: Layout) -> dict[Path, Continuation]:
    """Every place where a machine may wait.

    Raises BuildError for a function behind a `perform` that cannot be identified: what waits must be known
    again by another process.
    """
    return {path: _continuation(term, path, plan) for path in _places(term, ())}


def _places(term: Node, path: Path) -> Iterator[Path]:
    if isinstance(term, Perform):
        yield path
    for index, child in enumerate(children(term)):
        yield from _places(child, (*path, index))


def _continuation(term: Node, path: Path, plan: Layout) -> Continuation:
    reader = _Rest(plan)
    rest = reader.rest(term, (), path)
    names = tuple(_numbered(name for wire in reader.wires for name in wire.names))
    here = term
    for index in path:
        here = children(here)[index]
    assert isinstance(here, Perform)
    code = kernel(rest, lambda leaf: function_digest(leaf.function, leaf.origin))
    identity = canonical((code, tuple(reader.addresses), names))
    return Continuation(
        path, here.effect, here.of, tuple(reader.wires), names, hashlib.sha256(identity).hexdigest()
    )


def _numbered(names: Iterable[str]) -> Iterator[str]:
    seen: Counter[str] = Counter()
    for name in names:
        seen[name] += 1
        yield name if seen[name] == 1 else f"{name}#{seen[name]}"


@attrs.frozen
class _Rest:
    """Reads what is left behind a path: the tree, the cells it may touch, and the wires beside the path."""

    plan: Layout
    wires: list[Wire] = attrs.field(factory=list)
    addresses: list[str] = attrs.field(factory=list)

    def rest(self, term: Node, path: Path, way: Path) -> Node:
        match term:
            case Perform(of=of):
                return Primitive("typed", (of,))
            case Compose(steps=steps):
                inner = self.rest(steps[way[0]], (*path, way[0]), way[1:])
                later = [self.whole(steps[at], (*path, at)) for at in range(way[0] + 1, len(steps))]
                return sequence(inner, *later)
            case Parallel(left=left, right=right):
                if way[0] == 0:
                    self.wires.append(Wire((HELD,)))
                    return Parallel(self.rest(left, (*path, 0), way[1:]), self.whole(right, (*path, 1)))
                self.wires.append(_wire(left))
                return Parallel(Identity(), self.rest(right, (*path, 1), way[1:]))
            case Switch(cases=cases):
                return self.rest(cases[way[0]][1], (*path, way[0]), way[1:])
            case State(name=name, of=of, body=body):
                self.addresses.append(self.plan.addresses[path])
                return State(name, None, self.rest(body, (*path, 0), way[1:]), of)
            case Keyed(name=name, body=body):
                self.addresses.append(self.plan.addresses[path])
                self.wires.append(Wire((self.plan.addresses[path],), is_key=True))
                return Keyed(self.rest(body, (*path, 1), way[1:]), Identity(), name)
            case Attempt(body=body):
                return Attempt(self.rest(body, (*path, 0), way[1:]))
            case Named(body=body):
                return self.rest(body, (*path, 0), way[1:])
            case Identity() | Constant() | Primitive() | Function() | Get() | Put() | Emit():
                raise AssertionError(path)
            case _:
                assert_never(term)

    def whole(self, term: Node, path: Path) -> Node:
        """A part that is all left."""
        if path in self.plan.addresses:
            self.addresses.append(self.plan.addresses[path])
        for index, child in enumerate(children(term)):
            self.whole(child, (*path, index))
        return term


def _wire(left: Node) -> Wire:
    """What the left arrow of a pair hands past the right one."""
    last = left.steps[-1] if isinstance(left, Compose) else left
    if isinstance(last, Primitive) and last.name == "label":
        return Wire(tuple(last.args[0]), is_tuple=True)
    return Wire((HELD,))


def refuse_waiting(term: Node, what: str) -> None:
    """Raise BuildError where an arrow performs that holds a cell's value on a wire."""
    performed, _ = effects(term)
    if performed:
        raise BuildError(
            f"{what} performs {performed[0].__qualname__} while it holds its state on a wire: "
            "what other inputs write meanwhile would be lost",
            where=term.origin,
            remedy="Use state(name, init, body) with get and put behind the perform, or @proc.",
        )
