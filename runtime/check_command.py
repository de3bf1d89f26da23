"""`midflight check`: an upgrade tried on states and messages that are drawn from the types."""

from __future__ import annotations

import random
from typing import Annotated, Any

import attrs
import typer
from returns.result import Failure
from rich.progress import Progress, TextColumn

from runtime import report
from runtime.command import Json, NeedsExtra, Through, done, loaded
from runtime.upgrade import compiled, compiled_through


def check(
    old: Annotated[str, typer.Argument(metavar="OLD", help="FILE[:APP]")],
    new: Annotated[str, typer.Argument(metavar="NEW", help="FILE[:APP]")],
    trials: Annotated[int, typer.Option(min=1, help="How many for each machine and law.")] = 10_000,
    seed: Annotated[
        int | None, typer.Option(help="Draw the same again.", show_default="another each time")
    ] = None,
    through: Through = None,
    as_json: Json = False,
) -> None:
    """Try an upgrade on states drawn from the cells' types.

    What goes up must come back as it was, but for what a Migration drops; an example that does not is made as small as
    it can be. Where both versions promise the same reply, one that differs is shown, and is no error. Nothing is
    upgraded. Exit code 1 where something is wrong. Your machines and migrations run in this process.
    """
    try:
        from runtime import trial  # noqa: PLC0415 - Hypothesis is an extra, and slow to import
    except ModuleNotFoundError:
        done(Failure(NeedsExtra("Hypothesis", "check")), as_json=as_json)
        raise
    between = [loaded(each, as_json=as_json) for each in through or ()]
    one = done(compiled(loaded(old, as_json=as_json)), as_json=as_json)
    other = done(compiled_through(loaded(new, as_json=as_json), between), as_json=as_json)
    number = random.SystemRandom().getrandbits(32) if seed is None else seed
    terminal = report.console(errors=True)
    silent = not terminal.is_terminal
    with Progress(
        TextColumn("{task.description}"), console=terminal, transient=True, disable=silent
    ) as progress:
        task = progress.add_task("")

        def tell(machine: str, law: str, count: int) -> None:
            if count % 100 == 0:
                progress.update(task, description=f"{machine}: {law}, {count:,} of {trials:,}")

        found = list(trial.trials(one, other, trials, number, tell))
    wrong = any(each.is_wrong for each in found)
    if as_json:
        report.plain({"ok": not wrong, "seed": number, "findings": [_plain(each) for each in found]})
    else:
        report.say(f"seed {number}")
        rows = [(each.machine, each.law, f"{each.trials:,}", _word(each)) for each in found]
        report.table("", ("machine", "law", "trials", "found"), rows)
        for each in found:
            if each.problem:
                report.say(f"{each.machine}, {each.law}: {_told(each)}")
    if wrong:
        raise typer.Exit(1)


def _plain(found: Any) -> dict[str, Any]:
    return {**attrs.asdict(found), "wrong": found.is_wrong}


def _word(found: Any) -> str:
    return "WRONG" if found.is_wrong else "differs" if found.problem else "holds"


def _told(found: Any) -> str:
    return f"{found.example}\n  {found.problem}" if found.example else found.problem
