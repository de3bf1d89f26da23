"""Chains: the way between two versions that are not adjacent, through those between them.

Migrations are the edges of a graph whose points are the versions' labels. The way is the shortest path, all up or all
down; stepping through it one by one and going it at once are the same, as each of its steps is planned with the two
versions that it joins.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

import attrs
from returns.result import Failure, Result, Success

from arrows.cells import Values
from arrows.compile import Program
from migrations.ahead import Ahead
from migrations.messages import Messages, joined, messages
from migrations.migration import DROP, Migration
from migrations.plan import Lost, Plan, Survey, survey
from migrations.planner import Refused
from migrations.refusal import Refusal, UndeclaredLoss

Programs: TypeAlias = Mapping[str, Program[Any, Any]]

_NOTHING = Migration("", old="", new="")


@attrs.frozen
class Gap(Refusal):
    """Migrations speak of a version, and none leads from it to the other."""

    machine: str
    old: str
    new: str
    leaves: tuple[str, ...]
    leads: tuple[str, ...]

    @property
    def happened(self) -> str:
        out = [f"{self.old} to {each}" for each in self.leaves]
        known = ", ".join([*out, *(f"{each} to {self.new}" for each in self.leads)])
        return f"{self.machine}: no migrations lead from version {self.old} to {self.new}; there are {known}."

    @property
    def remedy(self) -> str:
        return (
            f"Give one: Migration({self.machine!r}, old={self.old!r}, new={self.new!r}), or those that are missing "
            "between; one that says nothing more lets structure decide."
        )


@attrs.frozen
class Ambiguous(Refusal):
    """Several chains of migrations of one length lead from a version to another."""

    machine: str
    paths: tuple[tuple[str, ...], ...]

    @property
    def happened(self) -> str:
        ways = "; ".join(" to ".join(each) for each in self.paths)
        old, new = self.paths[0][0], self.paths[0][-1]
        return f"{self.machine}: several ways lead from version {old} to {new}: {ways}."

    @property
    def remedy(self) -> str:
        old, new = self.paths[0][0], self.paths[0][-1]
        return (
            "Take one of them away, or give a direct one: "
            f"Migration({self.machine!r}, old={old!r}, new={new!r}, ...)."
        )


@attrs.frozen
class NotAtHand(Refusal):
    """The way leads through a version whose code is not there."""

    machine: str
    path: tuple[str, ...]
    missing: tuple[str, ...]

    @property
    def happened(self) -> str:
        return (
            f"{self.machine}: the way from version {' to '.join(self.path)} needs version "
            f"{' and '.join(self.missing)} at hand."
        )

    @property
    def remedy(self) -> str:
        return "Give it: --through FILE, or upgrade(..., through=[...])."


@attrs.frozen
class Hop:
    """A step of a way, upwards from `old` to `new`: the machine in both versions, and what is between them."""

    old: str
    new: str
    before: Program[Any, Any] = attrs.field(repr=False)
    after: Program[Any, Any] = attrs.field(repr=False)
    migration: Migration | None

    def dropping(self, machine: str, *, down: bool) -> Hop:
        """The same, with a migration that in this direction lets go of what it would refuse to lose."""
        ends = (self.after, self.before) if down else (self.before, self.after)
        refused = survey(*ends, self.migration, machine=machine, down=down, lost=True).refused
        gone = {each.address: DROP for each in refused if isinstance(each, UndeclaredLoss)}
        if not gone:
            return self
        said: Any = {"down" if down else "up": gone}
        between = self.migration or Migration(machine, old=self.old, new=self.new)
        return attrs.evolve(self, migration=between.with_more(attrs.evolve(_NOTHING, **said)))

    def inputs(self) -> Messages:
        """What becomes of the messages. Raises Stop."""
        between = self.migration or _NOTHING
        return messages(self.before.takes, self.after.takes, between.inputs, between.table)

    def replies(self) -> Messages:
        """What becomes of the replies. Raises Stop."""
        between = self.migration or _NOTHING
        return messages(self.before.gives, self.after.gives, between.replies, between.table)


@attrs.frozen
class Route:
    """The way of a machine between two versions, at least one step; with `leads_down` to the lower end of the steps.

    `plan` and `survey` go it, or with `down` the way back.
    """

    machine: str
    hops: tuple[Hop, ...]
    leads_down: bool = False
    _plans: dict[tuple[bool, bool], Result[Plan, Refusal]] = attrs.field(
        init=False, factory=dict, eq=False, repr=False
    )

    @property
    def ends(self) -> tuple[tuple[str, Program[Any, Any]], tuple[str, Program[Any, Any]]]:
        """The labels and programs of the version where it begins and the one where it leads."""
        first, last = self.hops[0], self.hops[-1]
        ends = (first.old, first.before), (last.new, last.after)
        return (ends[1], ends[0]) if self.leads_down else ends

    def plan(self, *, down: bool = False, lost: bool = False) -> Result[Plan, Refusal]:
        """As `migrations.plan`, for the whole way. It is made once: the way back is taken while callers wait."""
        if (down, lost) not in self._plans:
            found = self.survey(down=down, lost=lost)
            self._plans[down, lost] = Failure(found.refused[0]) if found.refused else Success(found.plan)
        return self._plans[down, lost]

    def survey(self, *, down: bool = False, lost: bool = False) -> Survey:
        """As `migrations.plan.survey`, for the whole way: the rows of all steps, where it has several."""
        down = down != self.leads_down
        surveys = [
            survey(
                *((hop.after, hop.before) if down else (hop.before, hop.after)),
                hop.migration,
                machine=self.machine,
                down=down,
                lost=lost,
            )
            for hop in (reversed(self.hops) if down else self.hops)
        ]
        if len(surveys) == 1:
            return surveys[0]
        labels = [f"{hop.old} to {hop.new}" for hop in self.hops]
        if down:
            labels = [f"{hop.new} to {hop.old}" for hop in reversed(self.hops)]
        rows = tuple(
            attrs.evolve(row, how=": ".join(filter(None, (label, row.how))))
            for label, each in zip(labels, surveys, strict=True)
            for row in each.plan.rows
        )
        refused = tuple(refusal for each in surveys for refusal in each.refused)
        return Survey(_joined(self.machine, rows, [each.plan for each in surveys], down=down), refused)

    def dropping(self) -> Route:
        """The same, but that its way back lets go of what only the version has that it leads to."""
        hops = [each.dropping(self.machine, down=not self.leads_down) for each in self.hops]
        return Route(self.machine, tuple(hops), self.leads_down)

    def inputs(self) -> Messages:
        """What becomes of the messages on the whole way. Raises Stop."""
        return self._led(joined([hop.inputs() for hop in self.hops]))

    def replies(self) -> Messages:
        """What becomes of the replies on the whole way. Raises Stop."""
        return self._led(joined([hop.replies() for hop in self.hops]))

    def _led(self, told: Messages) -> Messages:
        return told.turned() if self.leads_down else told


def _joined(machine: str, rows: Any, plans: list[Plan], *, down: bool) -> Plan:
    def taken(result: Result[Any, Refusal]) -> Any:
        if isinstance(result, Failure):
            raise Refused(result.failure())
        return result.unwrap()

    def move(state: Values, lost: Lost) -> Values:
        """What the step `n` upwards threw away is in `lost` under `n`; down, the last step comes first."""
        last = len(plans) - 1
        ahead = lost if isinstance(lost, Ahead) else None
        for at, each in enumerate(plans):
            thrown = lost.get(str(last - at if down else at))
            state = taken(each.apply(state, thrown, ahead=None if ahead is None else ahead.hop(at)))
        return state

    def threw(state: Values) -> Lost:
        found = {}
        for at, each in enumerate(plans):
            found[str(at)] = taken(each.lost(state))
            state = taken(each.apply(state))
        return found if any(found.values()) else {}

    return Plan(machine, rows, move, threw)


def route(
    machine: str,
    old: tuple[str, Program[Any, Any]],
    new: tuple[str, Program[Any, Any]],
    migrations: Iterable[Migration],
    between: Programs,
) -> Result[Route, Refusal]:
    """The way of a machine from one version to another: `old` and `new` are their labels and programs.

    It leads up by the migrations between them, or where these lead from `new` to `old`, down. `between` are the
    programs of other versions that are at hand, by label. Returns Success(Route), or
    Failure(Gap | Ambiguous | NotAtHand).
    """
    known = tuple(migrations)
    found, other = path(machine, old[0], new[0], known), path(machine, new[0], old[0], known)
    leads_down = found.value_or(()) == () and other.value_or(()) != ()
    if leads_down:
        found, old, new = other, new, old
    if isinstance(found, Failure):
        return Failure(found.failure())
    edges = found.unwrap()
    if not edges:
        return Success(Route(machine, (Hop(old[0], new[0], old[1], new[1], None),)))
    programs = {**between, old[0]: old[1], new[0]: new[1]}
    missing = tuple(edge.new for edge in edges if edge.new not in programs)
    if missing:
        labels = (old[0], *(edge.new for edge in edges))
        return Failure(NotAtHand(machine, labels, missing))
    hops = [Hop(edge.old, edge.new, programs[edge.old], programs[edge.new], edge) for edge in edges]
    if len(hops) == 1:
        hops = [attrs.evolve(hops[0], before=old[1], after=new[1])]
    return Success(Route(machine, tuple(hops), leads_down))


def path(
    machine: str, old: str, new: str, migrations: Iterable[Migration]
) -> Result[tuple[Migration, ...], Refusal]:
    """The shortest chain of a machine's migrations up from one version to another.

    It is empty where no migration speaks of either end in that direction: structure decides then. Returns
    Failure(Gap) where some do and none leads there, or Failure(Ambiguous) where several of one length do.

    >>> [edge.new for edge in path("m", "1", "3", [
    ...     Migration("m", old="1", new="2"), Migration("m", old="2", new="3")]).unwrap()]
    ['2', '3']
    """
    edges = [each for each in migrations if each.machine == machine]
    direct = tuple(each for each in edges if (each.old, each.new) == (old, new))
    if direct or old == new:
        return Success(direct[:1])
    found: list[tuple[Migration, ...]] = []
    ways: list[tuple[Migration, ...]] = [()]
    seen = {old}
    while ways and not found:
        longer = [
            (*way, edge)
            for way in ways
            for edge in edges
            if edge.old == (way[-1].new if way else old) and edge.new not in seen
        ]
        found = [way for way in longer if way[-1].new == new]
        seen |= {way[-1].new for way in longer}
        ways = longer
    if len(found) > 1:
        return Failure(Ambiguous(machine, tuple(_labels(way) for way in found)))
    if found:
        return Success(found[0])
    leaves = sorted({each.new for each in edges if each.old == old})
    leads = sorted({each.old for each in edges if each.new == new})
    if leaves or leads:
        return Failure(Gap(machine, old, new, tuple(leaves), tuple(leads)))
    return Success(())


def _labels(way: tuple[Migration, ...]) -> tuple[str, ...]:
    return (way[0].old, *(edge.new for edge in way))
