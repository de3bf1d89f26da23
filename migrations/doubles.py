"""Cells of equal address (`count`, `count#2`) are told apart by their order alone, so their number must stay."""

from __future__ import annotations

import re
from collections import Counter

from arrows.cells import Slot, flat
from migrations.refusal import DoublesChanged, Refusal

_NUMBER = re.compile(r"#\d+$")


def doubles(machine: str, old: tuple[Slot, ...], new: tuple[Slot, ...]) -> list[Refusal]:
    """A refusal for every address that both versions have, and not equally often."""
    before, after = _numbers(old), _numbers(new)
    return [
        DoublesChanged(machine, address, number, after[address])
        for address, number in before.items()
        if after[address] not in (0, number)
    ]


def _numbers(slots: tuple[Slot, ...]) -> Counter[str]:
    return Counter(_NUMBER.sub("", slot.address) for slot in flat(slots))
