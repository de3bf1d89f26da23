"""Tries an upgrade on states that are drawn from the types of its cells, and shrinks what goes wrong.

The laws, each on its own:

- there and back: the way up leads somewhere; the way back, with what the way up threw away, leads to the very state it
  came from. Without that, where such a way is planned, it leads to a state that goes up to the same again.
- messages: a message or a reply that lenses or structure convert comes back as it was, or where the way up throws
  something of it away, goes up to the same again.
- refused by structure: every state has a way up; where a rule refuses a value, the upgrade waits and nothing is lost.
- written since: from a state that only the new version may have written, the way back raises nothing.
- first values: a cell that is converted begins with what the migration makes of the old first value.
- replies: to a message, in a state, both versions answer alike, where they promise the same type of reply.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final, Literal, TypeAlias

import attrs
from hypothesis import HealthCheck, Phase, find, settings
from hypothesis import strategies as st
from hypothesis.errors import NoSuchExample
from returns.result import Failure, Success

from arrows.cells import Values
from arrows.drawn import states, values
from arrows.plain import describe
from arrows.representation import represent
from migrations.plan import Plan
from migrations.refusal import MigrationRaised, Refusal
from runtime.hosted import Compiled
from runtime.side_by_side import BAD, Versions, first_values, is_back_again, is_same, versions

Law: TypeAlias = Literal[
    "there and back",
    "messages",
    "refused by structure",
    "without what was lost",
    "written since",
    "first values",
    "replies",
]

WRONG: Final[frozenset[Law]] = frozenset({"there and back", "messages", "first values"})
"""The laws that an upgrade must not break."""


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
        return bool(self.problem) and self.law in WRONG


def trials(
    old: Compiled,
    new: Compiled,
    count: int,
    seed: int,
    tell: Callable[[str, Law, int], object] = lambda *_: None,
    *,
    told: bool = True,
) -> Iterator[Finding]:
    """Make `count` trials of each law for each machine of the old version; `tell` hears of each.

    Without `told`, only those are tried whose breach is wrong.

    Where the upgrade of a machine or the way back is refused, the finding says why, after no trial.
    """
    for machine in old.programs:
        found = versions(machine, old, new)
        if isinstance(found, Failure):
            yield Finding(machine, "there and back", 0, "", str(found.failure()))
            continue
        both = found.unwrap()
        trial = Trial(both)
        for law, drawn, wrong in trial.laws():
            if not told and law not in WRONG:
                continue
            heard = _Heard(wrong, partial(tell, machine, law))
            example = _smallest(drawn, heard, count, seed)
            if example is None:
                yield Finding(machine, law, heard.count)
            else:
                yield Finding(machine, law, heard.count, represent(example), wrong(example))
        if isinstance(both.plain, Failure):
            yield Finding(machine, "without what was lost", 0, "", f"no way back: {both.plain.failure()}")
        stuck = [describe(each.form)[0] for each in both.converted if each.way.down is None]
        if stuck:
            problem = f"no way back for those that wait at a rollback: {', '.join(stuck)}"
            yield Finding(machine, "without what was lost", 0, "", problem)
        stale = first_values(both)
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
    made = settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    try:
        return find(drawn, wrong, settings=made, random=random.Random(seed))  # noqa: S311 - no secret
    except NoSuchExample:
        return None


@attrs.frozen
class Trial:
    """The laws of two versions of a machine: each says what is wrong with an example, or nothing."""

    both: Versions

    def laws(self) -> Iterator[tuple[Law, st.SearchStrategy[Any], Callable[[Any], str]]]:
        """Each law, what it is tried on, and what says of an example what is wrong with it."""
        drawn = states(self.both.old.slots)
        yield "there and back", drawn, self.there_and_back
        if isinstance(self.both.plain, Success):
            yield "written since", states(self.both.new.slots), self.written_since
        if any(row.how.startswith("inferred") and row.label == "converted" for row in self.both.up.rows):
            yield "refused by structure", drawn, self.refused
        ways = self.both.converted
        if ways:
            told = [st.tuples(st.just(at), values(each.form)) for at, each in enumerate(ways)]
            yield "messages", st.one_of(told), lambda each: is_back_again(self.both, ways[each[0]], each[1])
        taken = [values(old) for old, _, _ in self.both.older.inputs.ways]
        if taken and self.both.older.replies.ways:
            yield "replies", st.tuples(drawn, st.one_of(taken)), self.replies

    def there_and_back(self, state: Values) -> str:
        """What is wrong with the way of a state up, and back: with what was lost, and without."""
        found, lost = self.both.up.apply(state), self.both.up.lost(state)
        for each in (found, lost):
            if isinstance(each, Failure):
                return "" if self._is_inferred(each.failure()) else f"up: {each.failure()}"
        there = found.unwrap()
        back = self.both.down.apply(there, lost.unwrap())
        if isinstance(back, Failure):
            return f"down, from {represent(there)}: {back.failure()}"
        if not is_same(self.both.old.slots, state, back.unwrap()):
            return f"goes up to {represent(there)} and comes back as {represent(back.unwrap())}"
        plain = self.both.plain.value_or(None)
        return "" if plain is None else self._again(plain, there)

    def _again(self, plain: Plan, there: Values) -> str:
        back = plain.apply(there)
        if isinstance(back, Failure):
            return f"down without what was lost, from {represent(there)}: {back.failure()}"
        again = self.both.up.apply(back.unwrap())
        told = f"without what was lost, {represent(there)} goes down to {represent(back.unwrap())}"
        if isinstance(again, Failure):
            return f"{told}, and from there up: {again.failure()}"
        return (
            ""
            if is_same(self.both.new.slots, there, again.unwrap())
            else f"{told}, and that up to {represent(again.unwrap())}"
        )

    def _is_inferred(self, refusal: Refusal) -> bool:
        """Whether a rule of structure refuses a value, as it says that it does."""
        if not isinstance(refusal, MigrationRaised):
            return False
        return any(
            row.address == refusal.address and row.how.startswith("inferred") for row in self.both.up.rows
        )

    def refused(self, state: Values) -> str:
        """Why structure does not lead a state up."""
        there = self.both.up.apply(state)
        return f"up: {there.failure()}" if isinstance(there, Failure) else ""

    def written_since(self, state: Values) -> str:
        """Why a state of the new version has no way back."""
        back = self.both.plain.unwrap().apply(state)
        return f"down: {back.failure()}" if isinstance(back, Failure) else ""

    def replies(self, example: tuple[Values, Any]) -> str:
        """How the replies of both versions to a message differ."""
        state, message = example
        there = self.both.up.apply(state)
        if isinstance(there, Failure):
            return ""
        _, one = self.both.before(state, message)
        _, other = self.both.after(there.unwrap(), message)
        if one == other or not one.is_promised or other.error == BAD:
            return ""
        return f"the old version answers {one}, the new one {other}"
