"""What the command shows to a person: tables and lines, plain where nobody looks at colours."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from arrows.changed_lines import Style, changed_lines, segments
from arrows.diff import Difference
from runtime.refusal import short

Plain = Mapping[str, Any]

_COLOURS: dict[Style, str] = {
    "added": "green",
    "removed": "red",
    "changed": "yellow",
    "moved": "cyan",
    "plain": "",
}


def console(*, errors: bool = False) -> Console:
    """The terminal; what goes into a pipe or a file is as wide as it is, and plain."""
    stream = sys.stderr if errors else sys.stdout
    wide = None if stream.isatty() or "COLUMNS" in os.environ else 200
    return Console(file=stream, width=wide, highlight=False, soft_wrap=not stream.isatty())


def say(text: str) -> None:
    """One line as it is, at once."""
    print(text, flush=True)


def complain(text: str) -> None:
    """One line on standard error."""
    terminal = console(errors=True)
    terminal.print(f"[red]midflight:[/red] {escape(text)}", soft_wrap=True)


def plain(value: Any) -> None:
    """One JSON object on a line."""
    print(json.dumps(value, ensure_ascii=False), flush=True)


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """A table; cells are texts as they are."""
    made = Table(title=escape(title) or None, title_justify="left", show_header=any(columns))
    for column in columns:
        made.add_column(column, overflow="fold")
    for row in rows:
        made.add_row(*(escape(str(cell)) for cell in row))
    console().print(made)


def difference(found: Difference) -> None:
    """What differs, in colours where somebody looks at them, and then the lines of source it was written in."""
    lines = changed_lines(found)
    told = [*segments(found), *(each for line in lines for each in line.segments())]
    for style, text in told:
        console().print(Text(text, style=_COLOURS[style]), soft_wrap=True)


def status(node: Plain) -> None:
    """What a node runs."""
    where = ", ".join(node["urls"]) or "no address"
    say(f"process {node['process']} on {node['data']}, listening on {where}")
    kept = "in memory: it is lost when the node stops" if node["durability"] == "memory" else "kept on disk"
    say(f"state is {kept}")
    for each in node["applications"]:
        back = f"; rollback leads to version {each['previous']}" if each["previous"] else ""
        title = f"{each['name']}, version {each['version']} (digest {short(each['digest'])}){back}"
        table(title, ("machine", "cell", "type", "value", "stepped", "failed", "waiting"), _machines(each))
        for machine in each["machines"]:
            for word in ("timers", "sends"):
                if word in machine:
                    say(f"{machine['name']}: {word} to come: {machine[word]}")
    if "dead_letters" in node:
        say(f"dead letters: {node['dead_letters']}; the log says which")


def _machines(application: Plain) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = []
    for machine in application["machines"]:
        counts = (machine["stepped"], machine["failed"], machine["waiting"])
        cells = machine["cells"] or [{"address": "", "type": "", "value": None}]
        for at, cell in enumerate(cells):
            first = at == 0
            value = (
                f"{cell['size']} keys" if "size" in cell else json.dumps(cell["value"], ensure_ascii=False)
            )
            shown = "" if not machine["cells"] else value
            name = machine["name"] if first else ""
            rows.append((name, cell["address"], cell["type"], shown, *(counts if first else ("", "", ""))))
    return rows


def upgraded(change: Plain) -> None:
    """A change that was made, cell by cell."""
    word = "rolled back" if change["back"] else "upgraded"
    versions = f"{change['old_version']} ({short(change['old'])}) -> {change['new_version']} ({short(change['new'])})"
    say(
        f"{change['application']} {word}: {versions}, in {change['seconds'] * 1000:.2f} ms between two messages"
    )
    rows = [
        (machine, row["address"], row["label"], " -> ".join(filter(None, (row["old"], row["new"]))))
        for machine, found in change["rows"].items()
        for row in found
    ]
    if rows:
        table("", ("machine", "cell", "is", "type"), rows)
