"""`midflight run`: an application, or a release, on a node in this process."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from returns.result import Failure

from runtime import bounds
from runtime.application import Application
from runtime.artifact_command import taken
from runtime.command import (
    HERE,
    Data,
    Registry_,
    RegistryToken,
    done,
    from_registry,
    noted,
    usage,
)
from runtime.datadir import claim
from runtime.extra import NeedsExtra
from runtime.lasting import tell
from runtime.listen import DEFAULT
from runtime.loader import load
from runtime.release import Release
from runtime.release_file import SUFFIX
from runtime.save import Save
from runtime.serve import Over, Watch, serve
from runtime.upgrade_command import Older


def run(
    file: Annotated[
        str | None,
        typer.Argument(
            metavar="[FILE[:APP]]",
            help="A Python file that holds an Application, or the TOML file of a release. [what ran here last]",
        ),
    ] = None,
    listen: Annotated[
        list[str] | None,
        typer.Option(metavar="URL", help=f"Where to listen, as often as needed. [{DEFAULT}]"),
    ] = None,
    budget: Annotated[
        float,
        typer.Option(
            min=0, metavar="SECONDS", help="What a step may take before it is interrupted; 0: all it wants."
        ),
    ] = bounds.BUDGET,
    initial: Annotated[
        Path | None,
        typer.Option(metavar="EXPORT", help="Start with the state in an export, where there is none yet."),
    ] = None,
    control: Annotated[
        str | None,
        typer.Option(
            metavar="tcp://HOST:PORT", help="Let the node be controlled over TCP too, by who knows its token."
        ),
    ] = None,
    token_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="The token; made where there is none. [control.token in the data directory]"
        ),
    ] = None,
    watch: Annotated[
        bool, typer.Option("--watch", help="Let each save of the file, and of what it imports, take over.")
    ] = False,
    older: Older = False,
    registry: Registry_ = None,
    registry_token: RegistryToken = None,
    data: Data = HERE,
) -> None:
    """Run an application, or a release, until Ctrl-C.

    Only this machine can reach it unless --listen says otherwise; port 0 takes a free port and prints it.
    What the machines know is kept in the data directory, and is there at the next start. Starting a changed file
    on it is an upgrade; without FILE what ran there last goes on, also where its files are gone. With --watch every
    save is one: what is wrong with it is told, and the version before runs on. An artifact must be signed by a key on
    the trust list of the data directory, or on yours where it has none.
    """
    found: Application | Release | None = None
    watching: Watch | None = None
    if watch:
        found, watching = _watched(file)
    elif file is not None:
        found = taken(file, registry, registry_token, data, older=older)
    if initial is not None and not isinstance(found, Application):
        usage(
            "--initial goes with one application: start each alone with its state, and upgrade to the release."
        )
    if token_file is not None and control is None:
        usage("--token-file goes with --control tcp://HOST:PORT.")
    over = None if control is None else Over(control, token_file)
    done(claim(data), as_json=False).release()
    noted(registry, data)  # before anything is kept in it, and once it can be told that it was a node's
    done(
        serve(found, listen or [DEFAULT], data, tell, budget or None, initial, over, watching),
        as_json=False,
    )


def _watched(file: str | None) -> tuple[Application, Watch]:
    """The application in a file, and what watches it; or tell why not, and end."""
    if file is None:
        usage("--watch goes with a FILE.")
    if file.endswith(SUFFIX) or from_registry(file):
        usage("--watch goes with one application in a Python file, not with a release or an artifact.")
    try:
        from runtime.reload import reloading  # noqa: PLC0415 - watchfiles is an extra
    except ModuleNotFoundError:
        done(Failure(NeedsExtra("watchfiles", "watch")), as_json=False)
        raise
    save = Save()
    application: Application = done(load(file, save), as_json=False)
    return application, reloading(file, application, save)
