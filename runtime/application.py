"""An application: named machines and their configuration, as a value."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from functools import cached_property
from types import MappingProxyType
from typing import Any, TypeGuard

import attrs

from arrows.canonical import canonical
from arrows.digest import digest
from arrows.origin import BuildError, caller
from arrows.term import Arrow, node
from migrations.migration import Migration
from migrations.written import as_arrow
from runtime import bounds
from runtime.codec import Codec
from runtime.isolate import Version
from runtime.lifecycle import OnFailure, Resume

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~-]*")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*")
_FORMAT = 1


def is_name(name: object) -> TypeGuard[str]:
    """Whether something can name an application, a version or a machine: it stands in URLs and in paths.

    >>> [is_name(each) for each in ("shop", "2.1", "till~2", "-", "a b", 7)]
    [True, True, True, False, False, False]
    """
    return isinstance(name, str) and _NAME.fullmatch(name) is not None and len(name) <= bounds.MAX_NAME


def is_digest(text: object) -> TypeGuard[str]:
    """Whether something is a sha256 as 64 hex digits: what a version is, or the address of an artifact.

    >>> is_digest(64 * "f"), is_digest(63 * "f")
    (True, False)
    """
    return isinstance(text, str) and _DIGEST.fullmatch(text) is not None


def is_scheme(scheme: object) -> TypeGuard[str]:
    """Whether something can name a protocol beside http, which every node speaks."""
    return isinstance(scheme, str) and _SCHEME.fullmatch(scheme) is not None and scheme != "http"


def named(name: object, what: str) -> str:
    """A name that may stand in a URL. Raises BuildError for another one."""
    if is_name(name):
        return name
    raise BuildError(
        f"{name!r:.200} cannot name {what}",
        where=caller(),
        remedy="It stands in URLs: begin with a letter or digit, go on with those, '.', '_', '~' or '-'; "
        f"at most {bounds.MAX_NAME} characters.",
    )


def _name(name: str) -> str:
    return named(name, "an application")


def _version(version: str) -> str:
    return named(version, "a version")


def _machines(machines: Mapping[str, Arrow[Any, Any]]) -> Mapping[str, Arrow[Any, Any]]:
    if not isinstance(machines, Mapping) or not machines:
        raise BuildError(
            "an application without machines", where=caller(), remedy='Give machines={"name": arrow}.'
        )
    return MappingProxyType({named(name, "a machine"): node(each) for name, each in machines.items()})


def _healthy(arrows: Mapping[str, Arrow[Any, Any]]) -> Mapping[str, Arrow[Any, Any]]:
    return MappingProxyType({named(name, "a machine"): node(each) for name, each in arrows.items()})


def _names(machines: Mapping[str, Arrow[Any, Any]]) -> str:
    """The machines on a line: a tree has thousands of characters."""
    return f"<{', '.join(machines)}>"


def _count(migrations: tuple[Migration, ...]) -> str:
    return f"<{len(migrations)}>"


def _migrations(migrations: Iterable[Migration]) -> tuple[Migration, ...]:
    taken = tuple(migrations)
    for each in taken:
        if not isinstance(each, Migration):
            raise BuildError(f"{each!r:.200} is not a Migration", where=caller())
    return taken


def _codecs(codecs: Mapping[str, Codec]) -> Mapping[str, Codec]:
    for scheme, each in codecs.items():
        if not is_scheme(scheme):
            raise BuildError(
                f"{scheme!r:.200} cannot name a protocol",
                where=caller(),
                remedy='It is the scheme of an address: lower case, and not "http", which every node speaks.',
            )
        if not isinstance(each, Codec):
            raise BuildError(f"{each!r:.200} is not a Codec", where=caller())
    return MappingProxyType(dict(codecs))


@attrs.frozen
class Sources:
    """The files that an application was loaded from (`version` holds their texts), and its variable in them."""

    version: Version
    variable: str


@attrs.frozen
class Application:
    """Named machines, in the order in which they start, and how they are run.

    `version` is a label that migrations refer to; what decides whether two versions are the same is
    `digest`. `migrations` lead here from earlier versions. `inbox` bounds the messages that wait at each
    machine. `codecs` are protocols that clients speak, by the scheme of their addresses. `healthy` are arrows, by
    machine, from a message and its reply to whether the version is well, which is asked while it is on probation.
    Raises BuildError for a name that cannot stand in a URL, for no machines, and for a migration, or a `healthy`
    arrow, of a machine that is not here, or a migration given twice.

    >>> from arrows import loop
    >>> count = loop(lambda by, total: (total + by, total + by), init=0, name="count")
    >>> list(Application("counter", version="1", machines={"counter": count}).machines)
    ['counter']
    """

    name: str = attrs.field(converter=_name)
    version: str = attrs.field(kw_only=True, converter=_version)
    machines: Mapping[str, Arrow[Any, Any]] = attrs.field(kw_only=True, converter=_machines, repr=_names)
    migrations: tuple[Migration, ...] = attrs.field(
        kw_only=True, default=(), converter=_migrations, repr=_count
    )
    on_failure: OnFailure = attrs.field(kw_only=True, factory=Resume)
    inbox: int = attrs.field(kw_only=True, default=bounds.INBOX)
    codecs: Mapping[str, Codec] = attrs.field(
        kw_only=True, factory=dict, converter=_codecs, repr=lambda codecs: f"<{', '.join(codecs)}>"
    )
    healthy: Mapping[str, Arrow[Any, Any]] = attrs.field(
        kw_only=True, factory=dict, converter=_healthy, repr=_names, eq=False
    )
    sources: Sources | None = attrs.field(kw_only=True, default=None, eq=False, repr=False)

    def __attrs_post_init__(self) -> None:
        if type(self.inbox) is not int or self.inbox < 1:
            raise BuildError(
                f"inbox={self.inbox!r:.200}: at least one message must be able to wait", where=caller()
            )
        if not isinstance(self.on_failure, Resume):
            raise BuildError(f"on_failure={self.on_failure!r:.200}", where=caller(), remedy="Give Resume().")
        for name in self.healthy:
            if name not in self.machines:
                known = ", ".join(self.machines)
                raise BuildError(f"healthy of {name!r}; the machines are: {known}", where=caller())
        seen: set[tuple[str, str, str]] = set()
        for each in self.migrations:
            way = (each.machine, each.old, each.new)
            if each.machine not in self.machines:
                known = ", ".join(self.machines)
                raise BuildError(
                    f"a migration of {each.machine!r}; the machines are: {known}", where=caller()
                )
            if way in seen:
                raise BuildError(
                    f"two migrations of {way[0]!r} from {way[1]!r} to {way[2]!r}", where=caller()
                )
            seen.add(way)

    def declaring(self, *migrations: Migration) -> Application:
        """The same with further migrations; one that leads where another of its machine does adds to that.

        >>> from arrows import loop
        >>> count = loop(lambda by, total: (total + by, total + by), init=0, name="count")
        >>> app = Application("counter", version="2", machines={"counter": count})
        >>> app.declaring(Migration("counter", old="1", new="2")).migrations[0].old
        '1'
        """
        found = {(each.machine, each.old, each.new): each for each in self.migrations}
        for each in migrations:
            way = (each.machine, each.old, each.new)
            found[way] = found[way].with_more(each) if way in found else each
        return attrs.evolve(self, migrations=tuple(found.values()))

    @cached_property
    def digests(self) -> Mapping[str, str]:
        """The digest of each machine. Raises BuildError as `digest`."""
        return {name: digest(each) for name, each in self.machines.items()}

    @cached_property
    def digest(self) -> str:
        """The sha256 of everything but the version's label and the migrations, as 64 hex digits.

        Raises BuildError when a machine holds something that cannot be identified.
        """
        machines = tuple(self.digests.items())
        what: tuple[Any, ...] = _FORMAT, self.name, machines, self.on_failure, self.inbox
        if self.codecs:
            what = *what, tuple((scheme, each.digest) for scheme, each in sorted(self.codecs.items()))
        return hashlib.sha256(canonical(what)).hexdigest()

    @cached_property
    def edition(self) -> str:
        """What it is kept under beside its data, as 64 hex digits: the digest, the version's label, the migrations.

        Two editions of one digest run alike and lead to it, or back from it, in other ways. Raises BuildError when
        a machine or migration holds something that cannot be identified.
        """
        ways = [digest(as_arrow(each)) for each in self.migrations]
        return hashlib.sha256(canonical((self.digest, self.version, tuple(ways)))).hexdigest()
