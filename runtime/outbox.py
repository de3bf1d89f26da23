"""What machines tell: messages to machines, to themselves later, and events.

A machine that emits is stepped with `begin`, and what it emitted in a step is `checked` and then `applied` with
the step: it is undone with it, written down with it, and what comes of it is not seen before the commit.

**Once, in order.** A message to a machine, at once or later, is a `Due` among the receiver's `waits`, which are a
value as its state is: the step that sends adds it, and the step that takes it takes it away. The journal has the
number of what a step took. Recovery steps the sender again, which sends again under the same number, as numbers
are given in the order of the steps; so what is left over at the end is exactly what was sent and not yet taken.
The receiver's inbox only points to its waits: a pointer to what was cancelled meanwhile, or undone, is passed by.

**Time.** All steps of a batch have one time, which stands before them in the journal. A timer's deadline is that
time and so many seconds. Timers that are due go to the inboxes in the order of their deadlines, and of their numbers
where these are equal.
"""

from __future__ import annotations

import heapq
import math
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias, assert_never

import attrs

from arrows.canonical import NotData
from arrows.fit import Misfit
from arrows.sending import After, Cancel, Publish, Send
from runtime import bounds, observe
from runtime.acceptance import fitted
from runtime.errors import cut
from runtime.waits import Due

if TYPE_CHECKING:
    from runtime.batch import Batch
    from runtime.hosted import Compiled, Hosted, Running
    from runtime.journal import Event as JournalEvent

TOLD: frozenset[type] = frozenset({After, Cancel, Publish, Send})
"""What a machine may emit on a node."""


@attrs.frozen
class Published:
    """What was published: `number` counts the events of a node, of all topics."""

    number: int
    topic: str
    message: Any


@attrs.frozen
class DeadLetter:
    """A message that no machine took, and why; `by` is the version that has it.

    `source` is how it came: "send", "timer" (which was `due` then) or "cast", which has no sender.
    """

    sender: str
    to: str
    message: Any
    why: str
    by: Compiled = attrs.field(eq=False, repr=False)
    source: str = "send"
    due: int | None = None


Checked: TypeAlias = Send | Publish | After | Cancel | DeadLetter


class NotTold(ValueError):
    """What a step emitted makes no sense; the step has failed."""


