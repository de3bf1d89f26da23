"""Machines and second versions of them at random: what they are, what they hold, and what must become of it.

A version is told by a model: a tree of cells, scopes and tables, whose types and values are plain data. Each edit of
the tree gives the lenses that say it, and does to the model's values what they must do to the real ones.
"""

from __future__ import annotations

import enum
import itertools
from collections.abc import Callable
from functools import reduce
from random import Random
from typing import Any, TypeAlias, Union

import attrs
from immutables import Map

from arrows import Arrow, arr, identity, keyed, named, state
from arrows.keys import key_of, value_of
from migrations import lens
from migrations.lens import Lens

Up: TypeAlias = Callable[[Any], Any]


@attrs.frozen
class Basic:
    of: type


@attrs.frozen
class Choice:
    """An enum."""

    name: str
    members: tuple[str, ...]


@attrs.frozen
class Rec:
    name: str
    fields: tuple[tuple[str, Type], ...]


@attrs.frozen
class Seq:
    item: Type


@attrs.frozen
class Dict:
    item: Type


@attrs.frozen
class Pair:
    items: tuple[Type, ...]


@attrs.frozen
class Maybe:
    of: Type


@attrs.frozen
class Either:
    """A union of records."""

    of: tuple[Rec, ...]


Type: TypeAlias = Basic | Choice | Rec | Seq | Dict | Pair | Maybe | Either


@attrs.define
class Cell:
    uid: int
    name: str
    type: Type
    init: Any
    ups: list[Up] = attrs.field(factory=list)
    is_new: bool = False


@attrs.define
class Scope:
    name: str
    items: list[Item]


@attrs.define
class Table:
    uid: int
    name: str
    items: list[Item]


Item: TypeAlias = Cell | Scope | Table
State: TypeAlias = dict[int, Any]
"""By uid: the value of a cell, or the states of a table's rows by key."""

BASIC = (int, str, bool, float, bytes)
_numbers = itertools.count()


def fresh(stem: str) -> str:
    return f"{stem}{next(_numbers)}"


# Types and values


def some_type(rng: Random, depth: int = 2) -> Type:
    kind = rng.choice(("basic", "choice", "rec", "rec", "seq", "dict", "pair", "maybe", "either"))
    match kind if depth else "basic":
        case "basic":
            return Basic(rng.choice(BASIC))
        case "choice":
            return Choice(fresh("E"), tuple(fresh("M") for _ in range(rng.randint(1, 3))))
        case "seq":
            return Seq(some_type(rng, depth - 1))
        case "dict":
            return Dict(some_type(rng, depth - 1))
        case "pair":
            return Pair(tuple(some_type(rng, depth - 1) for _ in range(rng.randint(1, 3))))
        case "maybe":
            inner = some_type(rng, depth - 1)
            return inner if isinstance(inner, Maybe | Either) else Maybe(inner)
        case "either":
            return Either((some_record(rng, depth - 1), some_record(rng, depth - 1)))
        case _:
            return some_record(rng, depth - 1)


def some_record(rng: Random, depth: int) -> Rec:
    fields = tuple((fresh("f"), some_type(rng, depth)) for _ in range(rng.randint(1, 4)))
    return Rec(fresh("R"), fields)


def some_value(rng: Random, of: Type) -> Any:
    match of:
        case Basic(of=cls):
            return {
                int: rng.randint(-9, 9),
                str: rng.choice(("", "a", "ann lee", "ß")),
                bool: rng.random() < 0.5,
                float: rng.randint(-9, 9) / 2,
                bytes: rng.choice((b"", b"x")),
            }[cls]
        case Choice(members=members):
            return ("member", rng.choice(members))
        case Rec(name=name, fields=fields):
            return ("record", name, {each: some_value(rng, inner) for each, inner in fields})
        case Seq(item=item):
            return [some_value(rng, item) for _ in range(rng.randint(0, 3))]
        case Dict(item=item):
            made = {rng.choice("abc"): some_value(rng, item) for _ in range(rng.randint(0, 3))}
            return dict(sorted(made.items()))  # the order of a dict counts: a row of another is another row
        case Pair(items=items):
            return ("pair", *(some_value(rng, item) for item in items))
        case Maybe(of=inner):
            return None if rng.random() < 0.3 else some_value(rng, inner)
        case Either(of=several):
            return some_value(rng, rng.choice(several))


