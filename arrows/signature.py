"""What a machine takes and gives, read from the tree: the `check` reader in its first form.

Where nothing is known the answer is `Anything`; nothing is guessed.
"""

from __future__ import annotations

import inspect
import typing
from typing import Any, assert_never

from arrows import record
from arrows.either import Left, Right
from arrows.origin import BuildError
from arrows.primitive import BINARY, UNARY
from arrows.shape import (
    ANYTHING,
    NOTHING,
    Product,
    Record,
    Scalar,
    Shape,
    shape_of,
    shape_of_value,
    union,
)
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

_COMPARISONS = {"eq", "ne", "lt", "le", "gt", "ge", "is", "is_not", "in", "not_in", "not"}


def signature(term: Node) -> tuple[Shape, Shape]:
    """Return the shapes of the input and of the output."""
    return accepts(term), gives(term, ANYTHING)


def accepts(term: Node) -> Shape:
    """Return the shape of the input."""
    match term:
        case Primitive(name="typed", args=(shape,)):
            return typing.cast("Shape", shape)
        case Function():
            return _function(term)[0]
        case Compose(steps=steps):
            return _first(steps)
        case Parallel(left=left, right=right):
            return Product((accepts(left), accepts(right)))
        case Switch(cases=cases):
            return union(_case(cls) for cls, _ in cases)
        case State(body=body) | Attempt(body=body) | Named(body=body):
            return accepts(body)
        case Keyed(body=body, by=by):
            inner = accepts(body)
            return accepts(by) if inner == ANYTHING else inner
        case Perform(effect=effect) | Emit(effect=effect):
            return Record(effect)
        case Identity() | Constant() | Primitive() | Get() | Put():
            return ANYTHING
        case _:
            assert_never(term)


def _first(steps: tuple[Node, ...]) -> Shape:
    """A copied input is what either of its readers says."""
    if steps and isinstance(steps[0], Identity):
        return _first(steps[1:])
    if len(steps) > 1 and steps[0] == Primitive("copy") and isinstance(steps[1], Parallel):
        left = accepts(steps[1].left)
        return accepts(steps[1].right) if left == ANYTHING else left
    return accepts(steps[0]) if steps else ANYTHING


def _case(cls: type) -> Shape:
    try:
        return Record(cls) if cls in (Left, Right) else shape_of(cls)
    except BuildError:
        return ANYTHING


def _function(term: Function) -> tuple[Shape, Shape]:
    """The annotations of a leaf; what is not annotated, or names no shape, is Anything."""
    try:
        hints = typing.get_type_hints(term.function)
        names = list(inspect.signature(term.function).parameters)
    except (TypeError, ValueError, NameError, AttributeError):
        return ANYTHING, ANYTHING

    def of(name: str) -> Shape:
        try:
            return shape_of(hints.get(name, Any))
        except BuildError:
            return ANYTHING

    if term.spread is None:
        return (of(names[0]) if names else ANYTHING), of("return")
    given = [keyword or name for keyword, name in zip(term.spread, names, strict=False)]
    return (Product(tuple(map(of, given))) if len(given) == len(term.spread) else ANYTHING), of("return")


def gives(term: Node, taken: Shape) -> Shape:
    """Return the shape of the output for an input of shape `taken`."""
    match term:
        case Identity():
            return taken
        case Constant(value=value):
            try:
                return shape_of_value(value)
            except BuildError:
                return ANYTHING
        case Primitive():
            return _primitive(term, taken)
        case Function():
            return _function(term)[1]
        case Compose(steps=steps):
            for step in steps:
                taken = gives(step, taken)
            return taken
        case Parallel(left=left, right=right):
            one, other = taken.items if _is_pair(taken) else (ANYTHING, ANYTHING)
            return Product((gives(left, one), gives(right, other)))
        case Switch(cases=cases):
            return union(gives(body, _held(cls)) for cls, body in cases)
        case State(body=body) | Named(body=body) | Keyed(body=body):
            return gives(body, taken)
        case Perform(of=of):
            return of
        case Put() | Emit():
            return Scalar(type(None))
        case Get() | Attempt():
            return ANYTHING
        case _:
            assert_never(term)


def _is_pair(shape: Shape) -> typing.TypeGuard[Product]:
    return isinstance(shape, Product) and len(shape.items) == 2


def _held(cls: type) -> Shape:
    return ANYTHING if cls in (Left, Right) else _case(cls)


def _primitive(term: Primitive, taken: Shape) -> Shape:
    match term.name, term.args:
        case "typed", (shape,):
            return typing.cast("Shape", shape)
        case "label", _:
            return taken
        case "copy", ():
            return Product((taken, taken))
        case "construct", (cls, _):
            return Record(cls)
        case "field", (name,) if isinstance(taken, Record):
            known = {field.name: field.shape for field in record.fields(taken.cls)}
            return known.get(name, ANYTHING)
        case "pick", (path,):
            for index in path:
                inside = isinstance(taken, Product) and index < len(taken.items)
                taken = taken.items[index] if inside else ANYTHING  # type: ignore[union-attr]
            return taken
        case "raise", _:
            return NOTHING
        case ("is_a", _):
            return Scalar(bool)
        case name, () if name in _COMPARISONS:
            return Scalar(bool)
        case name, () if (
            name in BINARY and _is_pair(taken) and taken.items[0] == taken.items[1] == Scalar(int)
        ):
            return ANYTHING if name in ("truediv", "pow") else Scalar(int)
        case name, () if name in UNARY and taken == Scalar(int):
            return taken
        case _:
            return ANYTHING
