"""Which cells of the old version stand where in the new one: by address, by lenses, and where a scope came or went.

A cell is what its address says. Lenses may say that another address goes on for it. Where none does, and a cell is
missing on both sides, one of the same name and shape that only stands under more or fewer names (`count` and
`door/count`) goes on for the other, if it is the only one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

import attrs

from arrows.canonical import same_shape
from arrows.cells import Cell, Slot, Table, flat
from migrations.lens import Add, Inside, Leave, Lens, Merge, Move, Split


@attrs.define
class Single:
    """One slot of the old version, and the lenses for what it holds. `how` tells what moved it."""

    slot: Slot
    lenses: tuple[Lens, ...] = ()
    how: str = ""


@attrs.frozen
class Part:
    """The part `at` of what a cell is split into."""

    slot: Slot
    lens: Split
    at: int


@attrs.frozen
class Joined:
    """Several cells that are merged."""

    slots: tuple[Slot, ...]
    lens: Merge


@attrs.frozen
class Begun:
    """A value that a lens adds."""

    lens: Add


Origin: TypeAlias = Single | Part | Joined | Begun


class Unfit(Exception):
    """A lens speaks of a cell that is not there, or may not be spoken of so."""

    def __init__(self, address: str, known: Iterable[str] | None, problem: str = "") -> None:
        super().__init__(problem)
        self.address = address
        self.known = None if known is None else tuple(known)
        self.problem = problem


@attrs.frozen
class Pairing:
    """By address of the new version: where its value comes from. And what lenses let go, by address of the old."""

    found: dict[str, Origin]
    left: dict[str, Leave]

    made: dict[str, list[tuple[str, Single | Part | Joined]]]
    """By address of the old version: what is made of it, by address of the new."""


def pairing(old: tuple[Slot, ...], new: tuple[Slot, ...], lenses: Sequence[Lens]) -> Pairing:
    """Pair the cells of two versions. Raises Unfit."""
    reader = _Reader({slot.address: Single(slot) for slot in flat(old)}, {})
    for lens in lenses:
        reader.apply(lens)
    known = {slot.address: slot for slot in flat(new)}
    for lens in lenses:
        for address in _named(lens):
            if address in reader.found and address not in known and not _scope(address, known):
                raise Unfit(address, known)
    reader.scopes(_tables(old), _tables(new), known)
    made: dict[str, list[tuple[str, Single | Part | Joined]]] = {}
    for address, origin in reader.found.items():
        if address in known and not isinstance(origin, Begun):
            for slot in origin.slots if isinstance(origin, Joined) else (origin.slot,):
                made.setdefault(slot.address, []).append((address, origin))
    return Pairing(reader.found, reader.left, made)


def addresses(lenses: Iterable[Lens]) -> Iterator[str]:
    """The addresses of cells that lenses name, of either version."""
    for lens in lenses:
        yield from _named(lens)
        match lens:
            case Move(old=name) | Leave(name=name) | Split(name=name):
                yield name
            case Merge(names=names):
                yield from names


def _named(lens: Lens) -> tuple[str, ...]:
    """The addresses of the new version that a lens names."""
    match lens:
        case Move(new=new):
            return (new,)
        case Split(into=into):
            return into
        case Merge(into=name) | Add(name=name) | Inside(name=name):
            return (name,)
        case _:
            return ()


def _scope(name: str, known: Iterable[str]) -> bool:
    return any(address.startswith(name + "/") for address in known)


@attrs.define
class _Reader:
    found: dict[str, Origin]
    left: dict[str, Leave]
    around: Counter[str] = attrs.field(init=False)
    """How many addresses stand under each name."""

    def __attrs_post_init__(self) -> None:
        self.around = Counter(scope for address in self.found for scope in _scopes(address))

    def apply(self, lens: Lens) -> None:
        match lens:
            case Move(old=old, new=new):
                self.move(old, new, str(lens))
            case Inside(name=name, lenses=lenses):
                single = self.single(name)
                single.lenses = (*single.lenses, *lenses)
                self.put(name, single)
            case Leave(name=name):
                for address in self.under(name):
                    single = self.single(address)
                    self.left[single.slot.address] = lens
            case Add(name=name):
                self.put(name, Begun(lens))
            case Split(name=name, into=into):
                cell = self.cell(name)
                for at, each in enumerate(into):
                    self.put(each, Part(cell, lens, at))
            case Merge(names=names, into=into):
                self.put(into, Joined(tuple(map(self.cell, names)), lens))
            case _:
                raise Unfit("", None, f"{lens} does not speak of a cell: put it inside one")

    def move(self, old: str, new: str, how: str) -> None:
        """A slot, with all that stands under it, or all that stands under a scope that only names."""
        moved = [(address, self.single(address)) for address in self.under(old)]
        for address, single in moved:
            single.how = f"{single.how}, {how}" if single.how else how
            self.put(new + address.removeprefix(old), single)

    def under(self, name: str) -> list[str]:
        if name in self.found and not self.around[name]:
            return [name]
        inside = [each for each in self.found if each == name or each.startswith(name + "/")]
        if not inside:
            raise Unfit(name, self.found)
        return inside

    def single(self, address: str) -> Single:
        """Take what stands at an address."""
        origin = self.found.pop(address, None)
        if origin is None:
            raise Unfit(address, self.found)
        if not isinstance(origin, Single):
            raise Unfit(address, None, "another lens made it in the same migration")
        self.around.subtract(_scopes(address))
        return origin

    def cell(self, address: str) -> Cell:
        origin = self.single(address)
        if origin.lenses or not isinstance(origin.slot, Cell):
            raise Unfit(address, None, "it is no cell, or another lens speaks of what it holds")
        return origin.slot

    def put(self, address: str, origin: Origin) -> None:
        if address in self.found:
            raise Unfit(address, None, "there is one already: rename or drop it before")
        self.found[address] = origin
        self.around.update(_scopes(address))

    def scopes(self, old: dict[str, str], new: dict[str, str], known: dict[str, Slot]) -> None:
        """Let a cell go on that only stands under more or fewer names. `old` and `new` tell of each its table."""
        missing = {a: o for a, o in self.found.items() if a not in known and isinstance(o, Single)}
        fresh = {address: slot for address, slot in known.items() if address not in self.found}

        def same(address: str, other: str) -> bool:
            one = missing[address].slot
            around = self.found.get(new[other]) if new[other] else None
            inside = around.slot.address if isinstance(around, Single) else ""
            return inside == old[one.address] and _alike(one, fresh[other])

        gone, come = _outermost({a: each.slot for a, each in missing.items()}), _outermost(fresh)
        left, right = _by_name(gone), _by_name(come)
        for address in gone:
            over = [each for each in right.get(_name(address), ()) if same(address, each)]
            if len(over) == 1 and [each for each in left[_name(address)] if same(each, over[0])] == [address]:
                self.goes_on(missing[address].slot, address, over[0])

    def goes_on(self, slot: Slot, old: str, new: str) -> None:
        """Let a cell, or a table with what is in it, stand elsewhere; not what stands in a scope of its name."""
        moved = [old]
        if isinstance(slot, Table):
            own = {each.address for each in flat((slot,))}
            moved = [a for a, o in self.found.items() if isinstance(o, Single) and o.slot.address in own]
        for address in moved:
            single = self.single(address)
            single.how = f"{single.how}, inferred" if single.how else "inferred"
            self.put(new + address.removeprefix(old), single)


def _scopes(address: str) -> Iterator[str]:
    """The names under which an address stands."""
    return (address[:at] for at, each in enumerate(address) if each == "/")


def _name(address: str) -> str:
    return address.rpartition("/")[2]


def _by_name(addresses: Iterable[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for address in addresses:
        found.setdefault(_name(address), []).append(address)
    return found


def _outermost(slots: dict[str, Slot]) -> list[str]:
    """Without what stands under another table of them: that goes with it."""
    tables = [address for address, slot in slots.items() if isinstance(slot, Table)]
    return [each for each in slots if not any(each.startswith(f"{table}/") for table in tables)]


def _tables(slots: tuple[Slot, ...], table: str = "") -> dict[str, str]:
    """By address: the table in which a slot stands, or nothing."""
    found = {slot.address: table for slot in slots}
    for slot in slots:
        if isinstance(slot, Table):
            found |= _tables(slot.slots, slot.address)
    return found


def _alike(one: Slot, other: Slot) -> bool:
    """Whether two slots are the same but for names around them."""
    if not (_within(one.address, other.address) or _within(other.address, one.address)):
        return False
    if isinstance(one, Cell) and isinstance(other, Cell):
        return same_shape(one.shape, other.shape)
    if isinstance(one, Table) and isinstance(other, Table):
        inner = [
            {slot.address.removeprefix(each.address): type(slot) for slot in flat(each.slots)}
            for each in (one, other)
        ]
        return same_shape(one.key, other.key) and inner[0] == inner[1]
    return False


def _within(few: str, many: str) -> bool:
    """Whether an address has the names of another, in their order and with the same last one, and more."""
    names = iter(many.split("/"))
    return _name(many) == _name(few) and all(name in names for name in few.split("/"))
