"""Why a change was refused: typed reasons, each telling what happened, where, and what to do instead."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import attrs


@attrs.frozen
class Refusal(ABC):
    """A change that was not made. Nothing has been altered."""

    @property
    def reason(self) -> str:
        """The name of the reason."""
        return type(self).__name__

    @property
    @abstractmethod
    def happened(self) -> str:
        """What happened, and where."""

    @property
    @abstractmethod
    def remedy(self) -> str:
        """What to do instead; empty where only the problem that `happened` tells can say it."""

    @property
    def message(self) -> str:
        """What happened, where, and what to do instead."""
        return f"{self.happened} {self.remedy}".rstrip()

    def __str__(self) -> str:
        return self.message

    def to_plain(self) -> dict[str, Any]:
        """The reason, its message and its fields, for JSON."""
        fields = {each.name: getattr(self, each.name) for each in attrs.fields(type(self))}
        return {"reason": self.reason, "message": self.message, **fields}


@attrs.frozen
class UndeclaredLoss(Refusal):
    """A cell of the old version has no counterpart in the new one, and nobody said that it may go."""

    machine: str
    address: str
    direction: str

    @property
    def happened(self) -> str:
        return f"{self.machine}: the cell {self.address!r} would be lost."

    @property
    def remedy(self) -> str:
        return f"To drop it, say so in the Migration: {self.direction}={{{self.address!r}: DROP}}."


@attrs.frozen
class Undefined(Refusal):
    """A cell has another type in the new version, and no arrow leads from one to the other."""

    machine: str
    address: str
    direction: str
    old: str
    new: str
    why: str = ""
    """Why structure does not decide, where it says so."""
    line: str = ""
    """The lens to write, where it is known."""

    @property
    def happened(self) -> str:
        why = f", and structure does not decide: {self.why}" if self.why else ""
        return f"{self.machine}: the cell {self.address!r} goes from {self.old} to {self.new}{why}."

    @property
    def remedy(self) -> str:
        line = (
            f"Say in the Migration: lenses=[{self.line}]; or give it" if self.line else "Give the Migration"
        )
        return (
            f"{line} an arrow between the values: {self.direction}={{{self.address!r}: arrow}}; or, "
            f"where what it holds may go, {self.direction}={{{self.address!r}: DROP}}."
        )


@attrs.frozen
class UnknownCell(Refusal):
    """A migration speaks of a cell that the version it leads to (or, for DROP, comes from) does not have."""

    machine: str
    address: str
    direction: str
    known: tuple[str, ...]

    @property
    def happened(self) -> str:
        return f"{self.machine}: {self.direction} names the cell {self.address!r};"

    @property
    def remedy(self) -> str:
        return f"the cells there are: {', '.join(self.known) or 'none'}."


@attrs.frozen
class WrongLens(Refusal):
    """A lens does not fit the cell of which it speaks."""

    machine: str
    address: str
    problem: str

    @property
    def happened(self) -> str:
        place = f" for {self.address!r}" if self.address else ""
        return f"{self.machine}: a lens{place} does not fit: {self.problem}."

    @property
    def remedy(self) -> str:
        return "Mend the Migration."


@attrs.frozen
class KeyChanged(Refusal):
    """What gives the key of a message is another in the new version, so that rows may stand under other keys."""

    machine: str
    address: str
    problem: str = ""

    @property
    def happened(self) -> str:
        why = f" ({self.problem})" if self.problem else ""
        return (
            f"{self.machine}: {self.address!r} finds the key of a message otherwise in the new version{why}, and its "
            "rows stand under the keys of the old."
        )

    @property
    def remedy(self) -> str:
        return (
            "Say in the Migration what the keys become: "
            f"lenses=[lens.inside({self.address!r}, lens.rekey(up, down))], with identity() twice where they stay."
        )


@attrs.frozen
class KeysCollide(Refusal):
    """Two keys of a table would become one."""

    machine: str
    address: str
    key: str

    @property
    def happened(self) -> str:
        return (
            f"{self.machine}: two keys of {self.address!r} would become {self.key}, and one of them be lost."
        )

    @property
    def remedy(self) -> str:
        return "Let the arrow of rekey give each key another one."


@attrs.frozen
class DoublesChanged(Refusal):
    """The number of cells of equal address differs, and nothing says which of them is which."""

    machine: str
    address: str
    old: int
    new: int

    @property
    def happened(self) -> str:
        return (
            f"{self.machine}: of cells with the address {self.address!r} there are {self.old} in the old version and "
            f"{self.new} in the new one, and nothing says which is which."
        )

    @property
    def remedy(self) -> str:
        return (
            "Give each a name of its own in the new version, or a scope of its own with named(...), and say in the "
            "Migration what is led to it."
        )


@attrs.frozen
class InitialChanged(Refusal):
    """The keys that a `keyed` does not store would silently change their value."""

    machine: str
    address: str
    old: str
    new: str

    @property
    def happened(self) -> str:
        return (
            f"{self.machine}: a key of {self.address!r} that is not stored holds {self.old} after the migration, "
            f"and would hold {self.new}."
        )

    @property
    def remedy(self) -> str:
        return "Let the first values of its cells be what the migration makes of the old."


@attrs.frozen
class MigrationRaised(Refusal):
    """An arrow of a migration raised."""

    machine: str
    address: str
    error: str
    place: str = ""

    @property
    def happened(self) -> str:
        error = f"{self.error} at {self.place}" if self.place else self.error
        return f"{self.machine}: migrating the cell {self.address!r} raised {error}."

    @property
    def remedy(self) -> str:
        return "Mend the arrow."


@attrs.frozen
class MigrationMisfit(Refusal):
    """An arrow of a migration gave what is not of the cell's type."""

    machine: str
    address: str
    problem: str

    @property
    def happened(self) -> str:
        return f"{self.machine}: migrating the cell {self.address!r} gave a value of another type ({self.problem})."

    @property
    def remedy(self) -> str:
        return "Let the arrow give what the new version declares."


@attrs.frozen
class NoDown(Refusal):
    """A way back is needed and the migration has only `up`."""

    machine: str
    old: str
    new: str

    @property
    def happened(self) -> str:
        return f"{self.machine}: the migration from version {self.old} to {self.new} has no way back."

    @property
    def remedy(self) -> str:
        return "Give it down={address: arrow}."
