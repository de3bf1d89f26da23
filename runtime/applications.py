"""Which applications a core runs, in which versions and releases: they start, stop, are upgraded and go back."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

from returns.result import Failure, Result, Success

from migrations.refusal import Refusal
from runtime import observe
from runtime.application import Application
from runtime.hosted import Compiled, Hosted, Running
from runtime.joint import BelongsTo, Enter, Joint
from runtime.leading import Turned
from runtime.outbox import Outbox
from runtime.probation import Watch, did
from runtime.refusal import NameTaken, NotRunning, UnexpectedVersion, UnknownApplication
from runtime.release import Release
from runtime.releasing import prepare_release_back
from runtime.replacing import replace
from runtime.swapping import Computed, computed
from runtime.turned import resting
from runtime.unit import Group, Unit
from runtime.upgrade import Prepared, Upgraded, prepare, prepare_back


class Applications:
    """The part of the core for whole applications. Those that are `parked` rest, with all that they know."""

    applications: dict[str, Running]
    parked: dict[str, Running]
    releases: dict[str, Unit]
    ready: deque[Hosted]
    machines: dict[str, Hosted]
    events: list[observe.Event]
    observed: bool
    open: bool
    now: int
    outbox: Outbox
    reference: Callable[[], str]

    def start(self, compiled: Compiled) -> Result[Running, Refusal]:
        """Start an application's machines in their order. Returns Failure(NotRunning | NameTaken)."""
        name = compiled.application.name
        if not self.open:
            return Failure(NotRunning(name))
        if name in self.applications:
            return Failure(NameTaken("application", name, name))
        taken = self.taken(compiled)
        if taken is not None:
            return Failure(taken)
        return Success(self.adopt(fresh(compiled)))

    def adopt(self, running: Running) -> Running:
        """Let an application run whose names are free: a fresh one, or one that ran before."""
        self.applications[running.compiled.application.name] = running
        self.machines.update(running.machines)
        for hosted in running.machines.values():
            hosted.open = True
            hosted.run(running.compiled)
            self.tell(observe.Started, hosted, "")
        return running

    def running(self, name: str) -> Result[Running, Refusal]:
        """The application of that name, or Failure(UnknownApplication)."""
        if name in self.applications:
            return Success(self.applications[name])
        return Failure(UnknownApplication(name, tuple(self.applications)))

    def close(self, running: Running) -> None:
        """Take no more messages for an application; what waits is still stepped."""
        for hosted in running.machines.values():
            hosted.open = False
            hosted.accepted = frozenset()
            self.outbox.leave(hosted)

    def remove(self, running: Running) -> None:
        """Forget a closed application, its last machine first. Nothing may wait at its machines."""
        for hosted in reversed(running.machines.values()):
            assert not hosted.open, "a machine that still takes messages cannot leave"
            assert not hosted.inbox, "a machine leaves when what waited is answered"
            del self.machines[hosted.name]
            self.tell(observe.Stopped, hosted, "")
        del self.applications[running.compiled.application.name]

    # Change

    def prepare(self, compiled: Compiled, expected: str | None) -> Result[Prepared, Refusal]:
        """Check and plan an upgrade; changes nothing. Refuses as `upgrade.prepare`; also NameTaken."""
        running = self.applications.get(compiled.application.name)
        if running is None:
            return Failure(UnknownApplication(compiled.application.name, tuple(self.applications)))
        taken = self.taken(compiled)
        return prepare(running, compiled, expected) if taken is None else Failure(taken)

    def prepare_back(self, name: str, *, drops: bool = False) -> Result[Joint, Refusal]:
        """Plan a rollback, of a release or of an application alone; `drops` as `upgrade.prepare_back`. Changes nothing.

        Returns Failure(UnknownApplication | BelongsTo), or what `upgrade.prepare_back` refuses.
        """
        found: Result[Group, Refusal] = self.group(name)
        if isinstance(found, Failure):
            return Failure(found.failure())
        unit = found.unwrap().unit
        if unit is not None:
            return prepare_release_back(self, unit, drops=drops)
        return prepare_back(self.applications[name], drops=drops).map(Joint.of)

    def swap(self, joint: Joint, why: Refusal | None = None) -> Result[Upgraded, Refusal]:
        """Make a prepared change: all machines of its applications at this boundary, or none.

        `why` is what makes an upgrade go back, where nobody asked for it.
        """
        wrong = self._moved_on(joint)
        if wrong is not None:
            return Failure(wrong)
        replaced: list[Callable[[], None]] = []
        made: list[Computed] = []
        for result in self._computed(joint, replaced):
            if isinstance(result, Failure):
                for undo in reversed(replaced):
                    undo()
                return Failure(result.failure())
            made.append(result.unwrap())

        # The point of no return: from here on nothing can fail.
        for running in joint.settles:
            running.settle()
        for enter in joint.enters:
            self._enters(enter)
        for each in made:
            self._assign(each, why)
        turned = [one for each in made for one in each.result.turned]
        for running in joint.leaves:
            turned += self.rests(running)
        if joint.unit is not None:
            self.releases[joint.name] = joint.unit
        elif joint.is_release:
            del self.releases[joint.name]
        if not joint.is_release:
            return Success(made[0].result)
        return Success(
            Upgraded(
                joint.name,
                joint.old[1],
                joint.new[1],
                joint.old[0],
                joint.new[0],
                joint.rows,
                joint.back,
                turned=tuple(turned),
                applications=tuple(each.result for each in made),
                started=tuple(each.name for each in joint.enters),
                stopped=tuple(each.compiled.application.name for each in joint.leaves),
                is_release=True,
            )
        )

    def _moved_on(self, joint: Joint) -> Refusal | None:
        """Why a change does not hold any more."""
        if joint.is_release and not joint.is_behind(self.releases.get(joint.name)):
            return UnexpectedVersion(joint.name, joint.old[1], "another one")
        parked = {enter.name: enter.parked for enter in joint.enters}
        for prepared in joint.swaps:
            running, name = prepared.running, prepared.compiled.application.name
            there = name in parked or all(m.open for m in running.machines.values())
            if (parked.get(name) or self.applications.get(name)) is not running or not there:
                return UnexpectedVersion(name, prepared.against.digest, "none")
        for enter in joint.enters:
            if enter.name in self.applications or self.parked.get(enter.name) is not enter.parked:
                return NameTaken("application", enter.name, enter.name)
        for running in (*joint.leaves, *joint.settles):
            name = running.compiled.application.name
            if (self.applications.get(name) or self.parked.get(name)) is not running:
                return UnexpectedVersion(name, running.compiled.digest, "none")
        return next(filter(None, map(self.taken, joint.versions_to)), None)

    def _computed(
        self, joint: Joint, replaced: list[Callable[[], None]]
    ) -> Iterator[Result[Computed, Refusal]]:
        """Each change of an application. One that rests is loaded once more where it runs again as it was."""
        for enter in joint.enters:
            kept = enter.parked
            same = kept is not None and kept.compiled.digest == enter.compiled.digest
            if kept is not None and same and kept.compiled is not enter.compiled:
                again = replace(kept, enter.compiled)
                if isinstance(again, Failure):
                    yield Failure(again.failure())
                    return
                replaced.append(again.unwrap())
        yield from map(computed, joint.swaps)

    def _enters(self, enter: Enter) -> None:
        if enter.parked is not None:
            del self.parked[enter.name]
        self.adopt(enter.parked or fresh(enter.compiled))

    def _assign(self, change: Computed, why: Refusal | None) -> None:
        prepared, done = change.prepared, change.result
        running, before = prepared.running, dict(prepared.running.machines)
        change.assign()
        for machine in before.keys() - running.machines.keys():
            del self.machines[machine]
        self.machines.update(running.machines)
        if prepared.terms.probation is not None:
            running.watched(Watch(prepared.terms.probation, self.now, did(running)))
        running.settles = prepared.terms.settle
        if self.observed:
            told = (done.application, "", done.new, self.reference(), done.old, dict(done.rows))
            self.events.append(observe.RolledBack(*told, why) if prepared.back else observe.Swapped(*told))

    def rests(self, running: Running) -> tuple[Turned, ...]:
        """Let an application rest; what waits at its machines is turned away, and what is due to them stays."""
        self.close(running)
        turned = tuple(resting(running))
        for hosted in running.machines.values():
            hosted.inbox.clear()
            if hosted in self.ready:
                self.ready.remove(hosted)
        self.remove(running)
        self.parked[running.compiled.application.name] = running
        return turned

    # Releases

    def digests(self) -> dict[str, str]:
        """Which versions run, or rest, by application."""
        return {name: each.compiled.digest for name, each in (self.parked | self.applications).items()}

    def runs(self, unit: Unit) -> bool:
        """Whether a release runs."""
        return all(name in self.applications for name in unit.applications)

    def is_under_way(self, wanted: Application | Release, *, settles: bool = False) -> bool:
        """Whether an upgrade of what is to be upgraded has rows on their way, or is on probation and not to settle."""
        names = {wanted.name}
        if isinstance(wanted, Release):
            unit = self.releases.get(wanted.name)
            names = {*(each.name for each in wanted.applications), *(unit.applications if unit else ())}
        found = (self.applications[name] for name in names if name in self.applications)
        return any((each.watch is not None and not settles) or not each.is_swept for each in found)

    def unit_of(self, application: str) -> Unit | None:
        """The release that an application belongs to."""
        units = tuple(self.releases.values())
        return next((unit for unit in units if application in unit.holds), None)

    def group_of(self, running: Running) -> Group:
        """The applications whose last upgrade stands or falls with that of one."""
        name, compiled = running.compiled.application.name, running.compiled
        unit = self.unit_of(name)
        if unit is not None:
            return self._group(unit)
        return Group(name, compiled.application.version, compiled.digest, (running,))

    def _group(self, unit: Unit) -> Group:
        members = tuple(self.applications[name] for name in unit.swapped if name in self.applications)
        return Group(unit.name, unit.version, unit.digest(self.digests()), members, unit)

    def group(self, name: str) -> Result[Group, Refusal]:
        """A release, or an application alone, by name. Returns Failure(UnknownApplication | BelongsTo)."""
        unit = self.releases.get(name)
        if unit is not None and self.runs(unit):
            return Success(self._group(unit))
        unit = self.unit_of(name)
        if unit is not None:
            return Failure(BelongsTo(name, unit.name, unit.version))
        return self.running(name).map(self.group_of)

    def refused(self, name: str, refusal: Refusal) -> None:
        """Tell observers that a change was refused."""
        if self.observed:
            running = self.applications.get(name)
            digest = running.compiled.digest if running else ""
            self.events.append(observe.UpgradeRefused(name, "", digest, self.reference(), refusal))

    def taken(self, compiled: Compiled) -> NameTaken | None:
        """The first machine name that another application has."""
        for machine in compiled.programs:
            hosted = self.outbox.place(machine)
            if hosted is not None and hosted.application.name != compiled.application.name:
                return NameTaken("machine", machine, hosted.application.name)
        return None

    def tell(self, kind: Callable[..., observe.Event], hosted: Hosted, trace: str, *details: Any) -> None:
        """Let observers know of something at a machine."""
        if self.observed:
            self.events.append(kind(hosted.application.name, hosted.name, hosted.digest, trace, *details))


def fresh(compiled: Compiled) -> Running:
    """An application in its first state."""
    return Running(compiled, {machine: Hosted(machine, compiled) for machine in compiled.programs})
