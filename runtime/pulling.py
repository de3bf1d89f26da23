"""From a reference to an artifact: found in a registry, and checked to be what was asked for, whatever that says."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import Final, TypeAlias

from returns.result import Failure, Result, Success

from migrations.refusal import Refusal
from runtime.admission import OtherArtifact, Wanted, opened
from runtime.artifact import Artifact
from runtime.keys import home
from runtime.refusal import short
from runtime.registry import BadRegistry, Registry
from runtime.registry_client import Remote, remote
from runtime.tags import tag
from runtime.trust import Trust
from runtime.whole_file import is_there

AnyRegistry: TypeAlias = Registry | Remote

WHERE: Final = "MIDFLIGHT_REGISTRY"
"""The environment variable that names the registry to use."""


def is_url(place: str | None) -> bool:
    """Whether it is a URL that names the registry, here or in the environment."""
    return "://" in (os.environ.get(WHERE, "") if place is None else place)


def registry(
    place: str | None, token_file: Path | None = None, *, new: bool = False
) -> Result[AnyRegistry, Refusal]:
    """The registry at a URL or in a folder: that of the environment, or `registry` in the user's home, where None.

    A folder that is named must be there, unless it may be `new`. Returns Failure(NoRegistry | BadTokenFile |
    NeedsExtra | BadRegistry).
    """
    named = (os.environ.get(WHERE) or None) if place is None else place
    if named is None:
        return Success(Registry(home() / "registry"))
    if is_url(named):
        return remote(named, token_file)
    if not named or not (new or is_there(named)):
        return Failure(BadRegistry(named, "there is no such folder"))
    return Success(Registry(Path(named)))


def pulled(of: AnyRegistry, reference: str, trust: Trust | None) -> Result[tuple[Artifact, bytes], Refusal]:
    """The artifact of a reference, and its bytes. Nothing of it is executed.

    Returns Failure(NotInRegistry | AmbiguousReference | OtherArtifact), or as `admission.opened`.
    """
    found = of.find(reference)
    if isinstance(found, Failure):
        return Failure(found.failure())
    entry = found.unwrap()
    name, at, label = reference.partition("@")
    wanted = Wanted(entry.address, name, label) if at else Wanted(entry.address)
    if at and label != entry.version:
        stated = _stated(of, name, label, entry.address, trust)
        if isinstance(stated, Failure):
            return Failure(stated.failure())
        wanted = Wanted(entry.address, name)
    data = of.read(entry.address)
    if isinstance(data, Failure):
        return Failure(data.failure())
    held = data.unwrap()
    made = opened(held, trust, str(entry), wanted)
    if not at:
        made = made.bind(partial(_begins, reference))
    return made.map(lambda artifact: (artifact, held))


def _stated(
    of: AnyRegistry, name: str, label: str, address: str, trust: Trust | None
) -> Result[None, Refusal]:
    """Whether somebody who is trusted said that a tag leads to an address."""
    found = of.statement(name, label)
    if isinstance(found, Failure):
        return Failure(found.failure())
    said = found.unwrap()
    if said is not None:
        made = tag(said, f"the tag {name}@{label}", trust)
        if isinstance(made, Failure):
            return Failure(made.failure())
        if (made.unwrap().name, made.unwrap().tag, made.unwrap().address) == (name, label, address):
            return Success(None)
    return Failure(OtherArtifact(f"{name}@{label}", f"{short(address)}, which nobody tagged so,"))


def _begins(reference: str, found: Artifact) -> Result[Artifact, Refusal]:
    """The artifact, if a name or some digits stand for it."""
    if found.name == reference or any(each.startswith(reference) for each in (found.address, found.digest)):
        return Success(found)
    return Failure(OtherArtifact(reference, f"{found} ({short(found.address)})"))
