"""What a caller of a machine may get instead of a reply."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from arrows.fit import Misfit
from runtime import bounds


def cut(text: str) -> str:
    """A text of at most `bounds.SHOWN_TEXT` characters."""
    return text if len(text) <= bounds.SHOWN_TEXT else text[: bounds.SHOWN_TEXT - 1] + "…"


def shown(text: str) -> str:
    r"""A text from elsewhere on one line, without what a terminal would act on.

    >>> print(shown("no" + chr(10) + "more"))
    no\nmore
    """
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in text)


class CallError(Exception):
    """No reply. `to_plain` tells why in JSON and nothing that only the operator should see."""

    @property
    def reason(self) -> str:
        """The name of the reason."""
        return type(self).__name__

    remedy: ClassVar[str]
    """What to do instead; for many errors the end of their text."""

    def to_plain(self) -> dict[str, Any]:
        """The reason, a message for the caller, and what else is known."""
        return {"error": self.reason, "message": str(self)}


class StepFailed(CallError):
    """The step raised `error`, or its reply could not be encoded. The state is as it was before.

    The node's log has the traceback under `reference`.
    """

    remedy = "find out why under its reference in the log, and mend the machine"

    def __init__(self, machine: str, reference: str, error: BaseException) -> None:
        super().__init__(
            f"{machine} failed on this message and keeps the state it had; reference {reference} in the log"
        )
        self.machine = machine
        self.reference = reference
        self.error = error

    def to_plain(self) -> dict[str, Any]:
        """The reason and the reference; what was raised is for the log alone."""
        return {**super().to_plain(), "reference": self.reference}


class KeySetAside(StepFailed):
    """The message touches a key whose row cannot be led to the version that runs, and which is set aside.

    Other keys are answered, and the row is kept as it was.
    """

    remedy = (
        "the operator goes back, mends the migration of such rows, and upgrades again; see midflight status"
    )

    def __init__(self, machine: str, reference: str, error: BaseException, key: str) -> None:
        super().__init__(machine, reference, error)
        self.args = (
            f"{machine}: the row of {key} cannot be led to the version that runs, and is set aside as it was; "
            f"reference {reference} in the log",
        )
        self.key = key


class OverBudget(BaseException):
    """Raised inside a step that runs for longer than it may: the `error` of its StepFailed.

    It is no Exception, so that a step that handles those does not go on.
    """

    def __init__(self, machine: str, seconds: float, place: str) -> None:
        super().__init__(
            f"a step of {machine} took longer than its budget of {seconds:g} s and was interrupted at {place}"
        )
        self.machine = machine
        self.seconds = seconds
        self.place = place


class Overloaded(CallError):
    """The machine's inbox is full; the message was not taken. Come back after `retry_after` seconds."""

    remedy = "try again after the seconds in `retry_after`"

    def __init__(self, machine: str, retry_after: float = bounds.RETRY_AFTER) -> None:
        super().__init__(f"{machine} has as many messages waiting as it may; try again in {retry_after:g} s")
        self.machine = machine
        self.retry_after = retry_after

    def to_plain(self) -> dict[str, Any]:
        """The reason and when to come back."""
        return {**super().to_plain(), "retry_after": self.retry_after}


class Unavailable(CallError):
    """The node or the machine is stopping, or the node is not started; the message was not taken."""

    remedy = "try again after the seconds in `retry_after`"

    def __init__(self, what: str, retry_after: float = bounds.RETRY_AFTER) -> None:
        super().__init__(f"{what}; the message was not taken")
        self.retry_after = retry_after

    def to_plain(self) -> dict[str, Any]:
        """The reason and when to come back."""
        return {**super().to_plain(), "retry_after": self.retry_after}


class RolledBack(Unavailable):
    """The version that has this message went back before it was stepped; the message was not taken."""

    def __init__(self, machine: str, version: str, retry_after: float = bounds.RETRY_AFTER) -> None:
        super().__init__(
            f"{machine} went back from version {version}, and the version that runs now does not have this message",
            retry_after,
        )
        self.machine = machine
        self.version = version


class IdReused(CallError):
    """The id was given with another message before; this one was not taken. Repeat that, or take a new id."""

    remedy = "give a new one to a new message"

    def __init__(self, machine: str, id: str) -> None:
        super().__init__(
            f"{machine} was asked something else under the id {cut(repr(id))}; the message was not taken: an id "
            f"goes with one message, so {self.remedy}"
        )
        self.machine = machine
        self.id = id


class BadId(CallError):
    """What was given as the id of a request cannot be one; the message was not taken."""

    remedy = f"an id is a text of 1 to {bounds.MAX_ID} characters"

    def __init__(self, problem: str) -> None:
        super().__init__(f"{self.remedy}: {problem}")


class RaisedBefore(Exception):
    """Stands in `StepFailed.error` for what a step raised that is not made again; its text says what it was."""


class UnknownMachine(CallError):
    """No machine of that name runs here; `known` are those that do."""

    remedy = "name one of those that are `known`"

    def __init__(self, name: str, known: Sequence[str]) -> None:
        super().__init__(f"no machine {cut(name)!r}; there are: {', '.join(known) or 'none'}")
        self.name = name
        self.known = tuple(known)

    def to_plain(self) -> dict[str, Any]:
        """The reason and the machines there are."""
        return {**super().to_plain(), "known": list(self.known)}


class UnknownVersion(CallError):
    """The client is of a version that the machine does not speak; `known` are those that it does."""

    remedy = "speak one of the versions that are `known`"

    def __init__(self, machine: str, version: str, known: Sequence[str]) -> None:
        super().__init__(
            f"{machine} does not speak version {cut(repr(version))}, but {' and '.join(known)}: the one that runs and "
            "the one before it; the message was not taken"
        )
        self.machine = machine
        self.version = version
        self.known = tuple(known)

    def to_plain(self) -> dict[str, Any]:
        """The reason and the versions there are."""
        return {**super().to_plain(), "known": list(self.known)}


class BadMessage(CallError):
    """The message is none that the machine accepts; it never reached the machine."""

    remedy = "send one of the forms that it `accepts`"

    def __init__(self, machine: str, misfit: Misfit, accepted: Sequence[str]) -> None:
        super().__init__(f"{machine}: {cut(str(misfit))}")
        self.machine = machine
        self.misfit = misfit
        self.accepted = tuple(accepted)

    def to_plain(self) -> dict[str, Any]:
        """The reason, the field where message and machine part, and the forms that are accepted."""
        return {**super().to_plain(), "field": cut(self.misfit.path), "accepts": list(self.accepted)}


def of_system(error: OSError) -> str:
    """What the system says of an error, for the middle of a sentence.

    >>> of_system(FileNotFoundError(2, "No such file or directory"))
    'no such file or directory'
    """
    return (error.strerror or str(error)).lower()
