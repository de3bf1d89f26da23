"""Which member of a union takes the place of another.

A value is of the first member that it fits. As an int fits a float too, a member is asked before those whose floats
have ints in their place, so that what is of both is of the narrower one.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from arrows.canonical import same_shape
from arrows.fit import misfit
from arrows.shape import Enumeration, Record, Scalar, Shape, options, parts
from migrations.rule import Search, Step, Stop


def choose(old: Shape, new: Shape, within: Search) -> tuple[Step, Step] | None:
    """The way of a value between two unions, or None where neither is one."""
    before, after = options(old), options(new)
    if len(before) == len(after) == 1:
        return None
    ways: list[tuple[Shape, Shape, tuple[Step, Step]]] = []
    several = sum(isinstance(each, Record) for each in before) > 1
    for one in before:
        other = _counterpart(one, after, within)
        path = f"<{name_of(one)}>" if several and isinstance(one, Record) else ""
        ways.append((one, other, within(one, other, path)))
    taken = [other for _, other, _ in ways]
    for one, other, _ in ways:
        if taken.count(other) > 1:
            raise Stop(f"{one} and another become {other}, and nobody could tell them apart")
    return (
        _through([(one, up) for one, _, (up, _) in ways]),
        _through([(other, down) for _, other, (_, down) in ways]),
    )


def _through(ways: list[tuple[Shape, Step]]) -> Step:
    ordered = sorted(ways, key=lambda way: _floats(way[0]))

    def step(value: Any) -> Any:
        for shape, way in ordered:
            if misfit(value, shape) is None:
                return way(value)
        raise ValueError(f"{value!r:.50} has no counterpart")

    return step


def _floats(shape: Shape) -> int:
    return int(shape == Scalar(float)) + sum(map(_floats, parts(shape)))


def _counterpart(one: Shape, among: Iterable[Shape], within: Search) -> Shape:
    """The option that takes another's place: the same, or of the same name, or the only one that a way leads to."""
    among = list(among)
    same = [each for each in among if each == one or same_shape(each, one)]
    named = [each for each in among if name_of(each) == name_of(one) != ""]
    for found in (same, named):
        if found:
            return found[0]
    found = [each for each in among if within.attempt(one, each) is not None]
    if len(found) == 1:
        return found[0]
    if not found:
        raise Stop(f"nothing leads from {one} to any of {', '.join(map(str, among))}")
    raise Stop(f"{one} could become any of {', '.join(map(str, found))}")


def name_of(shape: Shape) -> str:
    """The name of a class, or nothing."""
    return shape.cls.__name__ if isinstance(shape, Record | Enumeration) else ""
