"""Why the node refused a change; beside them stand the reasons of `migrations.refusal`."""

from __future__ import annotations

import re

import attrs

from migrations.refusal import Refusal
from runtime import bounds


def short(digest: str) -> str:
    """A digest as it is shown."""
    return digest[: bounds.SHORT_DIGEST]


@attrs.frozen
class UnexpectedVersion(Refusal):
    """Another version runs than the one the change was made for."""

    application: str
    expected: str
    running: str

    @property
    def happened(self) -> str:
        return f"{self.application}: expected {short(self.expected)} to run, but {short(self.running)} runs."

    @property
    def remedy(self) -> str:
        return "Look at the status and plan the change again."


@attrs.frozen
class AlreadyRunning(Refusal):
    """The version to upgrade to is the one that runs."""

    application: str
    digest: str

    @property
    def happened(self) -> str:
        return f"{self.application}: version {short(self.digest)} runs already;"

    @property
    def remedy(self) -> str:
        return "there is nothing to change."


_CLASS = re.compile(r'\{"type": "(\w+)"')


@attrs.frozen
class MessageNotAccepted(Refusal):
    """A message that the running version takes is none that the other version takes."""

    application: str
    machine: str
    form: str
    accepts: tuple[str, ...]

    @property
    def happened(self) -> str:
        return (
            f"{self.application}: {self.machine} would no longer take {self.form}; it would take: "
            f"{', '.join(self.accepts) or 'nothing'}."
        )

    @property
    def named(self) -> str:
        """The name of its class, or "" where it has none."""
        found = _CLASS.match(self.form)
        return found[1] if found else ""

    @property
    def remedy(self) -> str:
        if not self.named:
            return "Keep a case for it: what waits must not be lost."
        return (
            "Keep a case for it, or say in the Migration what it becomes, "
            f"inputs=[lens.rename({self.named!r}, ANOTHER)], or that it is sent no more, "
            f"inputs=[lens.drop({self.named!r})]."
        )


@attrs.frozen
class MachineRemoved(Refusal):
    """A machine of the running version is not in the other one, so that its state would be lost."""

    application: str
    machine: str

    @property
    def happened(self) -> str:
        return f"{self.application}: the machine {self.machine!r} would go, and its state with it."

    @property
    def remedy(self) -> str:
        return (
            "Keep it, if only with a step that refuses what it gets. A machine goes with its whole application, where "
            "a release says gone=[...], or with the data directory."
        )


@attrs.frozen
class NeedsEffects(Refusal):
    """A machine asks the outside world, or tells it what is not the node's to do."""

    application: str
    machine: str
    effects: tuple[str, ...]

    @property
    def happened(self) -> str:
        return (
            f"{self.application}: {self.machine} performs or emits {', '.join(self.effects)}, and a node emits Send, "
            "Publish, After and Cancel and performs nothing."
        )

    @property
    def remedy(self) -> str:
        return "Answer with what is to be done, and do it outside."


@attrs.frozen
class UnknownApplication(Refusal):
    """No application of that name runs."""

    application: str
    known: tuple[str, ...]

    @property
    def happened(self) -> str:
        return f"no application {self.application!r} runs;"

    @property
    def remedy(self) -> str:
        return f"there are: {', '.join(self.known) or 'none'}."


@attrs.frozen
class NameTaken(Refusal):
    """An application or machine of that name runs already."""

    kind: str
    name: str
    holder: str

    @property
    def happened(self) -> str:
        return f"the {self.kind} name {self.name!r} is taken by the application {self.holder!r}."

    @property
    def remedy(self) -> str:
        return "Choose another."


@attrs.frozen
class NothingToRollBack(Refusal):
    """The application was not upgraded since it started, was rolled back or settled."""

    application: str

    @property
    def happened(self) -> str:
        return f"{self.application}: there is no earlier version to go back to."

    @property
    def remedy(self) -> str:
        return "To let an older version run, upgrade to its file."


@attrs.frozen
class CannotCompile(Refusal):
    """A machine, or the digest of one, cannot be made."""

    application: str
    machine: str
    problem: str

    @property
    def happened(self) -> str:
        return f"{self.application}: {self.machine}: {self.problem}"

    @property
    def remedy(self) -> str:
        return ""


@attrs.frozen
class CannotLoad(Refusal):
    """A file does not hold one application that can be loaded."""

    place: str
    problem: str

    @property
    def happened(self) -> str:
        return f"{self.place}: {self.problem}"

    @property
    def remedy(self) -> str:
        return ""


@attrs.frozen
class OtherHere(Refusal):
    """A kept version is another one under this Python, or with these libraries."""

    application: str
    digest: str
    differences: tuple[str, ...]
    readable: bool

    @property
    def happened(self) -> str:
        known = ", ".join(self.differences) or "a value that it reads when it is loaded"
        return (
            f"the kept version {self.digest[:12]} of {self.application} is another one here, so that what it stepped "
            f"cannot be repeated: {known} has changed."
        )

    @property
    def remedy(self) -> str:
        if not self.readable:
            return "Start it with what it was kept under, and upgrade it there."
        return (
            "Start it with what it was kept under, and stop it there: then nothing is left to repeat, and it starts "
            "here as it is."
        )


@attrs.frozen
class NotRunning(Refusal):
    """The node is not started, or it is closing."""

    application: str

    @property
    def happened(self) -> str:
        return f"{self.application}: the node is not running."

    @property
    def remedy(self) -> str:
        return "Use it inside `async with Node() as node`."


@attrs.frozen
class CannotKeep(Refusal):
    """A version cannot be kept beside its data, so that recovery could not run it."""

    application: str
    problem: str

    @property
    def happened(self) -> str:
        return f"{self.application} cannot be kept beside its data: {self.problem}."

    @property
    def remedy(self) -> str:
        return "Define the application in a module or file of its own that does nothing else when it is imported."


@attrs.frozen
class NotKept(Refusal):
    """What was asked for could not be written down, and was not done."""

    application: str
    problem: str

    @property
    def happened(self) -> str:
        return f"{self.application}: {self.problem}. Nothing has changed;"

    @property
    def remedy(self) -> str:
        return "free the disk and try again."


@attrs.frozen
class NotRecovered(Refusal):
    """What was journaled cannot be stepped again to the same end: recovery stopped, and nothing was changed."""

    entry: int
    event: int
    problem: str

    @property
    def happened(self) -> str:
        return (
            f"recovery stopped at event {self.event} of entry {self.entry} in the journal: {self.problem}. "
            "Nothing was changed."
        )

    @property
    def remedy(self) -> str:
        return (
            "Start it with the Python, the libraries and the PYTHONHASHSEED it ran with, or restore a copy."
        )
