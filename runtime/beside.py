"""Work in a thread while the event loop goes on."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from runtime import bounds

T = TypeVar("T")
P = ParamSpec("P")


async def beside(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run pure work in a thread while the loop goes on.

    A thread that waits for the interpreter can be overtaken for seconds by a loop that is never idle, for the
    loop lets go only for an instant. So the loop lets go for longer now and then.
    """
    working = asyncio.create_task(asyncio.to_thread(work, *args, **kwargs))
    while not working.done():
        time.sleep(bounds.LET_GO)
        await asyncio.wait([working], timeout=bounds.SLICE)
    return working.result()
