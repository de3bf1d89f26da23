"""A version as it is kept beside its data, so that recovery needs no file of the user's.

What came from files is kept as their texts; what was made in the process, and is data, as encoded machines. What
is neither (a function typed at a prompt) is found in the module that holds the application, or not kept at all.
That it can be brought back is tried when it is kept, not when it is needed: the copy must have the same digest.

What is kept is one JSON object: `name`, `version`, `digest`, `edition`; the texts by path in `texts`, with `main` and
`variable`, or the machines in `machines`; `shapes` and `values` (see `runtime.outline`), which tell without executing
anything what its messages and cells look like; and the Python and the `distributions` that it was made with. Under
another Python or library it may be another version: its state can then be read, but nothing be repeated.
"""

from __future__ import annotations

import base64
import importlib.metadata
import json
import logging
import platform
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs
from returns.result import Failure, Result, Success

from arrows.canonical import dump
from arrows.library import distributions
from arrows.origin import BuildError
from migrations.refusal import Refusal
from runtime.application import Application
from runtime.datadir import has_order
from runtime.journal import version_key
from runtime.kernels import Kernels, from_kernels, kernels
from runtime.loader import load, load_kept
from runtime.outline import shapes, values
from runtime.refusal import CannotKeep, CannotLoad, OtherHere

FORMAT = 2

logger = logging.getLogger("midflight")


@attrs.frozen
class BroughtBack:
    """A kept version. `other` says why it is not the one that was kept, where only its state can be read."""

    application: Application
    other: OtherHere | None = None


def kept(*applications: Application) -> Result[Mapping[str, bytes], Refusal]:
    """Return Success(what to keep, by key), from which `brought_back` makes the same versions.

    Returns Failure(CannotKeep) where it would not.
    """
    found: dict[str, bytes] = {}
    for each in applications:
        one = _kept(each)
        if isinstance(one, Failure):
            return one
        found.update(one.unwrap())
    return Success(found)


def _kept(application: Application) -> Result[Mapping[str, bytes], Refusal]:
    found = _plain(application)
    if isinstance(found, Failure):
        return Failure(CannotKeep(application.name, found.failure()))
    try:
        head = {
            "format": FORMAT,
            "digest": application.digest,
            "edition": application.edition,
            "name": application.name,
            "version": application.version,
            "python": platform.python_version(),
            "shapes": shapes(application),
            "values": values(application),
        }
    except BuildError as wrong:
        return Failure(
            CannotKeep(application.name, f"{wrong.where}: {wrong.what}" if wrong.where else wrong.what)
        )
    if '"frozenset"' in json.dumps(head["shapes"]) and not has_order():
        logger.warning(
            "%s has sets, whose order is another one in each process: should a step go through one, what it did cannot "
            "be repeated after a crash. Start Python with PYTHONHASHSEED set to a number, as `midflight run` does.",
            application.name,
        )
    data = json.dumps({**head, **found.unwrap()}).encode()  # the order of the machines counts
    match brought_back(data):
        case Success(BroughtBack(other=None, application=again)) if again.edition == application.edition:
            return Success({version_key(application.edition): data})
        case Success(BroughtBack(other=other)):
            problem = "loaded once more it is another one: it reads what changes when it is loaded"
            return Failure(CannotKeep(application.name, other.message if other else problem))
        case Failure(wrong):
            return Failure(CannotKeep(application.name, wrong.message))
    raise AssertionError("a Result is one of the two")


def brought_back(data: bytes) -> Result[BroughtBack, Refusal]:
    """Return Success(BroughtBack) of what `kept` gave; else Failure(CannotLoad)."""
    document = json.loads(data)
    place = f"the kept version {document['digest'][:12]} of {document['name']}"
    if document["format"] > FORMAT:
        return Failure(CannotLoad(place, f"is of format {document['format']}: install a newer midflight"))
    result: Result[Application, Refusal]
    if "texts" in document:
        result = load_kept(document["main"], document["variable"], document["texts"])
    else:
        result = _decoded(document, place)
    if isinstance(result, Failure):
        return Failure(result.failure())
    application = result.unwrap()
    try:
        if application.digest == document["digest"]:
            return Success(BroughtBack(application))
        readable = shapes(application) == document["shapes"]
    except BuildError as wrong:
        return Failure(CannotLoad(place, wrong.what))
    other = OtherHere(document["name"], document["digest"], differences(document), readable)
    return Success(BroughtBack(application, other)) if readable else Failure(other)


def differences(document: Mapping[str, Any]) -> tuple[str, ...]:
    """What it was kept under and is otherwise here."""
    was = {"Python": document["python"], **document.get("distributions", {})}
    now = {"Python": platform.python_version(), **installed(was)}
    return tuple(
        f"{name} {was[name]} (here {now.get(name, 'none')})" for name in was if was[name] != now.get(name)
    )


def installed(names: Iterable[str]) -> dict[str, str]:
    """The versions of those of some distributions that are installed."""
    found = {}
    for name in names:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _plain(application: Application) -> Result[dict[str, Any], str]:
    plain = _sources(application) or _data(application)
    return _found(application) if plain is None else Success(plain)


def _sources(application: Application) -> dict[str, Any] | None:
    held = application.sources
    if held is None:
        return None
    version = held.version
    names = {each for top in version.outside for each in distributions().get(top, ())}
    return {
        "main": str(version.main),
        "variable": held.variable,
        "texts": version.texts,
        "distributions": installed(sorted(names)),
    }


def _data(application: Application) -> dict[str, Any] | None:
    """The machines and migrations as data, where all of them are."""
    found = kernels(application, here=True)
    if not found.whole:
        return None
    more = {"migrations": found.migrations, "healthy": found.healthy}
    return {
        "machines": {name: base64.b64encode(dump(each)).decode() for name, each in found.machines.items()},
        "inbox": application.inbox,
        **{name: each for name, each in more.items() if each},
    }


def _decoded(document: dict[str, Any], place: str) -> Result[Application, Refusal]:
    try:
        machines = {name: json.loads(base64.b64decode(each)) for name, each in document["machines"].items()}
    except ValueError as wrong:
        return Failure(CannotLoad(place, str(wrong)))
    more = tuple(document.get("migrations", ())), document.get("healthy", {})
    made = from_kernels(document["name"], document["version"], Kernels(machines, *more), document["inbox"])
    return made.alt(lambda problem: CannotLoad(place, problem))


def _found(application: Application) -> Result[dict[str, Any], str]:
    """The file of an imported module that holds the application, loaded as a version of its own.

    Several may hold it: the one in which its machines were written comes first.
    """
    written = {machine.origin.file for machine in application.machines.values() if machine.origin}
    holding = list(_holding(application))
    for file, name in sorted(holding, key=lambda each: each[0] not in written):
        loaded = load(f"{file}:{name}")
        if isinstance(loaded, Failure):
            return Failure(f"it cannot be loaded once more from its module: {loaded.failure().message}")
        return Success(_sources(loaded.unwrap()) or {})
    return Failure("it has functions, and no module holds it under a name: recovery could not run them")


def _holding(application: Application) -> Iterator[tuple[str, str]]:
    """The files of imported modules, and the name of the application in each."""
    for module in sys.modules.copy().values():
        held = dict(getattr(module, "__dict__", {}))
        file = held.get("__file__") or ""
        name = next((name for name, each in held.items() if each is application), None)
        if name is not None and file.endswith(".py") and Path(file).is_file():
            yield file, name
