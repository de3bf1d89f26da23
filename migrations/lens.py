"""Lenses: single steps between an old and a new form, each with its way up and its way down.

They speak of named parts, and are alike for all that has such parts: the cells of a machine (by address), the fields of
a record, the classes of a union of messages. What no lens speaks of, structure decides (`migrations.infer`). The verbs
are those of Cambria (Litt, van Hardenberg, Henry: "Project Cambria", 2020); what a way up throws away is kept as a
complement, as in Hofmann, Pierce and Wagner, "Symmetric Lenses" (2011).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, TypeAlias

import attrs

from arrows.cells import layout
from arrows.origin import BuildError, caller
from arrows.representation import represent
from arrows.term import Arrow, node


@attrs.frozen
class Missing:
    """No value was given."""


MISSING: Final = Missing()


def _is_name(lens: object, at: object, name: Any) -> None:
    if not isinstance(name, str) or not all(name.split("/")):
        raise BuildError(f"{represent(name):.200} is no name of a part", where=caller())


def _names(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(names)


def _are_names(lens: object, at: object, names: Any) -> None:
    if len(names) < 2:
        raise BuildError(f"{represent(names):.200}: give the names of several parts", where=caller())
    for name in names:
        _is_name(lens, at, name)


def _is_arrow(lens: object, at: object, arrow: Any) -> None:
    if not isinstance(arrow, Arrow):
        raise BuildError(
            f"{represent(arrow):.200} is not an arrow", where=caller(), remedy="Wrap a function with arr."
        )
    layout(node(arrow))


def checked(lenses: Any) -> tuple[Lens, ...]:
    """The lenses as a tuple. Raises BuildError for what is none."""
    taken = tuple(lenses)
    for one in taken:
        if not isinstance(one, LENSES):
            raise BuildError(
                f"{represent(one):.200} is no lens",
                where=caller(),
                remedy="Make one with a function of `lens`: rename, add, drop, convert, inside, each, ...",
            )
    return taken


_optional_arrow = attrs.validators.optional(_is_arrow)


@attrs.frozen
class Move:
    """A part goes by another name, or (a path of names) stands elsewhere."""

    old: str = attrs.field(validator=_is_name)
    new: str = attrs.field(validator=_is_name)

    def __str__(self) -> str:
        return f"{self.old} to {self.new}"


@attrs.frozen
class Add:
    """A part that the old form does not have begins with `value`. Down leaves it out."""

    name: str = attrs.field(validator=_is_name)
    value: Any

    def __str__(self) -> str:
        return f"add {self.name}"


@attrs.frozen
class Leave:
    """A part may go. Down gives back what it held, or without that `value`."""

    name: str = attrs.field(validator=_is_name)
    value: Any = MISSING

    def __str__(self) -> str:
        return f"drop {self.name}"


@attrs.frozen
class Convert:
    """Two arrows between the old and the new value. `lossy`: the old value is kept, so that down gives it back."""

    up: Arrow[Any, Any] = attrs.field(validator=_is_arrow)
    down: Arrow[Any, Any] | None = attrs.field(default=None, validator=_optional_arrow)
    lossy: bool = attrs.field(default=False, validator=attrs.validators.instance_of(bool))

    def __str__(self) -> str:
        return "convert"


@attrs.frozen
class Wrap:
    """The value becomes the part `name` of a record."""

    name: str = attrs.field(validator=_is_name)

    def __str__(self) -> str:
        return f"wrap in {self.name}"


@attrs.frozen
class Unwrap:
    """The part `name` of a record becomes the value."""

    name: str = attrs.field(validator=_is_name)

    def __str__(self) -> str:
        return f"unwrap {self.name}"


@attrs.frozen
class Inside:
    """Lenses for what the part `name` holds."""

    name: str = attrs.field(validator=_is_name)
    lenses: tuple[Lens, ...] = attrs.field(converter=checked)

    def __str__(self) -> str:
        return f"{self.name} ({', '.join(map(str, self.lenses))})"


@attrs.frozen
class Each:
    """Lenses for every item of a list, tuple or frozenset, or every value of a dict."""

    lenses: tuple[Lens, ...] = attrs.field(converter=checked)

    def __str__(self) -> str:
        return f"each ({', '.join(map(str, self.lenses))})"


@attrs.frozen
class Split:
    """One part becomes several: `up` gives a tuple of them, `down` takes one."""

    name: str = attrs.field(validator=_is_name)
    into: tuple[str, ...] = attrs.field(converter=_names, validator=_are_names)
    up: Arrow[Any, Any] = attrs.field(validator=_is_arrow)
    down: Arrow[Any, Any] | None = attrs.field(default=None, validator=_optional_arrow)

    def __str__(self) -> str:
        return f"split {self.name} into {', '.join(self.into)}"


@attrs.frozen
class Merge:
    """Several parts become one: `up` takes a tuple of them, `down` gives one."""

    names: tuple[str, ...] = attrs.field(converter=_names, validator=_are_names)
    into: str = attrs.field(validator=_is_name)
    up: Arrow[Any, Any] = attrs.field(validator=_is_arrow)
    down: Arrow[Any, Any] | None = attrs.field(default=None, validator=_optional_arrow)

    def __str__(self) -> str:
        return f"merge {', '.join(self.names)} into {self.into}"


@attrs.frozen
class Rekey:
    """Two arrows between the old and the new keys of a `keyed` or a dict. No two keys may become one."""

    up: Arrow[Any, Any] = attrs.field(validator=_is_arrow)
    down: Arrow[Any, Any] | None = attrs.field(default=None, validator=_optional_arrow)

    def __str__(self) -> str:
        return "rekey"


Lens: TypeAlias = Move | Add | Leave | Convert | Wrap | Unwrap | Inside | Each | Split | Merge | Rekey

LENSES: Final = (Move, Add, Leave, Convert, Wrap, Unwrap, Inside, Each, Split, Merge, Rekey)


def rename(old: str, new: str) -> Move:
    """The part `old` is called `new`: a cell, a field, or a class of messages.

    >>> print(rename("name", "full_name"))
    name to full_name
    """
    return move(old, new)


def move(old: str, new: str) -> Move:
    """The part at the path `old` stands at the path `new`: `address/city` is the field `city` of `address`."""
    return Move(old, new)


def add(name: str, value: Any) -> Add:
    """A part of the new form that begins with `value`, where its class has no default or should not have it here."""
    return Add(name, value)


def drop(name: str, value: Any = MISSING) -> Leave:
    """A part of the old form that may go. `value` stands for it on the way down where what it held is not at hand.

    Without `value`, that is the default that its class gives it, or the first value of the cell.
    """
    return Leave(name, value)


def convert(up: Arrow[Any, Any], down: Arrow[Any, Any] | None = None, *, lossy: bool = False) -> Convert:
    """Two arrows between the old and the new value of the place where it stands.

    `lossy` says that `down` cannot undo every `up`: the old value is kept beside the new one, and comes back as it was
    where the new one was not written since.
    """
    return Convert(up, down, lossy)


def wrap(name: str) -> Wrap:
    """The value becomes the field `name` of a record, whose other fields have their defaults, or are added."""
    return Wrap(name)


def unwrap(name: str) -> Unwrap:
    """The field `name` of a record takes the record's place; its other fields must be dropped before."""
    return Unwrap(name)


def inside(name: str, *lenses: Lens) -> Inside:
    """Lenses for what the part `name` holds: a cell, a field, a class of messages."""
    return Inside(name, lenses)


def each(*lenses: Lens) -> Each:
    """Lenses for every item of a list, tuple or frozenset, or every value of a dict."""
    return Each(lenses)


def split(
    name: str, into: tuple[str, ...], up: Arrow[Any, Any], down: Arrow[Any, Any] | None = None
) -> Split:
    """One part becomes several: `up` gives the tuple of their values, `down` is given it."""
    return Split(name, into, up, down)


def merge(
    names: tuple[str, ...], into: str, up: Arrow[Any, Any], down: Arrow[Any, Any] | None = None
) -> Merge:
    """Several parts become one: `up` is given the tuple of their values, `down` gives it."""
    return Merge(names, into, up, down)


def rekey(up: Arrow[Any, Any], down: Arrow[Any, Any] | None = None) -> Rekey:
    """Two arrows between the old and the new keys of a `keyed` or a dict."""
    return Rekey(up, down)
