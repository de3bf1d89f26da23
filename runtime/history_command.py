"""`midflight history`: what was done on a data directory."""

from __future__ import annotations

from typing import Annotated, Any

import attrs
import typer
from returns.result import Failure

from migrations.refusal import Refusal
from runtime import report
from runtime.command import HERE, Control, Data, Json, TokenFile, asked, done
from runtime.history import rows
from runtime.reading import looked
from runtime.refusal import short

Row = dict[str, Any]

LATER = ("passed", "stuck", "settled", "rolled back")
"""What becomes of an upgrade after its swap."""


@attrs.frozen
class NoSuchRow(Refusal):
    """The history has no row of that number."""

    number: int

    @property
    def happened(self) -> str:
        return f"the history has no row {self.number}: it never had, or it is among those that newer ones replaced."

    @property
    def remedy(self) -> str:
        return "`midflight history` shows those there are."


def history_(
    limit: Annotated[int, typer.Option(min=1, help="How many of the latest to show.")] = 50,
    show: Annotated[
        int | None, typer.Option(metavar="NUMBER", help="Show one row whole, and what came of it.")
    ] = None,
    data: Data = HERE,
    control: Control = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """Show what was done here: starts, upgrades, rollbacks, refusals and ends.

    When (UTC), by whom, which versions, how long the machines stood still, and why something was refused or went back.
    `--show` tells of an upgrade also what it changed in cells and trees, and each instruction with its time. The data
    directory is read, also while a node runs on it.
    """
    if control is None:
        found = done(looked(data, rows), as_json=as_json)
    else:
        found = asked({"op": "history"}, data, control, token_file, as_json=as_json)["history"]
    told = [
        {**row, **{each: report.time(row[each]) for each in ("at", "until") if each in row}} for row in found
    ]
    if show is not None:
        one = next((row for row in told if row["number"] == show), None)
        if one is None:
            done(Failure(NoSuchRow(show)), as_json=as_json)
        else:
            one = {**one, "then": _then(told, one)}
            report.plain(one) if as_json else _whole(one)
        return
    if as_json:
        report.plain({"history": told[-limit:]})
        return
    columns = ("number", "when", "what", "application", "versions", "took", "by", "why")
    report.table("", columns, [_line(row) for row in told[-limit:]])


def _then(told: list[Row], one: Row) -> list[Row]:
    """What came of an upgrade: the rows of its application up to the next one."""
    found: list[Row] = []
    if one["what"] == "upgraded":
        for row in told:
            if row["number"] > one["number"] and row["application"] == one["application"]:
                if row["what"] == "upgraded" or (found and found[-1]["what"] == "rolled back"):
                    break
                if row["what"] in LATER:
                    found.append(row)
    return found


def _line(row: Row) -> tuple[str, ...]:
    stood = f"{row['seconds'] * 1000:.2f} ms" if row.get("seconds") is not None else ""
    name = row["application"] or ""
    return (str(row["number"]), row["at"], _what(row), name, _versions(row), stood, row["who"], _why(row))


def _what(row: Row) -> str:
    machine = f" {row['machine']}" if "machine" in row else ""
    times = f", {row['count']} times" if row.get("count", 1) > 1 else ""
    return f"{row['what']}{machine}{times}"


def _whole(row: Row) -> None:
    """Tell all of a row."""
    report.say(f"{row['number']}. {_what(row)} at {row['at']} by {row['who']}")
    letters = row.get("letters", {"count": 0, "numbers": ()})
    facts = (
        ("application", row["application"]),
        ("versions", _versions(row)),
        ("until", row.get("until")),
        ("took", report.took(row["seconds"]) if row.get("seconds") is not None else ""),
        ("messages", row.get("messages")),
        ("turned away", row.get("turned")),
        ("letters", f"{letters['count']}: {', '.join(letters['numbers'])}" if letters["count"] else ""),
        ("why", _why(row)),
    )
    for name, value in facts:
        if value not in (None, ""):
            report.say(f"   {name:<12} {value}")
    for at, step in enumerate(row.get("steps", ()), 1):
        report.say(f"   {at}. {_step(step)}")
    changed = row.get("changed", {})
    for cell in changed.get("cells", ()):
        types = " -> ".join(each for each in (cell["old"], cell["new"]) if each)
        report.say(f"   cell {cell['machine']} {cell['address']}: {cell['label']}, {types}")
    for line in changed.get("tree", ()):
        report.say(f"   tree {line}")
    if changed.get("more"):
        report.say(f"   and {changed['more']} more")
    for later in row["then"]:
        why = _why(later)
        report.say(f"   then {later['what']} at {later['at']} by {later['who']}{': ' if why else ''}{why}")


def _step(step: Row) -> str:
    if "state" not in step:
        return f"{step['instruction']}: not begun"
    took = f" in {report.took(step['seconds'])}" if "seconds" in step else ""
    note = f" ({step['note']})" if step.get("note") else ""
    return f"{step['instruction']}: {step['state']}{took}{note}"


def _versions(row: Row) -> str:
    sides = (row[side] for side in ("old", "new") if side in row)
    return " -> ".join(f"{each['version']} ({short(each['digest'])})" for each in sides)


def _why(row: Row) -> str:
    return f"{row['why']['reason']}: {row['why']['message']}" if "why" in row else ""
