"""What a node is given to run: a file beside it, or an artifact that its own trust list covers.

A version that was replaced by an upgrade here, as far as the history goes, is an older one: an artifact that was signed
long ago is signed for ever, and must not come back because somebody sends it again. `older=True` says that it is meant.
"""

from __future__ import annotations

import asyncio
import binascii
import contextlib
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final

import attrs
from returns.result import Failure, Result, Success

from migrations.refusal import Refusal
from runtime.admission import Wanted, loaded, opened
from runtime.application import Application
from runtime.artifact import Artifact
from runtime.asking import BadRequest
from runtime.history import rows
from runtime.loader import load
from runtime.reading import NoData, looked
from runtime.refusal import CannotLoad
from runtime.seal import NotSealed
from runtime.trust import list_of, trust

LOADING: Final = 30.0
"""Seconds that a version may take to be executed."""


@attrs.frozen
class Source:
    """Where a version comes from, and what loads it."""

    place: str
    load: Callable[[], Result[Application, Refusal]]


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
    trusted = trust(list_of(directory))
    if isinstance(trusted, Failure):
        return Failure(trusted.failure())
    place = f"{wanted.name}@{wanted.version}" if wanted.name and wanted.version else "the artifact"
    made = opened(data, trusted.unwrap(), place, wanted)
    return made.bind(lambda artifact: _newer(artifact, directory, older=older)).bind(loaded)


def _newer(artifact: Artifact, directory: Path, *, older: bool) -> Result[Artifact, Refusal]:
    found = Success([]) if older else looked(directory, rows)
    if isinstance(found, Failure):
        nothing = isinstance(found.failure(), NoData)
        return Success(artifact) if nothing else Failure(found.failure())
    left: dict[str, str] = {}
    for row in found.unwrap():
        if row["what"] in ("upgraded", "rolled back") and row["application"] == artifact.name:
            left.pop(row["new"]["digest"], None)
            if row["what"] == "upgraded":
                left[row["old"]["digest"]] = row["new"]["version"]
    if artifact.digest in left:
        return Failure(OlderVersion(str(artifact), left[artifact.digest]))
    return Success(artifact)


def source(given: Any, directory: Path) -> Source:
    """What loads the version that a request speaks of: the text FILE[:APP], or an artifact. Raises BadRequest.

    An artifact is a dict: its bytes as base64 in `artifact`, and its `address`, `name` and `version`.
    """
    if isinstance(given, str):
        return Source(given, partial(load, given))
    if not isinstance(given, dict) or not isinstance(given.get("artifact"), str):
        raise BadRequest("a version is the text FILE[:APP], or an object with an 'artifact'")
    about = [given.get(field) for field in ("address", "name", "version")]
    if not all(isinstance(each, str) for each in about):
        raise BadRequest("an artifact has the fields 'address', 'name' and 'version'")
    take = partial(_sent, given["artifact"], Wanted(*about), directory, older=given.get("older") is True)
    return Source(f"{about[1]}@{about[2]}", take)


def _sent(text: str, wanted: Wanted, directory: Path, *, older: bool) -> Result[Application, Refusal]:
    """As `arrived`, of base64: to read a large one takes its time, which is not that of the machines."""
    try:
        data = binascii.a2b_base64(text, strict_mode=True)
    except ValueError:
        return Failure(NotSealed(f"{wanted.name}@{wanted.version}", "it is not base64"))
    return arrived(data, wanted, directory, older=older)


async def loading(source: Source) -> Result[Application, Refusal]:
    """Load beside the machines. The thread is let go of where what it executes never comes to its end."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Result[Application, Refusal]] = loop.create_future()

    def done(result: Result[Application, Refusal]) -> None:
        if not future.done():
            future.set_result(result)

    def work() -> None:
        result = source.load()
        with contextlib.suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(done, result)

    threading.Thread(target=work, name="midflight-load", daemon=True).start()
    try:
        return await asyncio.wait_for(future, LOADING)
    except TimeoutError:
        return Failure(CannotLoad(source.place, f"did not come to its end within {LOADING:g} s"))
