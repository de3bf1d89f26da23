"""The commands of registries: `list`, `verify`, `tag`, `gc`, and `registry serve`."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Annotated

import typer

from runtime import bounds, report
from runtime.application import is_name
from runtime.artifact_command import ReferenceArgument
from runtime.collecting import collected
from runtime.command import Json, Registry_, RegistryToken, done, example, usage
from runtime.control_token import had
from runtime.key_command import KeyFile, key_file
from runtime.keys import home, read_key
from runtime.listen import bind
from runtime.pulling import WHERE, is_url, pulled, registry
from runtime.refusal import short
from runtime.registry import Registry
from runtime.registry_server import serve as serving
from runtime.tags import Tag
from runtime.tags import tag as read_tag
from runtime.trust import list_of, trust
from runtime.verifying import verified

registry_app = typer.Typer(no_args_is_help=True, help="A registry that others reach.")
DAY = 24 * 60 * 60 * 1000


def list_(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="Those of this application alone.")
    ] = None,
    where: Registry_ = None,
    token: RegistryToken = None,
    as_json: Json = False,
) -> None:
    """Show what is in the registry."""
    of = done(registry(where, token), as_json=as_json)
    entries = [each for each in done(of.entries(), as_json=as_json) if name in (None, each.name)]
    tags = done(of.tags(), as_json=as_json)
    labels = {each.address: [tag.tag for tag in tags if tag.address == each.address] for each in entries}
    if as_json:
        report.plain({"artifacts": [{**each.to_plain(), "tags": labels[each.address]} for each in entries]})
        return
    rows = [
        (
            *(each.name, each.version, ", ".join(labels[each.address]), short(each.address)),
            *(short(each.digest), each.size, report.time(each.at)[:16].replace("T", " ")),
        )
        for each in entries
    ]
    report.table(str(of), ("name", "version", "tags", "artifact", "digest", "bytes", "came"), rows)


def verify(
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="Make the index again from the folder before.")
    ] = False,
    where: Registry_ = None,
    as_json: Json = False,
) -> None:
    """Read all that is in a registry's folder, and hold it against its signatures and digests."""
    of = _folder(where, as_json=as_json)
    if rebuild:
        done(of.rebuild(), as_json=as_json)
    found = done(verified(of), as_json=as_json)
    if as_json:
        report.plain(found.to_plain())
    else:
        report.say(f"{of}: {found.artifacts} artifacts and {found.tags} tags, {len(found.wrong)} wrong")
        for each in found.wrong:
            report.complain(f"{each.place}: {each.problem}")
    if found.wrong:
        raise typer.Exit(1)


def tag(
    reference: ReferenceArgument,
    label: Annotated[str, typer.Argument(metavar="TAG", help="Such as stable.")],
    remove: Annotated[bool, typer.Option("--remove", help="Take the tag away from it.")] = False,
    key: KeyFile = None,
    where: Registry_ = None,
    token: RegistryToken = None,
    as_json: Json = False,
) -> None:
    """Let NAME@TAG stand for an artifact. The statement is signed with your key, and replaces the one before.

    The artifact must be signed by a key on your trust list; what is tagged is never collected.
    """
    of = done(registry(where, token), as_json=as_json)
    if not is_name(label):
        usage(
            f"{label!r} cannot be a tag: begin with a letter or digit, go on with those, '.', '_', '~' or '-', and be "
            f"of at most {bounds.MAX_NAME} characters."
        )
    signing = done(read_key(key_file(key)), as_json=as_json)
    trusted = done(trust(list_of(home())), as_json=as_json)
    made, _ = done(pulled(of, reference, None if remove else trusted), as_json=as_json)
    stated = done(of.statement(made.name, label), as_json=as_json)
    known = None if stated is None else read_tag(stated, f"{made.name}@{label}").value_or(None)
    if known is not None and (known.name, known.tag) != (made.name, label):
        known = None
    if remove and (known is None or known.address != made.address):
        usage(f"{made} is not tagged {label}.")
    at = time.time_ns() // 10**6
    if known is not None and known.key in trusted:  # a time that a registry makes up is not signed here
        at = max(at, known.at + 1)
    said = Tag(made.name, label, None if remove else made.address, at)
    done(of.tag(said.sealed(signing)), as_json=as_json)
    if as_json:
        report.plain({"ok": True, **said.to_plain(), "key": signing.public})
    else:
        report.say(f"{said} is {'gone' if remove else f'{made} ({short(made.address)})'}")


def gc(
    directories: Annotated[
        list[Path] | None,
        typer.Option(
            "--data", metavar="DIR", help="A node's data directory to look at, besides those that are known."
        ),
    ] = None,
    older_than: Annotated[
        float, typer.Option(min=0, metavar="DAYS", help="Leave what came in the last so many days.")
    ] = 0,
    forgotten: Annotated[
        list[Path] | None,
        typer.Option(
            "--forget", metavar="DIR", help="A data directory that is gone for good: look at it no more."
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do it. Without, it is only told.")] = False,
    where: Registry_ = None,
    as_json: Json = False,
) -> None:
    """Tell which artifacts nobody needs, and take them away with --yes.

    What is tagged stays, and what a node on this machine runs, can roll back to or has in its journal: `run` and
    `upgrade` note its data directory in a registry that is there. Nodes elsewhere are not seen; tag what they run.
    """
    of = _folder(where, as_json=as_json)
    if not math.isfinite(older_than * DAY):
        usage(f"--older-than {older_than}: give a number of days.")
    since = time.time_ns() // 10**6 - int(older_than * DAY) if older_than else 2**62
    found = done(collected(of, directories or (), since, do=yes, forgotten=forgotten or ()), as_json=as_json)
    if as_json:
        report.plain(found.to_plain())
        return
    rows = [(str(each), "gone" if found.done else "would go", "nobody needs it") for each in found.gone]
    rows += [(str(each), "stays", why) for each, why in found.kept]
    report.table("", ("artifact", "", "as"), rows)
    if found.gone and not found.done:
        report.say("Nothing has changed; --yes takes them away.")


@registry_app.command("serve", epilog=example("midflight registry serve --registry /srv/registry"))
def serve(
    listen: Annotated[
        list[str] | None,
        typer.Option(metavar="URL", help="Where to listen, as often as needed. [http://127.0.0.1:8081]"),
    ] = None,
    where: Registry_ = None,
    token: RegistryToken = None,
) -> None:
    """Serve a registry's folder over HTTP until Ctrl-C.

    Whoever has the token can read. To write, an artifact or a tag must also be signed by a key on the trust list of the
    folder (`midflight trust add KEY --in DIR`), or on yours where it has none.
    """
    of = _folder(where, as_json=False, new=True)
    file = (token or of.path / "registry.token").absolute()
    done(of.make(), as_json=False)
    secret = done(had(file), as_json=False)
    bound = done(bind(listen or ["http://127.0.0.1:8081"]), as_json=False)
    for each in bound:
        report.say(f"{of} is served at {each.url}, with the token in {file}")
        if each.is_public:
            report.say(
                "WARNING  other machines reach this address, and the token goes there unencrypted: use a proxy with"
            )
            report.say("         TLS, or listen on 127.0.0.1 and tunnel it, as with ssh -L")
    serving(of, secret, bound)


def _folder(where: str | None, *, as_json: bool, new: bool = False) -> Registry:
    if is_url(where):
        usage(
            f"this needs the folder of a registry, and {where or WHERE} is a URL: name it with --registry DIR."
        )
    of: Registry = done(registry(where, new=new), as_json=as_json)
    return of
