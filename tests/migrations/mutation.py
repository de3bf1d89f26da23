"""Operators that make mistakes of an honest upgrade: in its lenses, its arrows, its first values."""

from __future__ import annotations

import enum
import itertools
from collections.abc import Callable, Iterator
from typing import Any

import attrs
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from returns.result import Failure

from arrows import Arrow, arr, identity
from arrows.compile import Program
from arrows.drawn import states, values
from migrations import DROP, Migration, plan
from migrations.lens import Add, Convert, Each, Inside, Leave, Lens, Merge, Move, Rekey, Split, Unwrap, Wrap
from migrations.messages import messages
from migrations.rule import Stop
from runtime.upgrade import compiled
from tests.migrations.upgrades import Upgrade


@attrs.frozen
class Mutant:
    """An upgrade with one mistake."""

    operator: str
    name: str
    upgrade: Upgrade


def mutants(upgrade: Upgrade) -> Iterator[Mutant]:
    """Every mutant of an upgrade that is not equivalent to it, each once.

    A mutant is equivalent where both ways of both, with what was lost and without, lead every state of a large sample
    to the same, the same is lost, and the first values are the same; and messages and replies are led to the same in
    the directions in which a node leads them (a reply only down): then nothing that a node does is another.
    """
    sample = _Sample(upgrade)
    honest = sample.effect(upgrade)
    seen: set[str] = set()
    for operator, place, made in _every(upgrade):
        name = f"{operator}: {place}"
        if name in seen:
            name = f"{name} ({sum(each.startswith(name) for each in seen) + 1})"
        seen.add(name)
        if sample.effect(made) != honest:
            yield Mutant(operator, name, made)


class _Sample:
    def __init__(self, upgrade: Upgrade) -> None:
        one, other = (compiled(each).unwrap().programs["m"] for each in upgrade.applications())
        self.one, self.old, self.new = one, _drawn(states(one.slots)), _drawn(states(other.slots))
        self.asked, self.led = _drawn(values(one.takes)), _drawn(values(other.takes))
        self.told = _drawn(values(other.gives))

    def effect(self, upgrade: Upgrade) -> Any:
        try:
            _, application = upgrade.applications()
            other = compiled(application).unwrap().programs["m"]
        except Exception as error:
            return type(error)
        up = plan(self.one, other, upgrade.migration, machine="m")
        kept = plan(other, self.one, upgrade.migration, machine="m", down=True, lost=True)
        plain = plan(other, self.one, upgrade.migration, machine="m", down=True)
        if isinstance(up, Failure):
            return "refused"
        found: list[Any] = [other.initial()]
        for state in self.old:
            there, lost = up.unwrap().apply(state), up.unwrap().lost(state)
            found += [there.value_or(None), lost.value_or(None)]
            if not isinstance(kept, Failure) and not isinstance(there, Failure):
                found.append(kept.unwrap().apply(there.unwrap(), lost.value_or(None)).value_or(None))
        for state in self.new:
            found.append(None if isinstance(plain, Failure) else plain.unwrap().apply(state).value_or(None))
        return isinstance(kept, Failure), found, self._messages(other, upgrade.migration)

    def _messages(self, other: Program[Any, Any], migration: Migration) -> Any:
        try:
            inputs = messages(self.one.takes, other.takes, migration.inputs, migration.table)
            replies = messages(self.one.gives, other.gives, migration.replies, migration.table)
        except Stop:
            return "refused"
        sides = ((inputs.up, self.asked), (inputs.down, self.led), (replies.down, self.told))
        return inputs.gone, [_result(step, each) for step, several in sides for each in several]


def _result(step: Callable[[Any], Any], value: Any) -> Any:
    try:
        return step(value)
    except Exception as error:
        return type(error)


