"""The time a step may take, and how one that takes longer is interrupted.

Steps are counted in millions in a second, so nothing here runs when one begins or ends. Instead somebody looks,
`bounds.LOOKS` times within a budget, at what the loop is doing. The same step seen at two looks that are a
budget apart has taken at least the budget, and is interrupted: `OverBudget` is raised inside of it, and the core
treats that as whatever else a step raises.

An exception that is thrown into running code can arrive late, behind the step, in somebody else's code. That
must be impossible, and not only rare. There are two cases.

**The loop is in the main thread.** The look is the handler of a signal, SIGALRM, that a kernel timer sends.
Python runs it in the main thread between two bytecodes, or in a call that was blocked or looks for signals now
and then (`time.sleep`, a regular expression, the power of a big number), and hands it the frame it interrupts. The
handler looks for the step on the stack that it itself stands on, and raises on the spot or returns. Between the
look and the raise nothing else can happen. A step is recognised by its frame, an object that no other step has.

**The loop is in another thread.** Signals do not reach it. A thread looks, and lets the interpreter raise the
exception there (`PyThreadState_SetAsyncExc`) at the next place where that thread looks for such things. So there a
machine's step goes through a `Gate`, which is open while the step runs and ends in `_land`: to call a Python
function is such a place, so that what was thrown while the gate was open arrives inside of it. The thread checks
that the gate is open and throws, with no bytecode between the two at which the interpreter changes threads.

Rows that are led between two batches are looked at as a step is: a migration may loop on one of them.

The exception is no `Exception`, so that an ordinary handler in a step does not stop it. A step that stops it
nevertheless is interrupted at each further look. What cannot be interrupted is the watchdog's (`runtime.watchdog`).
"""

from __future__ import annotations

import logging
import signal
import sys
import threading
import time
from types import CodeType, FrameType
from typing import Final

from migrations.lazy import LazyTable
from runtime import bounds
from runtime.core import Core
from runtime.durability import Disk
from runtime.errors import OverBudget
from runtime.gate import Gate
from runtime.host import Host
from runtime.hosted import Hosted
from runtime.journal import stepped
from runtime.sweep import Sweep
from runtime.together import Together
from runtime.watchdog import Watchdog, watchdog

logger = logging.getLogger("midflight")

_STEPS: Final = frozenset({Core.step.__code__, Core.tried.__code__, Sweep.lead.__code__})


class Budget:
    """What a node's steps may take: `seconds` each. `call` is the code that steps without the core.

    It looks from `begin` to `end`.
    """

    def __init__(self, host: Host, call: CodeType, seconds: float, watchdog: Watchdog | None) -> None:
        self.seconds = seconds
        self.watchdog = watchdog
        self.thread = 0
        self._core, self._sweep = host.core, host.sweep
        self._call = call
        self._seen: dict[int, tuple[object, float]] = {}

    def begin(self) -> None:
        """Look at the steps from now on. Call it in the thread of the loop."""
        self.thread = threading.get_ident()
        _watching.add(self)

    def end(self) -> None:
        """Look no more."""
        _watching.remove(self)
        if self.watchdog is not None:
            self.watchdog.close()

    def in_main(self) -> bool:
        """Whether its loop is in the main thread."""
        return self.thread == threading.main_thread().ident

    def here(self, frame: FrameType | None) -> None:
        """Look at the stack that we stand on; raises OverBudget into a step that takes too long."""
        found = self._on_stack(frame)
        if self._age(found[1] if found else None) >= self.seconds:
            assert found is not None
            raise OverBudget(found[0].name, self.seconds, _place(frame))

    def beside(self) -> None:
        """Look at the loop from another thread; interrupt what takes too long where `here` does not."""
        if self.in_main():
            found = self._on_stack(sys._current_frames().get(self.thread))
            self._age(found[1] if found else None)
            return
        gates = [(hosted.name, hosted.step) for hosted in list(self._core.machines.values())]
        for name, gate in (*gates, (self._sweep.leads, self._sweep.gate)):
            if not isinstance(gate, Gate):
                continue
            token = gate.open
            if token is not None:
                if self._age(token) >= self.seconds:
                    self._interrupt(name, gate, token)
                return
        self._age(None)

    def _interrupt(self, machine: str, gate: Gate, token: object) -> None:
        place = _place(sys._current_frames().get(self.thread))
        seconds, thread = self.seconds, self.thread

        class Interrupt(OverBudget):  # it is made where it arrives, from a class and nothing else
            def __init__(self) -> None:
                super().__init__(machine, seconds, place)

        for name in ("__name__", "__qualname__", "__module__"):
            setattr(Interrupt, name, getattr(OverBudget, name))
        gate.throw(thread, Interrupt, token)

    def _age(self, token: object | None) -> float:
        """For how long the caller's thread has seen this step at least; ends the process where it is overdue."""
        looker = threading.get_ident()
        if self.watchdog is not None:
            self.watchdog.again()
        if token is None:
            self._seen.pop(looker, None)
            return -1.0
        now = time.monotonic()
        known, since = self._seen.get(looker, (None, 0.0))
        if known is not token:
            self._seen[looker] = (token, now)
            return 0.0
        if self.watchdog is not None and now - since >= self.seconds + bounds.GRACE:
            self.watchdog.end()
        return now - since

    def _on_stack(self, frame: FrameType | None) -> tuple[Hosted, FrameType] | None:
        """The machine that is stepping on a stack, and the frame right under the one that lets it."""
        below: FrameType | None = None
        beneath: FrameType | None = None
        while frame is not None:
            code = frame.f_code
            if below is not None and (code in _STEPS or code is self._call):
                held = frame.f_locals
                core = held["self"]._host.core if code is self._call else held["self"]
                core = core.core if type(core) is Sweep else core
                hosted: Hosted | None = held.get("hosted")
                if core is self._core and hosted is not None:
                    if below.f_code is LazyTable.swept.__code__:
                        return hosted, beneath or below  # each row has its time
                    parts = (hosted.step, Together.step, held.get("encode"), stepped)
                    if any(below.f_code is getattr(part, "__code__", None) for part in parts):
                        return hosted, below
            beneath, below, frame = below, frame, frame.f_back
        return None


