"""A release: the versions of applications that run together, as a value."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import cached_property

import attrs

from arrows.canonical import canonical
from arrows.origin import BuildError, caller
from runtime.application import Application, named

_FORMAT = 1


def release_digest(name: str, versions: Iterable[tuple[str, str]]) -> str:
    """The sha256 of a release's name and its applications, each by name and digest, as 64 hex digits."""
    return hashlib.sha256(canonical(("release", _FORMAT, name, tuple(sorted(versions))))).hexdigest()


def _name(name: str) -> str:
    return named(name, "a release")


def _version(version: str) -> str:
    return named(version, "a version")


def _applications(given: Iterable[Application]) -> tuple[Application, ...]:
    taken = tuple(given)
    if not taken:
        raise BuildError("a release without applications", where=caller(), remedy="Give applications=[app].")
    for each in taken:
        if not isinstance(each, Application):
            raise BuildError(f"{each!r:.200} is not an Application", where=caller())
    return taken


def _gone(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(named(name, "an application") for name in names)


def _names(applications: tuple[Application, ...]) -> str:
    return f"<{', '.join(f'{each.name} {each.version}' for each in applications)}>"


def _machines_of(application: Application) -> Iterable[str]:
    return application.machines


def _protocols_of(application: Application) -> Iterable[str]:
    return application.codecs


@attrs.frozen
class Release:
    """The versions that run together: they are upgraded, and go back, between the same two messages, all or none.

    `version` is a label; what decides whether two releases are the same is `digest`. `gone` names applications of the
    release before that rest from this one on; what they know is kept.
    Raises BuildError for a name that cannot stand in a URL, for no applications, and for an application, a machine or a
    protocol that is there twice.

    >>> from arrows import loop
    >>> count = loop(lambda by, total: (total + by, total + by), init=0, name="count")
    >>> visits = Application("visits", version="2", machines={"visits": count})
    >>> Release("site", version="7", applications=[visits])
    Release(name='site', version='7', applications=<visits 2>, gone=())
    """

    name: str = attrs.field(converter=_name)
    version: str = attrs.field(kw_only=True, converter=_version)
    applications: tuple[Application, ...] = attrs.field(kw_only=True, converter=_applications, repr=_names)
    gone: tuple[str, ...] = attrs.field(kw_only=True, default=(), converter=_gone)

    def __attrs_post_init__(self) -> None:
        names = [each.name for each in self.applications]
        for name in (*names, *self.gone):
            if (*names, *self.gone).count(name) > 1:
                raise BuildError(f"the application {name!r} twice in the release {self.name}", where=caller())
        once = ("machine", "Machines are called by their names alone: give each its own.", _machines_of)
        spoken = ("protocol", "An address is one application's: let one of them speak it.", _protocols_of)
        for what, remedy, names_of in (once, spoken):
            holders: dict[str, str] = {}
            for each in self.applications:
                for name in names_of(each):
                    if name in holders:
                        problem = f"a {what} {name!r} in {holders[name]} and in {each.name}"
                        raise BuildError(problem, where=caller(), remedy=remedy)
                    holders[name] = each.name

    @property
    def machines(self) -> tuple[str, ...]:
        """The names of all its machines."""
        return tuple(machine for each in self.applications for machine in each.machines)

    @cached_property
    def digest(self) -> str:
        """The sha256 of its name and of its applications' digests, as 64 hex digits. Raises BuildError as theirs do."""
        return release_digest(self.name, ((each.name, each.digest) for each in self.applications))


def parts(wanted: Application | Release) -> tuple[Application, ...]:
    """The applications of a release, or the one."""
    return wanted.applications if isinstance(wanted, Release) else (wanted,)
