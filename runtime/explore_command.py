"""`midflight explore`: an upgrade is made, undone and cut short at every message of a recorded trace."""

from __future__ import annotations

import random
import sys
from pathlib import Path
from typing import Annotated, Any

import attrs
import typer
from returns.result import Success
from rich.progress import Progress, TextColumn

from runtime import bounds, report
from runtime.allowed import Expected
from runtime.command import Json, Through, done, loaded, usage
from runtime.exploring import Bound, Report, explore
from runtime.loader import load_arrows
from runtime.parting import VERSIONS, Finding
from runtime.points import KINDS
from runtime.recorded import recorded
from runtime.upgrade import compiled, compiled_through
from runtime.upgrade_command import Expect


def explore_(
    trace: Annotated[
        str,
        typer.Argument(metavar="TRACE", help="Lines of `midflight export`, or JSON messages; - for stdin."),
    ],
    old: Annotated[str, typer.Argument(metavar="OLD", help="FILE[:APP]")],
    new: Annotated[str, typer.Argument(metavar="NEW", help="FILE[:APP]")],
    expect: Expect = None,
    limit: Annotated[
        int, typer.Option(min=1, help="Points that are tried on a node; every swap comes first.")
    ] = bounds.EXPLORED,
    seconds: Annotated[
        float, typer.Option(min=0.1, help="End after so long, with what was tried.")
    ] = bounds.EXPLORED_SECONDS,
    seed: Annotated[
        int | None, typer.Option(help="Draw the same points again.", show_default="another each time")
    ] = None,
    point: Annotated[
        str | None, typer.Option(metavar="PLACE:KIND", help="Try one point alone, as a finding names it.")
    ] = None,
    through: Through = None,
    as_json: Json = False,
) -> None:
    """Swap, roll back and crash at every message of a recorded trace.

    Real nodes in memory run OLD, and at every place NEW takes over, goes on, is undone, and has its power cut before
    and behind each commit. Nothing acknowledged may be lost or done twice, replies that both versions promise are the
    same, and so is the state behind a rollback or a recovery. Exit code 1 where something is wrong. Nothing is sent or
    upgraded; your machines and migrations run in this process.
    """
    between = [loaded(each, as_json=as_json) for each in through or ()]
    one = done(compiled(loaded(old, as_json=as_json)), as_json=as_json)
    other = done(compiled_through(loaded(new, as_json=as_json), between), as_json=as_json)
    names = ("expected", "expected_effects")
    arrows = Success(({}, {})) if expect is None else load_arrows(str(expect), *names)
    expected = Expected(*done(arrows, as_json=as_json))
    messages = done(recorded(_lines(trace), one), as_json=as_json)
    only = None if point is None else _point(point, len(messages))
    number = random.SystemRandom().getrandbits(32) if seed is None else seed
    if not as_json:
        report.say(f"seed {number}, {len(messages)} messages")
    terminal = report.console(errors=True)
    with Progress(
        TextColumn("{task.description}"), console=terminal, transient=True, disable=not terminal.is_terminal
    ) as progress:
        task = progress.add_task("")

        def tell(what: str, at: int, count: int) -> None:
            progress.update(task, description=f"{at:,} of {count:,}: {what}")

        result = explore(one, other, messages, expected, number, Bound(limit, seconds), tell, only)
    found: Report = done(result, as_json=as_json)
    again = ["midflight", "explore", trace, old, new, *(f"--through {each}" for each in through or ())]
    again += [] if expect is None else ["--expect", str(expect)]
    _tell(found, " ".join(again), as_json=as_json)
    if found.findings:
        raise typer.Exit(1)


def _lines(trace: str) -> list[bytes]:
    try:
        return (sys.stdin.buffer.read() if trace == "-" else Path(trace).read_bytes()).split(b"\n")
    except OSError as error:
        usage(f"{trace}: {error.strerror}")


def _point(text: str, messages: int) -> tuple[int, str]:
    place, _, kind = text.partition(":")
    if not place.isdecimal() or int(place) > messages or kind not in (VERSIONS, *KINDS):
        kinds = ", ".join((VERSIONS, *KINDS))
        usage(f"--point is PLACE:KIND, a place from 0 to {messages} and one of: {kinds}")
    return int(place), kind


def _tell(found: Report, again: str, *, as_json: bool) -> None:
    smallest = found.smallest
    command = None if smallest is None else f"{again} --point '{smallest.place}:{smallest.kind}'"
    if as_json:
        report.plain(
            {
                "ok": not found.findings,
                "seed": found.seed,
                "messages": found.messages,
                "points": {kind: attrs.asdict(each) for kind, each in found.counts.items()},
                "unseen": found.unseen,
                "findings": [attrs.asdict(each) for each in found.findings],
                "smallest": None if smallest is None else {**attrs.asdict(smallest), "again": command},
            }
        )
        return
    wrong: dict[str, int] = {}
    for each in found.findings:
        wrong[each.kind] = wrong.get(each.kind, 0) + 1
    rows = [
        (kind, f"{each.places - each.empty:,}", f"{each.tried:,}", wrong.get(kind, ""))
        for kind, each in found.counts.items()
    ]
    report.table("update points", ("kind", "places", "tried", "wrong"), rows)
    for line in found.unseen:
        report.say(f"this trace says nothing of it: {line}")
    if smallest is None:
        report.say("nothing is wrong at any of them")
    else:
        _explain(smallest, found, command or "")


def _explain(finding: Finding, found: Report, command: str) -> None:
    count = len(found.findings)
    report.say(f"{count} findings, and this is the smallest:" if count > 1 else "one finding:")
    rows: list[tuple[str, Any]] = [
        ("where", f"behind {finding.place} of {found.messages} messages"),
        ("message", finding.message or "none: the end of the trace"),
        ("done", ", then ".join(finding.done)),
        ("what", finding.what),
        ("expected", finding.expected),
        ("found", finding.found),
        ("see it again", command),
    ]
    for name, text in rows:
        report.say(f"  {name:<13}{text}")
