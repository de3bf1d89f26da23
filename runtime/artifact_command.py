"""The commands of artifacts: `push`, `pull` and `show`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from runtime import report
from runtime.admission import Wanted, opened, packed
from runtime.application import Application
from runtime.arriving import arrived
from runtime.artifact import KIND, Artifact
from runtime.command import Json, Registry_, RegistryToken, done, fetched, from_registry, loaded, noted, usage
from runtime.key_command import KeyFile, key_file
from runtime.keys import home, read_key
from runtime.pulling import pulled, registry
from runtime.refusal import short
from runtime.seal import is_sealed, sealed
from runtime.trust import list_of, trust

ReferenceArgument = Annotated[
    str, typer.Argument(metavar="REF", help="NAME@VERSION, NAME@TAG, NAME, or the first digits of a digest.")
]


def push(
    file: Annotated[
        str, typer.Argument(metavar="FILE[:APP]", help="A Python file, or an artifact that is signed.")
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
    version of its own. An artifact that was signed already is put in as it is.
    """
    into = done(registry(where, token), as_json=as_json)
    data = _signed_already(file)
    if data is None:
        above = None if parent is None else done(into.find(parent), as_json=as_json).address
        signing = done(read_key(key_file(key)), as_json=as_json)
        made = done(packed(loaded(file, as_json=as_json), above), as_json=as_json)
        data = sealed(KIND, made.content, signing)
    came = done(into.push(data), as_json=as_json)
    if as_json:
        report.plain({"ok": True, "new": came.new, **came.entry.to_plain()})
    else:
        word = "pushed to" if came.new else "is in"
        told = f"artifact {short(came.entry.address)}, digest {short(came.entry.digest)}, {came.entry.size} bytes"
        report.say(f"{came.entry.name}@{came.entry.version} {word} {into}: {told}")


def pull(
    reference: ReferenceArgument,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where to write it. [NAME-VERSION.artifact]")
    ] = None,
    where: Registry_ = None,
    token: RegistryToken = None,
    as_json: Json = False,
) -> None:
    """Get an artifact out of the registry, and check it: signature, your trust list, digest, name.

    Nothing of it is executed.
    """
    made, data = fetched(reference, where, token, as_json=as_json)
    file = out or Path(f"{made.name}-{made.version}.artifact")
    fresh = file.with_name(f".{file.name}.new")
    try:
        fresh.write_bytes(data)
        fresh.replace(file)
    except OSError as error:
        usage(f"{file}: {error.strerror}")
    if as_json:
        report.plain({"ok": True, "file": str(file), **_plain(made, len(data))})
    else:
        report.say(f"{made} ({short(made.address)}), signed by {made.key}: {file}")


def show(
    reference: Annotated[
        str, typer.Argument(metavar="REF", help="As for `pull`; or a file that holds an artifact.")
    ],
    where: Registry_ = None,
    token: RegistryToken = None,
    as_json: Json = False,
) -> None:
    """Show what an artifact says of itself: who signed it, what it needs, what it carries.

    Nothing of it is executed, so its key need not be on your trust list.
    """
    data = _signed_already(reference)
    if data is None:
        of = done(registry(where, token), as_json=as_json)
        made, data = done(pulled(of, reference, None), as_json=as_json)
    else:
        made = done(opened(data, None, reference), as_json=as_json)
    trusted = made.key in done(trust(list_of(home())), as_json=as_json)
    if as_json:
        report.plain({**_plain(made, len(data)), "trusted": trusted, "shapes": made.told["shapes"]})
        return
    told = made.told
    rows = [
        ("name", made.name),
        ("version", made.version),
        ("artifact", made.address),
        ("digest", made.digest),
        ("parent", made.parent or "none"),
        ("signed by", made.key + ("" if trusted else ", whom you do not trust")),
        ("bytes", len(data)),
        ("Python", f"{told['python']} or later"),
        (
            "libraries",
            ", ".join(f"{name} {version}" for name, version in told["distributions"].items()) or "none",
        ),
        ("machines", ", ".join(f"{name} ({_kind(kernel)})" for name, kernel in told["machines"])),
        ("leads here from", ", ".join(sorted({each["old"] for each in told["migrations"]})) or "nowhere"),
        ("files", ", ".join(made.sources) or "none: it is data, and executes nothing"),
    ]
    report.table("", ("", ""), rows)


def taken(file: str, where: str | None, token: Path | None, data: Path, *, older: bool) -> Application:
    """The application to start on a data directory: of a file, or an artifact as its node would take it."""
    if not from_registry(file):
        return loaded(file)
    made, held = fetched(file, where, token)
    wanted = Wanted(made.address, made.name, made.version)
    application: Application = done(arrived(held, wanted, data.absolute(), older=older), as_json=False)
    noted(where, data)
    return application


def _signed_already(file: str) -> bytes | None:
    """The bytes of a file that holds an artifact, or None."""
    try:
        data = Path(file).read_bytes()
    except OSError:
        return None
    return data if is_sealed(data, KIND) else None


def _kind(kernel: Any) -> str:
    return "code" if kernel is None else "data"


def _plain(made: Artifact, size: int) -> dict[str, Any]:
    told = made.told
    return {
        "name": made.name,
        "version": made.version,
        "artifact": made.address,
        "digest": made.digest,
        "parent": made.parent,
        "key": made.key,
        "size": size,
        "python": told["python"],
        "distributions": told["distributions"],
        "machines": {name: _kind(kernel) for name, kernel in told["machines"]},
        "migrations": [{key: each[key] for key in ("machine", "old", "new")} for each in told["migrations"]],
        "files": list(made.sources),
    }
