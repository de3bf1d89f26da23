"""The swap itself: between two messages everything that can fail is computed, and only when nothing did, assigned.

A refusal has therefore changed nothing, and several machines, of several applications too, change together.
"""

from __future__ import annotations

from collections.abc import Mapping

import attrs
from returns.result import Failure, Result, Success

from arrows.cells import Values
from migrations.ahead import Ahead
from migrations.lazy import plain
from migrations.plan import Lost, Plan
from migrations.planner import Refused
from migrations.refusal import MigrationRaised, Refusal
from runtime.errors import cut
from runtime.hosted import Hosted, Previous
from runtime.leading import Led, Turned, all_turned, led
from runtime.refusal import MachineRemoved, UnexpectedVersion
from runtime.upgrade import Prepared, Upgraded


@attrs.frozen(eq=False)
class Computed:
    """The change of an application, with nothing left in it that can fail."""

    prepared: Prepared
    result: Upgraded
    _taken: Mapping[str, Hosted]
    _states: Mapping[str, Values]
    _waiting: Mapping[str, Led]
    _fresh: Mapping[str, Hosted]
    _before: Mapping[str, Values]

    def assign(self) -> None:
        """Let the other version run."""
        prepared, running, new = self.prepared, self.prepared.running, self.prepared.compiled
        for machine, hosted in self._taken.items():
            hosted.state = self._states[machine]
            hosted.inbox, hosted.waits = self._waiting[machine].inbox, self._waiting[machine].waits
            hosted.older = None if prepared.back else prepared.older.get(machine)
            hosted.watch = None
            hosted.run(new)
        running.machines = {
            machine: self._taken.get(machine) or self._fresh[machine] for machine in new.programs
        }
        before = Previous(prepared.against, prepared.routes, self._before)
        running.previous = None if prepared.back else before
        running.compiled, running.watch, running.stuck, running.settles = new, None, "", False


def computed(prepared: Prepared) -> Result[Computed, Refusal]:
    """Compute a prepared change, for all machines of an application. Returns Failure where one cannot be led."""
    running, old, new = prepared.running, prepared.against, prepared.compiled
    name = new.application.name
    if running.compiled is not old:
        return Failure(UnexpectedVersion(name, old.digest, running.compiled.digest))
    taken = {machine: hosted for machine, hosted in running.machines.items() if machine in new.programs}
    turned: list[Turned] = []
    for machine, hosted in running.machines.items():
        if machine not in taken and (hosted.inbox or hosted.stepped or hosted.waits):
            if hosted.stepped or not prepared.back:
                return Failure(MachineRemoved(name, machine))
            turned += all_turned(hosted)
    states: dict[str, Values] = {}
    waiting: dict[str, Led] = {}
    for machine, hosted in taken.items():
        older = prepared.older.get(machine)
        thrown = prepared.lost.get(machine, {}) if prepared.back else None
        ahead = prepared.ahead.get(machine)
        if ahead is None:
            ahead = Ahead(quarantine=prepared.terms.quarantine)
        applied = migrated(prepared.plans[machine], hosted, thrown, ahead)
        adopted = led(hosted, name, new, older, back=prepared.back)
        if isinstance(applied, Failure):
            return Failure(applied.failure())
        if isinstance(adopted, Failure):
            return Failure(adopted.failure())
        states[machine], waiting[machine] = applied.unwrap(), adopted.unwrap()
        turned += waiting[machine].turned
    rows = {machine: each.rows for machine, each in prepared.plans.items()}
    versions = old.application.version, new.application.version
    result = Upgraded(name, old.digest, new.digest, *versions, rows, prepared.back, turned=tuple(turned))
    fresh = {machine: Hosted(machine, new) for machine in new.programs if machine not in taken}
    before = {machine: plain(hosted.state) for machine, hosted in taken.items() if not prepared.back}
    return Success(Computed(prepared, result, taken, states, waiting, fresh, before))


def migrated(planned: Plan, hosted: Hosted, lost: Lost | None, ahead: Ahead) -> Result[Values, Refusal]:
    """Migrate one state; even an `exit()` in a migration is a refusal. On the way back `lost` is what there was.

    On the way up the rows of large tables are led later, and `ahead` is what was led before.
    """
    try:
        if lost is not None:
            return planned.apply(hosted.state, lost)
        return planned.apply(plain(hosted.state), ahead=ahead)
    except Refused as refused:
        return Failure(refused.refusal)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        return Failure(MigrationRaised(hosted.name, "", f"{type(error).__name__}: {cut(str(error))}"))
