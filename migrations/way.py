"""The way of a value between two forms: up, down, and what up throws away (the complement).

A complement is data that stands beside the new value. `back` with it is down that gives back what up threw away,
wherever what was written since leaves a place for it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import attrs

from arrows.canonical import canonical
from arrows.compile import compile
from arrows.fit import adopt, misfit
from arrows.representation import represent
from arrows.shape import Shape
from arrows.term import Arrow
from migrations.quick import surely_fits
from migrations.rule import Step

Restore: TypeAlias = Callable[[Any, Any], Any]
"""A new value and the complement (None where up threw nothing away) to an old value."""


@attrs.frozen
class Way:
    """The steps of a value. Each may raise for a value that has no counterpart.

    `down` is None where only `restore` leads back. `lost` gives the complement of an old value, or None for nothing;
    it and `restore` are None where up throws nothing away.
    """

    up: Step
    down: Step | None
    lost: Step | None = None
    restore: Restore | None = None

    def back(self, value: Any, lost: Any) -> Any:
        """Lead a new value back, with its complement, or None for none.

        Where only `restore` leads back, it is asked with None too: of an empty list nothing is lost.
        """
        if self.restore is not None and (lost is not None or self.down is None):
            return self.restore(value, lost)
        if self.down is None:
            raise ValueError(f"nothing leads back from {represent(value):.50}")
        return self.down(value)

    def then(self, other: Way) -> Way:
        """Go on with another way where this one ends. Nothing is kept of what they throw away."""

        def down(value: Any) -> Any:
            return self.back(other.back(value, None), None)

        can = self.down is not None and other.down is not None
        return Way(lambda value: other.up(self.up(value)), down if can else None)


def stepper(arrow: Arrow[Any, Any], to: Shape) -> Step:
    """What an arrow makes of a value, of the classes that `to` names."""
    program = compile(arrow)
    step, first = program.step, program.initial()
    surely = surely_fits(to)

    def made(value: Any) -> Any:
        given = step(first, value)[1]
        if surely(given):
            return given
        result = adopt(given, to)
        wrong = misfit(result, to)
        if wrong is not None:
            raise Misfitting(str(wrong))
        return result

    return made


class Misfitting(ValueError):
    """An arrow gave what is not of the type that the new version declares."""


def items(make: Any, item: Way) -> Way:
    """The way of a list, tuple or frozenset (`make`) whose items have one."""
    up, down, lost = item.up, item.down, item.lost
    plain = None if down is None else (lambda value: make(down(each) for each in value))
    if lost is None:
        return Way(lambda value: make(up(each) for each in value), plain)

    def threw(value: Any) -> Any:
        found = tuple((canonical(up(each)), lost(each)) for each in value)
        return found if any(each is not None for _, each in found) else None

    def restore(value: Any, thrown: Any) -> Any:
        found = tuple(value)
        return make(map(item.back, found, [None] * len(found) if thrown is None else _aligned(found, thrown)))

    return Way(lambda value: make(up(each) for each in value), plain, threw, restore)


def _aligned(items: tuple[Any, ...], lost: Sequence[tuple[bytes, Any]]) -> list[Any]:
    """The complement of each item: that of the one that was as it is, wherever it stands, else that of its place.

    Of items that look alike, the first has that of the first, where there are as many as there were. A place counts
    only where nothing was put in or taken out.
    """
    marks = [canonical(item) for item in items]
    before, after = Counter(mark for mark, _ in lost), Counter(marks)
    places: dict[bytes, list[int]] = {}
    for place, (mark, _) in enumerate(lost):
        if before[mark] == after[mark]:
            places.setdefault(mark, []).append(place)
    found = [places[mark].pop(0) if mark in places else None for mark in marks]
    taken = {place for place in found if place is not None}
    if len(items) == len(lost):
        found = [
            at if place is None and at not in taken and not after[lost[at][0]] else place
            for at, place in enumerate(found)
        ]
    return [None if place is None else lost[place][1] for place in found]


def entries(keys: tuple[Step, Step], item: Way) -> Way:
    """The way of a dict whose keys and values have one. No two keys may become one."""
    to, fro = keys
    lost, down = item.lost, item.down

    def up(value: Any) -> Any:
        return _one_for_one(value, {to(key): item.up(each) for key, each in value.items()})

    def threw(value: Any) -> Any:
        assert lost is not None
        found = {to(key): lost(each) for key, each in value.items()}
        return {key: each for key, each in found.items() if each is not None} or None

    def restore(value: Any, thrown: Any) -> Any:
        there = thrown or {}
        back = {fro(key): item.back(each, there.get(key)) for key, each in value.items()}
        return _one_for_one(value, back)

    plain = None if down is None else (lambda value: restore(value, {}))
    return Way(up, plain) if lost is None else Way(up, plain, threw, restore)


def _one_for_one(old: Any, new: Any) -> Any:
    """`new`, which must have as many keys as `old`."""
    if len(old) != len(new):
        raise ValueError(f"two keys became one: of {len(old)} there are {len(new)} left")
    return new


def chosen(ways: list[tuple[Shape, Shape, Way]]) -> Way:
    """The way of a union whose options have one: each is told by its shape."""

    def pick(value: Any, side: int) -> tuple[int, Way]:
        for at, each in enumerate(ways):
            if misfit(value, each[side]) is None:  # type: ignore[arg-type]
                return at, each[2]
        raise ValueError(f"{represent(value):.50} has no counterpart")

    def down(value: Any) -> Any:
        return pick(value, 1)[1].back(value, None)

    def threw(value: Any) -> Any:
        at, one = pick(value, 0)
        lost = None if one.lost is None else one.lost(value)
        return None if lost is None else (at, lost)

    def restore(value: Any, lost: Any) -> Any:
        at, one = pick(value, 1)
        return one.back(value, lost[1] if lost is not None and at == lost[0] else None)

    plain = down if all(each.down is not None for _, _, each in ways) else None
    if not any(each.lost is not None for _, _, each in ways):
        return Way(lambda value: pick(value, 0)[1].up(value), plain)
    return Way(lambda value: pick(value, 0)[1].up(value), plain, threw, restore)
