"""Machines with few states: which state of the new version stands for each of the old, read from what they do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import attrs
from returns.result import Failure, Result, Success

from arrows.cells import Cell
from arrows.compile import Program
from arrows.keys import key_of
from arrows.shape import Enumeration
from arrows.term import Arrow, Constant, Identity, Primitive, sequence
from migrations.behaviour import NotFew, State, said
from migrations.counterparts import Asks, Met, NotFinite, listed, meet, messages
from migrations.refusal import Refusal
from migrations.way import Way


def follow(
    old: Program[Any, Any], new: Program[Any, Any], inputs: Iterable[Any] = ()
) -> Result[Arrow[Any, Any], Refusal]:
    """The arrow from each state of `old` to the state that `new` would be in after the same inputs.

    Both have one cell, of the same address. `inputs` are all that they are ever given; they may be left out where
    both take enums or classes without fields. The arrow is a table, as data: it goes into a `Migration` for that
    cell, and the one back is `follow(new, old, inputs)`. An input that `old` answers by an error changes nothing, so
    it has not happened. Of states that behave alike, the one of the same history is taken where each has one of its
    own, else the one of the same name. A state that no inputs lead to becomes one that behaves alike, else the one of
    the same name; where there is neither, and for a value that is not known, the arrow raises.

    Returns Failure(HistoriesDiffer) where the history would have to decide, with two that do; Failure(NotTaken) where
    the new version refuses what the old one acts on; Failure(NotFinite) for machines that have other cells, wait for
    answers from outside, or have too many states.

    >>> from arrows import compile, loop, run
    >>> def press(_: str, lit: bool) -> tuple[str, bool]:
    ...     return ("off" if lit else "on"), not lit
    >>> def press_too(_: str, at: str) -> tuple[str, str]:
    ...     return ("off", "dark") if at == "lit" else ("on", "lit")
    >>> old = compile(loop(press, init=False, name="lamp"))
    >>> new = compile(loop(press_too, init="dark", name="lamp"))
    >>> run(follow(old, new, ["press"]).unwrap(), [True, False])
    ['lit', 'dark']
    """
    try:
        met = meet(old, new, messages(old, new) if inputs == () else inputs)
        found = {state: met.counterpart(state) for state in met.old.values}
        return Success(_table(met, {state: to for state, to in found.items() if to is not None}))
    except NotFew as few:
        return Failure(NotFinite(few.problem, few.instead))
    except Asks as asks:
        return Failure(asks.refusal)


@attrs.frozen
class Followed:
    """What behaviour decides about the one cell of a machine: `how`, and the way of its values.

    A value that is not in the machine's type raises KeyError; the way has no `down` where histories would decide it.
    """

    how: str
    way: Way = attrs.field(eq=False, repr=False)


def by_behaviour(old: Program[Any, Any], new: Program[Any, Any]) -> Followed | None:
    """What behaviour decides where names would decide wrongly, or cannot; None where names decide.

    Asked of two versions whose states and messages can be listed from their types: enums, classes without fields,
    bool and None. Where both are the same machine under other names, each state becomes one that behaves alike,
    unless each does so under its own name. Where they are not, names decide; and where a name is gone, the histories
    do, if they contradict no name. Machines of other cells, that wait for answers from outside, or with too many
    states are not looked at: names decide.
    """
    slots = (*old.slots, *new.slots)
    few = all(isinstance(each, Cell) and listed(each.shape) is not None for each in slots)
    if not few or old.term == new.term:
        return None
    try:
        met = meet(old, new, messages(old, new))
        same = met.classes.of(0, met.old.first) == met.classes.of(1, met.new.first)
        named = {state: met.namesake(state) for state in met.old.values}
        alike = all(met.alike(state, named[state]) for state in met.met if named[state] is not None)
        if (None not in named.values() and (alike or not same)) or (not same and not alike):
            return None
        found = {state: met.counterpart(state) for state in met.old.values}
    except (NotFew, Asks):
        return None
    if not same:
        found = {state: to if named[state] is None else named[state] for state, to in found.items()}
    if None in found.values():
        return None
    return Followed("equivalent states" if same else "histories", _way(met, found, _back(old, new)))


def _back(old: Program[Any, Any], new: Program[Any, Any]) -> Mapping[State, Any] | None:
    """The old value for each new state, or None where histories would have to decide about one."""
    try:
        met = meet(new, old, messages(old, new))
        found = {state: met.counterpart(state) for state in met.old.values}
    except (NotFew, Asks):
        return None
    return {state: met.new.values[to] for state, to in found.items() if to is not None}


def _way(met: Met, found: Mapping[State, State | None], back: Mapping[State, Any] | None) -> Way:
    """The way by tables; what `down` would make another value of, though one that behaves alike, is kept beside."""
    table = {state: met.new.values[to] for state, to in found.items()}

    def up(value: Any) -> Any:
        return table[key_of(value)]

    def restore(value: Any, lost: Any) -> Any:
        if key_of(up(lost[0])) == key_of(value):
            return lost[0]
        if back is None:
            raise ValueError(f"nothing leads back from {said(value)}")
        return back[key_of(value)]

    down = None if back is None else lambda value: back[key_of(value)]
    if back is not None and all(to in back and key_of(back[to]) == state for state, to in found.items()):
        return Way(up, down)
    return Way(up, down, lambda value: (value,), restore)


def _table(met: Met, found: Mapping[State, State]) -> Arrow[Any, Any]:
    """A table as an arrow; the members of an enum are looked up by name, so that any version's class will do."""
    names = isinstance(met.cell.shape, Enumeration)
    pairs = [(met.old.values[state], met.new.values[to]) for state, to in found.items()]
    try:
        table = {(value.name if names else value): to for value, to in pairs}
    except TypeError:
        raise NotFew(
            f"a {met.cell.shape} cannot be looked up", "Keep a text or an enum in the cell."
        ) from None
    if len(table) < len(pairs):
        raise NotFew("Python takes two of its states for equal", "Keep a text or an enum in the cell.")
    looked_up = sequence(Constant(table) & Identity(), Primitive("item"))
    return sequence(Primitive("field", ("name",)), looked_up) if names else looked_up
