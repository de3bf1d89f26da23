"""Which applications a node runs, and their versions: one change at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs
from returns.result import Failure, Result, Success

from migrations.refusal import Refusal
from runtime.application import Application
from runtime.beside import beside
from runtime.durability import Disk, kept_on_disk
from runtime.host import Host
from runtime.hosted import Compiled, Running
from runtime.initial import Beginning, HasData, Initial, begin
from runtime.keeper import NOTHING
from runtime.refusal import NotRunning
from runtime.settling import settle
from runtime.status import ApplicationStatus, of_application
from runtime.upgrade import Prepared, Upgraded, compiled
from runtime.versions import kept


class Changes:
    """Starts, upgrades, rolls back and stops applications on a host, and waits until that is on disk."""

    _host: Host
    _disk: Disk | None
    _changing: asyncio.Lock
    _future: Callable[[], asyncio.Future[Any]]

    def _go_on(self) -> None:
        """See to what waits."""
        raise NotImplementedError

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
            if wrong is None and running.compiled.digest != application.digest:
                prepared = await beside(self._host.prepare, application, None)
                changed = await self._change(application.name, prepared, puts.unwrap())
                wrong = changed.failure() if isinstance(changed, Failure) else None
                if wrong is not None:
                    await self._stop(running)
            elif wrong is not None and application.name in self._host.core.applications:
                await self._stop(running)
            self._go_on()
            return Success(of_application(running)) if wrong is None else Failure(wrong)

    async def upgrade(
        self, application: Application, expected: str | None = None, *, through: Sequence[Application] = ()
    ) -> Result[Upgraded, Refusal]:
        """Let another version of a running application take over, between two messages.

        `expected` is the digest that must be running. State follows the application's migrations; waiting
        messages stay. `through` are the versions between, where migrations lead here only by them.
        Returns Failure with the typed reason, and then nothing has changed.
        """
        async with self._changing:
            if not self._host.core.open:
                return Failure(NotRunning(application.name))
            prepared = await beside(self._host.prepare, application, expected, tuple(through))
            versions = (application, *through)
            puts = await self._puts(*versions) if isinstance(prepared, Success) else Success(NOTHING)
            if isinstance(puts, Failure):
                prepared = Failure(puts.failure())
            return await self._change(application.name, prepared, puts.value_or(NOTHING))

    async def rollback(self, application: str) -> Result[Upgraded, Refusal]:
        """Let the version before the last upgrade take over again, its state migrated through `down`.

        Returns Failure with the typed reason, and then nothing has changed; NothingToRollBack among them.
        """
        async with self._changing:
            prepared = await beside(self._host.core.prepare_back, application)
            return await self._change(application, prepared)

    async def settle(self, application: str) -> Result[ApplicationStatus, Refusal]:
        """Let the last upgrade be one that cannot be undone, and let go of what was kept for the way back.

        Returns Success(its status), or Failure(UnknownApplication | NothingToSettle).
        """
        async with self._changing:
            ticket = None if self._disk is None else self._future()
            found = settle(self._host, application, ticket)
            if isinstance(found, Failure):
                return Failure(found.failure())
            wrong = await kept_on_disk(application, ticket)
            return Success(of_application(found.unwrap())) if wrong is None else Failure(wrong)

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

    async def _puts(self, *applications: Application) -> Result[Mapping[str, bytes], Refusal]:
        """What must be kept of versions, so that recovery can run them."""
        if self._disk is None or not self._host.core.open:
            return Success(NOTHING)
        saved: Result[Mapping[str, bytes], Refusal] = await beside(kept, *applications)
        return saved

    async def _change(
        self, name: str, prepared: Result[Prepared, Refusal], puts: Mapping[str, bytes] = NOTHING
    ) -> Result[Upgraded, Refusal]:
        ticket = None if self._disk is None else self._future()
        since = self._host.clock()
        result = self._host.change(name, prepared, ticket, puts)
        if ticket is None or isinstance(result, Failure):
            return result
        wrong = await kept_on_disk(name, ticket)  # meanwhile nothing is stepped
        seconds = self._host.clock() - since
        return (
            result.map(lambda made: attrs.evolve(made, seconds=seconds)) if wrong is None else Failure(wrong)
        )

    async def stop(self, application: str) -> Result[ApplicationStatus, Refusal]:
        """Stop an application's machines in reverse order; each finishes what waits at it.

        Returns Success(its last status) or Failure(UnknownApplication).
        """
        async with self._changing:
            found = self._host.core.running(application)
            if isinstance(found, Failure):
                return Failure(found.failure())
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
