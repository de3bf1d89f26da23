"""Which states of two machines go together, and what to ask where that is not decided.

Both are walked together from their first states, over every input. So each old state meets the new states that the
same histories lead to. Where these behave alike (`migrations.behaviour`), the state decides, and there is an answer
without the history; where they do not, only a person can say.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from functools import cached_property
from typing import Any

import attrs

from arrows import record
from arrows.cells import Cell
from arrows.compile import Program
from arrows.fit import adopt, misfit
from arrows.keys import key_of
from arrows.shape import Enumeration, OneOf, Record, Scalar, Shape
from migrations import behaviour
from migrations.behaviour import (
    Classes,
    NotFew,
    State,
    Tried,
    Untaken,
    by_name,
    classes,
    history,
    said,
    together,
    tried,
)
from migrations.refusal import Refusal


@attrs.frozen
class NotFinite(Refusal):
    """Two versions that cannot be followed through all their states."""

    problem: str
    instead: str

    @property
    def happened(self) -> str:
        return f"The two versions cannot be followed through their states: {self.problem}."

    @property
    def remedy(self) -> str:
        return self.instead


@attrs.frozen
class HistoriesDiffer(Refusal):
    """Histories that led to one old state lead to new states that behave differently."""

    address: str
    state: str
    histories: tuple[tuple[str, ...], tuple[str, ...]]
    """Two shortest ones that lead to it."""
    states: tuple[str, str]
    """Where they lead in the new version."""
    inputs: tuple[str, ...]
    """What these two answer differently, at the last of them; there is no shorter one."""
    answers: tuple[str, str]

    @property
    def happened(self) -> str:
        (one, other), (here, there) = self.histories, self.states
        return (
            f"The cell {self.address!r} holds {self.state} after {_row(one)} as after {_row(other)}; the new version "
            f"would hold {here} after the first and {there} after the second, and these answer {_row(self.inputs)} "
            f"with {self.answers[0]} and with {self.answers[1]}."
        )

    @property
    def remedy(self) -> str:
        return (
            "What the cell holds does not decide: give the Migration an arrow that does, "
            f"{{{self.address!r}: arrow}}."
        )


@attrs.frozen
class NotTaken(Refusal):
    """What leads the old version to another state, the new one has no answer to."""

    address: str
    history: tuple[str, ...]
    """A shortest one after which the last input is answered by the old version only."""
    answers: tuple[str, str]

    @property
    def happened(self) -> str:
        return (
            f"After {_row(self.history[:-1])} the old version answers {self.history[-1]} with {self.answers[0]}, the "
            f"new one with {self.answers[1]}: where that leads, nothing tells."
        )

    @property
    def remedy(self) -> str:
        return f"Let the new version take it, or give the Migration an arrow, {{{self.address!r}: arrow}}."


def _row(inputs: tuple[str, ...]) -> str:
    return ", ".join(inputs) or "no input"


class Asks(Exception):
    """A refusal on its way out."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal


@attrs.frozen(slots=False)
class Met:
    """Two machines that were walked together: their cells, their states, and which go together."""

    cell: Cell
    target: Cell
    inputs: tuple[Any, ...]
    old: Tried
    new: Tried
    met: behaviour.Met
    classes: Classes

    def alike(self, state: State, other: State) -> bool:
        """Whether every new state that goes with an old one behaves as another new state does."""
        wanted = self.classes.of(1, other)
        return all(self.classes.of(1, each) == wanted for each in self.met[state])

    def namesake(self, state: State) -> State | None:
        """The new state of the same name or value, if there is one."""
        value, shape = self.old.values[state], self.target.shape
        if isinstance(value, enum.Enum) and isinstance(shape, Enumeration):
            value = shape.cls.__members__.get(value.name, value)
        value = adopt(value, shape)
        key = None if misfit(value, shape) else key_of(value)
        return key if key in self.new.values else None

    def counterpart(self, state: State) -> State | None:
        """The new state for an old one, or None where nothing decides. Raises Asks where histories differ."""
        name = self.namesake(state)
        if state not in self.met:
            own = self.classes.of(0, state)
            alike = [each for each in self.new.values if self.classes.of(1, each) == own]
            return name if name in alike else next(iter(alike), name)
        first, *others = self.met[state]
        for other in others:
            if self.classes.of(1, other) != self.classes.of(1, first):
                raise Asks(self.differ(state, first, other))
        return first if self.one_to_one or name is None or not self.alike(state, name) else name

    @cached_property
    def one_to_one(self) -> bool:
        """Whether each state goes with one, and no two with the same."""
        others = [other for each in self.met.values() for other in each]
        return len(set(others)) == len(others) == len(self.met)

    def differ(self, state: State, one: State, other: State) -> HistoriesDiffer:
        """What to tell of two new states for one old state."""
        word, answer, another = self.classes.word((1, one), (1, other))
        return HistoriesDiffer(
            self.cell.address,
            said(self.old.values[state]),
            (self.row(history(self.met, state, one)), self.row(history(self.met, state, other))),
            (said(self.new.values[one]), said(self.new.values[other])),
            self.row(word),
            (answer.text, another.text),
        )

    def row(self, places: Iterable[int]) -> tuple[str, ...]:
        """Inputs for people."""
        return tuple(said(self.inputs[place]) for place in places)


def meet(old: Program[Any, Any], new: Program[Any, Any], inputs: Iterable[Any]) -> Met:
    """Walk two machines together over all their inputs. Raises NotFew, and Asks for NotTaken."""
    known = {by_name(each): each for each in inputs}
    if not known:
        raise NotFew("no input is known", "Give all inputs: follow(old, new, inputs).")
    given = tuple(known.values())
    (one, other) = cells = (_cell(old), _cell(new))
    if one.address != other.address:
        raise NotFew(f"their cells are {one.address!r} and {other.address!r}", "Give them one address.")
    before, after = (
        tried(program, listed(cell.shape) or (), given)
        for program, cell in zip((old, new), cells, strict=True)
    )
    try:
        met = together(before, after)
    except Untaken as gap:
        row = tuple(said(given[place]) for place in gap.history)
        raise Asks(NotTaken(one.address, row, (gap.answer.text, gap.other.text))) from None
    return Met(one, other, given, before, after, met, classes(before, after))


def _cell(program: Program[Any, Any]) -> Cell:
    match program.slots:
        case (Cell() as cell,):
            return cell
    raise NotFew(f"it has {len(program.slots)} cells, or one by key", "Declare an arrow for each cell.")


def messages(old: Program[Any, Any], new: Program[Any, Any]) -> tuple[Any, ...]:
    """All messages of both, or none where their types do not list them."""
    one, other = listed(old.takes), listed(new.takes)
    return () if one is None or other is None else (*one, *other)


def listed(shape: Shape) -> tuple[Any, ...] | None:
    """Every value of a shape, where they are few and have names; None where they are not."""
    match shape:
        case Enumeration(cls=cls):
            return tuple(cls)
        case Record(cls=cls) if not record.fields(cls):
            return (cls(),)
        case Scalar(type=cls) if cls in (bool, type(None)):
            return (False, True) if cls is bool else (None,)
        case OneOf(options=options):
            parts = [listed(each) for each in options]
            return None if None in parts else tuple(value for part in parts for value in part or ())
        case _:
            return None
