"""The way between two record classes by lenses: which field of the old stands where in the new.

The old record is opened into its fields, the lenses name and move them, and the new class takes what then stands under
the names of its fields. Fields meet by name where no lens says otherwise, as in `migrations.infer`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import attrs

from arrows import record
from arrows.fit import adopt, misfit
from arrows.shape import Product, Record, Shape
from migrations.lens import MISSING, Add, Inside, Leave, Lens, Merge, Move, Split, Unwrap, Wrap
from migrations.rule import Search, Stop
from migrations.way import Way, stepper
from migrations.wires import Path, Wire, joined

Within: TypeAlias = Callable[[Shape, Shape, Sequence[Lens], Search, str], Way]
"""The way of a part."""


@attrs.define
class _Leaf:
    path: Path
    shape: Shape
    secret: bool = False
    default: Any = MISSING
    lenses: tuple[Lens, ...] = ()


@attrs.define
class _Open:
    """A record of which single fields are spoken."""

    entries: dict[str, _Entry]


@attrs.define
class _Given:
    value: Any


@attrs.define
class _Parts:
    """What one field is split into: the new path and shape of each part, once it is placed."""

    lens: Split
    source: _Leaf
    placed: dict[int, tuple[Path, Shape]] = attrs.field(factory=dict)


@attrs.define
class _Part:
    of: _Parts
    at: int


@attrs.define
class _Joined:
    lens: Merge
    sources: tuple[_Leaf, ...]


_Entry: TypeAlias = _Leaf | _Open | _Given | _Part | _Joined


def record_way(old: Shape, new: Shape, lenses: Sequence[Lens], search: Search, within: Within) -> Way:
    """The way of a record by lenses for its fields. Raises Stop where they and the classes do not say it all."""
    return _Opened(old, search, within).way(new, lenses)


class _Opened:
    def __init__(self, old: Shape, search: Search, within: Within) -> None:
        self._old = old
        self._search = search
        self._within = within
        self._classes: dict[Path, type] = {}
        self._made: dict[Path, type] = {}
        self._wires: list[Wire] = []
        self._dropped: list[tuple[_Leaf, Any]] = []
        self._given: dict[Path, Callable[[], Any]] = {}
        self._splits: list[_Parts] = []

    def way(self, new: Shape, lenses: Sequence[Lens]) -> Way:
        if isinstance(lenses[0], Wrap):
            root = _Open({lenses[0].name: _Leaf((), self._old)})
            lenses = lenses[1:]
        else:
            root = self._open(_Leaf((), self._old))
        last = lenses[-1] if lenses else None
        inner = lenses[:-1] if isinstance(last, Unwrap) else lenses
        for lens in inner:
            self._apply(lens, root)
        if isinstance(last, Unwrap):
            self._place(self._take(root, last.name, last), new, (), last.name)
            self._nothing_left(root, new)
        else:
            self._fields(root, new, ())
        for parts in self._splits:
            self._split(parts)
        left = [(leaf.path, held) for leaf, held in self._dropped]
        return joined(self._classes, self._made, self._wires, left, self._given)

    def _open(self, leaf: _Leaf) -> _Open:
        if not isinstance(leaf.shape, Record):
            raise Stop(f"{leaf.shape} has no fields")
        if leaf.lenses:
            raise Stop(f"{leaf.lenses[0]} speaks of a whole that another lens takes apart", "let one do it")
        cls = leaf.shape.cls
        self._classes[leaf.path] = cls
        known = {field.name: field for field in record.fields(cls)}
        made = {
            name: _Leaf((*leaf.path, name), field.shape, field.secret or leaf.secret, _default(field))
            for name, field in known.items()
        }
        return _Open(dict(made))

    def _around(self, root: _Open, path: str, lens: Lens, *, make: bool) -> tuple[_Open, str]:
        """The opened record in which the last name of a path stands."""
        *scopes, name = path.split("/")
        for scope in scopes:
            entry = root.entries.get(scope)
            if entry is None and make:
                entry = root.entries[scope] = _Open({})
            elif isinstance(entry, _Leaf):
                entry = root.entries[scope] = self._open(entry)
            if not isinstance(entry, _Open):
                raise _unknown(lens, scope, root)
            root = entry
        return root, name

    def _take(self, root: _Open, path: str, lens: Lens) -> _Entry:
        around, name = self._around(root, path, lens, make=False)
        if name not in around.entries:
            raise _unknown(lens, name, around)
        return around.entries.pop(name)

    def _leaf(self, root: _Open, path: str, lens: Lens) -> _Leaf:
        entry = self._take(root, path, lens)
        if not isinstance(entry, _Leaf) or entry.lenses:
            raise Stop(f"{lens}: another lens has taken {path} already")
        return entry

    def _put(self, root: _Open, path: str, lens: Lens, entry: _Entry) -> None:
        around, name = self._around(root, path, lens, make=True)
        if name in around.entries:
            raise Stop(f"{lens}: there is a field {name!r} already", "rename or drop it before")
        around.entries[name] = entry

    def _apply(self, lens: Lens, root: _Open) -> None:
        match lens:
            case Move(old=old, new=new):
                self._put(root, new, lens, self._take(root, old, lens))
            case Add(name=name, value=value):
                self._put(root, name, lens, _Given(value))
            case Leave(name=name, value=value):
                leaf = self._leaf(root, name, lens)
                self._dropped.append(
                    (leaf, leaf.default if value is MISSING else _fitting(leaf.shape, value, lens))
                )
            case Inside():
                self._inside(lens, root)
            case Split(name=name, into=into):
                parts = _Parts(lens, self._leaf(root, name, lens))
                self._splits.append(parts)
                for at, name in enumerate(into):
                    self._put(root, name, lens, _Part(parts, at))
            case Merge(names=names, into=into):
                sources = tuple(self._leaf(root, name, lens) for name in names)
                self._put(root, into, lens, _Joined(lens, sources))
            case _:
                raise Stop(f"{lens} does not speak of the fields of {self._old}", "put it inside one")

    def _inside(self, lens: Inside, root: _Open) -> None:
        around, last = self._around(root, lens.name, lens, make=False)
        entry = around.entries.get(last)
        if isinstance(entry, _Open):
            for each in lens.lenses:
                self._apply(each, entry)
        elif isinstance(entry, _Leaf):
            around.entries[last] = attrs.evolve(entry, lenses=(*entry.lenses, *lens.lenses))
        else:
            raise _unknown(lens, last, around)

    def _fields(self, root: _Open, new: Shape, path: Path) -> None:
        if not isinstance(new, Record):
            raise Stop(f"{new} has no fields")
        self._made[path] = new.cls
        for field in record.fields(new.cls):
            entry = root.entries.pop(field.name, None)
            if entry is not None:
                if not field.secret and _is_secret(entry):
                    raise Stop(f"the field {field.name!r} is secret and would not be", "mark it as before")
                self._place(entry, field.shape, (*path, field.name), field.name)
            elif field.default is None or not record.is_data(field.default):
                made = "no default" if field.default is None else "a default that code makes"
                raise Stop(f"the new field {field.name!r} of {new} has {made}", f"add({field.name!r}, VALUE)")
            else:
                self._given[*path, field.name] = field.default
                self._search.loses(field.name)
        self._nothing_left(root, new)

    def _nothing_left(self, root: _Open, new: Shape) -> None:
        for name, entry in root.entries.items():
            if isinstance(entry, _Open):
                self._nothing_left(entry, new)
            else:
                raise Stop(f"{new} has no field {name!r}", f"drop({name!r}), or rename it")

    def _place(self, entry: _Entry, shape: Shape, path: Path, name: str) -> None:
        match entry:
            case _Leaf():
                made = self._within(entry.shape, shape, entry.lenses, self._search, f".{name}")
                self._wires.append(Wire((entry.path,), (path,), made))
            case _Open():
                with self._search.at(f".{name}"):
                    self._fields(entry, shape, path)
            case _Given(value=value):
                wrong = misfit(adopt(value, shape), shape)
                if wrong is not None:
                    raise Stop(f"what is added as {name!r} does not fit: {wrong}")
                self._given[path] = record.Always(adopt(value, shape))
                self._search.loses(name)
            case _Part(of=parts, at=at):
                parts.placed[at] = path, shape
            case _Joined(lens=lens, sources=sources):
                down = None
                if lens.down is not None:
                    down = stepper(lens.down, Product(tuple(each.shape for each in sources)))
                made = Way(stepper(lens.up, shape), down)
                self._wires.append(Wire(tuple(each.path for each in sources), (path,), made, merges=True))

    def _split(self, parts: _Parts) -> None:
        placed = [parts.placed[at] for at in range(len(parts.lens.into)) if at in parts.placed]
        up = stepper(parts.lens.up, Product(tuple(shape for _, shape in placed)))
        down = None if parts.lens.down is None else stepper(parts.lens.down, parts.source.shape)
        paths = tuple(path for path, _ in placed)
        self._wires.append(Wire((parts.source.path,), paths, Way(up, down), splits=True))


def _fitting(shape: Shape, value: Any, lens: Lens) -> Any:
    found = adopt(value, shape)
    wrong = misfit(found, shape)
    if wrong is not None:
        raise Stop(f"{lens}: what stands for it does not fit: {wrong}")
    return found


def _default(field: record.Field) -> Any:
    return field.default() if field.default is not None and record.is_data(field.default) else MISSING


def _is_secret(entry: _Entry) -> bool:
    match entry:
        case _Leaf(secret=secret):
            return secret
        case _Part(of=parts):
            return parts.source.secret
        case _Joined(sources=sources):
            return any(each.secret for each in sources)
        case _:
            return False


def _unknown(lens: Lens, name: str, around: _Open) -> Stop:
    return Stop(f"{lens}: there is no field {name!r} here; there are {', '.join(around.entries) or 'none'}")
