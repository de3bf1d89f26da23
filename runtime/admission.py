"""From the bytes of an artifact to an application: everything is checked before anything is executed.

In this order: the size, the signature, whether the key is trusted, the form of the content, whether it is what was
asked for (address, name, version), the Python, the distributions. Each has a refusal of its own. Only then are the
sources executed, or the data read; and what comes of that must have the digest that the artifact tells.
"""

from __future__ import annotations

import sys
from pathlib import Path

import attrs
from returns.result import Failure, Result, Success

from arrows.origin import BuildError
from migrations.refusal import Refusal
from runtime.application import Application
from runtime.artifact import KIND, Artifact, pack, read
from runtime.kernels import from_kernels
from runtime.loader import load_kept
from runtime.refusal import CannotLoad, short
from runtime.seal import unsealed
from runtime.trust import Trust
from runtime.versions import installed


@attrs.frozen
class OtherArtifact(Refusal):
    """An artifact is another one than was asked for: of another digest, name or version."""

    wanted: str
    found: str

    @property
    def happened(self) -> str:
        return f"{self.wanted} was asked for, and {self.found} came."

    @property
    def remedy(self) -> str:
        return (
            "Trust nothing of where it came from before you know why; `midflight verify` looks at a registry."
        )


@attrs.frozen
class OtherPython(Refusal):
    """An artifact needs a newer Python."""

    artifact: str
    needs: str
    here: str

    @property
    def happened(self) -> str:
        return f"{self.artifact} needs Python {self.needs} or later, and this is {self.here}."

    @property
    def remedy(self) -> str:
        return "Run it with that."


@attrs.frozen
class OtherDistributions(Refusal):
    """An artifact was made with other libraries than are installed."""

    artifact: str
    differences: tuple[str, ...]

    @property
    def happened(self) -> str:
        return f"{self.artifact} was made with other libraries: {', '.join(self.differences)}."

    @property
    def remedy(self) -> str:
        return "Install those, or pack it again with these."


@attrs.frozen
class LoadsOtherwise(Refusal):
    """What an artifact carries is another version, once it is loaded, than it says."""

    artifact: str
    told: str
    found: str

    @property
    def happened(self) -> str:
        return f"{self.artifact} says that it is {short(self.told)}, and what it carries is {short(self.found)} here."

    @property
    def remedy(self) -> str:
        return "It reads what changes when it is loaded, such as the time or a file; let it read that when it runs."


@attrs.frozen
class Wanted:
    """What was asked for: whichever of these is said must be what the artifact is."""

    address: str | None = None
    name: str | None = None
    version: str | None = None

    def check(self, found: Artifact) -> Result[Artifact, OtherArtifact]:
        """The artifact, or Failure(OtherArtifact)."""
        pairs = (
            (self.name, found.name),
            (self.version, found.version),
            (self.address, found.address),
        )
        if all(wanted is None or wanted == is_ for wanted, is_ in pairs):
            return Success(found)
        asked = f"{self.name or found.name}@{self.version or found.version}"
        sides = [(asked, self.address or found.address), (str(found), found.address)]
        return Failure(OtherArtifact(*(f"{label} ({short(address)})" for label, address in sides)))


ANY = Wanted()


def opened(data: bytes, trust: Trust | None, place: str, wanted: Wanted = ANY) -> Result[Artifact, Refusal]:
    """The artifact in some bytes, with all checked that can be checked anywhere; nothing of it is executed.

    `trust` is None where no key need be trusted: to store and show it. Returns Failure(TooLarge | NotSealed |
    WrongSignature | UntrustedKey | NotAnArtifact | OtherArtifact | NeedsExtra).
    """
    found = unsealed(data, KIND, place, trust)
    if isinstance(found, Failure):
        return Failure(found.failure())
    made: Result[Artifact, Refusal] = read(found.unwrap().content, place)
    return made.map(lambda artifact: attrs.evolve(artifact, key=found.unwrap().key)).bind(wanted.check)


def loaded(artifact: Artifact) -> Result[Application, Refusal]:
    """The application of an artifact that is trusted; one of pure data is read, any other executed.

    Returns Failure(OtherPython | OtherDistributions) before anything is executed, else Failure(CannotLoad |
    LoadsOtherwise).
    """
    if artifact.release:
        parts = ", ".join(map(str, artifact.release))
        return Failure(CannotLoad(str(artifact), f"is a release, of {parts}, and no application"))
    fits = _fits(artifact)
    if fits is not None:
        return Failure(fits)
    made = _made(artifact)
    if isinstance(made, Failure):
        return made
    application = made.unwrap()
    try:
        found = application.digest, application.edition
    except BuildError as wrong:
        return Failure(CannotLoad(str(artifact), wrong.what))
    if (application.name, application.version) != (artifact.name, artifact.version):
        return Failure(OtherArtifact(str(artifact), f"{application.name}@{application.version}"))
    if found != (artifact.digest, artifact.edition):
        return Failure(LoadsOtherwise(str(artifact), artifact.digest, application.digest))
    return Success(application)


def packed(application: Application, parent: str | None = None) -> Result[Artifact, Refusal]:
    """The artifact of a version, which was loaded from it once more: it is the same version everywhere.

    Returns Failure as `pack` and `loaded`.
    """
    return pack(application, parent).bind(lambda made: loaded(made).map(lambda _: made))


def _fits(artifact: Artifact) -> Refusal | None:
    """Why it cannot be loaded here."""
    needs, here = artifact.told["python"], sys.version_info
    if int(needs.partition(".")[2]) > here.minor:
        return OtherPython(str(artifact), needs, ".".join(map(str, here[:3])))
    was = artifact.told["distributions"]
    now = installed(was)
    differences = tuple(
        f"{name} {version} (here {now.get(name, 'none')})"
        for name, version in was.items()
        if now.get(name) != version
    )
    return OtherDistributions(str(artifact), differences) if differences else None


def _made(artifact: Artifact) -> Result[Application, Refusal]:
    told = artifact.told
    if artifact.kernels.whole and not artifact.sources:
        made = from_kernels(artifact.name, artifact.version, artifact.kernels, told["inbox"])
        return made.alt(lambda problem: CannotLoad(str(artifact), problem))
    if told["main"] is None:
        return Failure(CannotLoad(str(artifact), "it has neither sources nor machines that are data"))
    root = (
        Path("/") / f"{artifact}-{short(artifact.address)}"
    )  # a place for tracebacks; there is no such folder
    texts = {str(root / path): text for path, text in artifact.sources.items()}
    return load_kept(str(root / told["main"]), told["variable"], texts)
