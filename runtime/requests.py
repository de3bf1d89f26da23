"""Named requests: what a caller asks under an id of its own is done once, however often it is asked.

A client that got no answer cannot know whether its message was stepped. It asks again under the same id, and gets
what the first one got: a repeat while the first is *pending* joins it; a repeat afterwards is answered from the
machine's *window*, without a step. The same id with another message is refused, as one of the two is a mistake.
An error that a step raised is an answer like any other. A message that was not taken (`Overloaded`,
`Unavailable`, `BadMessage`) leaves nothing behind, so that the caller may come again.

**The window is a part of the state.** It is an immutable value beside the machine's state and goes its ways: an
answer is in it from its step on, a rejected commit puts back the window of before, a snapshot holds a reference to
it, an upgrade and a rollback let it be, and recovery makes it again from the ids in the log. So an id is known
exactly as long as its effect is.

**It is bounded** by count and by time, `bounds.REQUESTS` and `bounds.REQUEST_SECONDS`. Time is the `now` of the
entry of the log that the step is in: the core reads no clock, and recovery forgets what the node forgot.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import attrs
from immutables import Map

from arrows.canonical import NotData
from arrows.fit import Misfit, adopt, misfit, show
from arrows.plain import describe, to_plain
from runtime import bounds
from runtime.acceptance import fitted
from runtime.errors import BadId, BadMessage, IdReused, Overloaded, RaisedBefore, StepFailed, cut
from runtime.fingerprint import fingerprint
from runtime.together import Together

if TYPE_CHECKING:
    from runtime.core import Core
    from runtime.hosted import Encode, Hosted
    from runtime.journal import Event


@attrs.frozen
class Answered:
    """What a request came to: its reply, or the reference and the text of what its step raised.

    `payload` stands for the message in words of the version that stepped it, whose digest begins with `by`; `now` is
    when that was, in milliseconds.
    """

    id: str
    payload: str
    now: int
    reply: Any
    raised: tuple[str, str] | None = None
    by: str = ""


@attrs.frozen
class Window:
    """The last answers of a machine, in the order of their steps.

    >>> window = Window().having(Answered("a", "", 0, 1)).having(Answered("b", "", 5, 2))
    >>> [answer.reply for answer in window], window.found("a", 5).reply, window.found("c", 5)
    ([1, 2], 1, None)
    """

    _answers: Map[str, tuple[int, Answered]] = attrs.field(factory=Map)
    _order: Map[int, str] = attrs.field(factory=Map)
    _first: int = 0
    _next: int = 0

    def found(self, id: str, now: int) -> Answered | None:
        """The answer of an id, unless it is older than the window."""
        held = self._answers.get(id)
        return held[1] if held is not None and held[1].now > _oldest(now) else None

    def having(self, answer: Answered) -> Window:
        """The window with one more answer, and without those that leave it.

        Those too many leave at once; those too old a few at a time, as many may become so together.
        """
        answers, order, first = self._answers, self._order, self._first
        held = answers.get(answer.id)
        if held is not None:
            order = order.delete(held[0])
        answers = answers.set(answer.id, (self._next, answer))
        order = order.set(self._next, answer.id)
        oldest, late = _oldest(answer.now), bounds.FORGET
        while first < self._next:
            id = order.get(first)
            if id is not None:
                is_late = late > 0 and answers[id][1].now <= oldest
                if len(answers) <= bounds.REQUESTS and not is_late:
                    break
                answers, order = answers.delete(id), order.delete(first)
                late -= 1
            first += 1
        return Window(answers, order, first, self._next + 1)

    def __len__(self) -> int:
        return len(self._answers)

    def __iter__(self) -> Iterator[Answered]:
        for at in range(self._first, self._next):
            id = self._order.get(at)
            if id is not None:
                yield self._answers[id][1]


class Request:
    """The ticket of a named message, for all who ask the same until it is answered."""

    __slots__ = ("_encode", "_message", "by", "callers", "hosted", "id", "payload")

    def __init__(self, hosted: Hosted, id: str, message: Any, payload: str, encode: Encode | None) -> None:
        self.hosted = hosted
        self.id = id
        self.payload = payload
        self.by = hosted.digest
        self._message = message
        self.callers: list[tuple[Any, Encode | None]] = []
        self._encode = encode

    def encode(self, reply: Any) -> Any:
        """Part of the step: see that the reply can be given again, as JSON too. Raises TypeError where not."""
        to_plain(reply)
        if self._encode is not None:
            self._encode(reply)
        return reply

    def stepped(
        self, now: int, message: Any, reply: Any, failure: StepFailed | None, event: Event | None
    ) -> None:
        """Let the window and the journal's event know what it came to.

        Where it waited over an upgrade, the message is another than the one that was asked.
        """
        if message is not self._message:
            self.payload = fingerprint(message)
        raised = None if failure is None else (failure.reference, _text(failure.error))
        if event is not None:
            event += [self.id] if raised is None else [self.id, raised[1]]
        answer = Answered(self.id, self.payload, now, reply, raised, self.hosted.digest)
        self.hosted.window = self.hosted.window.having(answer)

    # The ticket

    def done(self) -> bool:
        """Never before it is answered: a caller who has gone may ask again."""
        return False

    def set_result(self, reply: Any, /) -> None:
        """Give everybody the reply."""
        del self.hosted.asked[self.id]
        for ticket, encode in self.callers:
            _give(ticket, reply, encode)

    def set_exception(self, error: BaseException, /) -> None:
        """Tell everybody why there is none."""
        del self.hosted.asked[self.id]
        for ticket, _ in self.callers:
            _fail(ticket, error)


def ask(
    core: Core, machine: str, message: Any, ticket: Any, encode: Encode | None, trace: str, id: str, now: int
) -> None:
    """Let a named message wait, join the same one that waits, or give what it was answered.

    Raises what `Core.accept` raises, also IdReused or BadId; the message is then not taken.
    """
    if not 0 < len(id) <= bounds.MAX_ID:
        raise BadId(f"it has {len(id)} characters")
    hosted = core.open_machine(machine)
    if type(message) not in hosted.accepted:
        adopted, wrong = fitted(message, hosted.program.takes, hosted.older)
        if wrong is not None:
            core.accept(machine, message, None, None, trace)  # which refuses it, and tells so
        message = adopted
    payload = _payload(hosted, message)
    pending = hosted.asked.get(id)
    answer = hosted.window.found(id, now) if pending is None else None
    known = pending or answer
    if known is not None and not _is_same(core, hosted, known, message, payload):
        raise IdReused(machine, id)
    if pending is not None:
        if len(pending.callers) >= hosted.limit:
            raise Overloaded(machine)
        pending.callers.append((ticket, encode))
    elif answer is None:
        request = Request(hosted, id, message, payload, encode)
        core.accept(machine, message, request, request.encode, trace)
        request.callers.append((ticket, encode))
        hosted.asked[id] = request
    elif answer.raised is None:
        _give(ticket, answer.reply if encode else _own(hosted, message, answer.reply), encode)
    else:
        reference, text = answer.raised
        _fail(ticket, StepFailed(machine, reference, RaisedBefore(text)))


def _payload(hosted: Hosted, message: Any) -> str:
    try:
        return fingerprint(message)
    except NotData as wrong:
        misfit = Misfit("", f"plain data, as the request has an id ({wrong})", show(message))
        raise BadMessage(hosted.name, misfit, describe(hosted.program.takes)) from None


def _is_same(core: Core, hosted: Hosted, known: Request | Answered, message: Any, payload: str) -> bool:
    """Whether a message is the one that is known under its id.

    What a version stepped that has gone, as after a rollback, is in words that nobody has any more: the id decides.
    """
    if known.payload == payload or known.payload == _before(hosted, message):
        return True
    previous = core.applications[hosted.application.name].previous
    spoken = (hosted.digest, "" if previous is None else previous.compiled.digest)
    return not any(each.startswith(known.by) for each in spoken)


def _before(hosted: Hosted, message: Any) -> str:
    """What stands for a message as the version before took it: it may have been asked then."""
    if hosted.older is None:
        return ""
    try:
        several = message.messages if type(message) is Together else (message,)
        was = tuple(map(hosted.older.inputs.undone, several))
        return fingerprint(Together(was) if type(message) is Together else was[0])
    except Exception:  # the version before had no such message
        return ""


def _own(hosted: Hosted, message: Any, reply: Any) -> Any:
    """A reply with the classes of the version that runs, where it fits them."""
    gives = hosted.program.gives
    replies = reply if type(message) is Together else (reply,)
    own = tuple(adopt(each, gives) for each in replies)
    if any(misfit(each, gives) for each in own):
        return reply
    return own if type(message) is Together else own[0]


def _give(ticket: Any, reply: Any, encode: Encode | None) -> None:
    if ticket is None or ticket.done():
        return
    try:
        given = reply if encode is None else encode(reply)
    except Exception as error:
        ticket.set_exception(error)
    else:
        ticket.set_result(given)


def _fail(ticket: Any, error: BaseException) -> None:
    if ticket is not None and not ticket.done():
        ticket.set_exception(error)


def _oldest(now: int) -> int:
    """What was stepped then or before has left the window."""
    return now - bounds.REQUEST_SECONDS * 1000


def _text(error: BaseException) -> str:
    try:
        return cut(f"{type(error).__name__}: {error}")
    except Exception:
        return type(error).__name__
