"""From a file to what it says shall run: a Python file to an application, a release's file to a release.

A release's file is TOML, and names the files of its applications beside it:

    name = "market"
    version = "2"
    applications = ["desk.py", "ledger.py:app"]
    gone = ["audit"]

`gone` may be left out. Each application is loaded as a version of its own, as if it were given alone; where there is no
such file beside it, it is an artifact in the registry: `"desk@2"`, or the digits of its digest.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeAlias

from returns.result import Failure, Result, Success

from arrows.origin import BuildError
from migrations.refusal import Refusal
from runtime.admission import LoadsOtherwise, OtherArtifact
from runtime.application import Application
from runtime.artifact import Artifact
from runtime.entry import is_reference
from runtime.errors import cut
from runtime.loader import load
from runtime.refusal import CannotLoad
from runtime.release import Release
from runtime.whole_file import is_there

Load: TypeAlias = Callable[[str], Result[Application, Refusal]]
SUFFIX: Final = ".toml"
_KEYS: Final = ("name", "version", "applications", "gone")
_EXAMPLE: Final = 'name = "shop", version = "2", applications = ["till.py", "stock.py"]'


def load_wanted(path: str) -> Result[Application | Release, Refusal]:
    """Load FILE[:APP], or a release's file. Returns Failure(CannotLoad)."""
    if not path.endswith(SUFFIX):
        return load(path)
    return load_release(path)


def load_release(path: str, load_one: Load = load) -> Result[Release, Refusal]:
    """Load a release's file, with all its applications, each by `load_one`.

    Returns Failure(CannotLoad), naming what is wrong and where, or what `load_one` does.
    """
    read = read_release(path)
    if isinstance(read, Failure):
        return Failure(read.failure())
    told = read.unwrap()
    several = [partial(load_one, beside(path, each)) for each in told["applications"]]
    return made(str(Path(path).resolve()), told, several)


def made(
    place: str, told: Mapping[str, Any], loads: Iterable[Callable[[], Result[Application, Refusal]]]
) -> Result[Release, Refusal]:
    """The release of that name and version, of applications that are loaded in order. Returns Failure(CannotLoad)."""
    applications: list[Application] = []
    for each in loads:
        found = each()
        if isinstance(found, Failure):
            return Failure(found.failure())
        applications.append(found.unwrap())
    try:
        return Success(
            Release(
                told["name"], version=told["version"], applications=applications, gone=told.get("gone", ())
            )
        )
    except BuildError as wrong:
        return Failure(CannotLoad(place, cut(f"{wrong.what}. {wrong.remedy}".rstrip())))


def of_artifact(
    artifact: Artifact, loads: Iterable[Callable[[], Result[Application, Refusal]]]
) -> Result[Release, Refusal]:
    """The release of an artifact, of its applications, which are loaded in order; each must be what it tells.

    Returns Failure(CannotLoad | OtherArtifact | LoadsOtherwise).
    """
    told = {"name": artifact.name, "version": artifact.version, "gone": artifact.told["release"]["gone"]}
    found = made(str(artifact), told, loads)
    if isinstance(found, Failure):
        return found
    release: Release = found.unwrap()
    for part, each in zip(artifact.release, release.applications, strict=True):
        if (each.name, each.version) != (part.name, part.version):
            return Failure(OtherArtifact(f"{part} of {artifact}", f"{each.name}@{each.version}"))
    if (artifact.digest, artifact.edition) != (release.digest, release.digest):
        return Failure(LoadsOtherwise(str(artifact), artifact.digest, release.digest))
    return Success(release)


def beside(path: str, application: str) -> str:
    """What a release's file says of an application: a path is meant beside it; an artifact's name stays."""
    file = str(Path(path).parent / application)
    return file if is_there(file) or not is_reference(application) else application


def read_release(path: str) -> Result[Mapping[str, Any], CannotLoad]:
    """What stands in a release's file; no application is loaded. Returns Failure(CannotLoad)."""
    try:
        file = Path(path).resolve()
        text = file.read_bytes().decode()
        told = tomllib.loads(text)
    except FileNotFoundError:
        return Failure(CannotLoad(cut(path), "there is no such file"))
    except (OSError, ValueError, RecursionError) as error:
        return Failure(
            CannotLoad(cut(path), cut(getattr(error, "strerror", None) or f"is not TOML: {error}"))
        )
    problem = problem_of(told)
    return Success(told) if problem is None else Failure(CannotLoad(str(file), problem))


def problem_of(told: Mapping[str, Any]) -> str | None:
    """What is wrong with what is said of a release; None for nothing."""
    unknown = [key for key in told if key not in _KEYS]
    if unknown:
        return f"{cut(unknown[0])!r} is not known in a release; there are: {', '.join(_KEYS)}"
    for key, each in (("name", str), ("version", str), ("applications", list), ("gone", list)):
        value = told.get(key)
        if value is None and key != "gone":
            return f"a release says its {key}; write {_EXAMPLE}"
        if value is not None and type(value) is not each:
            return f"{key} is {'a text' if each is str else 'a list of texts'}; write {_EXAMPLE}"
        if isinstance(value, list) and not all(isinstance(one, str) for one in value):
            return f"{key} is a list of texts; write {_EXAMPLE}"
    return None
