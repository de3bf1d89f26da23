"""What a rehearsal finds to differ, and what was said to be allowed to."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from itertools import takewhile
from typing import Any, TypeAlias

import attrs

from arrows.compile import compile
from arrows.plain import to_plain
from arrows.representation import represent
from arrows.term import Arrow
from runtime import bounds
from runtime.errors import cut

Arrows: TypeAlias = Mapping[str, Arrow[Any, Any]]


@attrs.frozen
class Expected:
    """What may differ: by machine, an arrow from the old and the new reply, or tuple of effects, to True."""

    replies: Arrows
    effects: Arrows


class Says:
    """An arrow that is asked, with its state."""

    def __init__(self, arrow: Arrow[Any, Any]) -> None:
        program = compile(arrow)
        self._step, self._state = program.step, program.initial()

    def says(self, old: Any, new: Any) -> bool:
        """Whether it says True."""
        self._state, fine = self._step(self._state, (old, new))
        yes: bool = fine is True
        return yes


def says(arrow: Arrow[Any, Any] | None) -> Says | None:
    """An arrow that can be asked."""
    return None if arrow is None else Says(arrow)


@attrs.frozen
class Differing:
    """Something that the new version does otherwise: `what` it is, at which machine, on which input."""

    machine: str
    what: str
    input: str
    old: str
    new: str
    refuses: bool = True
    """Whether the upgrade is refused for it; a state that differs is only told."""

    def __str__(self) -> str:
        on = f" on {self.input}" if self.input else ""
        return f"{self.machine}{on}: {self.what} was {self.old} and is {self.new}"


def effects(told: tuple[Any, ...], *, masked: bool = False) -> str:
    """What a step tells, in words: exact, unless secrets are to be `masked`.

    >>> from arrows import Publish
    >>> effects((Publish("sold", 3),))
    "Publish('sold', 3)"
    """
    return ", ".join(map(partial(_effect, masked=masked), told)) or "nothing"


def _effect(told: Any, *, masked: bool) -> str:
    values = (getattr(told, field.name) for field in attrs.fields(type(told)))
    return f"{type(told).__name__}({', '.join(words(each, masked=masked) for each in values)})"


def words(value: Any, *, masked: bool = False) -> str:
    """A value in words, whole: exact, so that values can be compared by them, unless secrets are `masked`."""
    try:
        return represent(to_plain(value, masked=masked))
    except Exception:
        return represent(value)


def parted(old: str, new: str) -> tuple[str, str]:
    """Two texts that stand for different values, cut so that one sees where they part.

    >>> parted("4", "5")
    ('4', '5')
    >>> parted("x" * 600 + "1", "x" * 600 + "2")
    ('…xxxxxxxxxxxxxxxxxxxx1', '…xxxxxxxxxxxxxxxxxxxx2')
    >>> parted("***", "***")
    ('***', '*** (another secret)')
    """
    if old == new:
        return cut(old), f"{cut(new)} (another secret)"
    if cut(old) != cut(new):
        return cut(old), cut(new)
    same = takewhile(lambda pair: pair[0] == pair[1], zip(old, new, strict=False))
    at = sum(1 for _ in same) - bounds.SHOWN_BEFORE
    return cut(f"…{old[at:]}"), cut(f"…{new[at:]}")
