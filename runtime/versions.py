"""A version as it is kept beside its data, so that recovery needs no file of the user's.

What came from files is kept as their texts; what was made in the process, and is data, as encoded machines. What
is neither (a function typed at a prompt) is found in the module that holds the application, or not kept at all.
That it can be brought back is tried when it is kept, not when it is needed: the copy must have the same digest.
"""

from __future__ import annotations

import base64
import json
import platform
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from returns.result import Failure, Result, Success

from arrows.origin import BuildError
from arrows.wire import decode, encode
from migrations.refusal import Refusal
from runtime.application import Application
from runtime.loader import load, load_kept
from runtime.refusal import CannotKeep, CannotLoad

FORMAT = 1


def kept(application: Application) -> Result[bytes, Refusal]:
    """Return Success(bytes) from which `brought_back` makes the same version, or Failure(CannotKeep)."""
    found = _plain(application)
    if isinstance(found, Failure):
        return Failure(CannotKeep(application.name, found.failure()))
    plain = found.unwrap()
    head = {
        "format": FORMAT,
        "digest": application.digest,
        "name": application.name,
        "version": application.version,
        "python": platform.python_version(),
    }
    data = json.dumps({**head, **plain}).encode()  # the order of the machines counts
    again: Result[Application, Refusal] = brought_back(data)
    return again.map(lambda _: data).alt(lambda wrong: CannotKeep(application.name, wrong.message))


def brought_back(data: bytes) -> Result[Application, Refusal]:
    """Return Success(application) of what `kept` gave, with the same digest; else Failure(CannotLoad)."""
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
        return result
    application = result.unwrap()
    try:
        same = application.digest == document["digest"]
    except BuildError as wrong:
        return Failure(CannotLoad(place, wrong.what))
    if not same:
        return Failure(
            CannotLoad(
                place,
                f"is another one here: it was kept under Python {document['python']}, and a library or a value "
                "that it reads when it is loaded has changed since",
            )
        )
    return Success(application)


def _plain(application: Application) -> Result[dict[str, Any], str]:
    plain = _sources(application) or _data(application)
    return _found(application) if plain is None else Success(plain)


def _sources(application: Application) -> dict[str, Any] | None:
    held = application.sources
    if held is None:
        return None
    return {"main": str(held.version.main), "variable": held.variable, "texts": held.version.texts}


def _data(application: Application) -> dict[str, Any] | None:
    """The machines as bytes, where all of them are data."""
    machines = {name: encode(machine) for name, machine in application.machines.items()}
    whole = all(isinstance(each, Success) for each in machines.values())
    if not whole or application.migrations or application.codecs:
        return None
    encoded = {name: base64.b64encode(each.unwrap()).decode() for name, each in machines.items()}
    return {"machines": encoded, "inbox": application.inbox}


def _decoded(document: dict[str, Any], place: str) -> Result[Application, Refusal]:
    machines = {}
    for name, data in document["machines"].items():
        result = decode(base64.b64decode(data))
        if isinstance(result, Failure):
            return Failure(CannotLoad(place, str(result.failure())))
        machines[name] = result.unwrap()
    return Success(
        Application(document["name"], version=document["version"], machines=machines, inbox=document["inbox"])
    )


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
    for module in list(sys.modules.values()):
        held = dict(getattr(module, "__dict__", {}))
        file = held.get("__file__") or ""
        name = next((name for name, each in held.items() if each is application), None)
        if name is not None and file.endswith(".py") and Path(file).is_file():
            yield file, name
