"""What a node is given to run: a file beside it, or an artifact that its own trust list covers.

A version that was replaced by an upgrade here, as far as the history goes, is an older one: an artifact that was signed
long ago is signed for ever, and must not come back because somebody sends it again. `older=True` says that it is meant.
"""

from __future__ import annotations

import binascii
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import attrs
from returns.result import Failure, Result, Success

from migrations.refusal import Refusal
from runtime import bounds
from runtime.admission import OtherArtifact, Wanted, loaded, opened
from runtime.application import Application
from runtime.artifact import Artifact
from runtime.asking import BadRequest
from runtime.beside import apart
from runtime.history import rows
from runtime.reading import NoData, looked
from runtime.refusal import CannotLoad
from runtime.release import Release
from runtime.release_file import load_wanted, made, of_artifact, problem_of
from runtime.seal import NotSealed
from runtime.trust import list_of, trust


@attrs.frozen
class Source:
    """Where a version comes from, and what loads it."""

    place: str
    load: Callable[[], Result[Any, Refusal]]


@attrs.frozen
class OlderVersion(Refusal):
    """An artifact is of a version that was replaced on this data directory before."""

    artifact: str
    version: str

    @property
    def happened(self) -> str:
        return f"{self.artifact} ran here before, and {self.version} took its place."

    @property
    def remedy(self) -> str:
        return (
            "To undo the last upgrade, `midflight rollback`; where the older version is meant, say --older."
        )


def arrived(
    data: bytes, wanted: Wanted, directory: Path, *, older: bool = False
) -> Result[Application, Refusal]:
    """The application of an artifact, for the node on a data directory; executed only when all is checked.

    Returns Failure(BadTrustList | OlderVersion), or as `admission.opened` and `admission.loaded`.
    """
    found = trusted(data, wanted, directory)
    return found.bind(lambda artifact: _newer(artifact, directory, older=older)).bind(loaded)


def arrived_release(
    data: bytes,
    wanted: Wanted,
    directory: Path,
    loads: Mapping[str, Callable[[], Result[Application, Refusal]]],
) -> Result[Release, Refusal]:
    """The release of an artifact, for the node on a data directory; `loads` are those of its applications, by address.

    Returns Failure(BadTrustList | OtherArtifact), or as `admission.opened` and as `loads` do.
    """
    found = trusted(data, wanted, directory)
    if isinstance(found, Failure):
        return Failure(found.failure())
    artifact = found.unwrap()
    missing = next((each for each in artifact.release if each.address not in loads), None)
    if missing is not None or not artifact.release:
        return Failure(OtherArtifact(str(missing or artifact), "another one"))
    return of_artifact(artifact, [loads[each.address] for each in artifact.release])


def trusted(data: bytes, wanted: Wanted, directory: Path) -> Result[Artifact, Refusal]:
    """The artifact in some bytes, if the node on a data directory trusts who signed it. Nothing of it is executed.

    Returns Failure(BadTrustList), or as `admission.opened`.
    """
    keys = trust(list_of(directory))
    if isinstance(keys, Failure):
        return Failure(keys.failure())
    place = f"{wanted.name}@{wanted.version}" if wanted.name and wanted.version else "the artifact"
    return opened(data, keys.unwrap(), place, wanted)


def _newer(artifact: Artifact, directory: Path, *, older: bool) -> Result[Artifact, Refusal]:
    found = Success([]) if older else looked(directory, rows)
    if isinstance(found, Failure):
        nothing = isinstance(found.failure(), NoData)
        return Success(artifact) if nothing else Failure(found.failure())
    left: dict[str, str] = {}
    changes = (
        (row["what"], each)
        for row in found.unwrap()
        if row["what"] in ("upgraded", "rolled back")
        for each in row.get("applications", (row,))
    )
    for what, each in changes:
        if each["application"] == artifact.name:
            left.pop(each["new"]["digest"], None)
            if what == "upgraded":
                left[each["old"]["digest"]] = each["new"]["version"]
    if artifact.digest in left:
        return Failure(OlderVersion(str(artifact), left[artifact.digest]))
    return Success(artifact)


def source(given: Any, directory: Path) -> Source:
    """What loads the version, or the release, that a request speaks of. Raises BadRequest.

    It is the text FILE[:APP], or the path of a release's file; or an artifact, a dict: its bytes as base64 in
    `artifact`, and its `address`, `name` and `version`, and where it is that of a release its `applications`, which are
    artifacts; or a release that is none, a dict: its name in `release`, its `version` and its `applications`, each a
    text or an artifact.
    """
    if isinstance(given, str):
        return Source(given, partial(load_wanted, given))
    if not isinstance(given, dict) or not ({"artifact", "release"} & given.keys()):
        raise BadRequest("a version is the text FILE[:APP], or an object with an 'artifact' or a 'release'")
    return _release(given, directory) if "release" in given else _artifact(given, directory)


def _release(given: dict[str, Any], directory: Path) -> Source:
    words = ("version", "applications", "gone")
    told: dict[str, Any] = {word: given[word] for word in words if word in given}
    told["name"] = given["release"]
    parts = told.get("applications")
    problem = problem_of({**told, "applications": [] if isinstance(parts, list) else parts})
    if problem is not None:
        raise BadRequest(f"a release: {problem}")
    assert isinstance(parts, list)
    sources = [source(each, directory) for each in parts]
    if any(isinstance(each, dict) and "release" in each for each in parts):
        raise BadRequest("a release holds applications, and no release")
    place = f"{told['name']}@{told['version']}"
    return Source(place, partial(made, place, told, [each.load for each in sources]))


def _artifact(given: dict[str, Any], directory: Path) -> Source:
    about = [given.get(field) for field in ("address", "name", "version")]
    if not all(isinstance(each, str) for each in (given["artifact"], *about)):
        raise BadRequest(
            "an artifact has the fields 'artifact', 'address', 'name' and 'version', which are texts"
        )
    wanted, place = Wanted(*about), f"{about[1]}@{about[2]}"
    if "applications" not in given:
        take = partial(arrived, wanted=wanted, directory=directory, older=given.get("older") is True)
        return Source(place, partial(_sent, given["artifact"], place, take))
    parts = given["applications"]
    if not isinstance(parts, list) or not all(
        isinstance(each, dict) and "artifact" in each for each in parts
    ):
        raise BadRequest("the applications of a release in the registry are artifacts")
    loads = {str(each.get("address")): _artifact(each, directory).load for each in parts}
    whole = partial(arrived_release, wanted=wanted, directory=directory, loads=loads)
    return Source(place, partial(_sent, given["artifact"], place, whole))


def _sent(text: str, place: str, take: Callable[[bytes], Result[Any, Refusal]]) -> Result[Any, Refusal]:
    """Take what is sent as base64: to read a large one takes its time, which is not that of the machines."""
    try:
        data = binascii.a2b_base64(text, strict_mode=True)
    except ValueError:
        return Failure(NotSealed(place, "it is not base64"))
    return take(data)


async def loading(source: Source) -> Result[Any, Refusal]:
    """Load beside the machines. The thread is let go of where what it executes never comes to its end."""
    try:
        return await apart(bounds.LOADING, source.load)
    except TimeoutError:
        return Failure(CannotLoad(source.place, f"did not come to its end within {bounds.LOADING:g} s"))
