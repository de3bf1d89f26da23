"""Which applications and releases a node runs, and their versions: one change at a time."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any, overload

import attrs
from returns.result import Failure, Result, Success

from migrations.refusal import Refusal
from runtime.application import Application
from runtime.beside import beside
from runtime.bounded import bounded
from runtime.durability import kept_on_disk
from runtime.hosted import Compiled, Running
from runtime.initial import Beginning, HasData, Initial, begin
from runtime.instruction import Terms
from runtime.joint import Joint
from runtime.keeper import NOTHING
from runtime.release import Release
from runtime.status import ApplicationStatus, ReleaseStatus, of_application, of_group, of_release
from runtime.upgrade import Upgraded, all_compiled, compiled
from runtime.upgrading import Upgrading


class Changes(Upgrading):
    """Starts, upgrades, rolls back and stops applications on a host, and waits until that is on disk."""

    @overload
    async def start(
        self, wanted: Application, *, initial: Initial | None = None
    ) -> Result[ApplicationStatus, Refusal]: ...
    @overload
    async def start(self, wanted: Release) -> Result[ReleaseStatus, Refusal]: ...
    async def start(
        self, wanted: Application | Release, *, initial: Initial | None = None
    ) -> Result[Any, Refusal]:
        """Start an application, or all those of a release or none.

        Their machines start in their order, from their first state or from what was kept of them. `initial` is the path
        of an export, or its lines: the state for an application to start with where nothing was kept. Where another
        version, or another release, was kept, that is upgraded to this one.
        Returns Success(its status), or Failure(NotRunning | NameTaken | BelongsTo | CannotCompile | NeedsEffects |
        CannotKeep | NotKept | BadInitial | HasData), or what `upgrade` refuses; then it does not run, and what was kept
        of it is as it was.
        """
        if isinstance(wanted, Release):
            return await self._release(wanted)
        return await self._application(wanted, initial)

    async def _release(self, release: Release) -> Result[ReleaseStatus, Refusal]:
        host = self._host
        async with self._changing:
            await self._unheld()
            made = await beside(all_compiled, release)
            puts = await self._puts(*release.applications) if isinstance(made, Success) else Success(NOTHING)
            ready: Result[tuple[Compiled, ...], Refusal] = puts.bind(lambda _: made)
            again = ready.bind(lambda new: host.again_release(release, new, puts.unwrap()))
            wrong = again.failure() if isinstance(again, Failure) else None
            if isinstance(again, Success) and not again.unwrap():
                prepare = partial(host.prepare, release, None, (), Terms(), running=False)
                prepared: Result[Joint, Refusal] = await bounded(release.name, prepare)
                changed = await self._change(release.name, prepared, puts.unwrap())
                wrong = changed.failure() if isinstance(changed, Failure) else None
                if wrong is not None:
                    for running in host.members(release.name):
                        await self._stop(running)
            self._go_on()
            return Success(of_release(host.core, release.name)) if wrong is None else Failure(wrong)

    async def _application(
        self, application: Application, initial: Initial | None
    ) -> Result[ApplicationStatus, Refusal]:
        async with self._changing:
            await self._unheld()
            ready: Result[Compiled, Refusal] = await beside(compiled, application)
            puts = await self._puts(application) if isinstance(ready, Success) else Success(NOTHING)
            ticket = None if self._disk is None or not self._host.core.open else self._future()
            begun = await self._begun(ready, initial)
            result: Result[Running, Refusal] = puts.bind(
                lambda kept: ready.bind(
                    lambda new: begun.bind(lambda given: self._host.start(new, ticket, kept, given))
                )
            )
            self._host.tell()
            if isinstance(result, Failure):
                return Failure(result.failure())
            running = result.unwrap()
            wrong = await kept_on_disk(application.name, ticket)
            if wrong is None and application.digest not in (running.compiled.digest, running.undone):
                prepare = partial(self._host.prepare, application, None, (), Terms())
                prepared: Result[Joint, Refusal] = await bounded(application.name, prepare)
                changed = await self._change(application.name, prepared, puts.unwrap())
                wrong = changed.failure() if isinstance(changed, Failure) else None
                if wrong is not None:
                    await self._stop(running)
            elif wrong is not None and application.name in self._host.core.applications:
                await self._stop(running)
            self._go_on()
            return Success(of_application(running)) if wrong is None else Failure(wrong)

    async def rollback(self, name: str) -> Result[Upgraded, Refusal]:
        """Let the version before the last upgrade take over again, its state migrated through `down`.

        `name` is that of a release, all of whose applications go back together, or of an application that runs alone.
        Returns Failure with the typed reason, and then nothing has changed; NothingToRollBack among them.
        """
        async with self._changing:
            await self._unheld()
            prepared = await bounded(name, partial(self._host.core.prepare_back, name))
            return await self._change(name, prepared)

    async def _begun(
        self, ready: Result[Compiled, Refusal], initial: Initial | None
    ) -> Result[Beginning | None, Refusal]:
        """Read a given state."""
        if initial is None or isinstance(ready, Failure):
            return Success(None)
        new, keeper = ready.unwrap(), self._host.keeper
        if keeper is not None and new.application.name in self._host.core.parked:
            return Failure(HasData(new.application.name))
        result: Result[Beginning | None, Refusal] = await beside(
            begin, new, initial, keeping=keeper is not None
        )
        return result

    async def stop(self, name: str) -> Result[ApplicationStatus | ReleaseStatus, Refusal]:
        """Stop the machines of an application, or of a release, in reverse order; each finishes what waits at it.

        Returns Success(its last status) or Failure(UnknownApplication | BelongsTo).
        """
        host = self._host
        async with self._changing:
            found = host.core.group(name)
            if isinstance(found, Failure):
                return Failure(found.failure())
            await self._unheld()
            status = of_group(host.core, found.unwrap())
            last = [await self._stop(running) for running in reversed(host.members(name))]
            host.forget(name)
            if isinstance(status, ApplicationStatus):
                return Success(last[0])
            return Success(attrs.evolve(status, applications=tuple(reversed(last))))

    async def _stop(self, running: Running) -> ApplicationStatus:
        core = self._host.core
        core.close(running)
        while any(hosted.inbox for hosted in running.machines.values()):
            await asyncio.sleep(0)
        last = of_application(running)
        core.remove(running)
        self._host.park(running)
        self._host.tell()
        return last
