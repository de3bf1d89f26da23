"""What becomes of each cell: read from the two versions and the migration between them, before anything runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
from returns.result import Failure, Result, Success

from arrows.cells import Values
from arrows.compile import Program
from migrations.ahead import Ahead
from migrations.downward import Downward
from migrations.finite import by_behaviour
from migrations.migration import Migration
from migrations.planner import Lost, Refused, Row
from migrations.refusal import NoDown, Refusal
from migrations.upward import Upward

__all__ = ["Lost", "Plan", "Row", "Survey", "plan", "survey"]


@attrs.frozen
class Plan:
    """A checked way from one machine's state to another's. `rows` tell it cell by cell."""

    machine: str
    rows: tuple[Row, ...]
    _move: Callable[[Values, Lost], Values] = attrs.field(eq=False, repr=False)
    _lost: Callable[[Values], Lost | None] = attrs.field(eq=False, repr=False)

    def apply(
        self, state: Values, lost: Lost | None = None, *, ahead: Ahead | None = None
    ) -> Result[Values, Refusal]:
        """Return Success(new state), or Failure(MigrationRaised | MigrationMisfit). `state` is not altered.

        On the way down, `lost` is what the way up threw away (`Plan.lost` of it), which then comes back. With
        `ahead`, on the way up, the rows of large tables are led when they are touched (`migrations.lazy`).
        """
        try:
            return Success(self._move(state, lost or {} if ahead is None else ahead))
        except Refused as refused:
            return Failure(refused.refusal)

    def lost(self, state: Values) -> Result[Lost, Refusal]:
        """Return Success(what `apply` throws away of a state on the way up, by address; empty where it is nothing)."""
        try:
            return Success(self._lost(state) or {})
        except Refused as refused:
            return Failure(refused.refusal)


@attrs.frozen
class Survey:
    """A plan, and all that stands against it."""

    plan: Plan
    refused: tuple[Refusal, ...]


def plan(
    old: Program[Any, Any],
    new: Program[Any, Any],
    migration: Migration | None,
    *,
    machine: str = "",
    down: bool = False,
    lost: bool = False,
) -> Result[Plan, Refusal]:
    """Plan the way from the state of `old` to the state of `new`.

    With `down`, `old` is the version that the migration leads to, and its way back is planned; `lost` says that what
    the way up threw away will be at hand. Cells match by address, or as the migration's lenses say; what becomes of a
    value of which neither lens nor arrow speaks, structure may decide (`migrations.infer`). Returns
    Failure(UndeclaredLoss | Undefined | UnknownCell | InitialChanged | NoDown) where a cell's way is not given:
    nothing is reset silently.
    """
    found = survey(old, new, migration, machine=machine, down=down, lost=lost)
    return Failure(found.refused[0]) if found.refused else Success(found.plan)


def survey(
    old: Program[Any, Any],
    new: Program[Any, Any],
    migration: Migration | None,
    *,
    machine: str = "",
    down: bool = False,
    lost: bool = False,
) -> Survey:
    """As `plan`, with every cell in the plan's rows and all that stands against it."""
    before, after = (new, old) if down else (old, new)
    of = Downward if down else Upward
    planner = of(migration, before.slots, after.slots, machine, at_hand=lost)
    if migration is None or not (migration.up or migration.lenses or migration.rules):
        planner.followed = by_behaviour(before, after)
    move, threw = planner.level(before.slots, after.slots)
    refused = planner.refused
    if refused and migration is not None and down and migration.down is None and not migration.lenses:
        refused.insert(0, NoDown(planner.machine, migration.old, migration.new))
    return Survey(Plan(planner.machine, tuple(planner.rows), move, threw), tuple(refused))
