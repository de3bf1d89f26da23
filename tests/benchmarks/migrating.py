"""Migrations: values led to another form beside the same written by hand, and how long planning takes."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial, reduce
from typing import Any

import attrs
from immutables import Map

from arrows.build import arr, identity, keyed, state
from arrows.compile import compile
from arrows.shape import shape_of
from arrows.term import Arrow
from migrations import Migration, infer, lens, plan
from migrations.lens import Lens
from runtime.bench import Bench, Measured, Sample, Say, Scale, in_turns

VALUES = 20_000
ITEMS = 1_000
ROWS = 100_000
CELLS = 1_000
BY_HAND = "the same written by hand"


@attrs.frozen
class Flat:
    a: int
    b: int
    c: str
    d: str
    e: float
    f: bool
    g: int
    h: str


@attrs.frozen
class Grown:
    a: int
    b: int
    c: str
    d: str
    e: float
    f: bool
    g: int
    h: str
    more: int = 0


@attrs.frozen
class Called:
    a: int
    b: int
    c: str
    d: str
    e: float
    f: bool
    g: int
    name: str


@attrs.frozen
class Nest:
    name: str
    one: Flat
    other: Flat


@attrs.frozen
class GrownNest:
    name: str
    one: Grown
    other: Grown


FLAT = Flat(1, 2, "c", "d", 0.5, True, 7, "h")
CALLED = lens.rename("h", "name")


def grown(value: Flat) -> Grown:
    """What structure decides, written by hand."""
    return Grown(value.a, value.b, value.c, value.d, value.e, value.f, value.g, value.h)


def called(value: Flat) -> Called:
    """What the lens says, written by hand."""
    return Called(value.a, value.b, value.c, value.d, value.e, value.f, value.g, value.h)


def grown_nest(value: Nest) -> GrownNest:
    """What structure decides, written by hand."""
    return GrownNest(value.name, grown(value.one), grown(value.other))


def grown_list(value: list[Flat]) -> list[Grown]:
    """What structure decides, written by hand."""
    return [grown(each) for each in value]


def grown_rows(value: Map[Any, Any]) -> Map[Any, Any]:
    """What structure decides, written by hand."""
    return Map({key: (grown(row),) for key, (row,) in value.items()})


def _per_second(step: Callable[[Any], Any], value: Any, times: int, inside: int) -> Sample:
    def sample() -> float:
        since = time.perf_counter()
        for _ in range(times):
            step(value)
        return times * inside / (time.perf_counter() - since)

    return sample


def _cell(init: Any, of: Any = None) -> Arrow[Any, Any]:
    return state("value", init, identity(), of=of)


def _table(init: Any) -> Arrow[Any, Any]:
    return keyed(_cell(init), identity(), "clients")


def _migrated(
    machines: tuple[Arrow[Any, Any], Arrow[Any, Any]],
    value: Any,
    by_hand: Callable[[Any], Any],
    amount: tuple[int, int],
    said: dict[str, Any],
    scale: Scale,
    say: Say,
) -> Measured:
    """`amount` tells how often at most, and how many values there are in one."""
    old, new = map(compile, machines)
    move = plan(old, new, Migration("bench", old="1", new="2", **said)).unwrap().apply
    (made,) = move((value,)).unwrap()
    assert made == by_hand(value)
    times, inside = scale.of(amount[0], 1), amount[1]
    return in_turns(
        _per_second(move, (value,), times, inside), _per_second(by_hand, value, times, inside), scale, say
    )


_TO_CALLED: tuple[Lens, ...] = (lens.inside("value", CALLED),)
_MIGRATED: tuple[tuple[str, str, Callable[[], tuple[Any, ...]]], ...] = (
    (
        "migrate-inferred",
        "records of 8 fields that gain one, inferred",
        lambda: ((_cell(FLAT), _cell(grown(FLAT))), FLAT, grown, (VALUES, 1), {}),
    ),
    (
        "migrate-lens",
        "records of 8 fields of which one is renamed, by a lens",
        lambda: ((_cell(FLAT), _cell(called(FLAT))), FLAT, called, (VALUES, 1), {"lenses": _TO_CALLED}),
    ),
    (
        "migrate-arrow",
        "records of 8 fields of which one is renamed, by an arrow",
        lambda: (
            (_cell(FLAT), _cell(called(FLAT))),
            FLAT,
            called,
            (VALUES, 1),
            {"up": {"value": arr(called)}},
        ),
    ),
    (
        "migrate-nested",
        "records of two records of 8 fields that gain one, inferred",
        lambda: (
            (_cell(Nest("", FLAT, FLAT)), _cell(GrownNest("", grown(FLAT), grown(FLAT)))),
            Nest("n", FLAT, FLAT),
            grown_nest,
            (VALUES // 2, 1),
            {},
        ),
    ),
    (
        "migrate-list",
        "items of a list of 1,000 records that gain a field, inferred",
        lambda: (
            (_cell([], list[Flat]), _cell([], list[Grown])),
            [FLAT] * ITEMS,
            grown_list,
            (VALUES // ITEMS, ITEMS),
            {},
        ),
    ),
    (
        "migrate-keyed",
        "rows of a keyed of 100,000 records that gain a field, inferred",
        lambda: (
            (_table(FLAT), _table(grown(FLAT))),
            Map({at: (attrs.evolve(FLAT, a=at + 2),) for at in range(ROWS)}),
            grown_rows,
            (1, ROWS),
            {},
        ),
    ),
)


def _measure(given: Callable[[], tuple[Any, ...]], scale: Scale, say: Say) -> Measured:
    machines, value, by_hand, amount, said = given()
    return _migrated(machines, value, by_hand, amount, said, scale, say)


def _many(cells: int, first: Any, name: str = "cell") -> Arrow[Any, Any]:
    steps = [state(f"{name}{at}", first, identity()) for at in range(cells)]
    while len(steps) > 1:
        pairs = [steps[at : at + 2] for at in range(0, len(steps), 2)]
        steps = [reduce(lambda f, g: f >> g, pair) for pair in pairs]
    return steps[0]


def _timed(run: Callable[[], Any]) -> Sample:
    def sample() -> float:
        since = time.perf_counter()
        run()
        return time.perf_counter() - since

    return sample


def planned(scale: Scale, say: Say) -> Measured:
    """Every cell gains a field."""

    def sample(cells: int) -> Sample:
        old, new = compile(_many(cells, FLAT)), compile(_many(cells, grown(FLAT)))
        return _timed(lambda: plan(old, new, None).unwrap())

    return in_turns(sample(scale.of(CELLS)), sample(scale.of(CELLS // 10)), scale, say)


def renamed(scale: Scale, say: Say) -> Measured:
    """Every cell is renamed by a lens."""

    def sample(cells: int) -> Sample:
        old, new = compile(_many(cells, 0)), compile(_many(cells, 0, "other"))
        lenses = [lens.rename(f"cell{at}", f"other{at}") for at in range(cells)]
        to_2 = Migration("bench", old="1", new="2", lenses=lenses)
        return _timed(lambda: plan(old, new, to_2).unwrap())

    return in_turns(sample(scale.of(CELLS)), sample(scale.of(CELLS // 10)), scale, say)


def inferred(scale: Scale, say: Say) -> Measured:
    """Two classes of many fields, each a record that gains one."""

    def sample(fields: int) -> Sample:
        names = [f"f{at}" for at in range(fields)]
        old = attrs.make_class("Wide", {name: attrs.field(type=Flat) for name in names}, frozen=True)
        new = attrs.make_class("Wide", {name: attrs.field(type=Grown) for name in names}, frozen=True)
        shapes = shape_of(old), shape_of(new)
        return _timed(lambda: infer(*shapes).unwrap())

    return in_turns(sample(scale.of(CELLS)), sample(scale.of(CELLS // 10)), scale, say)


BENCHES = (
    *(Bench(name, what, BY_HAND, "values/s", partial(_measure, given)) for name, what, given in _MIGRATED),
    Bench("plan", "the plan of 1,000 cells that each gain a field", "itself at 100 cells", "s", planned),
    Bench("plan-lenses", "the plan of 1,000 cells, each renamed", "itself at 100 cells", "s", renamed),
    Bench("infer", "a record of 1,000 records that gain a field", "itself at 100", "s", inferred),
)
