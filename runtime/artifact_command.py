"""The commands of artifacts: `push`, `pull` and `show`."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated, Any

import attrs
import typer
from returns.result import Result, Success

from arrows.diff import diff as differences
from arrows.tree import tree
from migrations.refusal import Refusal
from runtime import report
from runtime.admission import Wanted, opened, packed
from runtime.application import Application
from runtime.arriving import arrived, arrived_release
from runtime.artifact import KIND, Artifact, read
from runtime.command import Json, Registry_, RegistryToken, done, fetched, from_registry, loaded, usage
from runtime.key_command import KeyFile, key_file
from runtime.keys import Key, home, read_key
from runtime.pulling import AnyRegistry, pulled, registry
from runtime.refusal import short
from runtime.registry import Pushed
from runtime.release import Release, release_digest
from runtime.release_file import SUFFIX, beside, load_release, read_release
from runtime.release_parts import Part, release_content
from runtime.seal import is_sealed, sealed
from runtime.trust import list_of, trust
from runtime.whole_file import put_whole

ReferenceArgument = Annotated[
    str, typer.Argument(metavar="REF", help="NAME@VERSION, NAME@TAG, NAME, or the first digits of a digest.")
]


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
    in too, where they are files.
    """
    into = done(registry(where, token), as_json=as_json)
    data = _signed_already(file)
    if data is None:
        above = None if parent is None else done(into.find(parent), as_json=as_json).address
        signing = done(read_key(key_file(key)), as_json=as_json)
        if file.endswith(SUFFIX):
            content = _release(file, into, signing, as_json=as_json)
        else:
            content = done(packed(loaded(file, as_json=as_json), above), as_json=as_json).content
        data = sealed(KIND, content, signing)
    _told(into, done(into.push(data), as_json=as_json), as_json=as_json)


def _release(file: str, into: AnyRegistry, key: Key, *, as_json: bool) -> bytes:
    """The content of a release's artifact; its applications that are files are put into the registry before."""
    told, parts, digests = done(read_release(file), as_json=as_json), [], []
    for each in told["applications"]:
        place = beside(file, each)
        if from_registry(place):
            entry = done(into.find(place), as_json=as_json)
        else:
            made = done(packed(loaded(place, as_json=as_json)), as_json=as_json)
            entry = done(into.push(sealed(KIND, made.content, key)), as_json=as_json).entry
        parts.append(Part(entry.name, entry.version, entry.address))
        digests.append((entry.name, entry.digest))
    digest = release_digest(told["name"], digests)
    content = release_content(told["name"], told["version"], digest, parts, told.get("gone", ()))
    return bytes(done(read(content, file), as_json=as_json).content)


def _told(into: AnyRegistry, came: Pushed, *, as_json: bool) -> None:
    """Say what came of a push."""
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
    try:
        put_whole(file, data)
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
    as_tree: Annotated[
        bool,
        typer.Option(
            "--tree", help="Draw its machines too, with what differs from its parent in colours. Loads them."
        ),
    ] = False,
) -> None:
    """Show what an artifact says of itself: who signed it, what it needs, what it carries.

    Nothing of it is executed, so its key need not be on your trust list; it must be for --tree.
    """
    if as_json and as_tree:
        usage("of --json and --tree, choose one.")
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
        *((f"{each.name}", f"{each.version} ({short(each.address)})") for each in made.release),
        ("machines", ", ".join(f"{name} ({_kind(kernel)})" for name, kernel in told["machines"]) or "none"),
        ("leads here from", ", ".join(sorted({each["old"] for each in told["migrations"]})) or "nowhere"),
        ("files", ", ".join(made.sources) or "none: it is data, and executes nothing"),
    ]
    report.table("", ("", ""), rows)
    if as_tree:
        for each in made.release or (made,):
            _drawn(each.address, made.parent, where, token)


def _drawn(address: str, parent: str | None, where: str | None, token: Path | None) -> None:
    """Draw the machines of an artifact in the registry, beside those of the one that it comes from."""
    version = loaded(address, where, token)
    before = {} if parent is None else loaded(parent, where, token).machines
    for name, machine in version.machines.items():
        report.say(f"\n{name}")
        if name in before:
            report.tree(tree(before[name], differences(before[name], machine)))
        else:
            report.tree(tree(machine))


def taken(
    file: str, where: str | None, token: Path | None, data: Path, *, older: bool
) -> Application | Release:
    """What is to start on a data directory: of a file, an artifact as its node would take it, or a release of those."""
    here = data.absolute()

    def one(text: str) -> Result[Application, Refusal]:
        if not from_registry(text):
            return Success(loaded(text))
        made, held = fetched(text, where, token)
        return arrived(held, Wanted(made.address, made.name, made.version), here, older=older)

    def release() -> Result[Release, Refusal] | None:
        if file.endswith(SUFFIX):
            return load_release(file, one)
        made, held = fetched(file, where, token) if from_registry(file) else (None, b"")
        if made is None or not made.release:
            return None
        loads = {each.address: partial(one, each.address) for each in made.release}
        return arrived_release(held, Wanted(made.address, made.name, made.version), here, loads)

    found: Application | Release = done(release() or one(file), as_json=False)
    return found


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
        **({"applications": [attrs.asdict(each) for each in made.release]} if made.release else {}),
    }
