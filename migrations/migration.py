"""A migration: how the state of one machine goes from one version to the next, and back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeAlias

import attrs

from arrows.cells import layout
from arrows.origin import BuildError, caller
from arrows.term import Arrow, node
from migrations.lens import Lens, checked
from migrations.rule import Rule
from migrations.rules import RULES


@attrs.frozen
class Drop:
    """The declaration that a cell may go."""


DROP: Final = Drop()

Ways: TypeAlias = Mapping[str, Arrow[Any, Any] | Drop]
"""For each cell address: the arrow from the old value to the new one, or `DROP`."""


_text: Final = attrs.validators.instance_of(str)


def _rules(rules: Iterable[Rule]) -> tuple[Rule, ...]:
    return tuple(rules)


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
    """What becomes of the state and the messages of `machine` between the versions named `old` and `new`.

    What nobody speaks of is kept, or structure decides (`migrations.infer`). For the rest:

    `lenses` speak of cells by their addresses, each up and down: `lens.rename("n", "count")`, `lens.drop("seen")`,
    `lens.inside("user", lens.rename("name", "full_name"))`. `inputs` and `replies` speak of the classes of messages by
    their names: `lens.inside("Incr", lens.rename("by", "amount"))`.

    `up` and `down` are two arrows for each cell instead: from its old value to the new one, and back; `DROP` lets a
    cell go. A cell inside a `keyed` goes by its full address (`clients/requests`), and is led so for every key.

    `rules` are asked before those of `infer` what structure decides.

    >>> from arrows import arr
    >>> to_2 = Migration("counter", old="1", new="2", up={"count": arr(float)}, down={"count": arr(int)})
    >>> to_2.machine
    'counter'
    """

    machine: str = attrs.field(validator=_text)
    old: str = attrs.field(kw_only=True, validator=_text)
    new: str = attrs.field(kw_only=True, validator=_text)
    up: Ways = attrs.field(kw_only=True, factory=dict, validator=_checked)
    down: Ways | None = attrs.field(kw_only=True, default=None, validator=_checked)
    lenses: tuple[Lens, ...] = attrs.field(kw_only=True, default=(), converter=checked)
    inputs: tuple[Lens, ...] = attrs.field(kw_only=True, default=(), converter=checked)
    replies: tuple[Lens, ...] = attrs.field(kw_only=True, default=(), converter=checked)
    rules: tuple[Rule, ...] = attrs.field(kw_only=True, default=(), converter=_rules)

    @property
    def table(self) -> tuple[Rule, ...]:
        """The rules that are asked what structure decides."""
        return (*self.rules, *RULES)

    def with_more(self, more: Migration) -> Migration:
        """The same, and what another one between the same versions says besides."""
        down = None if self.down is None and more.down is None else {**(self.down or {}), **(more.down or {})}
        return attrs.evolve(
            self,
            up={**self.up, **more.up},
            down=down,
            lenses=(*self.lenses, *more.lenses),
            inputs=(*self.inputs, *more.inputs),
            replies=(*self.replies, *more.replies),
            rules=(*self.rules, *more.rules),
        )