def begin(host: Host, call: CodeType, seconds: float, disk: Disk | None) -> Budget:
    """Look at a node's steps from now on, in the calling thread; where it keeps data, with a watchdog."""
    dog = None if disk is None else watchdog(disk.directory, seconds + bounds.GRACE)
    if dog is not None:
        host.step = dog.around(host.core)
    budget = Budget(host, call, seconds, dog)
    budget.begin()
    return budget


class _Watching:
    """All budgets of the process: a timer for those of the main thread, a thread for those that need one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._budgets: tuple[Budget, ...] = ()
        self._here: tuple[Budget, ...] = ()
        self._stop: threading.Event | None = None
        self._thread: threading.Thread | None = None

    def add(self, budget: Budget) -> None:
        with self._lock:
            self._settle((*self._budgets, budget), changed=budget)

    def remove(self, budget: Budget) -> None:
        with self._lock:
            self._settle(tuple(each for each in self._budgets if each is not budget), changed=budget)

    def _settle(self, budgets: tuple[Budget, ...], *, changed: Budget) -> None:
        self._budgets = budgets
        if changed.in_main():
            self._timer(tuple(each for each in budgets if each.in_main()))
        if not changed.in_main() or changed.watchdog:
            self._beside(tuple(each for each in budgets if not each.in_main() or each.watchdog))

    def _timer(self, budgets: tuple[Budget, ...]) -> None:
        ours = signal.getsignal(signal.SIGALRM) == self._look
        if budgets and not ours:
            taken = signal.getsignal(signal.SIGALRM) is not signal.SIG_DFL or any(
                signal.getitimer(signal.ITIMER_REAL)
            )
            if taken:
                logger.warning("this program uses SIGALRM itself: a step that takes too long goes on")
                return
            signal.signal(signal.SIGALRM, self._look)
        self._here = budgets
        every = min((each.seconds for each in budgets), default=0.0) / bounds.LOOKS
        if ours or budgets:
            signal.setitimer(signal.ITIMER_REAL, every, every)
        if ours and not budgets:
            signal.signal(
                signal.SIGALRM, signal.SIG_IGN
            )  # which forgets one that was sent and has not arrived
            signal.signal(signal.SIGALRM, signal.SIG_DFL)

    def _look(self, _: int, frame: FrameType | None) -> None:
        try:
            for each in self._here:
                each.here(frame)
        except RecursionError:  # near the limit, which is not to be met for our sake
            return

    def _beside(self, budgets: tuple[Budget, ...]) -> None:
        if self._stop is not None and self._thread is not None:
            self._stop.set()
            self._thread.join()
            self._stop = self._thread = None
        if budgets:
            every = min(each.seconds for each in budgets) / bounds.LOOKS
            self._stop = threading.Event()
            self._thread = threading.Thread(
                target=_look_on, args=(budgets, every, self._stop), name="midflight-budget", daemon=True
            )
            self._thread.start()


def _look_on(budgets: tuple[Budget, ...], every: float, stop: threading.Event) -> None:
    while not stop.wait(every):
        for each in budgets:
            each.beside()


_watching: Final = _Watching()


def _place(frame: FrameType | None) -> str:
    if frame is None:
        return "an unknown place"
    return f"{frame.f_code.co_filename}:{frame.f_lineno} in {frame.f_code.co_name}"
