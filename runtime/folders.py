"""The folders of a project under watch: when something in them changed last."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from watchfiles import awatch

from runtime import bounds
from runtime.save import Save

logger = logging.getLogger("midflight")

STEP: Final = 5
"""Milliseconds without a further change after which changes are told, or after twenty times that at most."""


class Folders:
    """Hears of changes to what a save asked for: files read, and names at which there might be a file or folder.

    `last` is when that was last, in seconds of the loop. The folders are watched alone, without what is in them, so
    that neither the data directory nor an environment beside the sources is heard of.
    """

    def __init__(self) -> None:
        self.last = 0.0
        self._stirred = asyncio.Event()
        self._told = False
        self._asked: frozenset[str] = frozenset()
        self._held: dict[Path, tuple[int, int]] = {}
        self._task: asyncio.Task[None] | None = None

    async def watch(self, save: Save) -> None:
        """From now on hear of what this save asked for."""
        root = Path(os.path.commonpath([each.parent for each in save.asked]))
        on_the_way = {parent for each in save.asked for parent in each.parents if parent.is_relative_to(root)}
        self._asked = frozenset(map(str, {*save.asked, *on_the_way}))
        held = dict(_there(on_the_way))
        if held != self._held or self._task is None:
            await self.close()
            self._held = held
            self._task = asyncio.create_task(self._listen(tuple(map(str, held))))
            await asyncio.sleep(0)  # it begins to listen
            self._stirred.set()  # nobody told what was before that

    async def stirred(self) -> bool:
        """Wait until something may have changed, and return whether something told so.

        Else it is time to look, after `bounds.LOOKS_FOR_CHANGES`, whatever else changes in the folders meanwhile.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(bounds.LOOKS_FOR_CHANGES):
                await self._stirred.wait()
        self._stirred.clear()
        told, self._told = self._told, False
        return told

    def stir(self) -> None:
        """Let it be looked once more."""
        self._stirred.set()

    def heard(self) -> None:
        """Something has just changed."""
        self.last = asyncio.get_running_loop().time()

    async def quiet(self, seconds: float) -> None:
        """Wait until for so long nothing has changed."""
        loop = asyncio.get_running_loop()
        while (left := self.last + seconds - loop.time()) > 0:
            await asyncio.sleep(left)

    async def close(self) -> None:
        """Listen no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
            self._task = None

    async def _listen(self, folders: tuple[str, ...]) -> None:
        try:
            told = awatch(
                *folders,
                watch_filter=None,
                debounce=STEP * 20,
                step=STEP,
                rust_timeout=round(bounds.LOOKS_FOR_CHANGES * 1000),
                recursive=False,
            )
            async with contextlib.aclosing(told):
                async for changes in told:
                    if any(path in self._asked for _, path in changes):
                        self.heard()
                        self._told = True
                        self._stirred.set()
        except (OSError, RuntimeError) as error:
            # A folder is gone again, or the system watches no more of them.
            logger.warning("files are looked at every %g s: %s", bounds.LOOKS_FOR_CHANGES, error)


def _there(folders: Iterable[Path]) -> Iterable[tuple[Path, tuple[int, int]]]:
    """Those that are there, each with what tells it from another at its path."""
    for each in sorted(folders):
        with contextlib.suppress(OSError):
            found = each.stat()
            yield each, (found.st_dev, found.st_ino)
