"""The named operations: an open table, each entry data.

An entry says what the arguments of the operation are (for the encoding) and what it does to a value.
A primitive is added here and, where a call is not good enough, in the table of `arrows.emission`;
no node is touched. `field`, `pick` and the operators act on immutable data and have no effects.
"""

from __future__ import annotations

import builtins
import operator
from collections.abc import Callable
from typing import Any

import attrs

from arrows.either import Left, Right


@attrs.frozen
class Rule:
    """An operation: `apply(*args)` gives the function of the input; `kinds` are the kinds of its args.

    Kinds: "name", "names", "path" (of indices), "count", "class" ("..." for any number), "shape",
    "container" (list, tuple or dict), "signs" (of a display), "error".
    """

    apply: Callable[..., Callable[[Any], Any]]
    kinds: tuple[str, ...] = ()


BINARY: dict[str, tuple[str, Callable[[Any, Any], Any]]] = {
    "add": ("+", operator.add),
    "sub": ("-", operator.sub),
    "mul": ("*", operator.mul),
    "truediv": ("/", operator.truediv),
    "floordiv": ("//", operator.floordiv),
    "mod": ("%", operator.mod),
    "pow": ("**", operator.pow),
    "and": ("&", operator.and_),
    "or": ("|", operator.or_),
    "xor": ("^", operator.xor),
    "lshift": ("<<", operator.lshift),
    "rshift": (">>", operator.rshift),
    "eq": ("==", operator.eq),
    "ne": ("!=", operator.ne),
    "lt": ("<", operator.lt),
    "le": ("<=", operator.le),
    "gt": (">", operator.gt),
    "ge": (">=", operator.ge),
    "is": ("is", operator.is_),
    "is_not": ("is not", operator.is_not),
    "in": ("in", lambda item, container: item in container),
    "not_in": ("not in", lambda item, container: item not in container),
}
"""Operators on a pair, with their Python spelling."""

UNARY: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "neg": ("-", operator.neg),
    "pos": ("+", operator.pos),
    "invert": ("~", operator.invert),
    "not": ("not ", operator.not_),
}

ERRORS: dict[str, type[Exception]] = {
    cls.__name__: cls
    for cls in (
        ArithmeticError,
        AssertionError,
        IndexError,
        KeyError,
        LookupError,
        OverflowError,
        PermissionError,
        RuntimeError,
        TypeError,
        ValueError,
        ZeroDivisionError,
    )
}
"""What `raise` may raise without leaving the realm of data."""

KINDS: dict[str, type] = {"list": builtins.list, "tuple": builtins.tuple, "dict": builtins.dict}


def _pick(path: tuple[int, ...]) -> Callable[[Any], Any]:
    def pick(value: Any) -> Any:
        for index in path:
            value = value[index]
        return value

    return pick


def _pack(count: int) -> Callable[[Any], Any]:
    def pack(value: Any) -> Any:
        items: list[Any] = []
        for _ in range(count - 1):
            value, last = value
            items.append(last)
        return (value, *reversed(items))

    return pack


def _unpack(count: int) -> Callable[[Any], Any]:
    def unpack(value: Any) -> Any:
        items = tuple(value)
        if len(items) != count:
            raise ValueError(f"expected {count} values to unpack, got {len(items)}")
        return items

    return unpack


def _binary(function: Callable[[Any, Any], Any]) -> Callable[[Any], Any]:
    def on_pair(pair: Any) -> Any:
        one, other = pair
        return function(one, other)

    return on_pair


def _construct(cls: type, names: tuple[str, ...]) -> Callable[[Any], Any]:
    if cls in (Left, Right):
        return cls
    if not names:
        return lambda _: cls()
    return lambda values: cls(**dict(zip(names, values, strict=True)))


def _display(kind: str, spec: tuple[str, ...]) -> Callable[[Any], Any]:
    def display(values: Any) -> Any:
        rest = iter(values if spec else ())  # an empty display takes anything
        if kind == "dict":
            table: dict[Any, Any] = {}
            for sign in spec:
                if sign == "**":
                    table = {**table, **next(rest)}
                else:
                    key = next(rest)
                    table[key] = next(rest)
            return table
        items: list[Any] = []
        for sign in spec:
            if sign == "*":
                items.extend(next(rest))
            else:
                items.append(next(rest))
        return KINDS[kind](items)

    return display


def _raise(error: str) -> Callable[[Any], Any]:
    def throw(values: Any) -> Any:
        raise ERRORS[error](*values)

    return throw


PRIMITIVES: dict[str, Rule] = (
    {
        "copy": Rule(lambda: lambda x: (x, x)),
        "pick": Rule(_pick, ("path",)),
        "pack": Rule(_pack, ("count",)),
        "unpack": Rule(_unpack, ("count",)),
        "field": Rule(operator.attrgetter, ("name",)),
        "item": Rule(lambda: _binary(operator.getitem)),
        "is_a": Rule(lambda *classes: lambda x: isinstance(x, classes), ("class", "...")),
        "split": Rule(lambda: _binary(lambda held, test: Left(held) if test else Right(held))),
        "typed": Rule(lambda _: lambda x: x, ("shape",)),
        "label": Rule(lambda _: lambda x: x, ("names",)),
        "construct": Rule(_construct, ("class", "names")),
        "display": Rule(_display, ("container", "signs")),
        "raise": Rule(_raise, ("error",)),
    }
    | {name: Rule(lambda f=function: _binary(f)) for name, (_, function) in BINARY.items()}
    | {name: Rule(lambda f=function: f) for name, (_, function) in UNARY.items()}
)
"""What every operation does. `pack` turns (((a, b), c), d) into a tuple of as many as it says,
`unpack` takes anything of as many items apart; `construct` takes the tuple of its fields (`Left` and `Right`
take the value itself, a class without fields anything); `split` sends the first half of a pair left where the
second is true; `typed` only tells the shape of what passes, `label` the names of the items of a tuple that passes."""


def apply(name: str, args: tuple[Any, ...], value: Any) -> Any:
    """Do the operation to a value."""
    return PRIMITIVES[name].apply(*args)(value)