class Real:
    """The classes of one version, and its values as the machine holds them."""

    def __init__(self) -> None:
        self.classes: dict[str, Any] = {}

    def type(self, of: Type) -> Any:
        match of:
            case Basic(of=cls):
                return cls
            case Choice(name=name, members=members):
                if name not in self.classes:
                    self.classes[name] = enum.Enum(name, {each: at for at, each in enumerate(members)})
                return self.classes[name]
            case Rec(name=name, fields=fields):
                if name not in self.classes:
                    made = {each: attrs.field(type=self.type(inner)) for each, inner in fields}
                    self.classes[name] = attrs.make_class(name, made, frozen=True)
                return self.classes[name]
            case Seq(item=item):
                return list[self.type(item)]  # type: ignore[misc]
            case Dict(item=item):
                return dict[str, self.type(item)]  # type: ignore[misc]
            case Pair(items=items):
                return tuple[tuple(self.type(item) for item in items)]  # type: ignore[misc]
            case Maybe(of=inner):
                return Union[self.type(inner), None]  # noqa: UP007
            case Either(of=several):
                return Union[tuple(self.type(each) for each in several)]  # noqa: UP007

    def value(self, of: Type, value: Any) -> Any:
        match of:
            case Basic():
                return value
            case Choice():
                return self.type(of)[value[1]]
            case Rec(fields=fields):
                given = {name: self.value(inner, value[2][name]) for name, inner in fields}
                return self.type(of)(**given)
            case Seq(item=item):
                return [self.value(item, each) for each in value]
            case Dict(item=item):
                return {key: self.value(item, each) for key, each in value.items()}
            case Pair(items=items):
                return tuple(self.value(item, each) for item, each in zip(items, value[1:], strict=True))
            case Maybe(of=inner):
                return None if value is None else self.value(inner, value)
            case Either(of=several):
                (one,) = (each for each in several if each.name == value[1])
                return self.value(one, value)

    def machine(self, items: list[Item]) -> Arrow[Any, Any]:
        return reduce(lambda f, g: f >> g, map(self._arrow, items), identity())

    def _arrow(self, item: Item) -> Arrow[Any, Any]:
        match item:
            case Cell(name=name, type=of, init=init):
                return state(name, self.value(of, init), identity(), of=self.type(of))
            case Scope(name=name, items=items):
                return named(name, self.machine(items))
            case Table(name=name, items=items):
                return keyed(self.machine(items), identity(), name)

    def state(self, items: list[Item], held: State) -> tuple[Any, ...]:
        found: list[Any] = []
        for slot in slots(items):
            if isinstance(slot, Cell):
                found.append(self.value(slot.type, held[slot.uid]))
            else:
                rows = held[slot.uid].items()
                found.append(Map({key_of(key): self.state(slot.items, row) for key, row in rows}))
        return tuple(found)


def plain(value: Any) -> Any:
    """What the model says of a real value."""
    if isinstance(value, enum.Enum):
        return ("member", value.name)
    if attrs.has(type(value)):
        return (
            "record",
            type(value).__name__,
            {f.name: plain(getattr(value, f.name)) for f in attrs.fields(type(value))},
        )
    if isinstance(value, Map):
        return {value_of(key): plain(row) for key, row in value.items()}
    if isinstance(value, list):
        return [plain(each) for each in value]
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, tuple):
        return ("pair", *map(plain, value))
    return (type(value).__name__, value)


def slots(items: list[Item]) -> list[Cell | Table]:
    found: list[Cell | Table] = []
    for item in items:
        found += slots(item.items) if isinstance(item, Scope) else [item]
    return found


# Machines and states


def some_items(rng: Random, depth: int = 2, least: int = 1) -> list[Item]:
    return [some_item(rng, depth) for _ in range(rng.randint(least, 3))]


