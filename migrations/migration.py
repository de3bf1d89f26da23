"""A migration: how the state of one machine goes from one version to the next, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeAlias

import attrs

from arrows.cells import layout
from arrows.origin import BuildError, caller
from arrows.term import Arrow, node


@attrs.frozen
class Drop:
    """The declaration that a cell may go."""


DROP: Final = Drop()

Ways: TypeAlias = Mapping[str, Arrow[Any, Any] | Drop]
"""For each cell address: the arrow from the old value to the new one, or `DROP`."""


def _checked(_: Any, field: Any, ways: Ways | None) -> None:
    for address, way in (ways or {}).items():
        if not isinstance(address, str) or not isinstance(way, Arrow | Drop):
            raise BuildError(
                f"{field.name}[{address!r}] is {way!r}, not an arrow",
                where=caller(),
                remedy="Give an arrow from the old value to the new one (wrap a function with arr), or DROP.",
            )
        if isinstance(way, Arrow):
            layout(node(way))


@attrs.frozen
class Migration:
    """Arrows from old to new state, cell by cell, for `machine` between the versions named `old` and `new`.

    `up` leads from old to new, `down` back; a migration without `down` cannot be rolled back unless
    nothing but kept cells would move. Cells of equal address and shape need no entry. A cell inside a
    `keyed` goes by its full address (`clients/requests`) and its arrow is applied to every key's value.

    >>> from arrows import arr
    >>> to_2 = Migration("counter", old="1", new="2", up={"count": arr(float)}, down={"count": arr(int)})
    >>> to_2.machine
    'counter'
    """

    machine: str
    old: str = attrs.field(kw_only=True)
    new: str = attrs.field(kw_only=True)
    up: Ways = attrs.field(kw_only=True, validator=_checked)
    down: Ways | None = attrs.field(kw_only=True, default=None, validator=_checked)
