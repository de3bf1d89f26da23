"""Which applications a node runs, and their versions: one change at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

from returns.result import Failure, Result, Success

from migrations.refusal import Refusal
from runtime.application import Application
from runtime.beside import beside
from runtime.bounded import bounded
from runtime.durability import Disk, kept_on_disk
from runtime.host import Host
from runtime.hosted import Compiled, Running
from runtime.initial import Beginning, HasData, Initial, begin
from runtime.instruction import Terms
from runtime.keeper import NOTHING
from runtime.status import ApplicationStatus, of_application
from runtime.upgrade import Prepared, Upgraded, compiled
from runtime.upgrading import Upgrading


class Changes(Upgrading):
    """Starts, upgrades, rolls back and stops applications on a host, and waits until that is on disk."""

    _host: Host
    _disk: Disk | None
    _changing: asyncio.Lock
    _future: Callable[[], asyncio.Future[Any]]

    async def start(
        self, application: Application, *, initial: Initial | None = None
    ) -> Result[ApplicationStatus, Refusal]:
        """Start an application's machines in their order, from their first state or from what was kept of them.

        `initial` is the path of an export, or its lines: the state to start with where nothing was kept. Where
        another version of it was kept, that one is upgraded to this one. Returns Success(its status), or
        Failure(NotRunning | NameTaken | CannotCompile | NeedsEffects | CannotKeep | NotKept | BadInitial |
        HasData), or what `upgrade` refuses; then it does not run, and what was kept of it is as it was.
        """
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
                prepared: Result[Prepared, Refusal] = await bounded(application.name, prepare)
                changed = await self._change(application.name, prepared, puts.unwrap())
                wrong = changed.failure() if isinstance(changed, Failure) else None
                if wrong is not None:
                    await self._stop(running)
            elif wrong is not None and application.name in self._host.core.applications:
                await self._stop(running)
            self._go_on()
            return Success(of_application(running)) if wrong is None else Failure(wrong)

    async def rollback(self, application: str) -> Result[Upgraded, Refusal]:
        """Let the version before the last upgrade take over again, its state migrated through `down`.

        Returns Failure with the typed reason, and then nothing has changed; NothingToRollBack among them.
        """
        async with self._changing:
            await self._unheld()
            prepared = await bounded(application, partial(self._host.core.prepare_back, application))
            return await self._change(application, prepared)

    async def _begun(
        self, ready: Result[Compiled, Refusal], initial: Initial | None
    ) -> Result[Beginning | None, Refusal]:
        """Read a given state."""
        if initial is None or isinstance(ready, Failure):
            return Success(None)
        new, keeper = ready.unwrap(), self._host.keeper
        if keeper is not None and new.application.name in keeper.parked:
            return Failure(HasData(new.application.name))
        result: Result[Beginning | None, Refusal] = await beside(
            begin, new, initial, keeping=keeper is not None
        )
        return result

    async def stop(self, application: str) -> Result[ApplicationStatus, Refusal]:
        """Stop an application's machines in reverse order; each finishes what waits at it.

        Returns Success(its last status) or Failure(UnknownApplication).
        """
        async with self._changing:
            found = self._host.core.running(application)
            if isinstance(found, Failure):
                return Failure(found.failure())
            await self._unheld()
            return Success(await self._stop(found.unwrap()))

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
