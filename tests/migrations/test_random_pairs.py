"""Random pairs of machines with random migrations: what the plan says is what happens, and nothing else does."""

from __future__ import annotations

import copy
import time
from random import Random, SystemRandom
from typing import Any

import pytest
from returns.result import Failure, Success

from arrows import arr, compile
from arrows.cells import Slot, Values, flat, initial
from arrows.cells import Table as Rows
from arrows.fit import misfit
from migrations import DROP, Migration, Refusal, lens
from migrations.lens import Lens
from migrations.plan import Plan, Survey, survey
from tests.migrations.random_machines import (
    Item,
    Real,
    additions,
    edit,
    led,
    plain,
    some_items,
    some_state,
)

SECONDS = 6
"""For each of the two kinds of trial."""
MANY = 100_000


def boom(value: Any) -> Any:
    raise RuntimeError("no")


def rubbish(value: Any) -> Any:
    return object


def _fits(slots: tuple[Slot, ...], state: Values) -> None:
    assert len(slots) == len(state)
    for slot, value in zip(slots, state, strict=True):
        if isinstance(slot, Rows):
            for row in value.values():
                _fits(slot.slots, row)
        else:
            assert misfit(value, slot.shape) is None


def _names_all(found: Survey, slots: tuple[Slot, ...], made_of: tuple[Slot, ...]) -> None:
    """Each cell and table of both versions stands in the rows, once; what goes with its table need not."""
    rows = [row for row in found.plan.rows if not row.address.endswith("(absent keys)")]
    led_to = [row.address for row in rows if row.new or row.label == "new"]
    assert len(led_to) == len(set(led_to)), led_to
    assert {slot.address for slot in slots} <= set(led_to)
    assert set(led_to) <= {slot.address for slot in flat(slots)}
    gone = [row.address for row in rows if not row.new and row.label != "new"]
    assert len(gone) == len(set(gone)), gone
    assert set(gone) <= {slot.address for slot in flat(made_of)}
    assert all(row.label in {"dropped", "refused"} for row in rows if not row.new)
    assert bool(found.refused) >= any(row.label == "refused" for row in found.plan.rows)


def _told(machine: str, refusals: tuple[Refusal, ...]) -> None:
    for each in refusals:
        assert isinstance(each, Refusal)
        assert each.message.startswith(f"{machine}:")
        assert each.reason == each.to_plain()["reason"]


def _announced(
    plan: Plan,
    old: tuple[Slot, ...],
    new: tuple[Slot, ...],
    was: Values,
    now: Values,
    *,
    is_down: bool,
    top: bool = True,
) -> None:
    """What is kept stands as it stood, and what is new is the first value, where no lens gives it another."""
    rows = {row.address: row for row in plan.rows if row.new}
    before = {slot.address: plain(value) for slot, value in zip(old, was, strict=True)}
    tables = {
        slot.address: (slot, value) for slot, value in zip(old, was, strict=True) if isinstance(slot, Rows)
    }
    for slot, value in zip(new, now, strict=True):
        row = rows[slot.address]
        if (
            isinstance(slot, Rows)
            and row.label in {"kept", "converted"}
            and slot.address in tables
            and not row.how
        ):
            one, held = tables[slot.address]
            for key in {*held.keys(), *value.keys()}:
                pair = held.get(key, initial(one.slots)), value.get(key, initial(slot.slots))
                _announced(plan, one.slots, slot.slots, *pair, is_down=is_down, top=False)
        if row.label == "kept" and not isinstance(slot, Rows):
            assert plain(value) == before[slot.address], row
        elif row.label == "moved":
            assert plain(value) in before.values() or isinstance(slot, Rows), row
        elif row.label == "new" and not row.how:
            assert value == initial((slot,))[0], row
    lost = plan.lost(was) if top and not is_down else None
    if isinstance(lost, Success):
        gone = {row.address for row in plan.rows if row.label == "dropped"}
        assert gone & before.keys() <= lost.unwrap().keys()


def _versions(rng: Random) -> tuple[list[Item], list[Item], Real, Real, list[Lens]]:
    old = some_items(rng, least=2)
    new = copy.deepcopy(old)
    many = rng.randint(1, 3)
    lenses = [each for _ in range(many) for each in edit(rng, new, alone=many == 1)]
    before, after = Real(), Real()
    return old, new, before, after, [*lenses, *additions(new, after)]


