"""Tries an upgrade on states that are drawn from the types of its cells, and shrinks what goes wrong.

The laws, each on its own:

- there and back: the way up leads somewhere; the way back, with what the way up threw away, leads to the very state it
  came from. Without that, where such a way is planned, it leads to a state that goes up to the same again.
- written since: from a state that only the new version may have written, the way back raises nothing.
- first values: a cell that is converted begins with what the migration makes of the old first value.
- replies: to a message, in a state, both versions answer alike, where they promise the same type of reply.
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
from arrows.cells import Values
from arrows.compile import Program
from arrows.drawn import states, values
from arrows.effect import Done
from arrows.plain import to_plain
from arrows.representation import represent
from arrows.shape import options
from migrations.plan import Plan, plan
from runtime.acceptance import fitted, forms
from runtime.hosted import Compiled

Law: TypeAlias = Literal[
    "there and back", "without what was lost", "written since", "first values", "replies"
]


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
        """Whether it must be mended.

        That two versions answer differently may be what the new one is for, a way back may need what was lost, and an
        arrow may have nothing to give for what only the new version can hold.
        """
        return bool(self.problem) and self.law in {"there and back", "first values"}


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
        down = plan(other, program, migration, machine=machine, down=True, lost=True)
        refused = next((each.failure() for each in (up, down) if isinstance(each, Failure)), None)
        if refused is not None:
            yield Finding(machine, "there and back", 0, "", str(refused))
            continue
        plain = plan(other, program, migration, machine=machine, down=True)
        trial = Trial(program, other, up.unwrap(), down.unwrap(), plain.value_or(None))
        for law, drawn, wrong in trial.laws():
            heard = _Heard(wrong, partial(tell, machine, law))
            example = _smallest(drawn, heard, count, seed)
            if example is None:
                yield Finding(machine, law, heard.count)
            else:
                yield Finding(machine, law, heard.count, represent(example), wrong(example))
        if isinstance(plain, Failure):
            yield Finding(machine, "without what was lost", 0, "", f"no way back: {plain.failure()}")
        stale = trial.first_values()
        if stale:
            yield Finding(machine, "first values", 1, "", stale)


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
class Trial:
    """Two versions of a machine, and the ways between them. `plain` is the way back without what was lost."""

    old: Program[Any, Any]
    new: Program[Any, Any]
    up: Plan
    down: Plan
    plain: Plan | None

    def laws(self) -> Iterator[tuple[Law, st.SearchStrategy[Any], Callable[[Any], str]]]:
        """Each law, what it is tried on, and what says of an example what is wrong with it."""
        drawn = states(self.old.slots)
        yield "there and back", drawn, self.there_and_back
        if self.plain is not None:
            yield "written since", states(self.new.slots), self.written_since
        kept = {each.form for each in forms(self.old.takes, self.new.takes) if each.label != "gone"}
        if kept and same_shape(self.old.gives, self.new.gives):
            messages = [each for each in options(self.old.takes) if forms(each, each)[0].form in kept]
            yield "replies", st.tuples(drawn, st.one_of(*map(values, messages))), self.replies

    def there_and_back(self, state: Values) -> str:
        """What is wrong with the way of a state up, and back: with what was lost, and without."""
        found, lost = self.up.apply(state), self.up.lost(state)
        for each in (found, lost):
            if isinstance(each, Failure):
                return f"up: {each.failure()}"
        there = found.unwrap()
        back = self.down.apply(there, lost.unwrap())
        if isinstance(back, Failure):
            return f"down, from {represent(there)}: {back.failure()}"
        if state != back.unwrap():
            return f"goes up to {represent(there)} and comes back as {represent(back.unwrap())}"
        return "" if self.plain is None else self._again(self.plain, there)

    def _again(self, plain: Plan, there: Values) -> str:
        back = plain.apply(there)
        if isinstance(back, Failure):
            return f"down without what was lost, from {represent(there)}: {back.failure()}"
        again = self.up.apply(back.unwrap())
        told = f"without what was lost, {represent(there)} goes down to {represent(back.unwrap())}"
        if isinstance(again, Failure):
            return f"{told}, and from there up: {again.failure()}"
        return "" if there == again.unwrap() else f"{told}, and that up to {represent(again.unwrap())}"

    def written_since(self, state: Values) -> str:
        """Why a state of the new version has no way back."""
        back = (self.plain or self.down).apply(state)
        return f"down: {back.failure()}" if isinstance(back, Failure) else ""

    def first_values(self) -> str:
        """Which converted cells begin with another value than the migration makes of the old first one."""
        made = self.up.apply(self.old.initial())
        if isinstance(made, Failure):
            return f"up, from the first state: {made.failure()}"
        converted = {row.address for row in self.up.rows if row.label == "converted"}
        several = zip(self.new.slots, self.new.initial(), made.unwrap(), strict=True)
        wrong = [
            f"{slot.address} begins with {represent(first)}, and a machine that took no message before the upgrade "
            f"holds {represent(other)}"
            for slot, first, other in several
            if slot.address in converted and first != other
        ]
        return "; ".join(wrong)

    def replies(self, example: tuple[Values, Any]) -> str:
        state, message = example
        there = self.up.apply(state)
        own, wrong = fitted(message, self.new.takes)
        if isinstance(there, Failure) or wrong is not None:
            return ""
        one, other = answer(self.old, state, message), answer(self.new, there.unwrap(), own)
        return "" if one == other else f"the old version answers {one}, the new one {other}"


def answer(program: Program[Any, Any], state: Values, message: Any) -> str:
    """What a machine answers, in words: its reply, the error that it raises, or that it comes later."""
    try:
        _, end, _ = program.begin(state, message)
    except Exception as error:
        return f"with {type(error).__name__}"
    return represent(to_plain(end.output)) if isinstance(end, Done) else "later"
