"""`midflight key` and `midflight trust`: who signs, and whose artifacts are taken.

Two things to do with a key of one's own and three with a list; a key is replaced by a new one that is added to the
lists before the old one is removed from them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from runtime import report
from runtime.command import Json, done, example, usage
from runtime.keys import NAME, home, is_public, new_key, read_key
from runtime.trust import NAME as TRUSTED
from runtime.trust import changed, list_of, trust

key_app = typer.Typer(no_args_is_help=True, help="Your key: what you push is signed with it.")
trust_app = typer.Typer(no_args_is_help=True, help="Trust lists: whose artifacts are taken.")

KeyFile = Annotated[
    Path | None,
    typer.Option("--key", metavar="FILE", help="The private key. [key.pem in MIDFLIGHT_HOME, ~/.midflight]"),
]
In = Annotated[
    Path | None,
    typer.Option(
        "--in",
        "--data",
        metavar="DIR",
        help="The list of the node on this data directory, or of the registry in this folder. [yours]",
    ),
]


def key_file(file: Path | None) -> Path:
    """The file of the private key that is meant."""
    return file or home() / NAME


@key_app.command("new", epilog=example("midflight key new"))
def new_(file: KeyFile = None, as_json: Json = False) -> None:
    """Make a key, readable by you alone, and put its public half on your trust list.

    A key is never written over.
    """
    done(trust(home() / TRUSTED), as_json=as_json)  # a key that cannot be put on it is none to have made
    made = done(new_key(key_file(file)), as_json=as_json)
    done(changed(home() / TRUSTED, {made.public: "mine"}), as_json=as_json)
    report.plain({"key": made.public, "file": str(key_file(file))}) if as_json else report.say(made.public)


@key_app.command("show", epilog=example("midflight key show"))
def show_(file: KeyFile = None, as_json: Json = False) -> None:
    """Print the public half of your key: give it to those who shall trust what you push."""
    found = done(read_key(key_file(file)), as_json=as_json)
    report.plain({"key": found.public, "file": str(key_file(file))}) if as_json else report.say(found.public)


@trust_app.command("add", epilog=example("midflight trust add ed25519:8f2d... ann --data .midflight"))
def add_(
    key: Annotated[str, typer.Argument(metavar="KEY", help="As `midflight key show` prints it.")],
    said: Annotated[str, typer.Argument(metavar="[NAME]", help="Whose it is.")] = "",
    place: In = None,
    as_json: Json = False,
) -> None:
    """Trust what a key has signed, from now on.

    A node has the list in its data directory, `trusted`; where there is none, that of the user it runs as counts.
    """
    if not is_public(key):
        usage(
            f"{key[:80]!r} is no public key: write ed25519: and 64 hex digits, as `midflight key show` does."
        )
    file, said = (place or home()) / TRUSTED, " ".join(said.split())
    if not said.isprintable():
        usage(f"{ascii(said)[:80]} is no name: write what can be shown.")
    done(changed(file, {key: said}), as_json=as_json)
    report.plain({"key": key, "file": str(file)}) if as_json else report.say(f"{file} has {key}")


@trust_app.command("list", epilog=example("midflight trust list --json"))
def list_(place: In = None, as_json: Json = False) -> None:
    """Show the keys that are trusted."""
    found = done(trust(list_of(place or home())), as_json=as_json)
    if as_json:
        keys = [{"key": key, "name": said} for key, said in found.keys.items()]
        report.plain({"file": str(found.file), "keys": keys})
    else:
        report.table(str(found.file), ("key", "name"), list(found.keys.items()))


@trust_app.command("remove", epilog=example("midflight trust remove ed25519:8f2d..."))
def remove_(
    key: Annotated[str, typer.Argument(metavar="KEY", help="As `midflight trust list` shows it.")],
    place: In = None,
    as_json: Json = False,
) -> None:
    """Trust what a key has signed no more. What runs goes on."""
    file = (place or home()) / TRUSTED
    found = done(trust(file), as_json=as_json)
    if key not in found:
        usage(f"{file} has no {key[:80]}; it has: {', '.join(found.keys) or 'none'}")
    done(changed(file, {}, key), as_json=as_json)
    report.plain({"key": key, "file": str(file)}) if as_json else report.say(f"{file} has it no more")
