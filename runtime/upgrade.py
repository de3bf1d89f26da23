"""Upgrade and rollback: from two versions to a change that is checked whole, and waits for its moment.

Nothing here changes anything; it may run beside the machines. The change itself is made in `runtime.swapping`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import attrs
from returns.result import Failure, Result, Success

from arrows.cells import Cell, Values, flat
from arrows.compile import compile
from arrows.continuation import effects
from arrows.origin import BuildError
from arrows.plain import describe
from migrations.ahead import Ahead
from migrations.chain import Route
from migrations.plan import Lost, Plan, Row
from migrations.refusal import Refusal, WrongLens
from migrations.rule import Stop
from runtime.acceptance import Older, check
from runtime.application import Application
from runtime.bounds import SHORT_DIGEST
from runtime.hosted import Compiled, Running, routes
from runtime.instruction import Terms
from runtime.leading import Turned
from runtime.outbox import TOLD
from runtime.quarantine import none_aside
from runtime.refusal import (
    AlreadyRunning,
    CannotCompile,
    MachineRemoved,
    MessageNotAccepted,
    NeedsEffects,
    NothingToRollBack,
    UnexpectedVersion,
)
from runtime.release import Release
from runtime.transaction import Changed

_NO_STATES: Final[Mapping[str, Values]] = {}


@attrs.frozen
class Upgraded:
    """A change that was made. `old` and `new` are digests; `rows` tell what became of each machine's cells.

    `seconds` is how long the machines stood still for it, `turned` what waited and only the version has that was left.
    Of a release `application` is the name, and `applications` tells what was done with each that is another version
    now; `started` and `stopped` are those that began to run with it, and that rest from now on.
    """

    application: str
    old: str
    new: str
    old_version: str
    new_version: str
    rows: Mapping[str, tuple[Row, ...]]
    back: bool = False
    seconds: float = 0.0
    turned: tuple[Turned, ...] = ()
    applications: tuple[Upgraded, ...] = ()
    started: tuple[str, ...] = ()
    stopped: tuple[str, ...] = ()
    is_release: bool = False

    @property
    def word(self) -> str:
        """What was done, in a word or two."""
        if self.back:
            return "rolled back"
        begun = self.is_release and not self.old and not self.applications and self.started
        return "started" if begun else "upgraded"

    def to_plain(self) -> dict[str, Any]:
        """The change for JSON; of a release with what was done with its applications."""
        rows = {machine: [attrs.asdict(row) for row in each] for machine, each in self.rows.items()}
        words = ("application", "old", "new", "old_version", "new_version", "back", "seconds")
        plain = {word: getattr(self, word) for word in words} | {"turned": len(self.turned), "rows": rows}
        if not self.is_release:
            return plain
        parts = [{word: getattr(each, word) for word in words[:5]} for each in self.applications]
        more = {"applications": parts, "started": list(self.started), "stopped": list(self.stopped)}
        return {**plain, "application": None, "release": self.application, **more}


@attrs.frozen(eq=False)
class Prepared:
    """A checked change that waits for its moment; it holds for the version `against` alone."""

    running: Running
    against: Compiled
    compiled: Compiled
    plans: Mapping[str, Plan]
    routes: Mapping[str, Result[Route, Refusal]]
    older: Mapping[str, Older]
    """How the two versions speak: the one that is before, whichever is led to."""
    lost: Mapping[str, Lost]
    """On the way back, what the way up threw away of each machine's state."""
    back: bool
    terms: Terms = attrs.field(default=Terms(None))
    ahead: Mapping[str, Ahead] = attrs.field(factory=dict)
    """What was led of each machine's state before the change, where something was."""

    @property
    def changed(self) -> Changed:
        """What is led to the new version."""
        return Changed.of({machine: each.rows for machine, each in self.plans.items()})


@attrs.frozen
class OtherApplication(Refusal):
    """A version to go through is one of another application."""

    given: str
    application: str

    @property
    def happened(self) -> str:
        return f"a version of {self.given} was given to go through, and {self.application} is upgraded."

    @property
    def remedy(self) -> str:
        return f"Give versions of {self.application}."


def compiled(application: Application) -> Result[Compiled, Refusal]:
    """Compile every machine. Returns Failure(CannotCompile | NeedsEffects) naming the first that cannot be run."""
    name = "digest"
    try:
        programs = {}
        for name, arrow in application.machines.items():
            program = programs[name] = compile(arrow)
            performed, emitted = effects(program.term)
            outward = [cls.__qualname__ for cls in (*performed, *(cls for cls in emitted if cls not in TOLD))]
            if outward:
                return Failure(NeedsEffects(application.name, name, tuple(dict.fromkeys(outward))))
            check(program.takes)
            for slot in flat(program.slots):
                check(slot.shape if isinstance(slot, Cell) else slot.key)
        name = "digest"
        return Success(Compiled(application, application.digest, programs))
    except BuildError as error:
        return Failure(CannotCompile(application.name, name, str(error)))
    except Exception as error:
        return Failure(CannotCompile(application.name, name, f"{type(error).__name__}: {error}"))


