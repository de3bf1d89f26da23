"""`midflight status --watch`: what a node runs, and how fast, until somebody has seen enough."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from returns.result import Failure
from rich.live import Live
from rich.markup import escape
from rich.table import Table

from runtime import report
from runtime.control_client import Remote, ask

Plain = Mapping[str, Any]


class Rates:
    """What changed from one look to the next, in a second."""

    def __init__(self) -> None:
        self._seen: tuple[float, dict[str, tuple[int, int]]] = (0.0, {})

    def look(self, status: Plain, now: float) -> list[dict[str, Any]]:
        """The machines with their rates; None where there was no look before.

        >>> rates = Rates()
        >>> node = {"applications": [{"machines": [
        ...     {"name": "a", "version": "1", "waiting": 0, "stepped": 10, "failed": 0}]}]}
        >>> rates.look(node, 1.0)[0]["steps_per_second"]
        >>> node["applications"][0]["machines"][0]["stepped"] = 30
        >>> rates.look(node, 3.0)[0]["steps_per_second"]
        10.0
        """
        before, known = self._seen
        machines = [machine for each in status["applications"] for machine in each["machines"]]
        found = []
        for machine in machines:
            row = {key: machine[key] for key in ("name", "version", "stepped", "failed", "waiting")}
            was = known.get(machine["name"])
            for at, (word, key) in enumerate((("steps", "stepped"), ("failures", "failed"))):
                rate = None if was is None else max(0, machine[key] - was[at]) / max(now - before, 1e-9)
                row[f"{word}_per_second"] = rate
            row |= {word: machine[word] for word in ("timers", "sends") if word in machine}
            found.append(row)
        self._seen = (now, {each["name"]: (each["stepped"], each["failed"]) for each in machines})
        return found


def watch(place: Path | Remote, interval: float, *, as_json: bool) -> int:
    """Look every `interval` seconds. Returns 0 when interrupted, 1 when there is no node (any more)."""
    rates = Rates()
    try:
        with Live(console=report.console(), auto_refresh=False, transient=False) as live:
            while True:
                reply = ask(place, {"op": "status"})
                if isinstance(reply, Failure):
                    refusal = reply.failure()
                    break
                status = reply.unwrap()["status"]
                machines = rates.look(status, time.monotonic())
                if as_json:
                    report.plain({"process": status["process"], "machines": machines})
                else:
                    live.update(_table(status, machines), refresh=True)
                time.sleep(interval)
    except KeyboardInterrupt:
        return 0
    if as_json:
        report.plain({"ok": False, **refusal.to_plain()})
    else:
        report.complain(str(refusal))
    return 1


def _table(status: Plain, machines: list[dict[str, Any]]) -> Table:
    kept = "in memory" if status["durability"] == "memory" else "on disk"
    made = Table(title=escape(f"process {status['process']}, state {kept}"), title_justify="left")
    for column in ("machine", "version"):
        made.add_column(column, overflow="fold")
    for column in ("steps/s", "stepped", "failed/s", "failed", "waiting", "timers"):
        made.add_column(column, justify="right")
    for each in machines:
        rates = ("" if each[key] is None else f"{each[key]:,.1f}" for key in _RATES)
        steps, failures = rates
        counts = (steps, f"{each['stepped']:,}", failures, f"{each['failed']:,}", f"{each['waiting']:,}")
        made.add_row(escape(each["name"]), escape(each["version"]), *counts, str(each.get("timers", "")))
    return made


_RATES = ("steps_per_second", "failures_per_second")
