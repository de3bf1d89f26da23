"""What differs between two machines: cells by address, nodes by path. Values; printing and JSON read them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, Literal, TypeAlias

import attrs

from arrows.canonical import same_shape
from arrows.cells import Cell, Slot, flat, layout
from arrows.pretty import label, pretty
from arrows.term import Arrow, Compose, Node, Switch, children, node

Change: TypeAlias = Literal["added", "removed", "changed"]


@attrs.frozen
class CellChange:
    """A cell that came, went, or has another type; `old` and `new` are types as text."""

    address: str
    change: Change
    old: str = ""
    new: str = ""

    def __str__(self) -> str:
        return _line(self.change, f"cell {self.address}", self.old, self.new)


@attrs.frozen
class NodeChange:
    """A node that came, went, or was replaced at a path: the index to take at each level of the old tree
    (of the new one for a node that came).
    """

    path: tuple[int, ...]
    change: Change
    old: str = ""
    new: str = ""

    def __str__(self) -> str:
        return _line(self.change, "node " + "/".join(map(str, self.path or ("root",))), self.old, self.new)


def _line(change: Change, what: str, old: str, new: str) -> str:
    sign = {"added": "+", "removed": "-", "changed": "~"}[change]
    return f"{sign} {what}: " + " -> ".join(each for each in (old, new) if each)


@attrs.frozen
class Difference:
    """All that differs between two machines; falsy when nothing does."""

    cells: tuple[CellChange, ...]
    nodes: tuple[NodeChange, ...]

    def __bool__(self) -> bool:
        return bool(self.cells or self.nodes)

    def __str__(self) -> str:
        return "\n".join(map(str, (*self.cells, *self.nodes))) or "no difference"

    def to_plain(self) -> dict[str, Any]:
        """The same as JSON-able data."""
        return {
            "cells": [attrs.asdict(each) for each in self.cells],
            "nodes": [attrs.asdict(n) for n in self.nodes],
        }


def diff(old: Arrow[Any, Any], new: Arrow[Any, Any]) -> Difference:
    """Compare two machines.

    >>> from arrows import arr, constant
    >>> print(diff(arr(abs) >> constant(1), arr(abs) >> constant(2)))
    ~ node 1: constant(1) -> constant(2)
    """
    one, other = node(old), node(new)
    return Difference(tuple(_cells(one, other)), tuple(_nodes(one, other, ())))


def _cells(old: Node, new: Node) -> Iterator[CellChange]:
    before = {slot.address: slot for slot in flat(layout(old).slots)}
    after = {slot.address: slot for slot in flat(layout(new).slots)}
    for address, slot in before.items():
        if address not in after:
            yield CellChange(address, "removed", _kind(slot))
        elif not _same(slot, after[address]):
            yield CellChange(address, "changed", _kind(slot), _kind(after[address]))
    for address, slot in after.items():
        if address not in before:
            yield CellChange(address, "added", "", _kind(slot))


def _same(one: Slot, other: Slot) -> bool:
    if isinstance(one, Cell) and isinstance(other, Cell):
        return same_shape(one.shape, other.shape)
    return type(one) is type(other) and _kind(one) == _kind(other)


def _kind(slot: Slot) -> str:
    return str(slot.shape) if isinstance(slot, Cell) else f"a table by {slot.key}"


def _nodes(old: Node, new: Node, path: tuple[int, ...]) -> Iterator[NodeChange]:
    if old == new:
        return
    if isinstance(old, Compose) and isinstance(new, Compose):
        yield from _parts(old.steps, new.steps, path)
    elif isinstance(old, Switch) and isinstance(new, Switch):
        yield from _cases(old, new, path)
    elif label(old) == label(new) and children(old) and len(children(old)) == len(children(new)):
        for index, (one, other) in enumerate(zip(children(old), children(new), strict=True)):
            yield from _nodes(one, other, (*path, index))
    elif type(old) is type(new) and children(old) and len(children(old)) == len(children(new)):
        yield NodeChange(path, "changed", label(old), label(new))
        for index, (one, other) in enumerate(zip(children(old), children(new), strict=True)):
            yield from _nodes(one, other, (*path, index))
    else:
        yield NodeChange(path, "changed", _brief(old), _brief(new))


def _parts(old: tuple[Node, ...], new: tuple[Node, ...], path: tuple[int, ...]) -> Iterator[NodeChange]:
    """Steps are aligned from both ends; between them, what came and what went is told in order."""
    start = _shared(old, new)
    end = _shared(old[start:][::-1], new[start:][::-1])
    gone, came = old[start : len(old) - end], new[start : len(new) - end]
    both = min(len(gone), len(came))
    for index in range(both):
        yield from _nodes(gone[index], came[index], (*path, start + index))
    for index in range(both, len(gone)):
        yield NodeChange((*path, start + index), "removed", _brief(gone[index]))
    for index in range(both, len(came)):
        yield NodeChange((*path, start + index), "added", "", _brief(came[index]))


def _shared(old: tuple[Node, ...], new: tuple[Node, ...]) -> int:
    pairs = zip(old, new, strict=False)
    return next((at for at, (one, other) in enumerate(pairs) if one != other), min(len(old), len(new)))


def _cases(old: Switch, new: Switch, path: tuple[int, ...]) -> Iterator[NodeChange]:
    """Cases go by the name of their class."""
    places = {cls.__name__: at for at, (cls, _) in enumerate(new.cases)}
    names = Counter(cls.__name__ for cls, _ in old.cases)
    for at, (cls, body) in enumerate(old.cases):
        if cls.__name__ in places:
            yield from _nodes(body, new.cases[places[cls.__name__]][1], (*path, at))
        else:
            yield NodeChange((*path, at), "removed", f"case {cls.__name__}")
    for at, (cls, _) in enumerate(new.cases):
        if cls.__name__ not in names:
            yield NodeChange((*path, at), "added", "", f"case {cls.__name__}")


def _brief(term: Node) -> str:
    text = " ".join(pretty(term).split())
    return text if len(text) <= 72 else text[:71] + "…"
