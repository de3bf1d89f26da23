"""Work in a thread while the event loop goes on."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import threading
import time
from collections.abc import Callable
from typing import Final, ParamSpec, TypeVar

from runtime import bounds
from runtime.gate import Gate

T = TypeVar("T")
P = ParamSpec("P")


async def beside(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run pure work in a thread while the loop goes on.

    A thread that waits for the interpreter can be overtaken for seconds by a loop that is never idle, for the
    loop lets go only for an instant. So the loop lets go for longer now and then; and meanwhile the interpreter
    changes hands more often, as the loop gets it back only when the thread's turn is over.
    """
    with _turns:
        working = asyncio.create_task(asyncio.to_thread(work, *args, **kwargs))
        while not working.done():
            time.sleep(bounds.LET_GO)
            await asyncio.wait([working], timeout=bounds.SLICE)
        return working.result()


async def apart(seconds: float, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """As `beside`, for work that may never come to its end.

    Raises TimeoutError. Then, and where this is cancelled, the work is interrupted; its thread is let go of where that
    is in vain.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def tell(done: Callable[[], object]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(lambda: None if future.done() else done())

    gate = Gate(lambda _, __: work(*args, **kwargs))

    def working() -> None:
        try:
            result = gate(None, None)
        except BaseException as error:
            wrong = error
            tell(lambda: future.set_exception(wrong))
        else:
            tell(lambda: future.set_result(result))

    thread = threading.Thread(target=working, name="midflight-beside", daemon=True)
    thread.start()
    until = loop.time() + seconds
    try:
        with _turns:
            while not future.done():
                if loop.time() >= until:
                    raise TimeoutError
                time.sleep(bounds.LET_GO)
                await asyncio.wait([future], timeout=bounds.SLICE)
    except (TimeoutError, asyncio.CancelledError):
        gate.throw(thread.ident, Dropped)
        await asyncio.wait([future], timeout=bounds.BUDGET)
        if not future.cancel():
            future.exception()  # whatever it was
        raise
    return future.result()


class Dropped(BaseException):
    """Thrown at work that nobody waits for any more."""


class _ShortTurns:
    """While somebody is inside, a thread has the interpreter for `bounds.HANDS` seconds at most."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._usual = 0.0

    def __enter__(self) -> None:
        with self._lock:
            if self._inside == 0:
                self._usual = sys.getswitchinterval()
                sys.setswitchinterval(min(self._usual, bounds.HANDS))
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                sys.setswitchinterval(self._usual + 5e-7)  # Python cuts it to whole microseconds


_turns: Final = _ShortTurns()
