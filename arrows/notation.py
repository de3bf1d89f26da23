"""Arrow notation: `@proc` reads an ordinary function as an arrow.

The function takes one typed input. Its keyword-only parameters are cells: their defaults are the first
values, reading one is `get`, rebinding one is `put`. The body becomes a chain of arrows over an
*environment*, the value that holds the input and what was bound since: binding a value turns the
environment `e` into the pair `(e, value)`, and a name is a path into those pairs. (This is the usual
desugaring of arrow notation, after Paterson, "A New Notation for Arrows", 2001.) The compiler runs the
pairs away, so nothing of them is left in a step.

What the notation does not know is an error at its line, with what to write instead.
"""

from __future__ import annotations

import ast
import inspect
import sys
import types
import typing
from collections.abc import Callable
from typing import Any

from arrows import check
from arrows.build import cell_shape, checked_name
from arrows.inference import A, B
from arrows.origin import BuildError, Code, Origin, writing
from arrows.shape import shape_of
from arrows.source import definition
from arrows.statement import Reader, returning
from arrows.term import Arrow, Node, Primitive, State, sequence


def proc(function: Callable[[A], B]) -> Arrow[A, B]:
    """Read a function as an arrow from its first parameter to what it returns.

    Raises BuildError, naming the line and the remedy, for what cannot be expressed.

    >>> from arrows import run
    >>> @proc
    ... def count(by: int, *, total: int = 0) -> int:
    ...     total += by
    ...     return total
    >>> run(count, [1, 2, 3])
    [1, 3, 6]
    """
    if not isinstance(function, types.FunctionType):
        raise BuildError(
            f"@proc reads a function, not {function!r}", remedy="Write @proc above a plain `def`."
        )
    first = function.__code__.co_firstlineno
    code = Code(function.__qualname__, first, quiet=True)
    place = Origin(function.__code__.co_filename, first, code)
    with writing(place):
        try:
            return _read(function, place, dict(sys._getframe(1).f_locals))
        except RecursionError:
            raise BuildError(
                f"{function.__name__} is too long for @proc to read",
                where=place,
                remedy="Move a part of it into a function of its own and call it.",
            ) from None


def _read(function: types.FunctionType, place: Origin, around: dict[str, Any]) -> Node:
    tree = definition(function)
    hints = _hints(function, place, around)
    message, cells = _parameters(function, place)
    if message not in hints:
        raise BuildError(
            f"the input {message!r} of {function.__name__} has no type",
            where=place,
            remedy=f"Annotate it: def {function.__name__}({message}: Message, ...).",
        )
    taken = shape_of(hints[message])
    reader = Reader(place.file, function, frozenset(cells), taken)
    reader.look(tree)
    said = ast.get_docstring(tree, clean=False) is not None
    body = tree.body[1:] if said else tree.body
    steps = [Primitive("typed", (taken,)), reader.block(body, reader.start(message), returning)]
    if "return" in hints:
        steps.append(Primitive("typed", (shape_of(hints["return"]),)))
    machine, returned = sequence(*steps), steps[-1] if "return" in hints else None
    for name, init in reversed(cells.items()):
        machine = State(checked_name(name), init, machine, cell_shape(name, init, hints.get(name)))
    check.whole(machine, place, tree.end_lineno or place.line, returned)
    return machine


def _hints(function: types.FunctionType, place: Origin, around: dict[str, Any]) -> dict[str, Any]:
    closure = inspect.getclosurevars(function).nonlocals
    try:
        return typing.get_type_hints(function, localns={**around, **closure}, include_extras=True)
    except NameError as missing:
        raise BuildError(
            f"the annotation {missing.name!r} of {function.__name__} names nothing",
            where=place,
            remedy="Define or import it above the function.",
        ) from None


def _parameters(function: types.FunctionType, place: Origin) -> tuple[str, dict[str, Any]]:
    """The name of the input, and the cells with their first values."""
    given = list(inspect.signature(function).parameters.values())
    inputs = [p.name for p in given if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    cells = [p for p in given if p.kind is p.KEYWORD_ONLY]
    if len(inputs) != 1 or len(inputs) + len(cells) != len(given):
        raise BuildError(
            f"{function.__name__} takes {len(inputs)} inputs",
            where=place,
            remedy="Take one input (a message class, a tuple, ...), then cells behind `*`: (msg: Msg, *, n: int = 0).",
        )
    for cell in cells:
        if cell.default is cell.empty:
            raise BuildError(
                f"the cell {cell.name!r} of {function.__name__} has no first value",
                where=place,
                remedy=f"Give it one: {cell.name}: ... = value.",
            )
    return inputs[0], {cell.name: cell.default for cell in cells}
