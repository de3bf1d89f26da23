"""From a release to the change of all its applications that is checked whole: what is swapped, begins, and rests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import attrs
from returns.result import Failure, Result, Success

from migrations.refusal import Refusal
from runtime.bounds import SHORT_DIGEST
from runtime.hosted import Compiled, Running
from runtime.joint import BelongsTo, Enter, Joint
from runtime.quarantine import none_aside
from runtime.refusal import (
    AlreadyRunning,
    NameTaken,
    NothingToRollBack,
    UnexpectedVersion,
    UnknownApplication,
)
from runtime.release import Release
from runtime.unit import ALONE, Unit
from runtime.upgrade import Prepared, prepare_back, verify
from runtime.upgrade import prepare as prepare_one

if TYPE_CHECKING:
    from runtime.applications import Applications


@attrs.frozen
class LeftOut(Refusal):
    """An application of the release that runs is not in the new one."""

    release: str
    version: str
    application: str

    @property
    def happened(self) -> str:
        return f"{self.release}: {self.application} runs, and version {self.version} of the release does not have it."

    @property
    def remedy(self) -> str:
        return (
            f"Keep it among the applications, or say that it shall rest, with all that it knows: gone = "
            f'["{self.application}"].'
        )


def verified(core: Applications, name: str, expected: str | None, *, release: bool) -> Refusal | None:
    """Why an upgrade cannot be begun: what runs is not what is expected, or goes only with its release."""
    if not release:
        unit = core.unit_of(name)
        if unit is not None:
            return BelongsTo(name, unit.name, unit.version)
        found = core.running(name).bind(lambda running: verify(running, expected))
        return found.failure() if isinstance(found, Failure) else None
    unit = core.releases.get(name)
    digest = "none" if unit is None or not core.runs(unit) else unit.digest(core.digests())
    if expected is not None and not (len(expected) >= SHORT_DIGEST and digest.startswith(expected)):
        return UnexpectedVersion(name, expected, digest)
    return None


def prepare(
    core: Applications,
    release: Release,
    compiled: Sequence[Compiled],
    expected: str | None,
    *,
    running: bool = True,
) -> Result[Joint, Refusal]:
    """Check that all versions of a release can take over, and plan the way of every machine's state.

    Where it is to be `running`, one of its applications must run. Returns Failure(UnexpectedVersion | AlreadyRunning |
    BelongsTo | LeftOut | UnknownApplication | NameTaken), or what `upgrade.prepare` refuses of one of them.
    """
    return _Preparing(core, release, tuple(compiled)).run(expected, running=running)


class _Preparing:
    """Looks at what becomes of each application."""

    def __init__(self, core: Applications, release: Release, compiled: tuple[Compiled, ...]) -> None:
        self.core = core
        self.release = release
        self.compiled = compiled
        self.before = core.releases.get(release.name)
        self.swaps: list[Prepared] = []
        self.enters: list[Enter] = []
        self.leaves: list[Running] = []
        self.settles: list[Running] = []

    def run(self, expected: str | None, *, running: bool) -> Result[Joint, Refusal]:
        wrong = verified(self.core, self.release.name, expected, release=True) or self.known(running=running)
        for each in self.compiled:
            wrong = wrong or self.becomes(each)
        for name in () if self.before is None else self.before.applications:
            wrong = wrong or self.leaving(name)
        if wrong is not None:
            return Failure(wrong)
        if self.before is not None and self.before.digest(self.core.digests()) == self.release.digest:
            return Failure(AlreadyRunning(self.release.name, self.release.digest))
        return Success(self.joint())

    def known(self, *, running: bool) -> Refusal | None:
        core, names = self.core, [each.application.name for each in self.compiled]
        if self.release.name in core.applications and self.release.name not in names:
            return NameTaken("release", self.release.name, self.release.name)
        runs = (
            any(name in core.applications for name in names)
            if self.before is None
            else core.runs(self.before)
        )
        if running and not runs:
            return UnknownApplication(self.release.name, (*core.releases, *core.applications))
        return None

    def becomes(self, new: Compiled) -> Refusal | None:
        core, name = self.core, new.application.name
        other = core.unit_of(name)
        if other is not None and other.name != self.release.name:
            return BelongsTo(name, other.name, other.version)
        taken = core.taken(new)
        if taken is not None:
            return taken
        runs = name in core.applications
        found = core.applications.get(name) or core.parked.get(name)
        if not runs:
            self.enters.append(Enter(new, found))
        if found is None:
            return None
        if found.compiled.digest != new.digest:
            made = prepare_one(found, new, None)
            if isinstance(made, Success):
                self.swaps.append(made.unwrap())
            return made.failure() if isinstance(made, Failure) else None
        return self.stays(found)

    def stays(self, running: Running) -> Refusal | None:
        """An application remains what it is; its own way back ends."""
        if running.is_open:
            self.settles.append(running)
        return none_aside(running)

    def leaving(self, name: str) -> Refusal | None:
        if any(each.application.name == name for each in self.compiled):
            return None
        if name not in self.release.gone:
            return LeftOut(self.release.name, self.release.version, name)
        self.leaves.append(self.core.applications[name])
        return self.stays(self.core.applications[name])

    def joint(self) -> Joint:
        release, before = self.release, self.before
        old = (ALONE, "") if before is None else (before.version, before.digest(self.core.digests()))
        names = tuple(each.name for each in release.applications)
        unit = Unit(release.name, release.version, names)
        ran = before is not None or any(name in self.core.applications for name in names)
        if ran or self.swaps:
            unit = attrs.evolve(
                unit,
                is_open=True,
                before=None if before is None else before.settled(),
                swapped=tuple(each.compiled.application.name for each in self.swaps),
                entered=tuple(each.name for each in self.enters),
                left=tuple(each.compiled.application.name for each in self.leaves),
            )
        return Joint(
            release.name,
            old,
            (release.version, release.digest),
            tuple(self.swaps),
            enters=tuple(self.enters),
            leaves=tuple(self.leaves),
            settles=tuple(self.settles),
            before=before,
            unit=unit,
        )


def prepare_release_back(core: Applications, unit: Unit, *, drops: bool) -> Result[Joint, Refusal]:
    """Plan the way back of all that came with the last upgrade of a release; `drops` as `upgrade.prepare_back`.

    Returns Failure(NothingToRollBack) or what `upgrade.prepare_back` refuses of one of them.
    """
    if not unit.is_open:
        return Failure(NothingToRollBack(unit.name))
    if not core.runs(unit):
        return Failure(UnexpectedVersion(unit.name, unit.version, "none"))
    swaps = []
    for name in unit.swapped:
        made = prepare_back(core.applications[name], drops=drops)
        if isinstance(made, Failure):
            return Failure(made.failure())
        swaps.append(made.unwrap())
    before = unit.before
    left = [core.parked[name] for name in unit.left]
    digests = core.digests()
    digests |= {each.compiled.application.name: each.compiled.digest for each in left}
    digests |= {each.compiled.application.name: each.compiled.digest for each in swaps}
    new = (ALONE, "") if before is None else (before.version, before.digest(digests))
    return Success(
        Joint(
            unit.name,
            (unit.version, unit.digest(core.digests())),
            new,
            tuple(swaps),
            True,
            tuple(Enter(each.compiled, each) for each in left),
            tuple(core.applications[name] for name in unit.entered),
            before=unit,
            unit=before,
        )
    )
