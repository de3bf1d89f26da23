"""What changes between the same two messages, or not at all: one application's versions, or those of a release.

Everything here only looks and may run beside the machines; `Applications.swap` makes the change.
"""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from migrations.plan import Row
from migrations.refusal import Refusal
from runtime import journal
from runtime.application import Application
from runtime.hosted import Compiled, Running
from runtime.instruction import Terms
from runtime.journal import Event
from runtime.transaction import Changed
from runtime.unit import Unit
from runtime.upgrade import Prepared


@attrs.frozen
class BelongsTo(Refusal):
    """An application of a release was to be changed alone."""

    application: str
    release: str
    version: str

    @property
    def happened(self) -> str:
        return (
            f"{self.application} belongs to the release {self.release} {self.version}, whose applications are started, "
            "upgraded, settled and go back together."
        )

    @property
    def remedy(self) -> str:
        return (
            f"Give the release, by its name or its file: `midflight rollback {self.release}`, `midflight settle "
            f"{self.release}`, `midflight upgrade` or `run` with a file of {self.release} that holds the version of "
            f"{self.application} that is wanted."
        )


@attrs.frozen(eq=False)
class Enter:
    """An application that begins to run; where it rests, it runs again."""

    compiled: Compiled
    parked: Running | None = None

    @property
    def name(self) -> str:
        """Its name."""
        return self.compiled.application.name


@attrs.frozen(eq=False)
class Joint:
    """Checked changes that wait for their moment: of one application, or of all those of a release.

    Of a release `unit` is what it will be, None where its applications run alone again, and `before` what it must be;
    `settles` are applications that have a way back, which ends with this.
    """

    name: str
    old: tuple[str, str]
    """The version, and its digest."""
    new: tuple[str, str]
    swaps: tuple[Prepared, ...]
    back: bool = False
    enters: tuple[Enter, ...] = ()
    leaves: tuple[Running, ...] = ()
    settles: tuple[Running, ...] = ()
    before: Unit | None = None
    unit: Unit | None = None

    @classmethod
    def of(cls, prepared: Prepared) -> Joint:
        """The change of one application."""
        old, new = ((each.application.version, each.digest) for each in (prepared.against, prepared.compiled))
        return cls(prepared.compiled.application.name, old, new, (prepared,), prepared.back)

    @property
    def is_release(self) -> bool:
        """Whether it is the change of a release."""
        return self.unit is not None or self.before is not None

    def is_behind(self, now: Unit | None) -> bool:
        """Whether it still holds for the release that runs; that one may have been settled meanwhile."""
        if now is None or self.before is None or self.back:
            return now == self.before
        return now.settled() == self.before.settled()

    @property
    def terms(self) -> Terms:
        """On what terms it is made."""
        return self.swaps[0].terms if self.swaps else Terms(None)

    @property
    def touched(self) -> tuple[Running, ...]:
        """The applications, as far as they are there, that are not as they were afterwards."""
        again = (each.parked for each in self.enters if each.parked is not None)
        several = (*(each.running for each in self.swaps), *self.settles, *self.leaves, *again)
        return tuple({id(each): each for each in several}.values())

    @property
    def versions(self) -> tuple[Compiled, ...]:
        """The versions that are not known yet, with those to go through."""
        new = (*(each.compiled for each in self.swaps), *(each.compiled for each in self.enters))
        found = {id(each): each for one in new for each in (one, *one.through)}
        return tuple(found.values())

    @property
    def applications(self) -> tuple[Application, ...]:
        """What must be kept, so that recovery can run it."""
        return tuple(each.application for each in self.versions)

    @property
    def machines(self) -> tuple[str, ...]:
        """The machines that are of another version afterwards."""
        return tuple(name for each in self.versions_to for name in each.programs)

    @property
    def versions_to(self) -> tuple[Compiled, ...]:
        """The versions that take over."""
        begun = (each.compiled for each in self.enters)
        swapped = {each.compiled.application.name: each.compiled for each in self.swaps}
        return tuple({**{each.application.name: each for each in begun}, **swapped}.values())

    @property
    def rows(self) -> Mapping[str, tuple[Row, ...]]:
        """What becomes of each machine's cells."""
        return {machine: plan.rows for each in self.swaps for machine, plan in each.plans.items()}

    @property
    def changed(self) -> Changed:
        """What is led to the new versions."""
        return Changed.of(self.rows)

    def events(self) -> list[Event]:
        """What the journal tells of it, once it was made, in one entry."""
        settled = [["settle", each.compiled.application.name] for each in self.settles]
        swapped = {each.compiled.application.name for each in self.swaps}
        begun = [
            ["start", each.name, each.compiled.edition]
            for each in self.enters
            if each.name not in swapped and (each.parked is None or not self.back)
        ]
        led = [journal.swapped(each.compiled, back=each.back, terms=each.terms) for each in self.swaps]
        unit = None if self.unit is None else self.unit.to_plain()
        return [*settled, *begun, *led, *([["release", self.name, unit]] if self.is_release else [])]

    def with_terms(self, terms: Terms) -> Joint:
        """The same on other terms."""
        return attrs.evolve(self, swaps=tuple(attrs.evolve(each, terms=terms) for each in self.swaps))
