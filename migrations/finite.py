"""Machines with few states: which state of the new version stands for each of the old, read from what they do.

Both machines are walked together from their first states, over every input. So each old state meets the new states
that the same histories lead to. Where these behave alike (`migrations.behaviour`), the state decides, and there is an
answer without the history; where they do not, only a person can say.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import Any

import attrs
from returns.result import Failure, Result, Success

from arrows import record
from arrows.cells import Cell
from arrows.compile import Program
from arrows.fit import adopt, misfit
from arrows.keys import key_of
from arrows.shape import Enumeration, OneOf, Record, Scalar, Shape
from arrows.term import Arrow, Constant, Identity, Primitive, sequence
from migrations.behaviour import Classes, NotFew, State, Tried, by_name, classes, said, together, tried
from migrations.refusal import Refusal


@attrs.frozen
class NotFinite(Refusal):
    """Two versions that cannot be followed through all their states."""

    problem: str
    instead: str

    @property
    def message(self) -> str:
        return f"The two versions cannot be followed through their states: {self.problem}. {self.instead}"


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
    def message(self) -> str:
        (one, other), (here, there) = self.histories, self.states
        return (
            f"The cell {self.address!r} holds {self.state} after {_row(one)} as after {_row(other)}; the new version "
            f"would hold {here} after the first and {there} after the second, and these answer {_row(self.inputs)} "
            f"with {self.answers[0]} and with {self.answers[1]}. What the cell holds does not decide: give the "
            f"Migration an arrow that does, {{{self.address!r}: arrow}}."
        )


def _row(inputs: tuple[str, ...]) -> str:
    return ", ".join(inputs) or "no input"


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

    Returns Failure(HistoriesDiffer) where the history would have to decide, with two that do; Failure(NotFinite) for
    machines that have other cells, wait for answers from outside, or have too many states.

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
        met = _meet(old, new, _inputs(old, new) if inputs == () else inputs)
        found = {state: met.counterpart(state) for state in met.old.values}
        return Success(_table(met, {state: to for state, to in found.items() if to is not None}))
    except NotFew as few:
        return Failure(NotFinite(few.problem, few.instead))
    except _Differ as differ:
        return Failure(differ.refusal)


@attrs.frozen
class Followed:
    """What behaviour decides about the one cell of a machine: `how`, and the new value for each old one."""

    address: str
    how: str
    move: Callable[[Any], Any] = attrs.field(eq=False, repr=False)
    """Raises KeyError for a value that the old version does not have."""


def by_behaviour(old: Program[Any, Any], new: Program[Any, Any]) -> Followed | None:
    """What behaviour decides where names would decide wrongly, or cannot; None where names decide.

    Asked of two versions whose states and messages can be listed from their types: enums, classes without fields,
    bool and None. Where both are the same machine under other names, each state becomes one that behaves alike,
    unless each does so under its own name. Where they are not, names decide; and where a name is gone, the histories
    do, if they contradict no name.
    """
    slots = (*old.slots, *new.slots)
    listed = all(isinstance(each, Cell) and _listed(each.shape) is not None for each in slots)
    if not listed or old.term == new.term:
        return None
    try:
        met = _meet(old, new, _inputs(old, new))
        same = met.classes.of(0, met.old.first) == met.classes.of(1, met.new.first)
        named = {state: met.namesake(state) for state in met.old.values}
        alike = all(met.alike(state, named[state]) for state in met.met if named[state] is not None)
        if (None not in named.values() and (alike or not same)) or (not same and not alike):
            return None
        found = {state: met.counterpart(state) for state in met.old.values}
    except (NotFew, _Differ):
        return None
    if not same:
        found = {state: to if named[state] is None else named[state] for state, to in found.items()}
    if None in found.values():
        return None
    table = {state: met.new.values[to] for state, to in found.items()}
    how = "equivalent states" if same else "histories"
    return Followed(met.cell.address, how, lambda value: table[key_of(value)])


class _Differ(Exception):
    def __init__(self, refusal: HistoriesDiffer) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal


@attrs.frozen(slots=False)
class _Met:
    """Two machines that were walked together: their cells, their states, and which go together."""

    cell: Cell
    target: Cell
    inputs: tuple[Any, ...]
    old: Tried
    new: Tried
    met: Mapping[State, Mapping[State, tuple[int, ...]]]
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
        """The new state for an old one, or None where nothing decides. Raises _Differ where histories differ."""
        name = self.namesake(state)
        if state not in self.met:
            own = self.classes.of(0, state)
            alike = [each for each in self.new.values if self.classes.of(1, each) == own]
            return name if name in alike else next(iter(alike), name)
        first, *others = self.met[state]
        for other in others:
            if self.classes.of(1, other) != self.classes.of(1, first):
                raise _Differ(self.differ(state, first, other))
        return first if self.one_to_one or name is None or not self.alike(state, name) else name

    @cached_property
    def one_to_one(self) -> bool:
        """Whether each state goes with one, and no two with the same."""
        others = [other for each in self.met.values() for other in each]
        return len(set(others)) == len(others) == len(self.met)

    def differ(self, state: State, one: State, other: State) -> HistoriesDiffer:
        """What to tell of two new states for one old state."""
        word, answer, another = self.classes.word((1, one), (1, other))
        histories = self.met[state]
        return HistoriesDiffer(
            self.cell.address,
            said(self.old.values[state]),
            (self.row(histories[one]), self.row(histories[other])),
            (said(self.new.values[one]), said(self.new.values[other])),
            self.row(word),
            (answer.text, another.text),
        )

    def row(self, places: Iterable[int]) -> tuple[str, ...]:
        """Inputs for people."""
        return tuple(said(self.inputs[place]) for place in places)


def _meet(old: Program[Any, Any], new: Program[Any, Any], inputs: Iterable[Any]) -> _Met:
    known = {by_name(each): each for each in inputs}
    if not known:
        raise NotFew("no input is known", "Give all inputs: follow(old, new, inputs).")
    given = tuple(known.values())
    (one, other) = cells = (_cell(old), _cell(new))
    if one.address != other.address:
        raise NotFew(f"their cells are {one.address!r} and {other.address!r}", "Give them one address.")
    before, after = (
        tried(program, _listed(cell.shape) or (), given)
        for program, cell in zip((old, new), cells, strict=True)
    )
    return _Met(one, other, given, before, after, together(before, after), classes(before, after))


def _cell(program: Program[Any, Any]) -> Cell:
    match program.slots:
        case (Cell() as cell,):
            return cell
    raise NotFew(f"it has {len(program.slots)} cells, or one by key", "Declare an arrow for each cell.")


def _inputs(old: Program[Any, Any], new: Program[Any, Any]) -> tuple[Any, ...]:
    """All messages of both, or none where their types do not list them."""
    one, other = _listed(old.takes), _listed(new.takes)
    return () if one is None or other is None else (*one, *other)


def _listed(shape: Shape) -> tuple[Any, ...] | None:
    """Every value of a shape, where they are few and have names; None where they are not."""
    match shape:
        case Enumeration(cls=cls):
            return tuple(cls)
        case Record(cls=cls) if not record.fields(cls):
            return (cls(),)
        case Scalar(type=cls) if cls in (bool, type(None)):
            return (False, True) if cls is bool else (None,)
        case OneOf(options=options):
            parts = [_listed(each) for each in options]
            return None if None in parts else tuple(value for part in parts for value in part or ())
        case _:
            return None


def _table(met: _Met, found: Mapping[State, State]) -> Arrow[Any, Any]:
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
