"""What ends a process that hangs in a step, so that the node can be started again without that message.

A step in the midst of a call that is not written in Python and looks for nothing (the sum of a huge range) cannot be
interrupted, and holds the interpreter, so that no Python code runs that could do something about it. But the
kernel can. It has a timer over the time that the loop's own thread computes, which is set when a machine begins
to step and taken back when it has, and is set anew at every look (`runtime.budget`), which happens only where
Python code runs. What expires is therefore one call of a step, and never the rest of the program, whatever that
does and however long it keeps the interpreter from us. The timer sends SIGVTALRM. Its handler needs no interpreter
either (`faulthandler`): it writes down where the thread stands, and lets the signal end the process.

What waits instead of computing, and what catches the interruption each time, leaves the interpreter to others: there
a look sees that it is overdue, and sends the same signal.

A process has one handler for SIGVTALRM, and it writes to one file descriptor. Where several nodes keep data, it
stands for the file of the node that stepped last.

Only a node that keeps its data has a watchdog: another one would lose everything.
"""

from __future__ import annotations

import contextlib
import ctypes
import faulthandler
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from runtime.batch import Batch
from runtime.core import Core

logger = logging.getLogger("midflight")

NAME: Final = "watchdog"
_MARK: Final = 512
"""Bytes at the head of the file that name the machine which stepped last."""
_TO_THREAD: Final = 4  # SIGEV_THREAD_ID

Turn = Callable[[Batch, int], int]


def watchdog(directory: Path | None, seconds: float) -> Watchdog | None:
    """A watchdog for the calling thread; None, which is logged, where the program has SIGVTALRM for itself."""
    if signal.getsignal(signal.SIGVTALRM) is not signal.SIG_DFL:
        logger.warning("this program handles SIGVTALRM itself: a step that hangs is not ended by a watchdog")
        return None
    try:
        return Watchdog(directory, seconds)
    except (OSError, AttributeError) as error:  # no room for a file or a timer, or a library without timers
        logger.warning("a step that hangs is not ended by a watchdog: %s", error)
        return None


class Watchdog:
    """Ends the process when a machine's step has computed for `seconds` in one call; made in the loop's thread.

    `directory` is where it is written down what was being stepped; None is the standard error output.
    """

    def __init__(self, directory: Path | None, seconds: float) -> None:
        self._thread = threading.get_ident()
        self._armed = False
        self._named = ""
        self._marks = directory is not None
        if directory is None:
            self._file = os.dup(2)
        else:
            tell(directory, seconds)
            flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
            self._file = os.open(directory / NAME, flags, 0o600)
            os.lseek(self._file, _MARK, os.SEEK_SET)
        self._timer = _Timer(seconds) if sys.platform == "linux" else None
        _handler.add(self, self._file)

    def around(self, core: Core) -> Turn:
        """`core.step`, watched."""
        turn, ready, off = core.step, core.ready, self._timer.off if self._timer else None

        def watched(batch: Batch, limit: int) -> int:
            if _handler.owner is not self:
                _handler.give(self, self._file)
            if ready and ready[0].name is not self._named:
                self._name(ready[0].name)
            self._armed = True
            self.again()
            try:
                return turn(batch, limit)
            finally:
                self._armed = False
                if off is not None:
                    off()

        return watched

    def again(self) -> None:
        """Begin to count anew, if a machine is stepping."""
        timer = self._timer
        if timer is not None:
            settime, number, on = timer.settime, timer.number, timer.on
            if self._armed:  # whoever looks from another thread: nothing comes between this and the next
                settime(number, 0, on, None)

    def end(self) -> None:
        """End the process, as the timer does."""
        signal.pthread_kill(self._thread, signal.SIGVTALRM)

    def close(self) -> None:
        """Watch no more."""
        if self._timer is not None:
            self._timer.close()
        _handler.remove(self)
        os.close(self._file)

    def _name(self, machine: str) -> None:
        self._named = machine
        if self._marks:
            with contextlib.suppress(OSError):  # a full disk is the journal's to tell
                os.pwrite(self._file, machine.encode()[:_MARK].ljust(_MARK), 0)


def tell(directory: Path, seconds: float) -> None:
    """Log what the watchdog of the process before this one has written, and keep it beside."""
    file = directory / NAME
    try:
        found = file.read_bytes()
    except OSError:
        return
    machine = found[:_MARK].decode(errors="replace").strip("\0 ")
    stack = found[_MARK:].decode(errors="replace").strip()
    if not stack:
        return
    kept = file.with_suffix(".last")
    file.replace(kept)
    logger.error(
        "the process before this one was ended by its watchdog, as a step of %s could not be interrupted for %g s. "
        "Its message was not written down, and the node goes on without it. %s says where the step was:\n%s",
        machine,
        seconds,
        kept,
        stack,
    )


class _Handler:
    """What the process does on SIGVTALRM: write to a descriptor that stands for one watchdog's file, and end."""

    def __init__(self) -> None:
        self.owner: Watchdog | None = None
        self._users = 0
        self._slot = -1

    def add(self, watchdog: Watchdog, file: int) -> None:
        self._users += 1
        if self._users == 1:
            self._slot = os.dup(file)
            faulthandler.register(signal.SIGVTALRM, file=self._slot, all_threads=False, chain=True)
        self.give(watchdog, file)

    def give(self, watchdog: Watchdog, file: int) -> None:
        os.dup2(file, self._slot, inheritable=False)
        self.owner = watchdog

    def remove(self, watchdog: Watchdog) -> None:
        self._users -= 1
        if self.owner is watchdog:
            self.owner = None
        if self._users == 0:
            faulthandler.unregister(signal.SIGVTALRM)
            os.close(self._slot)


_handler: Final = _Handler()


class _Event(ctypes.Structure):
    """`struct sigevent`."""

    _fields_ = (
        ("value", ctypes.c_void_p),
        ("signal", ctypes.c_int),
        ("notify", ctypes.c_int),
        ("thread", ctypes.c_int),
        ("rest", ctypes.c_byte * 64),
    )


class _Spec(ctypes.Structure):
    """`struct itimerspec`."""

    _fields_ = tuple((name, ctypes.c_long) for name in ("again", "again_ns", "first", "first_ns"))


class _Timer:
    """A timer over the time that the calling thread computes. `settime(number, 0, on, None)` begins it anew."""

    def __init__(self, seconds: float) -> None:
        library = ctypes.PyDLL(None, use_errno=True)  # which keeps the interpreter: to let go would cost more
        self._delete = library.timer_delete
        self._delete.argtypes = (ctypes.c_void_p,)
        self.settime: Callable[..., int] = library.timer_settime
        library.timer_settime.argtypes = (ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
        self.number = ctypes.c_void_p()
        event = _Event(None, signal.SIGVTALRM, _TO_THREAD, threading.get_native_id())
        made = (time.CLOCK_THREAD_CPUTIME_ID, ctypes.byref(event), ctypes.byref(self.number))
        if library.timer_create(*made):
            raise OSError(ctypes.get_errno(), "timer_create")
        self._specs = _Spec(0, 0, int(seconds), int(seconds % 1 * 1e9)), _Spec(0, 0, 0, 0)
        self.on, self._none = (ctypes.byref(each) for each in self._specs)

    def off(self) -> None:
        """Stop."""
        self.settime(self.number, 0, self._none, None)

    def close(self) -> None:
        """Give it back."""
        self._delete(self.number)