def _drawn(strategy: st.SearchStrategy[Any]) -> list[Any]:
    found: list[Any] = []

    @settings(
        max_examples=60,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def draw(state: Any) -> None:
        found.append(state)

    draw()
    return found


Made = Iterator[tuple[str, str, Upgrade]]


def _every(upgrade: Upgrade) -> Made:
    migration = upgrade.migration
    for operator, place, lenses in _levels(migration.lenses, _names(migration.lenses)):
        yield operator, place, attrs.evolve(upgrade, migration=attrs.evolve(migration, lenses=lenses))
    for operator, place, lenses in _levels(migration.inputs, _names(migration.inputs)):
        made = attrs.evolve(migration, inputs=lenses)
        yield f"messages: {operator}", place, attrs.evolve(upgrade, migration=made)
    for operator, place, lenses in _levels(migration.replies, _names(migration.replies)):
        made = attrs.evolve(migration, replies=lenses)
        yield f"replies: {operator}", place, attrs.evolve(upgrade, migration=made)
    for operator, place, ways in _arrows(migration):
        yield operator, place, attrs.evolve(upgrade, migration=ways)
    for cell, first in upgrade.firsts.items():
        for place, other in _others(first, cell):
            yield "stale initial value", place, attrs.evolve(upgrade, firsts={**upgrade.firsts, cell: other})


# First values


def _others(value: Any, place: str) -> Iterator[tuple[str, Any]]:
    """The value with one of its leaves changed."""
    if attrs.has(type(value)):
        for field in attrs.fields(type(value)):
            for path, other in _others(getattr(value, field.name), f"{place}.{field.name}"):
                yield path, attrs.evolve(value, **{field.name: other})
    elif isinstance(value, tuple) and value:
        for at, each in enumerate(value):
            for path, other in _others(each, f"{place}[{at}]"):
                yield path, (*value[:at], other, *value[at + 1 :])
    elif (other := _other(value)) is not None:
        yield place, other


def _other(value: Any) -> Any:
    match value:
        case enum.Enum():
            several = list(type(value))
            return several[(several.index(value) + 1) % len(several)]
        case int() | float():
            return value + 1
        case str():
            return value + "x"
        case _:
            return None


# Arrows


def _numbers(value: Any) -> Any:
    """Every number in a value is one more."""
    return _leaves(value, lambda each: each + 1 if type(each) in (int, float) else each)


def _texts(value: Any) -> Any:
    """Every text in a value is cut."""
    return _leaves(value, lambda each: each[:-1] if type(each) is str else each)


def _leaves(value: Any, change: Callable[[Any], Any]) -> Any:
    if attrs.has(type(value)):
        names = [field.name for field in attrs.fields(type(value))]
        return type(value)(*(_leaves(getattr(value, name), change) for name in names))
    if isinstance(value, tuple):
        return tuple(_leaves(each, change) for each in value)
    return change(value)


def _swapped(value: Any) -> Any:
    """The first two parts of a value are exchanged."""
    return _parts(value, lambda parts: [parts[1], parts[0], *parts[2:]] if len(parts) > 1 else parts)


def _doubled(value: Any) -> Any:
    """The first part of a value stands in place of the second as well."""
    return _parts(value, lambda parts: [parts[0], parts[0], *parts[2:]] if len(parts) > 1 else parts)


def _emptied(value: Any) -> Any:
    """The last part of a value is left out: it has the empty value of its type."""
    return _parts(value, lambda parts: [*parts[:-1], type(parts[-1])()])


def _parts(value: Any, change: Callable[[list[Any]], list[Any]]) -> Any:
    if attrs.has(type(value)):
        names = [field.name for field in attrs.fields(type(value))]
        return type(value)(*change([getattr(value, name) for name in names]))
    if isinstance(value, tuple):
        return tuple(change(list(value)))
    return value


AFTER: dict[str, Callable[[Any], Any]] = {
    "off by one": _numbers,
    "a text is cut": _texts,
    "swapped fields": _swapped,
    "one field twice": _doubled,
    "dropped field": _emptied,
}


def _wrong(arrow: Arrow[Any, Any]) -> Iterator[tuple[str, Arrow[Any, Any]]]:
    for operator, change in AFTER.items():
        yield operator, arrow >> arr(change)
    yield "identity for an arrow", identity()


def _pair(up: Any, down: Any) -> Iterator[tuple[str, Any, Any]]:
    if down is not None:
        yield "up and down exchanged", down, up
        yield "missing down", up, None
    for operator, arrow in _wrong(up):
        yield f"{operator}, up", arrow, down
    if down is not None:
        for operator, arrow in _wrong(down):
            yield f"{operator}, down", up, arrow


def _arrows(migration: Migration) -> Iterator[tuple[str, str, Migration]]:
    up, down = migration.up, migration.down or {}
    for cell, arrow in up.items():
        for operator, one, other in _pair(arrow, down.get(cell)):
            back = {**down, cell: other}
            if other is None:
                del back[cell]
            yield operator, cell, attrs.evolve(migration, up={**up, cell: one}, down=back)
        yield "missing up", cell, attrs.evolve(migration, up={k: v for k, v in up.items() if k != cell})
        yield "drop for an arrow", cell, attrs.evolve(migration, up={**up, cell: DROP})
    for cell, near in itertools.pairwise(up):
        swapped = {**up, cell: up[near], near: up[cell]}
        yield "arrows of two cells exchanged", f"{cell}, {near}", attrs.evolve(migration, up=swapped)


# Lenses


def _names(lenses: tuple[Lens, ...]) -> list[str]:
    """The names that the lenses of one level speak of."""
    found: list[str] = []
    for lens in lenses:
        match lens:
            case Move(old=old, new=new):
                found += [old, new]
            case Add(name=name) | Leave(name=name) | Inside(name=name) | Wrap(name=name) | Unwrap(name=name):
                found.append(name)
            case Split(name=name, into=into):
                found += [name, *into]
            case Merge(names=names, into=into):
                found += [*names, into]
    return list(dict.fromkeys(found))


def _levels(lenses: tuple[Lens, ...], names: list[str]) -> Iterator[tuple[str, str, tuple[Lens, ...]]]:
    """The lenses of one level with one mistake, also inside one of them."""
    for at, lens in enumerate(lenses):
        before, after = lenses[:at], lenses[at + 1 :]
        yield "missing lens", str(lens), (*before, *after)
        yield "a lens applied twice", str(lens), (*before, lens, lens, *after)
        if isinstance(lens, Each):
            yield "skipped each", str(lens), (*before, *lens.lenses, *after)
        for operator, other in _lens(lens, names):
            yield operator, f"{lens} -> {other}", (*before, other, *after)
    for at, (one, other) in enumerate(itertools.pairwise(lenses)):
        if isinstance(one, Move) and isinstance(other, Move):
            crossed = (Move(one.old, other.new), Move(other.old, one.new))
            yield "names crossed", f"{one}, {other}", (*lenses[:at], *crossed, *lenses[at + 2 :])


def _lens(lens: Lens, names: list[str]) -> Iterator[tuple[str, Lens]]:
    match lens:
        case Move(old=old, new=new):
            yield "renamed the wrong way", Move(new, old)
            yield "drop for rename", Leave(old)
            for name in names:
                if name not in (old, new):
                    yield "renamed to the wrong field", Move(old, name)
                    yield "the wrong field renamed", Move(name, new)
        case Add(name=name, value=value):
            for _, other in _others(value, name):
                yield "wrong default", Add(name, other)
        case Leave(name=name, value=value):
            for _, other in _others(value, name):
                yield "wrong value for what was lost", Leave(name, other)
            for other in names:
                if other != name:
                    yield "the wrong field dropped", Leave(other)
        case Inside(name=name, lenses=inner):
            for operator, _, others in _levels(inner, _names(inner)):
                yield operator, Inside(name, others)
            for other in names:
                if other != name:
                    yield "inside the wrong field", Inside(other, inner)
        case Each(lenses=inner):
            for operator, _, others in _levels(inner, _names(inner)):
                yield operator, Each(others)
        case Convert(up=up, down=down, lossy=lossy):
            for operator, one, other in _pair(up, down):
                yield operator, Convert(one, other, lossy)
        case Rekey(up=up, down=down):
            for operator, one, other in _pair(up, down):
                yield f"rekey, {operator}", Rekey(one, other)
        case Split(name=name, into=into, up=up, down=down):
            yield "split into the wrong order", Split(name, into[::-1], up, down)
            for operator, one, other in _pair(up, down):
                yield operator, Split(name, into, one, other)
        case Merge(names=several, into=name, up=up, down=down):
            yield "merged in the wrong order", Merge(several[::-1], name, up, down)
            for operator, one, other in _pair(up, down):
                yield operator, Merge(several, name, one, other)
        case Wrap(name=name) | Unwrap(name=name):
            for other in names:
                if other != name:
                    yield "another field", type(lens)(other)
