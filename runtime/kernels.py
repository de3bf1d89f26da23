"""An application as data: its machines, migrations and checks of health in the kernel, where they hold no code.

The kernel of a machine is what `arrows.wire.encode` writes, as the JSON that it is. A machine is data where it has no
function in it and no class with methods: it can then be read anywhere without executing anything.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

import attrs
from returns.result import Failure, Result, Success

from arrows.canonical import dump
from arrows.origin import BuildError, Origin, writing
from arrows.term import Arrow
from arrows.wire import decode, encode
from migrations.written import as_arrow, from_arrow
from runtime.application import Application

_NOWHERE: Final = Origin("<received>", 1)
_CODE: Final = 3
"""Where the entry of a class says what code it has."""


@attrs.frozen
class Kernels:
    """The kernels of an application's parts, in their order; None for what is code."""

    machines: Mapping[str, Any]
    migrations: tuple[Any, ...]
    healthy: Mapping[str, Any]
    codecs: bool = False

    @property
    def whole(self) -> bool:
        """Whether they are all that the application is."""
        parts = (*self.machines.values(), *self.migrations, *self.healthy.values())
        return not self.codecs and all(each is not None for each in parts)


def kernels(application: Application, *, here: bool = False) -> Kernels:
    """The kernels of an application's parts. With `here` they are read where the classes that they name are loaded."""
    return Kernels(
        {name: _kernel(each, here) for name, each in application.machines.items()},
        tuple(_kernel(as_arrow(each), here) for each in application.migrations),
        {name: _kernel(each, here) for name, each in sorted(application.healthy.items())},
        bool(application.codecs),
    )


def from_kernels(name: str, version: str, found: Kernels, inbox: int) -> Result[Application, str]:
    """The application of whole kernels, or what is wrong with them. Executes nothing."""
    machines, healthy = _decoded(found.machines), _decoded(found.healthy)
    ways = _decoded(dict(enumerate(found.migrations)))
    for each in (machines, healthy, ways):
        if isinstance(each, Failure):
            return Failure(each.failure())
    migrations = []
    for way in ways.unwrap().values():
        read = from_arrow(way)
        if isinstance(read, Failure):
            return Failure(read.failure())
        migrations.append(read.unwrap())
    try:
        return Success(
            Application(
                name,
                version=version,
                machines=machines.unwrap(),
                migrations=migrations,
                healthy=healthy.unwrap(),
                inbox=inbox,
            )
        )
    except BuildError as wrong:
        return Failure(wrong.what)


def _kernel(arrow: Arrow[Any, Any], here: bool) -> Any:
    encoded = encode(arrow)
    if isinstance(encoded, Failure):
        return None
    document = json.loads(encoded.unwrap())
    coded = any(entry[_CODE] is not None for entry in document["classes"])
    return None if coded and not here else document


def _decoded(found: Mapping[Any, Any]) -> Result[dict[Any, Arrow[Any, Any]], str]:
    made = {}
    for name, document in found.items():
        with writing(_NOWHERE):
            result = decode(dump(document))
        if isinstance(result, Failure):
            return Failure(str(result.failure()))
        made[name] = result.unwrap()
    return Success(made)
