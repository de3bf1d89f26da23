"""Which applications a core runs, and in which versions: they start, stop, are upgraded and go back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from returns.result import Failure, Result, Success

from migrations.refusal import Refusal
from runtime import observe
from runtime.hosted import Compiled, Hosted, Running
from runtime.outbox import Outbox
from runtime.probation import Watch, did
from runtime.refusal import NameTaken, NotRunning, UnexpectedVersion, UnknownApplication
from runtime.upgrade import Prepared, Upgraded, prepare, prepare_back, swap, verify


class Applications:
    """The part of the core for whole applications."""

    applications: dict[str, Running]
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
        machines = {machine: Hosted(machine, compiled) for machine in compiled.programs}
        return Success(self.adopt(Running(compiled, machines)))

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

    def verify(self, name: str, expected: str | None) -> Result[Running, Refusal]:
        """The application of that name, where it runs in the version whose digest begins so.

        Returns Failure(UnknownApplication | UnexpectedVersion).
        """
        return self.running(name).bind(lambda running: verify(running, expected))

    def prepare(self, compiled: Compiled, expected: str | None) -> Result[Prepared, Refusal]:
        """Check and plan an upgrade; changes nothing. Refuses as `upgrade.prepare`; also NameTaken."""
        running = self.applications.get(compiled.application.name)
        if running is None:
            return Failure(UnknownApplication(compiled.application.name, tuple(self.applications)))
        taken = self.taken(compiled)
        return prepare(running, compiled, expected) if taken is None else Failure(taken)

    def prepare_back(self, name: str) -> Result[Prepared, Refusal]:
        """Plan a rollback; changes nothing. See `upgrade.prepare_back` for the refusals."""
        return self.running(name).bind(prepare_back)

    def swap(self, prepared: Prepared, why: Refusal | None = None) -> Result[Upgraded, Refusal]:
        """Make a prepared change: all machines of the application at this boundary, or none.

        `why` is what makes an upgrade go back, where nobody asked for it.
        """
        running, name = prepared.running, prepared.compiled.application.name
        if self.applications.get(name) is not running or not all(m.open for m in running.machines.values()):
            return Failure(UnexpectedVersion(name, prepared.against.digest, "none"))
        taken = self.taken(prepared.compiled)
        if taken is not None:
            return Failure(taken)
        before = dict(running.machines)
        result = swap(prepared)
        if isinstance(result, Success):
            done = result.unwrap()
            for machine in before.keys() - running.machines.keys():
                del self.machines[machine]
            self.machines.update(running.machines)
            if prepared.terms.probation is not None:
                running.watched(Watch(prepared.terms.probation, self.now, did(running)))
            running.settles = prepared.terms.settle
            if self.observed:
                told = (name, "", done.new, self.reference(), done.old, dict(done.rows))
                back = prepared.back
                self.events.append(observe.RolledBack(*told, why) if back else observe.Swapped(*told))
        return result

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