def some_cell(rng: Random) -> Cell:
    of = some_type(rng)
    return Cell(next(_numbers), fresh("c"), of, some_value(rng, of))


def some_item(rng: Random, depth: int) -> Item:
    kind = rng.random() if depth else 0.0
    if kind < 0.6:
        return some_cell(rng)
    if kind < 0.8:
        return Scope(fresh("s"), some_items(rng, depth - 1))
    return Table(next(_numbers), fresh("t"), some_items(rng, depth - 1))


def begun(items: list[Item]) -> State:
    return {slot.uid: slot.init if isinstance(slot, Cell) else {} for slot in slots(items)}


def some_state(rng: Random, items: list[Item]) -> State:
    found: State = {}
    for slot in slots(items):
        if isinstance(slot, Cell):
            found[slot.uid] = some_value(rng, slot.type)
        else:
            drawn = {rng.choice(("k", 7, "l")): some_state(rng, slot.items) for _ in range(rng.randint(0, 3))}
            found[slot.uid] = {key: row for key, row in drawn.items() if row != begun(slot.items)}
    return found


def led(new: list[Item], held: State) -> State:
    """What must become of a state of the first version in the second."""
    found: State = {}
    for slot in slots(new):
        if slot.uid not in held:
            found[slot.uid] = slot.init if isinstance(slot, Cell) else {}
        elif isinstance(slot, Cell):
            found[slot.uid] = reduce(lambda value, up: up(value), slot.ups, held[slot.uid])
        else:
            rows = {key: led(slot.items, row) for key, row in held[slot.uid].items()}
            found[slot.uid] = {key: row for key, row in rows.items() if row != begun(slot.items)}
    return found


# Edits of a type, the lenses that say them, and what they do to a value


def _same(value: Any) -> Any:
    return value


def _digits(value: Any) -> Any:
    return str(value)


def _number(value: Any) -> Any:
    return int(value)


def edited(rng: Random, of: Type, depth: int = 3) -> tuple[Type, tuple[Lens, ...], Up]:
    if rng.random() < 0.1:
        name, cls = fresh("f"), fresh("R")
        return Rec(cls, ((name, of),)), (lens.wrap(name),), lambda value: ("record", cls, {name: value})
    match of:
        case Basic() if of == Basic(int):
            if rng.random() < 0.5:
                return Basic(float), (), float
            return Basic(str), (lens.convert(arr(_digits), arr(_number)),), str
        case Choice(name=name, members=members):
            return Choice(name, (*members[::-1], fresh("M"))), (), _same
        case Rec():
            return _edited_record(rng, of, depth)
        case Seq(item=item) if depth:
            inner, lenses, up = edited(rng, item, depth - 1)
            return Seq(inner), _each(lenses), lambda value: [up(each) for each in value]
        case Dict(item=item) if depth:
            inner, lenses, up = edited(rng, item, depth - 1)
            return Dict(inner), _each(lenses), lambda value: {k: up(each) for k, each in value.items()}
        case Maybe(of=Rec() as record):
            made, lenses, up = _edited_record(rng, record, depth)
            return Maybe(made), lenses, lambda value: None if value is None else up(value)
        case Either(of=(one, other)):
            made, lenses, up = _edited_record(rng, one, depth)
            said = (lens.inside(one.name, *lenses),) if lenses else ()
            return Either((other, made)), said, lambda value: up(value) if value[1] == one.name else value
        case _:
            return of, (), _same


def _each(lenses: tuple[Lens, ...]) -> tuple[Lens, ...]:
    return (lens.each(*lenses),) if lenses else ()