def compiled_through(
    application: Application, through: Sequence[Application] = ()
) -> Result[Compiled, Refusal]:
    """As `compiled`, with the versions between at hand. Also returns what refuses one of those."""
    between = []
    for each in through:
        if each.name != application.name:
            return Failure(OtherApplication(each.name, application.name))
        found = compiled(each)
        if isinstance(found, Failure):
            return Failure(found.failure())
        between.append(found.unwrap())
    return compiled(application).map(lambda made: attrs.evolve(made, through=tuple(between)))


def all_compiled(
    release: Release, through: Sequence[Application] = ()
) -> Result[tuple[Compiled, ...], Refusal]:
    """As `compiled_through` for each application of a release; those to go through go by their names."""
    names = {each.name for each in release.applications}
    for each in through:
        if each.name not in names:
            return Failure(OtherApplication(each.name, release.name))
    made: list[Compiled] = []
    for each in release.applications:
        found = compiled_through(each, [one for one in through if one.name == each.name])
        if isinstance(found, Failure):
            return Failure(found.failure())
        made.append(found.unwrap())
    return Success(tuple(made))


def verify(running: Running, expected: str | None) -> Result[Running, Refusal]:
    """Check that the version runs whose digest begins so, with at least `bounds.SHORT_DIGEST` digits; None is any.

    Returns Success(running) or Failure(UnexpectedVersion).
    """
    digest = running.compiled.digest
    if expected is None or (len(expected) >= SHORT_DIGEST and digest.startswith(expected)):
        return Success(running)
    return Failure(UnexpectedVersion(running.compiled.application.name, expected, digest))


def prepare(running: Running, new: Compiled, expected: str | None) -> Result[Prepared, Refusal]:
    """Check that `new` can take over, and plan the way of every machine's state.

    `expected` is as in `verify`.
    Returns Failure(UnexpectedVersion | AlreadyRunning | KeysSetAside | MachineRemoved | MessageNotAccepted), or what
    `plan` refuses.
    """
    old, name = running.compiled, new.application.name
    verified = verify(running, expected)
    if isinstance(verified, Failure):
        return Failure(verified.failure())
    if new.digest == old.digest:
        return Failure(AlreadyRunning(name, new.digest))
    aside = none_aside(running)
    if aside is not None:
        return Failure(aside)
    for machine in old.programs:
        if machine not in new.programs:
            return Failure(MachineRemoved(name, machine))
    return _planned(running, new, routes(old, new), back=False)


def prepare_back(running: Running, *, drops: bool = False) -> Result[Prepared, Refusal]:
    """Plan the way back to the version before; with `drops` what only the version has that runs may be lost.

    Returns Failure(NothingToRollBack) or what `plan` refuses.
    """
    name, previous = running.compiled.application.name, running.previous
    if previous is None or previous.settled:
        return Failure(NothingToRollBack(name))
    ways = previous.routes
    if drops:
        ways = {machine: way.map(Route.dropping) for machine, way in ways.items()}
    return _planned(running, previous.compiled, ways, back=True, states=previous.states)


def _planned(
    running: Running,
    new: Compiled,
    ways: Mapping[str, Result[Route, Refusal]],
    *,
    back: bool,
    states: Mapping[str, Values] = _NO_STATES,
) -> Result[Prepared, Refusal]:
    """With `back`, `states` are those of before, of which the way up threw something away."""
    old, name = running.compiled, new.application.name
    lost: dict[str, Lost] = {}
    plans: dict[str, Plan] = {}
    older: dict[str, Older] = {}
    for machine, found in ways.items():
        if isinstance(found, Failure):
            return Failure(found.failure())
        way = found.unwrap()
        try:
            spoken = older[machine] = Older.of(way)
            if spoken.inputs.gone and not back:
                takes = tuple(describe(new.programs[machine].takes))
                return Failure(MessageNotAccepted(name, machine, spoken.inputs.gone[0], takes))
            result = way.plan(down=back, lost=machine in states)
            if machine in states:
                lost[machine] = _thrown(way, states[machine])
        except Stop as stop:
            return Failure(WrongLens(machine, "", str(stop.unclear)))
        except Exception as error:
            return Failure(CannotCompile(name, machine, f"{type(error).__name__}: {error}"))
        if isinstance(result, Failure):
            return Failure(result.failure())
        plans[machine] = result.unwrap()
    return Success(Prepared(running, old, new, plans, ways, older, lost, back))


def _thrown(way: Route, state: Values) -> Lost:
    """What the way up threw away; nothing where it cannot be told any more."""
    return way.plan().bind(lambda up: up.lost(state)).value_or({})
