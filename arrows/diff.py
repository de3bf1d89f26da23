"""What differs between two machines: cells by address, parts by path. Values; printing and JSON read them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, TypeAlias

import attrs

from arrows.canonical import NotData, same_shape
from arrows.cells import Cell, Slot, flat, layout
from arrows.content import function_digest
from arrows.content_key import Index
from arrows.edit import Edit, to_plain
from arrows.matching import Similarity
from arrows.origin import BuildError
from arrows.parts import Tree, rooted
from arrows.script import Script, reloaded
from arrows.term import Arrow, Function, Node, node

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


def _line(change: Change, what: str, old: str, new: str) -> str:
    sign = {"added": "+", "removed": "-", "changed": "~"}[change]
    return f"{sign} {what}: " + " -> ".join(each for each in (old, new) if each)


@attrs.frozen
class Difference:
    """All that differs between two machines: cells by address, and the edits that lead from one to the other.

    Falsy when nothing differs. `reloaded` are functions that are the same code in another object, as when a
    file was loaded twice: nothing differs, yet `patch` puts them in place.
    """

    cells: tuple[CellChange, ...]
    edits: tuple[Edit, ...]
    reloaded: tuple[Edit, ...] = attrs.field(default=(), repr=False)

    def __bool__(self) -> bool:
        return bool(self.cells or self.edits)

    def __str__(self) -> str:
        return "\n".join(map(str, (*self.cells, *self.edits))) or "no difference"

    def to_plain(self) -> dict[str, Any]:
        """The same as JSON-able data; `arrows.changed_lines` adds the lines of source."""
        return {
            "cells": [attrs.asdict(each) for each in self.cells],
            "nodes": [to_plain(each) for each in self.edits],
        }


def diff(old: Arrow[Any, Any], new: Arrow[Any, Any]) -> Difference:
    """Compare two machines.

    What is found leads from one to the other: `patch(old, diff(old, new)) == new`.

    >>> from arrows import arr, constant
    >>> print(diff(arr(abs) >> constant(1), arr(abs) >> constant(2)))
    ~ node 1: constant(1) -> constant(2)
    """
    before, after = node(old), node(new)
    one, other = rooted(before), rooted(after)
    contents = _contents(one, other)
    index = Index(lambda leaf: contents.get(id(leaf.function), id(leaf.function)))
    index.read(one)
    index.read(other)
    same = one.key == other.key
    edits = () if same else Script(index, Similarity(index)).lead(one, other)
    return Difference(
        () if same else tuple(_cells(before, after)), edits, tuple(reloaded(one, other)) if contents else ()
    )


def _contents(old: Tree, new: Tree) -> dict[int, str]:
    """By identity, what the functions are that only one tree has, where both have such."""
    ones, others = _functions(old), _functions(new)
    apart = ones.keys() ^ others.keys()
    if apart <= ones.keys() or apart <= others.keys():
        return {}
    found: dict[int, str] = {}
    for key in apart:
        leaf = ones.get(key) or others[key]
        try:
            found[key] = function_digest(leaf.function, leaf.origin)
        except (BuildError, NotData):
            continue  # it cannot be told what it is, so it is itself alone
    return found


def _functions(tree: Tree) -> dict[int, Function]:
    return {id(each.head.function): each.head for each in tree.below() if isinstance(each.head, Function)}


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