def _edited_record(rng: Random, of: Rec, depth: int) -> tuple[Rec, tuple[Lens, ...], Up]:
    name, inner = rng.choice(of.fields)
    others = [each for each in of.fields if each[0] != name]
    kind = rng.choice(("rename", "drop", "add", "reorder", "inside", "inside", "deeper"))
    match kind:
        case "rename":
            other = fresh("f")
            fields = tuple((other if each == name else each, t) for each, t in of.fields)
            return (
                Rec(of.name, fields),
                (lens.rename(name, other),),
                lambda value: _record(value, {other if k == name else k: v for k, v in value[2].items()}),
            )
        case "drop" if others:
            return (
                Rec(of.name, tuple(others)),
                (lens.drop(name),),
                lambda value: _record(value, {k: v for k, v in value[2].items() if k != name}),
            )
        case "add":
            other, begins = fresh("f"), rng.randint(0, 9)
            at = rng.randint(0, len(of.fields))
            return (
                Rec(of.name, (*of.fields[:at], (other, Basic(int)), *of.fields[at:])),
                (lens.add(other, begins),),
                lambda value: _record(value, {**value[2], other: begins}),
            )
        case "reorder":
            return Rec(of.name, of.fields[::-1]), (), _same
        case "deeper":
            scope, cls = fresh("f"), fresh("R")
            return (
                Rec(of.name, (*others, (scope, Rec(cls, ((name, inner),))))),
                (lens.move(name, f"{scope}/{name}"),),
                lambda value: _record(
                    value,
                    {k: v for k, v in value[2].items() if k != name}
                    | {scope: ("record", cls, {name: value[2][name]})},
                ),
            )
        case _ if depth:
            made, lenses, up = edited(rng, inner, depth - 1)
            fields = tuple((each, made if each == name else t) for each, t in of.fields)
            return (
                Rec(of.name, fields),
                (lens.inside(name, *lenses),) if lenses else (),
                lambda value: _record(value, {k: up(v) if k == name else v for k, v in value[2].items()}),
            )
    return of, (), _same


def _record(like: Any, fields: dict[str, Any]) -> Any:
    return ("record", like[1], fields)


# Edits of a machine


def edit(rng: Random, items: list[Item], *, alone: bool) -> list[Lens]:
    """Change a machine's tree in one place, and give the lenses that say it. `alone`: it is the only change."""
    around, prefix = _level(rng, items, "")
    there = [each for each in around if not (isinstance(each, Cell) and each.is_new)]
    item = rng.choice(there)
    at = next(place for place, each in enumerate(around) if each is item)
    address = prefix + item.name
    cells = [each for each in there if isinstance(each, Cell)]
    moved: list[Lens]
    match rng.choice(("rename", "drop", "add", "type", "type", "reorder", "scope", "swap")):
        case "rename":
            item.name = fresh("n")
            return [lens.rename(address, prefix + item.name)]
        case "drop" if len(there) > 1:
            del around[at]
            return [lens.drop(address)]
        case "add":
            around.insert(at, attrs.evolve(some_cell(rng), is_new=True))
        case "reorder":
            rng.shuffle(around)
        case "scope":
            scope = Scope(fresh("s"), [item])
            around[at] = scope
            moved = [lens.rename(address, f"{prefix}{scope.name}/{item.name}")]
            return [] if alone and isinstance(item, Cell) else moved
        case "swap" if len(cells) > 1:
            one, other = rng.sample(cells, 2)
            one.name, other.name = other.name, one.name
            a, b, between = prefix + other.name, prefix + one.name, prefix + fresh("x")
            return [lens.rename(a, between), lens.rename(b, a), lens.rename(between, b)]
        case _ if isinstance(item, Cell) and not item.ups:
            item.type, lenses, up = edited(rng, item.type)
            item.init = up(item.init)
            item.ups.append(up)
            return [lens.inside(address, *lenses)] if lenses else []
    return []


def additions(items: list[Item], real: Real, prefix: str = "") -> list[Lens]:
    """The lenses that add what is new, by the addresses that it has at last."""
    found: list[Lens] = []
    for item in items:
        if not isinstance(item, Cell):
            found += additions(item.items, real, f"{prefix}{item.name}/")
        elif item.is_new:
            found.append(lens.add(prefix + item.name, real.value(item.type, item.init)))
    return found


def _level(rng: Random, items: list[Item], prefix: str) -> tuple[list[Item], str]:
    inner = [each for each in items if not isinstance(each, Cell)]
    if inner and rng.random() < 0.5:
        one = rng.choice(inner)
        return _level(rng, one.items, f"{prefix}{one.name}/")
    return items, prefix
