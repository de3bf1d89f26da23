"""`midflight plan`: what an upgrade would do with every cell and message, before anybody is asked to do it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import attrs
import typer
from returns.result import Failure, Result, Success

from arrows.shape import NOTHING
from migrations.messages import Form, messages
from migrations.plan import Survey, survey
from migrations.refusal import Refusal, WrongLens
from migrations.rule import Stop
from runtime import report
from runtime.acceptance import Older
from runtime.application import Application
from runtime.command import Json, done, exit_code, label, loaded, usage
from runtime.hosted import Compiled
from runtime.refusal import MachineRemoved, MessageNotAccepted, short
from runtime.upgrade import compiled


@attrs.frozen
class Machine:
    """What becomes of a machine."""

    name: str
    found: Survey | None
    messages: tuple[Form, ...]
    refused: tuple[Refusal, ...]

    def to_plain(self) -> dict[str, Any]:
        """For JSON."""
        rows = [] if self.found is None else [attrs.asdict(row) for row in self.found.plan.rows]
        messages = [attrs.asdict(each) for each in self.messages]
        return {"cells": rows, "messages": messages, "refused": [each.to_plain() for each in self.refused]}


def plan(
    old: Annotated[str, typer.Argument(metavar="OLD", help="FILE[:APP]")],
    new: Annotated[str, typer.Argument(metavar="NEW", help="FILE[:APP]")],
    back: Annotated[
        bool, typer.Option("--back", help="Plan the rollback from NEW to OLD instead, by NEW's migrations.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Show what an upgrade would make of every cell and message.

    Cell by cell: kept, converted (declared in a Migration, or inferred from structure), new, dropped, or refused,
    with the line to write. No node is asked and no state is touched. Exit code 3 where a Migration has to say more.
    """
    one, other = loaded(old, as_json=as_json), loaded(new, as_json=as_json)
    if one.name != other.name:
        usage(
            f"{old} holds {one.name} and {new} holds {other.name}: an upgrade is between versions of one application."
        )
    versions = {"old": label(one, as_json=as_json), "new": label(other, as_json=as_json)}
    found = done(planned(one, other, back=back), as_json=as_json)
    refused = [each for machine in found for each in machine.refused]
    if as_json:
        machines = {machine.name: machine.to_plain() for machine in found}
        report.plain({"ok": not refused, "back": back, **versions, "machines": machines})
    else:
        _told(versions, found, back=back)
        for each in refused:
            report.complain(str(each))
    if refused:
        raise typer.Exit(max(exit_code(each.reason) for each in refused))


def planned(
    one: Application, other: Application, *, back: bool = False
) -> Result[tuple[Machine, ...], Refusal]:
    """What becomes of every machine of two versions. Returns Failure(CannotCompile | NeedsEffects)."""
    old, new = compiled(one), compiled(other)
    if isinstance(old, Failure) or isinstance(new, Failure):
        return Failure((old if isinstance(old, Failure) else new).failure())
    sides = old.unwrap(), new.unwrap()
    names = dict.fromkeys((*one.machines, *other.machines))
    return Success(tuple(_planned(*sides, name, back=back) for name in names))


def _planned(old: Compiled, new: Compiled, name: str, *, back: bool) -> Machine:
    source, target = (new, old) if back else (old, new)
    if name not in target.programs:
        gone = () if back else (MachineRemoved(new.application.name, name),)
        return Machine(name, None, (), gone)
    if name not in source.programs:
        return Machine(name, None, messages(NOTHING, target.programs[name].takes).forms, ())
    migration = new.application.migration(name, old.application.version, new.application.version)
    found = survey(source.programs[name], target.programs[name], migration, machine=name, down=back)
    try:
        sides = old.programs[name], new.programs[name], migration
        told = Older.of(old.application.version, *sides).inputs
    except Stop as stop:
        return Machine(name, found, (), (*found.refused, WrongLens(name, "", str(stop.unclear))))
    accepted = tuple(each.form for each in told.forms if each.label not in {"gone", "dropped"})
    lost = [MessageNotAccepted(new.application.name, name, form, accepted) for form in told.gone]
    return Machine(name, found, told.forms, (*found.refused, *([] if back else lost)))


def _told(versions: dict[str, dict[str, str]], found: Sequence[Machine], *, back: bool) -> None:
    sides = [f"{side['version']} ({short(side['digest'])})" for side in versions.values()]
    first, last = reversed(sides) if back else sides
    report.say(f"{versions['new']['application']}: {first} -> {last}")
    show(found)


def show(found: Sequence[Machine]) -> None:
    """Print the table."""
    rows = []
    for machine in found:
        if machine.found is None:
            rows.append((machine.name, "", "removed" if not machine.messages else "new", "", ""))
        for row in machine.found.plan.rows if machine.found else ():
            types = " -> ".join(filter(None, (row.old, row.new)))
            rows.append((machine.name, row.address, row.label, types, row.how))
        rows += [(machine.name, "message", each.label, each.form, each.how) for each in machine.messages]
    report.table("", ("machine", "cell", "is", "type", "by"), rows)
