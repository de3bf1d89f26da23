"""Where a node keeps its data: had when it is entered, let go of when it is left."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from returns.result import Failure, Result

from migrations.refusal import Refusal
from runtime import bounds
from runtime.datadir import Claim, claim
from runtime.embedded import open_store
from runtime.errors import Unavailable
from runtime.host import Host
from runtime.refusal import NotKept
from runtime.store import Store

T = TypeVar("T")

logger = logging.getLogger("midflight")


class NotOpened(Exception):
    """A node's data cannot be had, or cannot be recovered; `refusal` says why."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(str(refusal))
        self.refusal = refusal


class Disk:
    """A directory, which is claimed unless it is claimed already, or an engine that is given."""

    def __init__(self, data: str | os.PathLike[str] | Claim | None, store: Store | None) -> None:
        self._data = None if data is None or isinstance(data, Claim) else Path(data)
        self._store = store
        self._claim = data if isinstance(data, Claim) else None
        self._owned = not isinstance(data, Claim)

    @property
    def directory(self) -> Path | None:
        """Where the data is, once it is had; None for an engine that is given."""
        return None if self._claim is None else self._claim.directory

    async def open(self, host: Host, soon: Callable[[Callable[[], None]], object]) -> None:
        """Claim and recover what is there. Raises NotOpened, with nothing changed."""
        if self._data is not None:
            self._claim = _taken(claim(self._data))
        try:
            if self._claim is not None:
                self._store = _taken(await asyncio.to_thread(open_store, self._claim.directory))
            assert self._store is not None, "a directory or a store is given"
            since = host.clock()
            recovered = _taken(await asyncio.to_thread(host.open, self._store, soon, _abort))
        except NotOpened:
            await self._let_go()
            raise
        seconds = host.clock() - since
        if recovered.applications:
            names = ", ".join(recovered.applications)
            logger.info("recovered %s in %.3f s; %d steps were repeated", names, seconds, recovered.steps)

    async def close(self, host: Host) -> None:
        """Commit what was stepped, leave a snapshot, and let go."""
        keeper = host.keeper
        assert keeper is not None
        for last in (False, True):
            if last:
                keeper.keep(keeper.history.stopped(host.now()))
                keeper.begin_snapshot()
                keeper.advance()
            while not keeper.idle():
                await asyncio.sleep(bounds.SLICE)
        await self._let_go()

    async def _let_go(self) -> None:
        if self._store is not None:
            await asyncio.to_thread(self._store.close)
        if self._claim is not None and self._owned:
            self._claim.release()


async def kept_on_disk(name: str, ticket: asyncio.Future[None] | None) -> Refusal | None:
    """Wait until something is on disk; return why it is not. None waits for nothing."""
    if ticket is None:
        return None
    try:
        await ticket
    except Unavailable as problem:
        return NotKept(name, str(problem))
    return None


def _taken(result: Result[T, Any]) -> T:
    if isinstance(result, Failure):
        raise NotOpened(result.failure())
    return result.unwrap()


def _abort(error: Exception) -> None:
    """End the process, as nobody knows what is on disk: recovery reads it."""
    logger.critical("the journal cannot be trusted any more, and this process ends: %s", error)
    logging.shutdown()
    os._exit(os.EX_IOERR)
