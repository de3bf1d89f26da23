"""Tries an upgrade on states that are drawn from the types of its cells, and shrinks what goes wrong.

Of each state it is asked that the way up leads somewhere, and that the way back leads from there to the state it came
from, but for what the migration says may go. Of a state and a message it is asked whether both versions answer alike,
where they promise the same type of reply.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Literal, TypeAlias

import attrs
from hypothesis import HealthCheck, find, settings
from hypothesis import strategies as st
from hypothesis.errors import NoSuchExample
from returns.result import Failure

from arrows.canonical import same_shape
from arrows.cells import Slot, Table, Values, initial
from arrows.compile import Program
from arrows.drawn import states, values
from arrows.effect import Done
from arrows.keys import is_initial
from arrows.plain import to_plain
from arrows.representation import represent
from arrows.shape import options
from migrations.plan import Plan, plan
from runtime.acceptance import fitted, forms
from runtime.hosted import Compiled

Law: TypeAlias = Literal["there and back", "replies"]


@attrs.frozen
class Finding:
    """What was found of one law at one machine in so many trials: nothing, or the smallest example, and the problem."""

    machine: str
    law: Law
    trials: int
    example: str = ""
    problem: str = ""

    @property
    def is_wrong(self) -> bool:
        """Whether it must be mended. That two versions answer differently may be what the new one is for."""
        return bool(self.problem) and self.law == "there and back"


def trials(
    old: Compiled, new: Compiled, count: int, seed: int, tell: Callable[[str, Law, int], object]
) -> Iterator[Finding]:
    """Make `count` trials of each law for each machine of both versions; `tell` hears of each.

    Where the upgrade of a machine or the way back is refused, the finding says why, after no trial.
    """
    for machine, program in old.programs.items():
        if machine not in new.programs:
            continue
        migration = new.application.migration(machine, old.application.version, new.application.version)
        other = new.programs[machine]
        up = plan(program, other, migration, machine=machine)
        down = plan(other, program, migration, machine=machine, down=True)
        refused = next((each.failure() for each in (up, down) if isinstance(each, Failure)), None)
        if refused is not None:
            yield Finding(machine, "there and back", 0, "", str(refused))
            continue
        trial = _Trial(program, other, up.unwrap(), down.unwrap())
        for law, drawn, wrong in trial.laws():
            heard = _Heard(wrong, partial(tell, machine, law))
            example = _smallest(drawn, heard, count, seed)
            if example is None:
                yield Finding(machine, law, heard.count)
            else:
                yield Finding(machine, law, heard.count, represent(example), wrong(example))


class _Heard:
    """Counts trials, and tells whether something is wrong with an example."""

    def __init__(self, wrong: Callable[[Any], str], tell: Callable[[int], object]) -> None:
        self.count = 0
        self._wrong = wrong
        self._tell = tell

    def __call__(self, example: Any) -> bool:
        self.count += 1
        self._tell(self.count)
        return bool(self._wrong(example))


def _smallest(
    drawn: st.SearchStrategy[Any], wrong: Callable[[Any], bool], count: int, seed: int
) -> Any | None:
    """The smallest example that is wrong, of those that so many trials and the search from there find."""
    made = settings(max_examples=count, database=None, deadline=None, suppress_health_check=list(HealthCheck))
    try:
        return find(drawn, wrong, settings=made, random=random.Random(seed))  # noqa: S311 - no secret
    except NoSuchExample:
        return None


@attrs.frozen
class _Trial:
    old: Program[Any, Any]
    new: Program[Any, Any]
    up: Plan
    down: Plan

    def laws(self) -> Iterator[tuple[Law, st.SearchStrategy[Any], Callable[[Any], str]]]:
        """Each law, what it is tried on, and what says of an example what is wrong with it."""
        drawn = states(self.old.slots)
        yield "there and back", drawn, self.there_and_back
        kept = {each.form for each in forms(self.old.takes, self.new.takes) if each.label != "gone"}
        if kept and same_shape(self.old.gives, self.new.gives):
            messages = [each for each in options(self.old.takes) if forms(each, each)[0].form in kept]
            yield "replies", st.tuples(drawn, st.one_of(*map(values, messages))), self.replies

    def there_and_back(self, state: Values) -> str:
        there = self.up.apply(state)
        if isinstance(there, Failure):
            return f"up: {there.failure()}"
        back = self.down.apply(there.unwrap())
        if isinstance(back, Failure):
            return f"down, from {represent(there.unwrap())}: {back.failure()}"
        gone = frozenset(row.address for row in self.up.rows if row.label == "dropped")
        if _left(self.old.slots, state, gone) == _left(self.old.slots, back.unwrap(), gone):
            return ""
        return f"goes up to {represent(there.unwrap())} and comes back as {represent(back.unwrap())}"

    def replies(self, example: tuple[Values, Any]) -> str:
        state, message = example
        there = self.up.apply(state)
        own, wrong = fitted(message, self.new.takes)
        if isinstance(there, Failure) or wrong is not None:
            return ""
        one, other = _answer(self.old, state, message), _answer(self.new, there.unwrap(), own)
        return "" if one == other else f"the old version answers {one}, the new one {other}"


def _answer(program: Program[Any, Any], state: Values, message: Any) -> str:
    try:
        _, end, _ = program.begin(state, message)
    except Exception as error:
        return f"with {type(error).__name__}"
    return represent(to_plain(end.output)) if isinstance(end, Done) else "later"


def _left(slots: tuple[Slot, ...], state: Values, gone: frozenset[str]) -> tuple[Any, ...]:
    """A state without the cells that may go, and without rows that hold nothing else."""
    found: list[Any] = []
    for slot, value in zip(slots, state, strict=True):
        if slot.address in gone:
            continue
        if not isinstance(slot, Table):
            found.append(value)
            continue
        first = _left(slot.slots, initial(slot.slots), gone)
        rows = {key: _left(slot.slots, row, gone) for key, row in value.items()}
        found.append({key: row for key, row in rows.items() if not is_initial(row, first)})
    return tuple(found)
