"""A question to who sits at the terminal, while everything else goes on."""

from __future__ import annotations

import asyncio
import os
import sys
import termios
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

from runtime.lasting import tell

_INPUT: Final = 0


class Prompt:
    """Asks on the terminal that is the standard input."""

    def is_there(self) -> bool:
        """Whether this process may read from a terminal: one in the background is stopped when it does."""
        return _is_there()

    async def ask(self, choices: Sequence[str]) -> str | None:
        """Ask until one of the choices is typed, or its first letter; None where nobody is there any more.

        What was typed before the question is no answer to it.
        """
        if not _is_there():
            return None
        termios.tcflush(_INPUT, termios.TCIFLUSH)
        letters = [each[0] for each in choices]
        while True:
            tell(f"  {'/'.join(letters)}? ", end="")
            line = await _line()
            if line is None:
                return None
            answer = line.strip().lower()
            for each in choices:
                if answer in (each, each[0]):
                    return each
            tell(f"  type {', '.join(letters[:-1])} or {letters[-1]}")


def _is_there() -> bool:
    with suppress(OSError):
        return os.isatty(_INPUT) and os.tcgetpgrp(_INPUT) == os.getpgrp()
    return False


async def _line() -> str | None:
    loop = asyncio.get_running_loop()
    future: asyncio.Future[str | None] = loop.create_future()
    loop.add_reader(_INPUT, _read, lambda line: None if future.done() else future.set_result(line))
    try:
        return await future
    finally:
        loop.remove_reader(_INPUT)


def _read(tell: Callable[[str | None], None]) -> None:
    if not _is_there():
        tell(None)
        return
    data = os.read(_INPUT, 1024)
    tell(data.decode(sys.stdin.encoding or "utf-8", "replace") if data else None)
