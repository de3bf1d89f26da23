"""What runs as a release, and what goes back with it: the part of a node's state that says what belongs together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import attrs

from runtime.release import release_digest

if TYPE_CHECKING:
    from runtime.hosted import Running
    from runtime.transaction import Transaction

ALONE: Final = "no release"
"""What stands for the version of a release where applications ran alone."""


@attrs.frozen
class Unit:
    """A release that runs: the names of its applications, and how its last change goes back.

    While that `is_open`, `before` is the release before it, None where these applications ran alone; `swapped` were led
    to another version, `entered` began to run with it, and `left` rest since.
    """

    name: str
    version: str
    applications: tuple[str, ...]
    is_open: bool = False
    before: Unit | None = None
    swapped: tuple[str, ...] = ()
    entered: tuple[str, ...] = ()
    left: tuple[str, ...] = ()

    def settled(self) -> Unit:
        """The same, with no way back."""
        return Unit(self.name, self.version, self.applications)

    @property
    def holds(self) -> tuple[str, ...]:
        """The applications that are its own: those that run, and those that would run again if it went back."""
        return (*self.applications, *self.left)

    def digest(self, digests: Mapping[str, str]) -> str:
        """What the release is whose applications have these digests."""
        return release_digest(self.name, ((each, digests.get(each, "")) for each in self.applications))

    def to_plain(self) -> list[Any]:
        """For the journal and a snapshot; `read` takes it."""
        if not self.is_open:
            return [self.version, self.applications]
        before = None if self.before is None else self.before.to_plain()
        return [self.version, self.applications, before, self.swapped, self.entered, self.left]

    @classmethod
    def read(cls, name: str, plain: Sequence[Any]) -> Unit:
        """What `to_plain` gave.

        >>> unit = Unit("site", "7", ("visits",), True, Unit("site", "6", ("visits",)), ("visits",))
        >>> Unit.read("site", unit.to_plain()) == unit
        True
        """
        version, applications, *way = plain
        if not way:
            return cls(name, version, tuple(applications))
        before = None if way[0] is None else cls.read(name, way[0])
        return cls(name, version, tuple(applications), True, before, *map(tuple, way[1:]))


def remember(units: dict[str, Unit], name: str, plain: Sequence[Any] | None) -> None:
    """Know what the journal, or a snapshot, says of a release: None is that there is no such any more."""
    if plain is None:
        del units[name]
    else:
        units[name] = Unit.read(name, plain)


@attrs.frozen(eq=False)
class Group:
    """Applications whose last upgrade passes, settles and goes back as one: one alone, or those of a release."""

    name: str
    version: str
    digest: str
    members: tuple[Running, ...]
    unit: Unit | None = None

    @property
    def is_open(self) -> bool:
        """Whether the last upgrade can be undone."""
        return self.unit.is_open if self.unit is not None else any(each.is_open for each in self.members)

    @property
    def is_watched(self) -> bool:
        """Whether it is on probation."""
        return any(each.watch is not None for each in self.members)

    @property
    def is_swept(self) -> bool:
        """Whether every row of its tables was led."""
        return all(each.is_swept for each in self.members)

    @property
    def stuck(self) -> str:
        """Why it stays where it is, though it should go back; empty where it need not."""
        return next((each.stuck for each in self.members if each.stuck), "")

    @property
    def transaction(self) -> Transaction | None:
        """What tells of the last upgrade."""
        return next((each.transaction for each in self.members if each.transaction is not None), None)

    def passed(self, now: int) -> bool:
        """Whether its probation is over: for each of its applications."""
        watched = [each for each in self.members if each.watch is not None]
        return bool(watched) and all(each.watch.passed(each, now) for each in watched if each.watch)
