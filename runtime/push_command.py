"""`midflight push`: a version, or a release with its applications, is packed, signed, and put into a registry."""

from __future__ import annotations

from typing import Annotated

import typer
from returns.result import Result

from migrations.refusal import Refusal
from runtime import admission, report
from runtime.admission import packed
from runtime.application import Application
from runtime.artifact import KIND, Artifact, read
from runtime.artifact_command import signed_already
from runtime.command import Json, Registry_, RegistryToken, done, from_registry, replying, usage
from runtime.key_command import KeyFile, key_file
from runtime.keys import Key, home, read_key
from runtime.loader import load
from runtime.pulling import AnyRegistry, pulled, registry
from runtime.refusal import short
from runtime.registry import Pushed
from runtime.release import Release
from runtime.release_file import SUFFIX, load_release
from runtime.release_parts import Part, release_content
from runtime.seal import sealed
from runtime.trust import Trust, list_of, trust


def push(
    file: Annotated[
        str,
        typer.Argument(
            metavar="FILE[:APP]", help="A Python file, the file of a release, or an artifact that is signed."
        ),
    ],
    parent: Annotated[
        str | None, typer.Option(metavar="REF", help="The artifact that this one comes from.")
    ] = None,
    key: KeyFile = None,
    where: Registry_ = None,
    token: RegistryToken = None,
    as_json: Json = False,
) -> None:
    """Pack a version, sign it with your key, and put it into the registry.

    The same sources give the same artifact everywhere. A version that is there stays as it is: what changed needs a
    version of its own. An artifact that was signed already is put in as it is. Of a release its applications are put
    in too, where they are files. What is in the registry already, a parent or an application of a release, must be
    signed by a key on your trust list.
    """
    into = done(registry(where, token, new=True), as_json=as_json)
    data = signed_already(file)
    if parent is not None and (data is not None or file.endswith(SUFFIX)):
        usage(
            "--parent goes with the file of an application: a release, and what is signed already, has none."
        )
    if data is None:
        signing = done(read_key(key_file(key)), as_json=as_json)
        trusted = done(trust(list_of(home())), as_json=as_json)
        if file.endswith(SUFFIX):
            content = _release(file, into, signing, trusted, as_json=as_json)
        else:
            above = (
                None if parent is None else done(pulled(into, parent, trusted), as_json=as_json)[0].address
            )
            with replying():
                one: Result[Application, Refusal] = load(file)
                made = one.bind(lambda application: packed(application, above))
            content = done(made, as_json=as_json).content
        data = sealed(KIND, content, signing)
    _told(into, done(into.push(data), as_json=as_json), as_json=as_json)


def _release(file: str, into: AnyRegistry, key: Key, trusted: Trust, *, as_json: bool) -> bytes:
    """The content of a release's artifact; its applications that are files are put into the registry before.

    That is when all of them are loaded and make a release: of one that can never run, nothing is put in.
    """
    held: list[Artifact] = []
    files: list[Artifact] = []

    def one(place: str) -> Result[Application, Refusal]:
        if from_registry(place):
            found = pulled(into, place, trusted).map(lambda each: each[0])
        else:
            application: Result[Application, Refusal] = load(place)
            found = application.bind(packed)
            found.map(files.append)
        found.map(held.append)
        return found.bind(admission.loaded)

    with replying():
        loaded = load_release(file, one)
    release: Release = done(loaded, as_json=as_json)
    told = [Part(each.name, each.version, each.address) for each in held]
    content = release_content(release.name, release.version, release.digest, told, release.gone)
    done(read(content, file), as_json=as_json)
    for each in files:
        done(into.push(sealed(KIND, each.content, key)), as_json=as_json)
    return content


def _told(into: AnyRegistry, came: Pushed, *, as_json: bool) -> None:
    """Say what came of a push."""
    if as_json:
        report.plain({"ok": True, "new": came.new, **came.entry.to_plain()})
    else:
        word = "pushed to" if came.new else "is in"
        told = f"artifact {short(came.entry.address)}, digest {short(came.entry.digest)}, {came.entry.size} bytes"
        report.say(f"{came.entry.name}@{came.entry.version} {word} {into}: {told}")
