"""What the command shows to a person: tables and lines, plain where nobody looks at colours."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TextIO, cast

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from arrows.changed_lines import Style, changed_lines, segments
from arrows.diff import Difference
from arrows.marked import Look
from arrows.tree import Line
from runtime.lasting import Lasting
from runtime.refusal import short
from runtime.unit import ALONE

Plain = Mapping[str, Any]

_COLOURS: dict[Style, str] = {
    "added": "green",
    "removed": "red",
    "changed": "yellow",
    "moved": "cyan",
    "plain": "",
}

_LOOKS: dict[Look | None, str] = {
    "inserted": "green",
    "deleted": "red",
    "replaced": "yellow",
    "moved": "cyan",
    "left": "dim",
}


def console(*, errors: bool = False, lasting: bool = False) -> Console:
    """The terminal; what goes into a pipe or a file is as wide as it is, and plain."""
    stream = sys.stderr if errors else sys.stdout
    wide = None if stream.isatty() or "COLUMNS" in os.environ else 200
    file = cast("TextIO", Lasting(stream)) if lasting else stream
    return Console(file=file, width=wide, highlight=False, soft_wrap=not stream.isatty())


def say(text: str) -> None:
    """One line as it is, at once."""
    print(text, flush=True)


def complain(text: str) -> None:
    """One line on standard error."""
    terminal = console(errors=True)
    terminal.print(f"[red]midflight:[/red] {escape(text)}", soft_wrap=True)


def plain(value: Any) -> None:
    """One JSON object on a line."""
    print(as_json(value), flush=True)


def as_json(value: Any) -> str:
    """JSON on one line."""
    return json.dumps(value, ensure_ascii=not (sys.stdout.encoding or "").lower().startswith("utf"))


def time(milliseconds: int) -> str:
    """When something was: milliseconds since 1970, in UTC."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="milliseconds")


def took(seconds: float) -> str:
    """How long something took.

    >>> took(0.9996), took(0.25), took(0.0012)
    ('1.0 s', '250 ms', '1.20 ms')
    """
    if seconds >= 0.9995:  # what would be 1000 ms
        return f"{seconds:.1f} s"
    return f"{seconds * 1000:.0f} ms" if seconds >= 0.01 else f"{seconds * 1000:.2f} ms"


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


def tree(lines: Sequence[Line]) -> None:
    """A machine, what changed in colours where somebody looks at them."""
    for line in lines:
        words = (each for word in line.words for each in (" >> ", (str(word), _LOOKS.get(word.look, ""))))
        console().print(Text.assemble("  " * line.depth, *list(words)[1:]), soft_wrap=True)


def status(node: Plain) -> None:
    """What a node runs."""
    where = ", ".join(node["urls"]) or "no address"
    say(f"process {node['process']} on {node['data']}, listening on {where}")
    kept = "in memory: it is lost when the node stops" if node["durability"] == "memory" else "kept on disk"
    say(f"state is {kept}")
    together = set()
    for each in node.get("releases", ()):
        parts = ", ".join(f"{one['name']} {one['version']}" for one in each["applications"])
        together |= {one["name"] for one in each["applications"]}
        back = f"; rollback leads to {_label(each['previous'])}" if each["previous"] else ""
        say(
            f"release {each['name']}, version {each['version']} (digest {short(each['digest'])}): {parts}{back}"
        )
    for each in node["applications"]:
        alone = each["previous"] and each["name"] not in together
        back = f"; rollback leads to version {each['previous']}" if alone else ""
        title = f"{each['name']}, version {each['version']} (digest {short(each['digest'])}){back}"
        table(title, ("machine", "cell", "type", "value", "stepped", "failed", "waiting"), _machines(each))
        for told in _upgrade(each.get("upgrade", {})):
            say(f"{each['name']}: {told}")
        for machine in each["machines"]:
            for word in ("timers", "sends"):
                if word in machine:
                    say(f"{machine['name']}: {word} to come: {machine[word]}")
    if "dead_letters" in node:
        say(f"dead letters: {node['dead_letters']}; `midflight dead-letters` shows them")
    if "dead_letters_lost" in node:
        say(
            f"dead letters dropped for want of room since the start: {node['dead_letters_lost']}; see the log"
        )


def _label(version: str) -> str:
    return version if version == ALONE else f"version {version}"


def _upgrade(found: Plain) -> list[str]:
    """How the last upgrade stands."""
    told = []
    if "probation" in found:
        watch = found["probation"]
        told.append(
            f"on probation for {watch['limit']}: {watch['messages']} messages so far, {watch['seconds']:.1f} s to go"
        )
    if "rows" in found:
        told.append(f"{found['rows']} rows of tables are still to be led to this version")
    if "aside" in found:
        keys = found["aside"]["keys"]
        told.append(
            f"{found['aside']['count']} keys are set aside, as their rows cannot be led to this version:"
        )
        told += [f"  {each['machine']}.{each['cell']} {each['key']}: {each['why']}" for each in keys]
    if "stuck" in found:
        told.append(f"STUCK in this version. {found['stuck']}")
    return told


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
    name = f"release {change['release']}" if "release" in change else change["application"]
    say(f"{name} {word}: {_sides(change)}, in {change['seconds'] * 1000:.2f} ms between two messages")
    for each in change.get("applications", ()):
        say(f"  {each['application']} {_sides(each)}")
    for each in change.get("started", ()):
        say(f"  {each} runs now")
    for each in change.get("stopped", ()):
        say(f"  {each} rests; what it knows is kept")
    if change["turned"]:
        say(f"{change['turned']} waiting messages that only {change['old_version']} has were turned away")
    _rows(change["rows"])


def _sides(change: Plain) -> str:
    """From which version to which."""
    sides = ((change[f"{side}_version"], change[side]) for side in ("old", "new"))
    return " -> ".join(f"{version} ({short(digest)})" if digest else version for version, digest in sides)


def plan(found: Plain) -> None:
    """What an upgrade would do, instruction by instruction, and cell by cell."""
    say(f"{found['application']}: {_sides(found)}; nothing was changed")
    instructions(found["instructions"])
    _rows(found["rows"])


class Steps:
    """How far an upgrade is, on standard error: a line for each instruction, which is ended when that is done."""

    def __init__(self) -> None:
        self._open: int | None = None

    def __enter__(self) -> Steps:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def tell(self, progress: Plain) -> None:
        """Show a `Progress`, as JSON has it."""
        at, state, note = progress["at"], progress["state"], progress["note"]
        if self._open != at:
            self._end()
            self._say(f"  {at}/{progress['of']} {progress['instruction']}")
            self._open = at
        if state == "told":
            self._say(f": {note}")
        elif state in ("done", "refused"):
            more = f" ({note})" if note else ""
            self._say(f": {state} in {took(progress['seconds'])}{more if state == 'done' else ''}")
            self._end()

    def _end(self) -> None:
        if self._open is not None:
            self._say("\n")
            self._open = None

    def _say(self, text: str) -> None:
        print(text, end="", file=sys.stderr, flush=True)


def instructions(texts: Sequence[str]) -> None:
    """The instructions of an upgrade, numbered."""
    for at, each in enumerate(texts, 1):
        say(f"  {at}. {each}")


def _rows(found: Mapping[str, Sequence[Plain]]) -> None:
    rows = [
        (machine, row["address"], row["label"], " -> ".join(filter(None, (row["old"], row["new"]))))
        for machine, each in found.items()
        for row in each
    ]
    if rows:
        table("", ("machine", "cell", "is", "type"), rows)
