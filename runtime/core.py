"""The core: every decision of a node, without asyncio, clock, randomness or I/O.

A node is a set of machines, each with a state and an inbox. What happens to it arrives as a call of one of
the core's methods: a message (`accept`), time to work (`step`), an application that starts, stops, is
upgraded or goes back. What shall happen outside is returned: outcomes to release to the callers who hold
the tickets, and events for observers. One driver lives on asyncio (`runtime.node`), another on nothing at
all (`runtime.testing`); they own the loop, the clock and the tickets, and decide nothing.

**Three phases.** Messages are worked off in batches. `step` moves machines forward and collects what their
callers will get; the batch remembers the state of every machine it touched as it was before. Then the driver
commits the batch (a node in memory has nothing to do there). Then it releases the outcomes. Nobody sees a
reply before its batch is committed, and should the commit fail, the states of before are one assignment
away: they are immutable values, so keeping them costs nothing.

**Order.** A machine steps its messages one by one in the order of their acceptance; the replies of a batch
are released in the order of their steps. Machines with waiting messages stand in a ring (`ready`) and step
`bounds.TURN` messages each before the next has its turn, so that a busy one cannot starve the others. A
machine stands in the ring exactly when its inbox is not empty. Where the inbox is full the message is turned
away: a node that promises to answer everybody promises nothing.

**Between two messages.** No method is entered while another runs, and each leaves every machine between two
messages. So a swap needs no lock: it is just another method. It is prepared beside the running machines
(`runtime.upgrade`) and checked again when its moment comes, for the world may have moved on.

**Failure.** A step that raises leaves the state as it was, by construction: the new state is what a step
returns. Its caller gets `StepFailed`. This holds for whatever can be raised, `RecursionError`, `MemoryError`
and the `SystemExit` of an `exit()` among them: one message must not end the node for all others. The single
exception is `KeyboardInterrupt`, which comes from the operator and not from the step: the message goes back
to the head of its inbox, the batch ends, what was stepped is released, and the interrupt passes on.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, assert_never

from arrows.cells import Values
from arrows.plain import describe
from arrows.representation import represent
from migrations.lazy import Unled
from runtime import observe
from runtime.acceptance import fitted
from runtime.applications import Applications
from runtime.batch import Batch
from runtime.errors import (
    BadMessage,
    CallError,
    KeySetAside,
    Overloaded,
    StepFailed,
    Unavailable,
    UnknownMachine,
    cut,
)
from runtime.hosted import Encode, Hosted, Running
from runtime.journal import raised, stepped
from runtime.lifecycle import Resume
from runtime.outbox import Outbox
from runtime.probation import Failing, fails
from runtime.requests import Request
from runtime.together import Together
from runtime.waits import Due


class Core(Applications):
    """The machines of a node. `reference` supplies unique texts; events are kept only where `observed`.

    Where it is `journaled`, a batch has an event for each step; what cannot be written down fails the step.
    `now` is the time of what is stepped, in milliseconds, which the driver sets and which never goes back.
    """

    def __init__(self, reference: Callable[[], str], *, observed: bool, journaled: bool = False) -> None:
        self.applications: dict[str, Running] = {}
        self.machines: dict[str, Hosted] = {}
        self.ready: deque[Hosted] = deque()
        self.events: list[observe.Event] = []
        self.observed = observed
        self.journaled = journaled
        self.open = False
        self.now = 0
        self.failing: list[Failing] = []
        self.outbox = Outbox(self.machines, self.ready, self.tell, written=journaled)
        self.reference = reference

    # Messages

    def accept(
        self, name: str, message: Any, ticket: Any, encode: Encode | None = None, trace: str = ""
    ) -> None:
        """Let a message wait at a machine.

        Raises UnknownMachine, BadMessage, Overloaded or Unavailable; the message is then not taken.
        """
        hosted = self.machines.get(name)
        if hosted is None or not hosted.open or not self.open:
            raise self.absent(name)
        if type(message) not in hosted.fits:
            message, wrong = fitted(message, hosted.program.takes, hosted.older)
            if wrong is not None:
                self.tell(observe.Rejected, hosted, trace, wrong)
                raise BadMessage(name, wrong, describe(hosted.program.takes))
        inbox = hosted.inbox
        if len(inbox) >= hosted.limit:
            self.tell(observe.Overloaded, hosted, trace, len(inbox))
            raise Overloaded(name)
        if self.observed:
            trace = trace or self.reference()
            self.tell(observe.Accepted, hosted, trace, message)
        if not inbox:
            self.ready.append(hosted)
        inbox.append((message, ticket, encode, trace))

    def failed_now(self, hosted: Hosted, message: Any, error: BaseException) -> StepFailed:
        """What the caller of a step gets that was made at once and raised; the state is as it was."""
        hosted.failed += 1
        return self._failed(hosted, message, error, "")

    def open_machine(self, name: str) -> Hosted:
        """The machine of that name; raises UnknownMachine or Unavailable where it would take no message."""
        hosted = self.machines.get(name)
        if hosted is None or not hosted.open or not self.open:
            raise self.absent(name)
        return hosted

    def absent(self, name: str) -> CallError:
        """Why no message can be taken for a machine."""
        if not self.open:
            return Unavailable("the node is not running")
        if name in self.machines:
            return Unavailable(f"{name} is stopping")
        return UnknownMachine(name, tuple(self.machines))

    def step(self, batch: Batch, limit: int) -> int:
        """Step up to `limit` messages of the machine whose turn it is; return how many it were."""
        if not self.ready:
            return 0
        hosted = self.ready.popleft()
        state, run, inbox = hosted.state, hosted.step, hosted.inbox
        batch.before.setdefault(hosted, (state, hosted.stepped, hosted.failed, hosted.window))
        outcomes, observed, failed, passed = batch.outcomes, self.observed, 0, 0
        journaled, events, emitted, outbox = self.journaled, batch.events, hosted.emitted, self.outbox
        watch, count = hosted.watch, min(limit, len(inbox))
        for done in range(count):
            waiting = inbox.popleft()
            message, ticket, encode, trace = waiting
            due = None
            if type(ticket) is Due:
                due, ticket = hosted.waits.get(ticket.number), None
                if due is None:
                    passed += 1
                    continue
                message = due.message
            if emitted:
                emitted.clear()
            try:
                after, reply = (
                    run(state, message) if type(message) is not Together else message.step(run, state)
                )
                event = stepped(hosted, message, reply, trace) if journaled else None
                if watch is not None:
                    watch.look(hosted, message, reply)
                if encode is not None:
                    reply = encode(reply)
                told = outbox.checked(hosted, emitted) if emitted else None
            except KeyboardInterrupt as interrupt:
                inbox.appendleft(waiting)
                batch.interrupt, count = interrupt, done
                break
            except BaseException as error:
                if fails(self, hosted, state, message, waiting, error):
                    inbox.appendleft(waiting)
                    count = done
                    break
                failure = self._failed(hosted, message, error, trace)
                outcomes.append((ticket, None, failure))
                failed += 1
                event = raised(hosted, message, failure, trace) if journaled else None
                if event is not None:
                    events.append(event)
                if type(ticket) is Request and (event is not None or not journaled):
                    ticket.stepped(self.now, message, None, failure, event)
                if due is not None:
                    outbox.take(hosted, due, batch, event)
            else:
                state = after
                if type(ticket) is Request:
                    ticket.stepped(self.now, message, reply, None, event)
                if event is not None:
                    events.append(event)
                outcomes.append((ticket, reply, None))
                if observed:
                    self.tell(observe.Stepped, hosted, trace, message, reply)
                if due is not None:
                    outbox.take(hosted, due, batch, event)
                if told:
                    outbox.apply(hosted, told, self.now, batch, trace)
        hosted.state = state
        hosted.stepped += count - failed - passed
        hosted.failed += failed
        if inbox:
            self.ready.append(hosted)
        return count

    def tried(self, hosted: Hosted, state: Values, message: Any) -> tuple[Values, Any]:
        """Step a machine that does not run here. Raises what a step raises; a budget looks at it."""
        run = hosted.step
        return run(state, message) if type(message) is not Together else message.step(run, state)

    def _failed(self, hosted: Hosted, message: Any, error: BaseException, trace: str) -> StepFailed:
        match hosted.application.on_failure:
            case Resume():
                pass
            case _ as never:
                assert_never(never)
        reference = self.reference()
        self.tell(observe.Failed, hosted, trace, message, error, reference)
        if isinstance(error, Unled) and error.is_aside:
            failure: StepFailed = KeySetAside(hosted.name, reference, error, cut(represent(error.key)))
        else:
            failure = StepFailed(hosted.name, reference, error)
        failure.__cause__ = error
        return failure
