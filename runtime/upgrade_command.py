"""`midflight upgrade`: another version takes over on the running node, and is watched."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from runtime import bounds, report
from runtime.command import (
    HERE,
    Control,
    Data,
    Json,
    Registry_,
    RegistryToken,
    Through,
    TokenFile,
    Wanted,
    absolute,
    done,
    fetched,
    from_registry,
    noted,
    reached,
    usage,
)
from runtime.control_client import Remote, ask
from runtime.instruction import Probation, probation
from runtime.release_file import SUFFIX, beside, read_release
from runtime.whole_file import is_there

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
    file: Wanted,
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
    """Let another version, or another release, take over on the running node.

    It happens between two messages: the state follows the version's migrations, and waiting messages stay. What is
    refused has changed nothing. The applications of a release change together, or none does. Then the new version is
    watched: where it fails on what the version before answers, the node goes back to that by itself, and this ends
    with exit code 1. Ctrl-C ends the waiting and nothing else. With --control, FILE is a path on the machine of the
    node. An artifact is got from the registry, checked, and sent to the node, which takes it only if its own trust list
    has the key that signed it.
    """
    limit = _limit(running, watched)
    place = reached(data, control, token_file, as_json=as_json)
    path = absolute if control is None else str
    give = Giving(registry, registry_token, path, older=older, as_json=as_json)
    given = give.wanted(file)
    request = {
        "op": "upgrade",
        "file": given,
        "expected": running or runs(place, given, as_json=as_json),
        "through": [give.one(each) for each in through or ()],
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
    if control is None and not dry_run:
        noted(registry, data)  # before: the node keeps what it is led to, whoever waits for that
    with report.Steps() as steps:
        reply = ask(place, request, timeout=None, tell=steps.tell)
    show(done(reply, as_json=as_json), as_json)


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


class Giving:
    """What a node is given of what is typed: paths, or artifacts out of the registry."""

    def __init__(
        self,
        where: str | None,
        token: Path | None,
        path: Callable[[str], str],
        *,
        older: bool = False,
        as_json: bool = False,
    ) -> None:
        self._from = where, token
        self._path = path
        self._older = older
        self._as_json = as_json

    def one(self, text: str) -> Any:
        """A version: FILE[:APP], or an artifact."""
        return self._artifact(text) if from_registry(text) else self._path(text)

    def _artifact(self, reference: str) -> Any:
        made, held = fetched(reference, *self._from, as_json=self._as_json)
        told: dict[str, Any] = {"name": made.name, "version": made.version, "address": made.address}
        told = {"artifact": base64.b64encode(held).decode(), **told, "older": self._older}
        if not made.release:
            return told
        return {**told, "applications": [self._artifact(each.address) for each in made.release]}

    def wanted(self, text: str) -> Any:
        """A version, or a release out of its file, which is read here where it is."""
        if not text.endswith(SUFFIX) or not is_there(text):
            return self.one(text)
        told = done(read_release(text), as_json=self._as_json)
        parts = [self.one(beside(text, each)) for each in told["applications"]]
        return {"release": told["name"], **told, "applications": parts}


def show(reply: dict[str, Any], as_json: bool) -> None:
    """Print what was changed."""
    if as_json:
        report.plain(reply)
    elif "plan" in reply:
        report.plan(reply["plan"])
    else:
        report.upgraded(reply["upgraded"])


def runs(place: Path | Remote, given: Any, *, as_json: bool) -> str | None:
    """The digest of what a node runs of which it is given another version, as far as it is clear what that is."""
    status = done(ask(place, {"op": "status"}), as_json=as_json)["status"]
    running = status["applications"]
    if isinstance(given, dict):
        kept = "releases" if {"release", "applications"} & given.keys() else "applications"
        name = given.get("release") or given["name"]
        running = [each for each in status.get(kept, []) if each["name"] == name]
    elif given.endswith(SUFFIX):  # a file on the machine of the node
        running = []
    return str(running[0]["digest"]) if len(running) == 1 else None


def _is_digest(text: str) -> bool:
    return bounds.SHORT_DIGEST <= len(text) <= 64 and set(text) <= set("0123456789abcdef")
