"""The commands of artifacts that are there: `pull` and `show`; and what `run` starts of them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import attrs
import typer
from returns.result import Failure, Result

from arrows.diff import diff as differences
from arrows.term import Arrow
from arrows.tree import tree
from migrations.refusal import Refusal
from runtime import admission, report
from runtime.admission import Wanted, opened
from runtime.application import Application
from runtime.arriving import arrived, arrived_release
from runtime.artifact import KIND, Artifact
from runtime.command import Json, Registry_, RegistryToken, done, fetched, from_registry, replying, usage
from runtime.errors import of_system
from runtime.export_command import CannotWrite
from runtime.keys import home
from runtime.loader import load
from runtime.pulling import pulled, registry
from runtime.refusal import short
from runtime.release import Release
from runtime.release_file import SUFFIX, load_release
from runtime.seal import is_sealed
from runtime.trust import list_of, trust
from runtime.whole_file import put_whole

ReferenceArgument = Annotated[
    str, typer.Argument(metavar="REF", help="NAME@VERSION, NAME@TAG, NAME, or the first digits of a digest.")
]


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
        done(Failure(CannotWrite(str(file), of_system(error))), as_json=as_json)
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
    keys = done(trust(list_of(home())), as_json=as_json)
    counting = keys if as_tree else None
    data = signed_already(reference)
    if data is None:
        of = done(registry(where, token), as_json=as_json)
        made, data = done(pulled(of, reference, counting), as_json=as_json)
    else:
        made = done(opened(data, counting, reference), as_json=as_json)
    trusted = made.key in keys
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
        for each in [fetched(part.address, where, token)[0] for part in made.release] or (made,):
            _drawn(each, where, token)


def _drawn(made: Artifact, where: str | None, token: Path | None) -> None:
    """Draw the machines of an artifact, beside those of the one that it comes from, where that is there."""
    with replying():
        version = done(admission.loaded(made), as_json=False)
    before: Mapping[str, Arrow[Any, Any]] = {}
    if made.parent is not None:
        keys = done(trust(list_of(home())), as_json=False)
        found = registry(where, token).bind(lambda of: pulled(of, made.parent or "", keys))
        with replying():
            above = found.bind(lambda each: admission.loaded(each[0]))
        if isinstance(above, Failure):
            report.complain(
                f"{made} is drawn alone, as what it comes from cannot be: {above.failure().message}"
            )
        else:
            before = above.unwrap().machines
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
            return load(text)
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


def signed_already(file: str) -> bytes | None:
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
