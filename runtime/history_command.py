"""`midflight history`: what was done on a data directory."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from returns.result import Failure

from runtime import history, report
from runtime.command import HERE, Data, Json, done
from runtime.export_command import opened
from runtime.refusal import short
from runtime.store import DamagedData


def history_(
    limit: Annotated[int, typer.Option(min=1, help="How many of the latest to show.")] = 50,
    data: Data = HERE,
    as_json: Json = False,
) -> None:
    """Show what was done here: starts, upgrades, rollbacks, refusals and ends.

    When (UTC), by whom, which versions, how long the machines stood still, and why something was refused. The data
    directory is read, also while a node runs on it.
    """
    reading = done(opened(data), as_json=as_json)
    try:
        found = history.rows(reading)[-limit:]
    except DamagedData as damaged:
        found = done(Failure(damaged.refusal), as_json=as_json)
    finally:
        reading.close()
    told = [{**row, "at": _at(row["at"])} for row in found]
    if as_json:
        report.plain({"history": told})
        return
    columns = ("when", "what", "application", "versions", "took", "by", "why")
    report.table("", columns, [_line(row) for row in told])


def _at(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="milliseconds")


def _line(row: dict[str, Any]) -> tuple[str, ...]:
    sides = (row[side] for side in ("old", "new") if side in row)
    versions = " -> ".join(f"{each['version']} ({short(each['digest'])})" for each in sides)
    took = f"{row['seconds'] * 1000:.2f} ms" if row.get("seconds") is not None else ""
    why = f"{row['why']['reason']}: {row['why']['message']}" if "why" in row else ""
    return (row["at"], row["what"], row["application"] or "", versions, took, row["who"], why)
