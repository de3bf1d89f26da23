"""From a file to what it says shall run: a Python file to an application, a release's file to a release.

A release's file is TOML, and names the files of its applications beside it:

    name = "market"
    version = "2"
    applications = ["desk.py", "ledger.py:app"]
    gone = ["audit"]

`gone` may be left out. Each application is loaded as a version of its own, as if it were given alone.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from returns.result import Failure, Result, Success

from arrows.origin import BuildError
from runtime.application import Application
from runtime.errors import cut
from runtime.loader import load
from runtime.refusal import CannotLoad
from runtime.release import Release

SUFFIX: Final = ".toml"
_KEYS: Final = ("name", "version", "applications", "gone")
_EXAMPLE: Final = 'name = "shop", version = "2", applications = ["till.py", "stock.py"]'


def load_wanted(path: str) -> Result[Application | Release, CannotLoad]:
    """Load FILE[:APP], or a release's file. Returns Failure(CannotLoad)."""
    if path.endswith(SUFFIX):
        return load_release(path)
    return load(path)


def load_release(path: str) -> Result[Release, CannotLoad]:
    """Load a release's file, with all its applications. Returns Failure(CannotLoad), naming what is wrong and where."""
    read = read_release(path)
    if isinstance(read, Failure):
        return Failure(read.failure())
    told, file = read.unwrap(), Path(path).resolve()
    applications: list[Application] = []
    for each in told["applications"]:
        found = load(str(file.parent / each))
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
        return Failure(CannotLoad(str(file), cut(f"{wrong.what}. {wrong.remedy}".rstrip())))


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
    problem = _problem(told)
    return Success(told) if problem is None else Failure(CannotLoad(str(file), problem))


def _problem(told: Mapping[str, Any]) -> str | None:
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