def right(seed: int) -> None:
    """Edits with the lenses that say them: never refused, as the model says, and back again."""
    rng = Random(seed)
    old, new, before, after, lenses = _versions(rng)
    one, other = compile(before.machine(old)), compile(after.machine(new))
    migration = Migration("m", old="1", new="2", lenses=lenses)
    up, down = survey(one, other, migration), survey(other, one, migration, down=True, lost=True)
    _names_all(up, other.slots, one.slots)
    _names_all(down, one.slots, other.slots)
    assert not up.refused, up.refused
    assert not down.refused, down.refused
    for _ in range(3):
        held = some_state(rng, old)
        was = before.state(old, held)
        mark = plain(was)
        now = up.plan.apply(was).unwrap()
        _fits(other.slots, now)
        assert plain(now) == plain(after.state(new, led(new, held)))
        _announced(up.plan, one.slots, other.slots, was, now, is_down=False)
        back = down.plan.apply(now, up.plan.lost(was).unwrap()).unwrap()
        assert plain(back) == mark == plain(was)
        _fits(one.slots, back)


def _wrong(
    rng: Random, lenses: list[Lens], addresses: list[str]
) -> tuple[list[Lens], dict[str, Any], dict[str, Any]]:
    """A migration that does not fit, or does by luck."""
    a, b = rng.choice(addresses), rng.choice([*addresses, "nowhere", "a/b/c"])
    strange = (
        lens.rename(a, b),
        lens.drop(b),
        lens.drop(a, rng.choice((0, "x", None, object))),
        lens.add(a, rng.choice((0, "x", None, object))),
        lens.inside(a, lens.rename("f", "g")),
        lens.inside(a, lens.each(lens.drop("f"))),
        lens.inside(a, lens.wrap("w"), lens.unwrap("w")),
        lens.inside(a, lens.unwrap("x")),
        lens.inside(a, lens.convert(arr(boom), arr(rubbish), lossy=rng.random() < 0.5)),
        lens.inside(a, lens.convert(arr(rubbish))),
        lens.inside(a, lens.rekey(arr(boom), arr(rubbish))),
        lens.inside(a, lens.rekey(arr(rubbish))),
        lens.split(a, (b, "z"), arr(boom), arr(rubbish)),
        lens.merge((a, b), "z", arr(rubbish), arr(boom)),
        lens.convert(arr(boom)),
        lens.each(lens.add("f", 1)),
    )
    found = list(lenses)
    for _ in range(rng.randint(1, 3)):
        if found and rng.random() < 0.4:
            del found[rng.randrange(len(found))]
        else:
            found.insert(rng.randint(0, len(found)), rng.choice((*strange, *found)))
    ways = (arr(boom), arr(rubbish), DROP)
    up = {rng.choice(addresses): rng.choice(ways) for _ in range(rng.randint(0, 1))}
    return found, up, {rng.choice(addresses): rng.choice(ways) for _ in range(rng.randint(0, 1))}


def wrong(seed: int) -> None:
    """Edits with other lenses than theirs: a refusal, or a plan that does what it says."""
    rng = Random(seed)
    old, new, before, after, lenses = _versions(rng)
    one, other = compile(before.machine(old)), compile(after.machine(new))
    known = [slot.address for slot in (*flat(one.slots), *flat(other.slots))]
    said, up, down = _wrong(rng, lenses, known)
    migration = Migration("m", old="1", new="2", lenses=said, up=up, down=rng.choice((down, None)))
    lost: Any = {}
    for is_down in (False, True):
        source, target = (other, one) if is_down else (one, other)
        at_hand = rng.random() < 0.5
        found = survey(source, target, migration, down=is_down, lost=at_hand)
        _told("m", found.refused)
        _names_all(found, target.slots, source.slots)
        if found.refused:
            continue
        real, items = (after, new) if is_down else (before, old)
        was = real.state(items, some_state(rng, items))
        mark = plain(was)
        match found.plan.apply(was, lost if at_hand else None):
            case Success(now):
                _fits(target.slots, now)
                _announced(found.plan, source.slots, target.slots, was, now, is_down=is_down)
            case Failure(refusal):
                _told("m", (refusal,))
        assert plain(was) == mark
        if not is_down:
            match found.plan.lost(was):
                case Success(thrown):
                    lost = thrown
                case Failure(refusal):
                    _told("m", (refusal,))


def _tried(trial: Any, count: int | None) -> None:
    first = SystemRandom().randrange(10**12)
    until, tried = time.monotonic() + SECONDS, 0
    print(f"seeds from {first}")
    while tried < count if count else time.monotonic() < until:
        try:
            trial(first + tried)
        except BaseException:
            print(f"{trial.__name__}({first + tried}) fails")
            raise
        tried += 1
    print(f"{tried} pairs")


@pytest.mark.parametrize("trial", [right, wrong])
def test_what_the_plan_says_is_what_happens(trial: Any) -> None:
    _tried(trial, None)


@pytest.mark.long
@pytest.mark.parametrize("trial", [right, wrong])
def test_what_the_plan_says_is_what_happens_often(trial: Any) -> None:
    _tried(trial, MANY // 2)
