"""`midflight dead-letters`: the messages that no machine took, and what is done with them."""

from __future__ import annotations

from enum import Enum
from typing import Annotated, Any

import typer
from returns.result import Failure

from runtime import dead_letters, report
from runtime.command import HERE, Control, Data, Json, TokenFile, asked, done, usage
from runtime.reading import looked
from runtime.refusal import short
from runtime.replaying import NoSuchLetter


class What(Enum):
    """What is done with them."""

    LIST = "list"
    SHOW = "show"
    REPLAY = "replay"
    DROP = "drop"


def dead_letters_(
    what: Annotated[What, typer.Argument(metavar="[WHAT]", help="list, show, replay or drop.")] = What.LIST,
    numbers: Annotated[
        list[int] | None, typer.Argument(metavar="[NUMBER...]", help="The numbers of letters.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="All there are, the oldest first.")] = False,
    data: Data = HERE,
    control: Control = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """List, show, replay or drop the messages that no machine took.

    They are those that only a version has that went back, and those sent to a machine that is not there or does not
    take them. `replay` lets the machine step a message now, in the version that runs: where that does not take it, or
    its step raises, the letter stays, and this ends with exit code 1. `drop` forgets one. Both need a running node; the
    data directory alone is enough to list them, and to `show` all of one. What is secret is masked.
    """
    if what is What.LIST and numbers:
        usage("`list` takes no numbers; `show NUMBER` tells all of a letter.")
    if what is not What.LIST and bool(numbers) == every:
        usage(f"name the numbers of dead letters, or give --all: midflight dead-letters {what.value} 3 4")
    if what in (What.REPLAY, What.DROP):
        request = {"op": what.value, "letters": None if every else numbers}
        _told(asked(request, data, control, token_file, as_json=as_json, timeout=None), as_json)
        return
    if control is None:
        found = done(looked(data, dead_letters.read), as_json=as_json)
        letters = [each.to_plain() for each in found]
    else:
        letters = asked({"op": "dead-letters"}, data, control, token_file, as_json=as_json)["dead_letters"]
    if what is What.SHOW and not every:
        known = {each["number"]: each for each in letters}
        letters = [
            known.get(each) or done(Failure(NoSuchLetter(each)), as_json=as_json) for each in numbers or ()
        ]
    if as_json:
        report.plain({"dead_letters": letters})
    elif what is What.SHOW:
        for each in letters:
            _whole(each)
    else:
        report.table(
            "", ("number", "when", "from", "to", "version", "why"), [_line(each) for each in letters]
        )


def _told(reply: dict[str, Any], as_json: bool) -> None:
    """Tell what came of a replay or a drop."""
    if as_json:
        report.plain({key: value for key, value in reply.items() if key != "ok"})
    else:
        for each in reply.get("replayed", ()):
            report.say(
                f"dead letter {each['number']} was replayed; the reply: {report.as_json(each['reply'])}"
            )
        for number in reply.get("dropped", ()):
            report.say(f"dead letter {number} was dropped")
        for each in reply["refused"]:
            report.complain(each["message"])
    if reply["refused"]:
        raise typer.Exit(1)


def _whole(letter: dict[str, Any]) -> None:
    for key, value in letter.items():
        at = key in ("at", "due") and value is not None
        told = report.time(value) if at else report.as_json(value) if key == "message" else value
        if told not in (None, ""):
            report.say(f"{key:<12} {told}")


def _line(letter: dict[str, Any]) -> tuple[object, ...]:
    source = letter["sender"] if letter["source"] == "send" else f"a {letter['source']}"
    version = f"{letter['application']} {letter['version']} ({short(letter['digest'])})"
    return letter["number"], report.time(letter["at"]), source, letter["machine"], version, letter["why"]
