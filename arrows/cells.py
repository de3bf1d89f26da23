"""The cells of a machine: their addresses, shapes and first values, in the order of the tree.

A cell's address is the chain of the scopes that name (`Named`, `Keyed`) around it, then its own name:
`orders/book`. What is unnamed adds nothing, so refactoring moves no state. The second cell of an equal
address is `book#2`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias, assert_never

import attrs
from immutables import Map

from arrows.origin import BuildError
from arrows.shape import Shape
from arrows.signature import signature
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
)

Path: TypeAlias = tuple[int, ...]
"""Where a node stands: the index to take at each level, from the root."""

Values: TypeAlias = tuple[Any, ...]
"""The state of a machine: the value of each slot, in the order of its layout."""


@attrs.frozen
class Cell:
    """One value: `init` at first, always of `shape`."""

    address: str
    shape: Shape
    init: Any


@attrs.frozen
class Table:
    """The rows of a `Keyed`: a persistent map from key to the values of `slots`."""

    address: str
    key: Shape
    slots: tuple[Slot, ...]
    by: Node = attrs.field(eq=False, repr=False)
    """What gives the key of a message."""


Slot: TypeAlias = Cell | Table


@attrs.frozen
class Layout:
    """The slots of a machine, and the address of each State and Keyed node by its path."""

    slots: tuple[Slot, ...]
    addresses: Mapping[Path, str] = attrs.field(eq=False)


def initial(slots: tuple[Slot, ...]) -> Values:
    """The state before the first step."""
    return tuple(slot.init if isinstance(slot, Cell) else Map() for slot in slots)


def flat(slots: tuple[Slot, ...]) -> Iterator[Slot]:
    """Every slot, those of tables behind their table."""
    for slot in slots:
        yield slot
        if isinstance(slot, Table):
            yield from flat(slot.slots)


def layout(term: Node) -> Layout:
    """Read the cells of a machine.

    Raises BuildError for a `get` or `put` whose cell is not in scope.
    """
    addresses: dict[Path, str] = {}
    reader = _Reader(addresses, Counter())
    return Layout(tuple(reader.slots(term, (), "", frozenset())), addresses)


@attrs.frozen
class _Reader:
    addresses: dict[Path, str]
    seen: Counter[str]

    def address(self, path: Path, prefix: str, name: str) -> str:
        plain = prefix + name
        self.seen[plain] += 1
        count = self.seen[plain]
        self.addresses[path] = plain if count == 1 else f"{plain}#{count}"
        return self.addresses[path]

    def slots(self, term: Node, path: Path, prefix: str, scope: frozenset[str]) -> Iterator[Slot]:
        match term:
            case State(name=name, init=init, body=body, of=of):
                yield Cell(self.address(path, prefix, name), of, init)
                yield from self.slots(body, (*path, 0), prefix, scope | {name})
            case Keyed(by=by, body=body, name=name):
                address = self.address(path, prefix, name)
                key = signature(by)[1]
                slots = tuple(self.slots(body, (*path, 1), address + "/", frozenset()))
                yield Table(address, key, slots, by)
            case Named(name=name, body=body):
                yield from self.slots(body, (*path, 0), f"{prefix}{name}/", scope)
            case Get(name=name) | Put(name=name):
                if name not in scope:
                    raise BuildError(
                        f"there is no cell {name!r} in scope",
                        where=term.origin,
                        remedy=f"Wrap the arrow in state({name!r}, init, ...); a keyed body sees its own cells only.",
                    )
            case Compose() | Parallel() | Switch() | Attempt():
                for index, child in enumerate(children(term)):
                    yield from self.slots(child, (*path, index), prefix, scope)
            case Identity() | Constant() | Primitive() | Function() | Perform() | Emit():
                pass
            case _:
                assert_never(term)
