"""What a node for tests does with whole applications and releases: as a node on asyncio, without waiting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, overload

import attrs
from returns.result import Failure, Result, Success

from migrations.refusal import Refusal
from runtime.application import Application
from runtime.differing import differing
from runtime.host import Host
from runtime.hosted import Compiled, Running
from runtime.initial import Beginning, Initial, begin
from runtime.instruction import Lead, Prepare, Probation, Swap, Tell, Terms
from runtime.keeper import NOTHING
from runtime.release import Release
from runtime.settling import settle
from runtime.status import ApplicationStatus, ReleaseStatus, of_application, of_group, of_release
from runtime.transaction import begun
from runtime.upgrade import Upgraded, all_compiled, compiled
from runtime.versions import kept


class ChangesByHand:
    """Starts, upgrades, rolls back and stops applications and releases on a host."""

    _host: Host

    def drain(self) -> None:
        """Step until nothing waits."""
        raise NotImplementedError

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        raise NotImplementedError

    def _settled(self) -> bool:
        """Hear of commits; wait for the one that is under way."""
        raise NotImplementedError

    @overload
    def start(
        self, wanted: Application, *, initial: Initial | None = None
    ) -> Result[ApplicationStatus, Refusal]: ...
    @overload
    def start(self, wanted: Release) -> Result[ReleaseStatus, Refusal]: ...
    def start(self, wanted: Application | Release, *, initial: Initial | None = None) -> Result[Any, Refusal]:
        """As `Node.start`."""
        return self._release(wanted) if isinstance(wanted, Release) else self._application(wanted, initial)

    def ran(self) -> Result[Application | Release, Refusal]:
        """As `Node.ran`."""
        return self._host.ran()

    def _release(self, release: Release) -> Result[ReleaseStatus, Refusal]:
        host, puts = self._host, self._puts(*release.applications)
        ready: Result[tuple[Compiled, ...], Refusal] = puts.bind(lambda _: all_compiled(release))
        again = ready.bind(lambda new: host.again_release(release, new, puts.unwrap()))
        self.drain()
        if isinstance(again, Success) and not again.unwrap():
            prepared = host.prepare(release, None, (), Terms(), running=False)
            changed = host.change(release.name, prepared, None, puts.unwrap())
            self.drain()
            if isinstance(changed, Failure):
                for running in reversed(host.members(release.name)):
                    self._stop(running)
                return Failure(changed.failure())
        return again.map(lambda _: of_release(host.core, release.name))

    def _application(
        self, application: Application, initial: Initial | None
    ) -> Result[ApplicationStatus, Refusal]:
        ready: Result[Compiled, Refusal] = compiled(application)
        puts = self._puts(application) if isinstance(ready, Success) else Success(NOTHING)
        keeping = self._host.keeper is not None
        given: Result[Beginning | None, Refusal] = (
            Success(None) if initial is None else ready.bind(lambda new: begin(new, initial, keeping=keeping))
        )
        result: Result[Running, Refusal] = puts.bind(
            lambda kept: ready.bind(
                lambda new: given.bind(lambda first: self._host.start(new, None, kept, first))
            )
        )
        self._host.tell()
        self.drain()
        running = result.value_or(None)
        if running is not None and application.digest not in (running.compiled.digest, running.undone):
            changed = self.upgrade(application)
            if isinstance(changed, Failure):
                self.stop(application.name)
                return Failure(changed.failure())
        return result.map(of_application)

    def upgrade(
        self,
        wanted: Application | Release,
        expected: str | None = None,
        *,
        through: Sequence[Application] = (),
        probation: Probation | None = Probation(),  # noqa: B008 - a frozen value
        settle: bool = False,
        quarantine: bool = False,
        tell: Tell | None = None,
    ) -> Result[Upgraded, Refusal]:
        """As `Node.upgrade`; what waits keeps waiting. Where the upgrade before is watched, the clock goes on until
        it is no more.
        """
        terms, host = Terms(probation, settle, quarantine), self._host
        transaction = begun(wanted, terms, host.clock, tell, expected=expected)
        given = transaction.instructions
        transaction.instructions = tuple(each for each in given if not isinstance(each, Lead))
        transaction.begin(Prepare)  # nothing runs beside it, so that nothing is led beside it
        wrong = host.verify(wanted, expected)
        prepared = Failure(wrong) if wrong else host.prepare(wanted, expected, through, terms)
        if isinstance(prepared, Success) and self._waited(wanted):
            prepared = host.prepare(wanted, expected, through, terms)
        joint = prepared.value_or(None)
        puts = Success(NOTHING) if joint is None else self._puts(*joint.applications)
        if isinstance(puts, Failure):
            return Failure(puts.failure())
        if joint is not None:
            transaction.planned(joint.machines, joint.changed)
            transaction.changes = differing(joint)
            transaction.done(Prepare)
            transaction.begin(Swap)
        result = host.change(wanted.name, prepared, None, puts.unwrap(), transaction)
        while not self._settled():
            pass
        return result

    def _waited(self, wanted: Application | Release) -> bool:
        """Let the upgrade before be on probation no more; return whether it was."""
        core, since = self._host.core, self._host.now()
        while core.is_under_way(wanted) and (until := self._host.aftermath.deadline()) is not None:
            self.advance(max(0.001, (until - self._host.now()) / 1000))
        return self._host.now() > since

    def _puts(self, *applications: Application) -> Result[Mapping[str, bytes], Refusal]:
        return Success(NOTHING) if self._host.keeper is None else kept(*applications)

    def rollback(self, name: str) -> Result[Upgraded, Refusal]:
        """As `Node.rollback`."""
        return self._host.change(name, self._host.core.prepare_back(name))

    def settle(self, name: str) -> Result[ApplicationStatus | ReleaseStatus, Refusal]:
        """As `Node.settle`."""
        core, found = self._host.core, settle(self._host, name)
        self.drain()
        return found.bind(lambda _: core.group(name)).map(lambda group: of_group(core, group))

    def stop(self, name: str) -> Result[ApplicationStatus | ReleaseStatus, Refusal]:
        """As `Node.stop`."""
        core = self._host.core
        found = core.group(name)
        if isinstance(found, Failure):
            return Failure(found.failure())
        status = of_group(core, found.unwrap())
        last = [self._stop(running) for running in reversed(self._host.members(name))]
        self._host.forget(name)
        if isinstance(status, ApplicationStatus):
            return Success(last[0])
        return Success(attrs.evolve(status, applications=tuple(reversed(last))))

    def _stop(self, running: Running) -> ApplicationStatus:
        self._host.core.close(running)
        self.drain()
        last = of_application(running)
        self._host.core.remove(running)
        self._host.park(running)
        self._host.tell()
        return last
