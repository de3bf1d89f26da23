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
from runtime.host import Host
from runtime.store import Store

T = TypeVar("T")

logger = logging.getLogger("midflight")


class NotOpened(Exception):
    """A node's data cannot be had, or cannot be recovered; `refusal` says why."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(str(refusal))
        self.refusal = refusal


class Disk:
    """A directory of the node's own, or an engine that is given."""

    def __init__(self, data: str | os.PathLike[str] | None, store: Store | None) -> None:
        self._data = None if data is None else Path(data)
        self._store = store
        self._claim: Claim | None = None

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
        logger.info("recovered in %.3f s; %d steps were repeated", seconds, recovered.steps)

    async def close(self, host: Host) -> None:
        """Commit what was stepped, leave a snapshot, and let go."""
        keeper = host.keeper
        assert keeper is not None
        for last in (False, True):
            if last:
                keeper.begin_snapshot()
                keeper.advance()
            while not keeper.idle():
                await asyncio.sleep(bounds.SLICE)
        await self._let_go()

    async def _let_go(self) -> None:
        if self._store is not None:
            await asyncio.to_thread(self._store.close)
        if self._claim is not None:
            self._claim.release()


def _taken(result: Result[T, Any]) -> T:
    if isinstance(result, Failure):
        raise NotOpened(result.failure())
    return result.unwrap()


def _abort(error: Exception) -> None:
    """End the process, as nobody knows what is on disk: recovery reads it."""
    logger.critical("the journal cannot be trusted any more, and this process ends: %s", error)
    logging.shutdown()
    os._exit(os.EX_IOERR)
