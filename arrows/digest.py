"""The identity of a machine: one digest for what it does, and one for what it holds, takes and gives."""

from __future__ import annotations

import hashlib
from typing import Any

from arrows.canonical import NotData, Packer, dump
from arrows.cells import Cell, Slot, layout
from arrows.content import function_digest
from arrows.limits import FORMAT
from arrows.origin import BuildError
from arrows.signature import signature
from arrows.term import Arrow, node
from arrows.wire import kernel


def digest(arrow: Arrow[Any, Any]) -> str:
    """Return the sha256 of a machine's canonical bytes, as 64 hex digits: which code runs.

    The functions in it count by their content. Raises BuildError, naming place and remedy, for what
    cannot be identified.

    >>> from arrows import arr, compose, identity
    >>> f, g, h = arr(abs), arr(str), identity()
    >>> digest(compose(f, compose(g, h))) == digest(compose(compose(f, g), h))
    True
    """
    try:
        packed = kernel(node(arrow), lambda leaf: function_digest(leaf.function, leaf.origin))
    except NotData as wrong:
        raise BuildError(str(wrong), where=arrow.origin, remedy="Hold plain immutable data only.") from None
    return hashlib.sha256(packed).hexdigest()


def shape_digest(arrow: Arrow[Any, Any]) -> str:
    """Return a sha256 of names and types, as 64 hex digits: whether cells are kept, and messages fit.

    What counts are the addresses and shapes of the cells, and the shapes of input and output: the names of
    classes, the names and types of fields. First values, defaults, methods, functions, and the order of
    cells do not. Two machines of one shape digest need no migration. Raises BuildError for a `get` or
    `put` whose cell is not in scope.

    >>> from arrows import loop
    >>> one = loop(lambda n, total: (n, total + n), init=0, name="total")
    >>> two = loop(lambda n, total: (n, total - n), init=9, name="total")
    >>> shape_digest(one) == shape_digest(two), digest(one) == digest(two)
    (True, False)
    """
    term = node(arrow)
    packer = Packer()
    ends = [packer.shape(each) for each in signature(term)]
    packed = [FORMAT, ends, _slots(layout(term).slots, packer)]
    return hashlib.sha256(dump([packed, packer.classes])).hexdigest()


def code_digest(arrow: Arrow[Any, Any]) -> str:
    """As `digest`, but annotations do not count, and record and enum classes by their names and methods alone.

    So it is the same after a message class gained a field, or a function takes one class more.
    Raises what `digest` raises.

    >>> from arrows import arr
    >>> code_digest(arr(abs)) == code_digest(arr(abs)), code_digest(arr(abs)) == code_digest(arr(len))
    (True, False)
    """
    try:
        packed = kernel(
            node(arrow), lambda leaf: function_digest(leaf.function, leaf.origin, by_name=True), by_name=True
        )
    except NotData as wrong:
        raise BuildError(str(wrong), where=arrow.origin, remedy="Hold plain immutable data only.") from None
    return hashlib.sha256(packed).hexdigest()


def _slots(slots: tuple[Slot, ...], packer: Packer) -> list[Any]:
    packed: list[Any] = []
    for slot in sorted(slots, key=lambda each: each.address):
        if isinstance(slot, Cell):
            packed.append(["cell", slot.address, packer.shape(slot.shape)])
        else:
            packed.append(["table", slot.address, packer.shape(slot.key), _slots(slot.slots, packer)])
    return packed
