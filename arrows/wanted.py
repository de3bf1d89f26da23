"""What a machine takes, as the first of its nodes say that read its input."""

from __future__ import annotations

from typing import assert_never, cast

from arrows.annotated import taken
from arrows.choice import case
from arrows.shape import ANYTHING, Product, Record, Shape, union
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
from arrows.told import Value


def wants(term: Node, bound: int) -> list[Value]:
    """What each of the first readers of the input takes; all of them must be able to. `bound` nodes are read."""
    return _Wants(bound).of(term)


def takes(term: Node, bound: int) -> Shape:
    """What the first reader that says something takes."""
    return _Wants(bound).one(term)


class _Wants:
    def __init__(self, bound: int) -> None:
        self.left = bound

    def of(self, term: Node) -> list[Value]:
        self.left -= 1
        if self.left <= 0:
            return []
        match term:
            case Primitive(name="typed", args=(declared,)):
                return _said(cast("Shape", declared), term)
            case Function():
                return _said(taken(term), term)
            case Compose(steps=steps):
                first = next((step for step in steps if not isinstance(step, Identity)), None)
                after = steps[1] if len(steps) > 1 else None
                if isinstance(first, Primitive) and first.name == "copy" and isinstance(after, Parallel):
                    return self.of(after.left) + self.of(after.right)
                return self.of(first) if first is not None else []
            case Parallel(left=left, right=right):
                return _said(Product((self.one(left), self.one(right))), term)
            case Switch(cases=cases):
                return _said(union(case(cls) for cls, _ in cases), term)
            case State(body=body) | Attempt(body=body) | Named(body=body):
                return self.of(body)
            case Keyed(body=body, by=by):
                return self.of(by) + self.of(body)
            case Perform(effect=effect) | Emit(effect=effect):
                return _said(Record(effect), term)
            case Identity() | Constant() | Primitive() | Get() | Put():
                return []
            case _:
                assert_never(term)

    def one(self, term: Node) -> Shape:
        return next((each.shape for each in self.of(term)), ANYTHING)


def _said(told: Shape, by: Node) -> list[Value]:
    return [] if told == ANYTHING else [Value(told, by, "takes")]
