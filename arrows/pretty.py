"""Machines as text, in the words that build them."""

from __future__ import annotations

from typing import Any, assert_never

from arrows.representation import represent
from arrows.shape import Shape
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
    children,
    node,
)

_WIDTH = 88


def pretty(arrow: Arrow[Any, Any]) -> str:
    """Return a machine as indented text: a node a line, its parts below it.

    What fits on a line stands on one.

    >>> from arrows import arr, constant, switch
    >>> print(pretty(switch((int, arr(abs)), (str, constant(0)))))
    switch((int, abs), (str, constant(0)))
    """
    return "\n".join(_lines(node(arrow)))


def label(term: Node) -> str:
    """A node without its parts.

    >>> from arrows import constant
    >>> label(constant(0))
    'constant(0)'
    """
    match term:
        case Identity():
            return "identity"
        case Constant(value=value):
            return f"constant({_short(value)})"
        case Primitive(name=name, args=args):
            return f"{name}({', '.join(map(_argument, args))})" if args else name
        case Function(function=function):
            return str(getattr(function, "__qualname__", repr(function)))
        case Compose():
            return "compose"
        case Parallel():
            return "parallel"
        case Switch(cases=cases):
            return f"switch on {', '.join(cls.__name__ for cls, _ in cases)}"
        case State(name=name, init=init, of=of):
            return f"state({name!r}: {of} = {_short(init)})"
        case Get(name=name):
            return f"get({name!r})"
        case Put(name=name):
            return f"put({name!r})"
        case Keyed(name=name):
            return f"keyed({name!r})"
        case Perform(effect=effect):
            return f"perform({effect.__name__})"
        case Emit(effect=effect):
            return f"emit({effect.__name__})"
        case Attempt():
            return "attempt"
        case Named(name=name):
            return f"named({name!r})"
        case _:
            assert_never(term)


def _short(value: object) -> str:
    text = represent(value)
    return text if len(text) <= 40 else text[:39] + "…"


def _argument(value: Any) -> str:
    if isinstance(value, type):
        return value.__name__
    if isinstance(value, tuple):
        return "(" + ", ".join(map(_argument, value)) + ("," if len(value) == 1 else "") + ")"
    return (
        value
        if isinstance(value, str) and value.isidentifier()
        else str(value)
        if _is_shape(value)
        else represent(value)
    )


def _is_shape(value: object) -> bool:
    return isinstance(value, Shape.__args__)


def _lines(term: Node) -> list[str]:
    """A node on one line where that fits, else with its parts indented below."""
    inner = [_lines(child) for child in children(term)]
    if not inner:
        return [label(term)]
    heads = [f"({cls.__name__}, " for cls, _ in term.cases] if isinstance(term, Switch) else [""] * len(inner)
    name = "switch" if isinstance(term, Switch) else label(term)
    if all(len(lines) == 1 for lines in inner):
        flat = _flat(term, name, [lines[0] for lines in inner], heads)
        if len(flat) <= _WIDTH:
            return [flat]
    lines = [f"{name}"]
    for head, part in zip(heads, inner, strict=True):
        start = f"{head.removeprefix('(').removesuffix(', ')}: " if head else ""
        lines += ["  " + start + part[0], *("  " + each for each in part[1:])]
    return lines


def _flat(term: Node, name: str, parts: list[str], heads: list[str]) -> str:
    match term:
        case Compose():
            return " >> ".join(parts)
        case Parallel():
            return " * ".join(f"({part})" if ">>" in part else part for part in parts)
        case Switch():
            return f"{name}({', '.join(f'{head}{part})' for head, part in zip(heads, parts, strict=True))})"
        case _:
            return f"{name}[{', '.join(parts)}]"
