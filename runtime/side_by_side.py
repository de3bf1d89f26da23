"""Two versions of a machine side by side: stepped by the same messages, answering in the language of the old one."""

from __future__ import annotations

from typing import Any, Final

import attrs
from returns.result import Failure, Result, Success

from arrows.cells import Values
from arrows.compile import Program
from arrows.effect import Done
from arrows.plain import to_plain
from arrows.representation import represent
from migrations.plan import Plan
from migrations.refusal import Refusal, WrongLens
from migrations.rule import Stop
from runtime.acceptance import Older, fitted
from runtime.hosted import Compiled, routes

RAISED: Final = "with "
"""What an answer begins with where the step raised."""


@attrs.frozen
class Versions:
    """Two versions of a machine, and the ways between them. `plain` is the way back without what was lost."""

    old: Program[Any, Any]
    new: Program[Any, Any]
    older: Older
    up: Plan
    down: Plan
    plain: Result[Plan, Refusal]

    @property
    def promise_alike(self) -> bool:
        """Whether every reply of the new version can be told in the language of the old one."""
        return not self.older.replies.one_way

    def led(self, message: Any) -> Any:
        """A message of the old version as the new one takes it, or None where it does not."""
        own, wrong = fitted(message, self.old.takes)
        try:
            return None if wrong is not None else self.older.inputs.up(own)
        except Exception:
            return None

    def before(self, state: Values, message: Any) -> tuple[Values, str]:
        """Step the old version: its next state, and its answer in words. What raises leaves the state as it is."""
        own, wrong = fitted(message, self.old.takes)
        return (state, f"{RAISED}BadMessage") if wrong is not None else self._stepped(self.old, state, own)

    def after(self, state: Values, message: Any) -> tuple[Values, str]:
        """Step the new version by a message of the old one, and answer as the old one would say it."""
        own = self.led(message)
        return (state, f"{RAISED}BadMessage") if own is None else self._stepped(self.new, state, own)

    def _stepped(self, program: Program[Any, Any], state: Values, message: Any) -> tuple[Values, str]:
        try:
            after, end, _ = program.begin(state, message)
            if not isinstance(end, Done):
                return after, "later"
            told = end.output
            if program is self.new and self.promise_alike:
                told = self.older.replies.down(told)
        except Exception as error:
            return state, f"{RAISED}{type(error).__name__}"
        return after, represent(to_plain(told))


def versions(machine: str, old: Compiled, new: Compiled) -> Result[Versions, Refusal]:
    """Two versions of a machine that both have, or why the upgrade or the way back is refused."""
    found = routes(old, new)[machine]
    if isinstance(found, Failure):
        return Failure(found.failure())
    way = found.unwrap()
    try:
        older = Older.of(way)
        up, down, plain = way.plan(), way.plan(down=True, lost=True), way.plan(down=True)
    except Stop as stop:
        return Failure(WrongLens(machine, "", str(stop.unclear)))
    for each in (up, down):
        if isinstance(each, Failure):
            return Failure(each.failure())
    programs = old.programs[machine], new.programs[machine]
    return Success(Versions(*programs, older, up.unwrap(), down.unwrap(), plain))
