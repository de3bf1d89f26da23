"""Cells of equal address (`count`, `count#2`) are told apart by their order alone, so their number must stay."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from arrows.cells import Slot, flat
from migrations.refusal import DoublesChanged, Refusal

_NUMBER = re.compile(r"#\d+$")


def doubles(
    machine: str, old: tuple[Slot, ...], new: tuple[Slot, ...], spoken: Iterable[str] = ()
) -> list[Refusal]:
    """A refusal for every address that both versions have, and not equally often.

    Those among `spoken` are told apart by a lens.
    """
    told = frozenset(spoken)
    before, after = _numbers(old, told), _numbers(new, told)
    return [
        DoublesChanged(machine, address, number, after[address])
        for address, number in before.items()
        if after[address] not in (0, number)
    ]


def _numbers(slots: tuple[Slot, ...], told: frozenset[str]) -> Counter[str]:
    return Counter(_NUMBER.sub("", slot.address) for slot in flat(slots) if slot.address not in told)
