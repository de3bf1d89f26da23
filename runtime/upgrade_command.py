"""`midflight upgrade`: another version takes over on the running node, and is watched."""

from __future__ import annotations

import base64
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from runtime import bounds, report
from runtime.command import (
    HERE,
    Control,
    Data,
    FileArgument,
    Json,
    Registry_,
    RegistryToken,
    Through,
    TokenFile,
    done,
    fetched,
    from_registry,
    noted,
    reached,
    usage,
)
from runtime.control_client import ask
from runtime.instruction import Probation, probation

Rehearse = Annotated[
    int,
    typer.Option(min=0, metavar="N", help="Step the last N inputs in both versions before; 0: do without."),
]
Expect = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="What may differ: expected = {MACHINE: arrow over old and new reply}."),
]
Watched = Annotated[
    str,
    typer.Option(
        "--probation",
        metavar="MESSAGES/TIME",
        help="For how long the new version is watched, such as 1000/10s or 100000/1h; 0: not at all.",
    ),
]
AllowPause = Annotated[
    bool,
    typer.Option(
        "--allow-pause", help="Let callers wait where a large cell changes all the time, and do not refuse."
    ),
]
Quarantine = Annotated[
    bool,
    typer.Option("--quarantine", help="Set keys aside whose rows cannot be led, each alone; do not go back."),
]
Older = Annotated[
    bool, typer.Option("--older", help="Take an artifact of a version that was replaced here before.")
]
USUAL = str(Probation())


def upgrade(
    file: FileArgument,
    running: Annotated[
        str | None,
        typer.Option(metavar="DIGEST", help="The version that must be running. [the one that runs now]"),
    ] = None,
    through: Through = None,
    rehearse: Rehearse = bounds.REHEARSED,
    expect: Expect = None,
    watched: Watched = USUAL,
    allow_pause: AllowPause = False,
    quarantine: Quarantine = False,
    settle: Annotated[
        bool, typer.Option("--settle", help="Let it be one that cannot be undone once it has passed.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Tell what would be done; change nothing.")
    ] = False,
    wait: Annotated[
        bool, typer.Option("--wait/--no-wait", help="Wait until the new version has passed or has gone back.")
    ] = True,
    older: Older = False,
    registry: Registry_ = None,
    registry_token: RegistryToken = None,
    data: Data = HERE,
    control: Control = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """Let another version take over on the running node.

    It happens between two messages: the state follows the version's migrations, and waiting messages stay. What is
    refused has changed nothing. Then the new version is watched: where it fails on what the version before answers,
    the node goes back to that by itself, and this ends with exit code 1. Ctrl-C ends the waiting and nothing else.
    With --control, FILE is a path on the machine of the node. An artifact is got from the registry, checked, and sent
    to the node, which takes it only if its own trust list has the key that signed it.
    """
    limit = _limit(running, watched)
    place = reached(data, control, token_file, as_json=as_json)
    path = _absolute if control is None else str

    sent = partial(_sent, path=path, where=registry, token=registry_token, older=older, as_json=as_json)
    now = done(ask(place, {"op": "status"}), as_json=as_json)["status"]["applications"]
    request = {
        "op": "upgrade",
        "file": sent(file),
        "expected": running or (now[0]["digest"] if len(now) == 1 else None),
        "through": [sent(each) for each in through or ()],
        "rehearse": rehearse,
        "expect": None if expect is None else path(str(expect)),
        "probation": None if limit is None else str(limit),
        "allow_pause": allow_pause,
        "quarantine": quarantine,
        "settle": settle,
        "dry_run": dry_run,
        "wait": wait and not dry_run,
        "progress": not as_json,
    }
    with report.Steps() as steps:
        reply = ask(place, request, timeout=None, tell=steps.tell)
    show(done(reply, as_json=as_json), as_json)
    if from_registry(file) and control is None and not dry_run:
        noted(registry, data)


def _limit(running: str | None, watched: str) -> Probation | None:
    """For how long it is watched; or tell what was typed wrong, and end."""
    if running is not None and not _is_digest(running):
        usage(
            f"--running {running!r}: give {bounds.SHORT_DIGEST} or more hex digits of a digest, as status shows them"
        )
    try:
        return probation(watched)
    except ValueError as error:
        usage(f"--probation {error}")


def _sent(
    text: str,
    *,
    path: Callable[[str], str],
    where: str | None,
    token: Path | None,
    older: bool,
    as_json: bool,
) -> Any:
    """A version as it is sent to the node: the path of a file, or an artifact with what it must be."""
    if not from_registry(text):
        return path(text)
    made, held = fetched(text, where, token, as_json=as_json)
    told = {"name": made.name, "version": made.version, "address": made.address}
    return {"artifact": base64.b64encode(held).decode(), **told, "older": older}


def show(reply: dict[str, Any], as_json: bool) -> None:
    """Print what was changed."""
    if as_json:
        report.plain(reply)
    elif "plan" in reply:
        report.plan(reply["plan"])
    else:
        report.upgraded(reply["upgraded"])


def _absolute(file: str) -> str:
    """The node has another working directory; FILE:APP stays FILE:APP."""
    return str(Path(file).absolute())


def _is_digest(text: str) -> bool:
    return bounds.SHORT_DIGEST <= len(text) <= 64 and set(text) <= set("0123456789abcdef")
