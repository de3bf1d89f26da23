"""What the annotations of a function leaf say, read once: the shape it takes and the shape it gives.

What is not annotated, what names no shape, and what may be other than it is annotated (a coroutine, a
wrapped function, the constructor of a class) is `Anything`: nothing is guessed.
"""

from __future__ import annotations

import builtins
import inspect
import types
import typing
import weakref
from collections.abc import Callable, Mapping
from typing import Any, Final

import attrs

from arrows.shape import ANYTHING, SCALARS, Product, Scalar, Shape, shape_of, union
from arrows.term import Function

_ROUTINES: Final = (types.FunctionType, types.MethodType, types.BuiltinFunctionType)
_LATER: Final = inspect.CO_COROUTINE | inspect.CO_GENERATOR | inspect.CO_ASYNC_GENERATOR


@attrs.frozen
class Leaf:
    """The parameters of a function and what it returns, as shapes. Those of scalars are the same objects."""

    positional: tuple[str, ...]
    """Those that can be passed by place, in order."""
    more: str
    """The name behind `*`, or ""."""
    shapes: Mapping[str, Shape]
    returned: Shape
    only: Shape = attrs.field(init=False)
    """What is taken for an argument that is alone."""

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "only", self.shape(0))

    def name(self, place: int, keyword: str = "") -> str:
        """The parameter that an argument is passed to."""
        return keyword or (self.positional[place] if place < len(self.positional) else self.more)

    def shape(self, place: int, keyword: str = "") -> Shape:
        """What is taken for an argument."""
        return self.shapes.get(self.name(place, keyword), ANYTHING)


_SCALARS: Final[Mapping[Any, Shape]] = {cls: Scalar(cls) for cls in SCALARS}
_UNKNOWN: Final = Leaf((), "", {}, ANYTHING)
_LEAVES: weakref.WeakKeyDictionary[Any, Leaf] = weakref.WeakKeyDictionary()


def leaf(function: Callable[..., Any]) -> Leaf:
    """What is known of a function from its annotations."""
    try:
        known = _LEAVES.get(function)
        if known is None:
            known = _LEAVES[function] = _read(function)
        return known
    except TypeError:  # not to be hashed, or not to be kept weakly
        return _read(function)


def taken(term: Function) -> Shape:
    """The shape of a leaf's input."""
    known = leaf(term.function)
    if term.spread is None:
        return known.only
    return Product(tuple(known.shape(at, keyword) for at, keyword in enumerate(term.spread)))


def given(term: Function) -> Shape:
    """The shape of a leaf's output."""
    return leaf(term.function).returned


def _read(function: Callable[..., Any]) -> Leaf:
    if isinstance(function, type):
        return attrs.evolve(_UNKNOWN, returned=_shape(function))
    if not isinstance(function, _ROUTINES) or hasattr(function, "__wrapped__"):
        return _UNKNOWN
    if type(function) is types.FunctionType and not function.__defaults__ and not function.__kwdefaults__:
        return _plain(function)
    try:
        hints = typing.get_type_hints(function)
        parameters = inspect.signature(function).parameters.values()
    except Exception:  # an annotation is any code
        return _UNKNOWN
    shapes = {p.name: _parameter(hints.get(p.name, Any), p.default) for p in parameters}
    positional = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    more = next((p.name for p in parameters if p.kind is p.VAR_POSITIONAL), "")
    code = getattr(function, "__code__", None)
    later = code is not None and code.co_flags & _LATER
    return Leaf(tuple(positional), more, shapes, ANYTHING if later else _shape(hints.get("return", Any)))


def _plain(function: types.FunctionType) -> Leaf:
    """The same of a function without defaults: classes named outright are not evaluated as code."""
    code, hints = function.__code__, function.__annotations__
    if not hints:
        return _UNKNOWN
    named = {name: _named(function, each) for name, each in hints.items()}
    if not all(each is None or isinstance(each, type) for each in named.values()):
        try:
            named = typing.get_type_hints(function)
        except Exception:  # an annotation is any code
            return _UNKNOWN
    shapes = {name: _shape(each) for name, each in named.items()}
    returned = shapes.pop("return", ANYTHING)
    count = code.co_argcount + code.co_kwonlyargcount
    more = code.co_varnames[count] if code.co_flags & inspect.CO_VARARGS else ""
    positional = code.co_varnames[: code.co_argcount]
    return Leaf(positional, more, shapes, ANYTHING if code.co_flags & _LATER else returned)


def _named(function: types.FunctionType, annotation: Any) -> Any:
    """What an annotation that is a mere name stands for, else the annotation."""
    if type(annotation) is not str or getattr(function, "__type_params__", None):
        return annotation
    known = function.__globals__
    return known[annotation] if annotation in known else getattr(builtins, annotation, annotation)


def _parameter(annotation: Any, default: Any) -> Shape:
    """A parameter that is None when it is left out takes None."""
    shape = _shape(annotation)
    return union([shape, Scalar(type(None))]) if default is None else shape


def _shape(annotation: Any) -> Shape:
    try:
        return _SCALARS.get(annotation) or shape_of(annotation)
    except Exception:  # no shape, or an annotation that cannot even be compared
        return ANYTHING
