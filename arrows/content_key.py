"""Content keys: two parts have one key just where they are equal, so comparing two subtrees compares integers.

Keys are given out bottom-up: what is in a part stands in its own key as integers, so each part is looked at once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, assert_never

from arrows import record
from arrows.parts import Case, Part, Tree, planted
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
    Parallel,
    Perform,
    Primitive,
    Put,
    State,
    Switch,
)

_SHAPES = frozenset(Shape.__args__)
"""These are compared as they are: what they hold are classes."""


class Index:
    """Gives out content keys. `function` says what identifies a function."""

    def __init__(self, function: Callable[[Function], Any]) -> None:
        self._function = function
        self._keys: dict[Any, int] = {}
        self._alive: list[Any] = []

    def read(self, tree: Tree) -> None:
        """Give a key to every part of a tree."""
        keys = self._keys
        for each in reversed(tree.below()):
            what = self.head(each.head)
            if each.rows:
                what = (what, *(tuple([part.key for part in row]) for row in each.rows))
            each.key = keys.setdefault(what, len(keys))

    def head(self, head: Part) -> Any:
        """What identifies a part without what is in it."""
        match head:
            case Function(spread=spread):
                return (Function, self._function(head), spread)
            case Constant(value=value):
                return (Constant, self._value(value))
            case State(name=name, init=init, of=of):
                return (State, name, self._value(init), of)
            case Primitive(name=name, args=args):
                return (Primitive, name, self._value(args))
            case Perform(effect=effect, of=of):
                return (Perform, effect, of)
            case Emit(effect=cls) | Case(cls=cls):
                return (type(head), cls)
            case Get(name=name) | Put(name=name) | Keyed(name=name) | Named(name=name):
                return (type(head), name)
            case Compose(steps=steps):
                return (Compose, tuple(map(self._whole, steps)))
            case Identity() | Parallel() | Switch() | Attempt():
                return (type(head),)
            case _:
                assert_never(head)

    def _whole(self, part: Part) -> int:
        tree = planted(part)
        self.read(tree)
        return tree.key

    def _value(self, value: Any) -> Any:
        """Tells apart what `==` does not: 1, 1.0 and True; 0.0 and -0.0."""
        cls = type(value)
        if cls is float:
            return (cls, value.hex())
        if cls in (tuple, list):
            return (cls, tuple(map(self._value, value)))
        if cls is frozenset:
            return (cls, frozenset(map(self._value, value)))
        if cls is dict:
            return (cls, tuple((self._value(key), self._value(each)) for key, each in value.items()))
        if cls not in _SHAPES and record.is_frozen_record(cls):
            return (cls, tuple(map(self._value, record.values(value))))
        try:
            hash(value)
        except TypeError:
            self._alive.append(value)
            return (cls, id(value))
        return (cls, value)