class Outbox:
    """Of one core: the timers by deadline, and the counters that number what is told.

    `parked` are applications that rest: what is sent to their machines waits.
    """

    def __init__(
        self,
        machines: Mapping[str, Hosted],
        parked: Mapping[str, Running],
        ready: deque[Hosted],
        tell: Callable[..., None],
        *,
        written: bool,
    ) -> None:
        self.numbers = (0, 0)
        self._machines = machines
        self._parked = parked
        self._ready = ready
        self._tell = tell
        self._written = written
        self._timers: list[tuple[int, int, Hosted]] = []
        self._gone = 0

    def place(self, name: str) -> Hosted | None:
        """The machine of that name, also of an application that rests."""
        found = self._machines.get(name)
        if found is None:
            found = next(
                (each.machines[name] for each in self._parked.values() if name in each.machines), None
            )
        return found

    # A step

    def checked(self, hosted: Hosted, emitted: Sequence[Any]) -> list[Checked]:
        """What a step emitted, ready to be applied. Raises NotTold, and then nothing has changed."""
        return [self._checked(hosted, each) for each in emitted]

    def _checked(self, hosted: Hosted, effect: Any) -> Checked:
        match effect:
            case Publish() | Cancel():
                return effect
            case After(seconds=seconds, message=message, name=name):
                if not 0 <= seconds < math.inf:
                    raise NotTold(f"After({seconds!r:.60}, ...): the seconds are a number from 0 on")
                message, wrong = self._fitting(hosted, message)
                if wrong is not None:
                    raise NotTold(
                        f"{hosted.name} does not take its own After({seconds!r}, ...): {cut(str(wrong))}"
                    )
                return After(seconds, message, name)
            case Send(to=to, message=message):
                receiver = self.place(to)
                if receiver is None:
                    why = f"no machine {cut(to)!r} is on this node"
                    return DeadLetter(hosted.name, to, message, why, hosted.compiled)
                message, wrong = self._fitting(receiver, message)
                if wrong is not None:
                    return DeadLetter(hosted.name, to, message, cut(str(wrong)), hosted.compiled)
                return Send(to, message)
            case _:
                raise NotTold(f"{type(effect).__qualname__} is nothing that a node does")

    def _fitting(self, hosted: Hosted, message: Any) -> tuple[Any, Misfit | str | None]:
        if type(message) not in hosted.fits:
            message, wrong = fitted(message, hosted.program.takes, hosted.older)
            if wrong is not None:
                return message, wrong
        if self._written:
            try:
                hosted.packing.pack(message)
            except NotData as problem:
                return message, f"it cannot be written down: {problem}"
        return message, None

    def apply(
        self, hosted: Hosted, told: Sequence[Checked], now: int, batch: Batch | None = None, trace: str = ""
    ) -> None:
        """Do what a step of that time told.

        Without a batch (in recovery) nothing is delivered.
        """
        for each in told:
            match each:
                case Send(to=to, message=message):
                    receiver = self.place(to)
                    assert receiver is not None, "it was there when this was checked"
                    due = Due(self._number(batch), now, message, hosted.name)
                    self._keep(batch, receiver)
                    receiver.waits = receiver.waits.having(due)
                    if batch is not None:
                        self._deliver(receiver, due, trace, hosted)
                case After(seconds=seconds, message=message, name=name):
                    due = Due(self._number(batch), now + round(seconds * 1000), message, name=name)
                    self._keep(batch, hosted)
                    self._gone += name is not None and name in hosted.waits.named
                    hosted.waits = hosted.waits.having(due)
                    if batch is not None:
                        self._set(hosted, due)
                case Cancel(name=name):
                    self._keep(batch, hosted)
                    self._gone += name in hosted.waits.named
                    hosted.waits = hosted.waits.cancelled(name)
                case Publish(topic=topic, message=message):
                    number = self._number(batch, published=True)
                    if batch is not None:
                        batch.told.append(Published(number, topic, message))
                case DeadLetter():
                    self._tell(observe.DeadLetter, hosted, trace, each.to, each.message, each.why)
                    if batch is not None:
                        batch.dead.append(each)
                case _:
                    assert_never(each)

    def take(
        self, hosted: Hosted, due: Due, batch: Batch | None = None, event: JournalEvent | None = None
    ) -> None:
        """A step took a message that was due, whatever came of it; its journal event has the number."""
        if event is not None:
            event.append(due.number)
        self._keep(batch, hosted)
        hosted.waits = hosted.waits.without(due)

    def _number(self, batch: Batch | None, *, published: bool = False) -> int:
        numbers = self.numbers
        if batch is not None and batch.numbers is None:
            batch.numbers = numbers
        self.numbers = (numbers[0] + (not published), numbers[1] + published)
        return self.numbers[published]

    def _keep(self, batch: Batch | None, hosted: Hosted) -> None:
        """Remember what a machine was to get before a batch."""
        if batch is not None:
            batch.waits.setdefault(hosted, hosted.waits)

    # Delivery

    def _deliver(self, hosted: Hosted, due: Due, trace: str, stepping: Hosted | None = None) -> None:
        """Point to it in the inbox; a machine that is stepping stands in the ring again by itself."""
        if hosted.awake:
            if not hosted.inbox and hosted is not stepping:
                self._ready.append(hosted)
            hosted.inbox.append((due.message, due, None, trace))

    def _set(self, hosted: Hosted, due: Due) -> None:
        heapq.heappush(self._timers, (due.deadline, due.number, hosted))
        if self._gone > bounds.GONE and self._gone * 2 > len(self._timers):
            self._sweep()

    def _sweep(self) -> None:
        """Forget the deadlines of timers that are no longer to come."""
        self._timers = [each for each in self._timers if each[1] in each[2].waits.due]
        heapq.heapify(self._timers)
        self._gone = 0

    def deadline(self) -> int | None:
        """When the next timer may be due."""
        return self._timers[0][0] if self._timers else None

    def fire(self, now: int) -> None:
        """Let the timers that are due wait at their machines."""
        while self._timers and self._timers[0][0] <= now:
            _, number, hosted = heapq.heappop(self._timers)
            due = hosted.waits.get(number)
            if due is None:
                self._gone -= 1
            else:
                self._deliver(hosted, due, "")

    def enter(self, hosted: Hosted) -> None:
        """Let a machine that runs get what is due to it."""
        if not hosted.awake:
            hosted.awake = True
            self._point(hosted)

    def leave(self, hosted: Hosted) -> None:
        """Let what is due to a machine that stops wait until it runs again."""
        hosted.awake = False
        self._point(hosted)

    def _point(self, hosted: Hosted) -> None:
        """Let the inbox and the timers point to what is due, which the inbox pointed to otherwise, or not at all."""
        had = bool(hosted.inbox)
        others = [waiting for waiting in hosted.inbox if type(waiting[1]) is not Due]
        hosted.inbox.clear()
        if hosted.awake:
            for due in hosted.waits:
                if due.sender is None:
                    self._set(hosted, due)
                else:
                    hosted.inbox.append((due.message, due, None, ""))
        hosted.inbox.extend(others)
        if hosted.inbox and not had:
            self._ready.append(hosted)
        elif had and not hosted.inbox:
            self._ready.remove(hosted)

    # A commit that was not made

    def undo(self, *batches: Batch) -> None:
        """Let what is due be as it was before batches, the last one first."""
        for batch in batches:
            for hosted, waits in batch.waits.items():
                hosted.waits = waits
            if batch.numbers is not None:
                self.numbers = batch.numbers
        self._timers, self._gone = [], 0
        for hosted in self._machines.values():
            self._point(hosted)
