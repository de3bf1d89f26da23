"""What a trace says nothing of: messages that never came, cells that never changed, timers that never waited."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from arrows.cells import Slot, Table
from arrows.fit import misfit
from arrows.plain import describe
from arrows.shape import Record, Shape, options
from runtime.hosted import Compiled
from runtime.model import Model
from runtime.pair import Did
from runtime.side_by_side import is_same
from runtime.together import Together


def unseen(old: Compiled, places: Sequence[Model], did: Sequence[Sequence[Did]]) -> Iterator[str]:
    """A line for each thing of the old version that never was at an update point of a trace."""
    messages: dict[str, list[Any]] = {name: [] for name in old.programs}
    for each in (step for several in did for step in several):
        several = each.message.messages if type(each.message) is Together else (each.message,)
        messages[each.machine] += several
    waiting = {due.machine for model in places for due in model.waits.values()}
    for name, program in old.programs.items():
        for form in options(program.takes):
            if all(misfit(each, form) is not None for each in messages[name]):
                yield f"{name}: no {_name(form)} came"
        first = program.initial()
        for at, slot in enumerate(program.slots):
            values = [model.states[name][at] for model in places]
            yield from (f"{name}: {each}" for each in _cell(slot, values, first[at]))
    told = {name for name in old.programs if name in old.emitters}
    if told and not waiting:
        yield f"no timer of {', '.join(sorted(told))} was to come at any place"


def _cell(slot: Slot, values: Sequence[Any], first: Any) -> Iterator[str]:
    if isinstance(slot, Table):
        if not any(len(each) for each in values):
            yield f"the table {slot.address} had no row"
        return
    if all(is_same((slot,), (each,), (first,)) for each in values):
        yield f"the cell {slot.address} never changed"
        return
    forms = options(slot.shape)
    for form in forms if len(forms) > 1 else ():
        if all(misfit(each, form) is not None for each in values):
            yield f"the cell {slot.address} never was {_name(form)}"


def _name(form: Shape) -> str:
    return form.cls.__name__ if isinstance(form, Record) else describe(form)[0]


def by_kind(counts: Mapping[str, Any]) -> Iterator[str]:
    """A line for each kind of point that never came up."""
    for kind, count in counts.items():
        if count.tried == 0 and count.empty == count.places:
            yield f"the point `{kind}` never came up"
