"""`midflight plan`: what an upgrade would do with every cell and message, before anybody is asked to do it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import attrs
import typer
from returns.result import Failure, Result, Success

from arrows.shape import NOTHING
from migrations.compat import Compat, compat
from migrations.messages import Form, messages
from migrations.plan import Survey
from migrations.refusal import Refusal, WrongLens
from migrations.rule import Stop
from runtime import bounds, report
from runtime.application import Application
from runtime.command import (
    HERE,
    Control,
    Data,
    Json,
    Registry_,
    RegistryToken,
    Through,
    TokenFile,
    absolute,
    done,
    exit_code,
    label,
    loaded,
    reached,
    usage,
    wanted,
)
from runtime.control_client import Remote, ask
from runtime.hosted import Compiled, routes
from runtime.instruction import Terms, as_texts
from runtime.refusal import MachineRemoved, MessageNotAccepted, short
from runtime.release import Release, parts
from runtime.releasing import LeftOut
from runtime.transaction import Changed, instructions
from runtime.upgrade import compiled, compiled_through
from runtime.upgrade_command import Giving, runs


@attrs.frozen
class Machine:
    """What becomes of a machine."""

    name: str
    found: Survey | None
    messages: tuple[Form, ...]
    refused: tuple[Refusal, ...]
    compat: Compat | None = None

    def to_plain(self) -> dict[str, Any]:
        """For JSON."""
        rows = [] if self.found is None else [attrs.asdict(row) for row in self.found.plan.rows]
        messages = [attrs.asdict(each) for each in self.messages]
        found = {"cells": rows, "messages": messages, "refused": [each.to_plain() for each in self.refused]}
        if self.compat is None:
            return found
        told = attrs.asdict(self.compat, filter=lambda field, _: field.name != "machine")
        return {**found, "compat": {**told, "order": self.compat.order}}


def plan(
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="[OLD] NEW",
            help="FILE[:APP], an artifact, or a release's file; without OLD, what the node runs.",
        ),
    ],
    back: Annotated[
        bool, typer.Option("--back", help="Plan the rollback from NEW to OLD instead, by NEW's migrations.")
    ] = False,
    talk: Annotated[
        bool, typer.Option("--compat", help="Show which version talks to which, and what to upgrade first.")
    ] = False,
    through: Through = None,
    registry: Registry_ = None,
    registry_token: RegistryToken = None,
    data: Data = HERE,
    control: Control = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """Show what an upgrade would make of every cell and message.

    Cell by cell: kept, converted (declared in a Migration, or inferred from structure), new, dropped, or refused,
    with the line to write; of a release for each application that changes; and the instructions, in order. No state is
    touched, and with two files no node is asked.
    Exit code 3 where a Migration has to say more.
    """
    if len(files) == 1 and (back or talk):
        usage("--back and --compat compare two files: midflight plan OLD NEW")
    if len(files) == 1:
        place = reached(data, control, token_file, as_json=as_json)
        give = Giving(registry, registry_token, str if control else absolute, as_json=as_json)
        _of_node(files[0], through or (), place, give, as_json=as_json)
    elif len(files) == 2:
        got = partial(wanted, where=registry, token=registry_token, as_json=as_json)
        between = [loaded(each, registry, registry_token, as_json=as_json) for each in through or ()]
        _of_files(files, got(files[0]), got(files[1]), between, back=back, talk=talk, as_json=as_json)
    else:
        usage(f"{len(files)} files: give NEW, or OLD and NEW; versions between go with --through")


def _of_node(file: str, through: Sequence[str], place: Path | Remote, give: Giving, *, as_json: bool) -> None:
    """Plan the upgrade of what a node runs."""
    given = give.wanted(file)
    request = {
        "op": "upgrade",
        "dry_run": True,
        "file": given,
        "expected": runs(place, given, as_json=as_json),
        "through": [give.one(each) for each in through],
        "rehearse": bounds.REHEARSED,
    }
    found = done(ask(place, request), as_json=as_json)["plan"]
    report.plain({"plan": found}) if as_json else report.plan(found)


def _of_files(
    files: Sequence[str],
    one: Application | Release,
    other: Application | Release,
    between: Sequence[Application],
    *,
    back: bool,
    talk: bool,
    as_json: bool,
) -> None:
    """Plan the upgrade from one file to another."""
    if one.name != other.name or type(one) is not type(other):
        usage(
            f"{files[0]} holds {one.name} and {files[1]} holds {other.name}: an upgrade is between versions of "
            "one application, or of one release."
        )
    versions = {"old": label(one, as_json=as_json), "new": label(other, as_json=as_json)}
    found: list[Machine] = []
    for before, after in _pairs(one, other):
        apart = [each for each in between if each.name == after.name or not isinstance(other, Release)]
        found += done(planned(before, after, apart, back=back, talk=talk), as_json=as_json)
    left_out = [] if back else _left_out(one, other)
    refused = [*left_out, *(each for machine in found for each in machine.refused)]
    steps = [] if back or refused else _steps(other, found, versions["old"]["digest"])
    if as_json:
        machines = {machine.name: machine.to_plain() for machine in found}
        told = {"ok": not refused, "back": back, **versions, "machines": machines}
        if left_out:
            told["refused"] = [each.to_plain() for each in left_out]
        report.plain({**told, "instructions": steps} if steps else told)
    else:
        _told(versions, found, back=back)
        if steps:
            report.say("An upgrade would:")
            report.instructions(steps)
        for each in refused:
            report.complain(str(each))
    if refused:
        raise typer.Exit(max(exit_code(each.reason) for each in refused))


def _pairs(one: Application | Release, other: Application | Release) -> list[tuple[Application, Application]]:
    """The applications that change: both versions of each."""
    if isinstance(one, Application) and isinstance(other, Application):
        return [(one, other)]
    before = {each.name: each for each in parts(one)}
    both = [(before[each.name], each) for each in parts(other) if each.name in before]
    return [(old, new) for old, new in both if old.digest != new.digest]


def _left_out(one: Application | Release, other: Application | Release) -> list[Refusal]:
    """The applications of a release of which the next one says nothing."""
    if not isinstance(other, Release):
        return []
    known = {*(each.name for each in other.applications), *other.gone}
    return [LeftOut(other.name, other.version, each.name) for each in parts(one) if each.name not in known]


def _steps(other: Application | Release, found: Sequence[Machine], expected: str) -> list[str]:
    """What `midflight upgrade` would do, with its own defaults."""
    changed = Changed.of({each.name: each.found.plan.rows for each in found if each.found is not None})
    machines = tuple(machine.name for machine in found if machine.name in other.machines)
    given = instructions(
        other.name,
        other.version,
        machines,
        Terms(),
        expected=expected,
        rehearse=bounds.REHEARSED,
        changed=changed,
    )
    return as_texts(given)


def planned(
    one: Application,
    other: Application,
    through: Sequence[Application] = (),
    *,
    back: bool = False,
    talk: bool = False,
) -> Result[tuple[Machine, ...], Refusal]:
    """What becomes of every machine of two versions; with `talk`, how they talk to each other.

    Returns Failure(CannotCompile | NeedsEffects | OtherApplication).
    """
    old, new = compiled(one), compiled_through(other, through)
    if isinstance(old, Failure) or isinstance(new, Failure):
        return Failure((old if isinstance(old, Failure) else new).failure())
    sides = old.unwrap(), new.unwrap()
    names = dict.fromkeys((*one.machines, *other.machines))
    return Success(tuple(_planned(*sides, name, back=back, talk=talk) for name in names))


def _planned(old: Compiled, new: Compiled, name: str, *, back: bool, talk: bool) -> Machine:
    source, target = (new, old) if back else (old, new)
    if name not in target.programs:
        gone = () if back else (MachineRemoved(new.application.name, name),)
        return Machine(name, None, (), gone)
    if name not in source.programs:
        return Machine(name, None, messages(NOTHING, target.programs[name].takes).forms, ())
    way = routes(old, new)[name]
    if isinstance(way, Failure):
        return Machine(name, None, (), (way.failure(),))
    found = way.unwrap().survey(down=back)
    try:
        told = way.unwrap().inputs()
        between = compat(way.unwrap()) if talk else None
    except Stop as stop:
        return Machine(name, found, (), (*found.refused, WrongLens(name, "", str(stop.unclear))))
    accepted = tuple(each.form for each in told.forms if each.label not in {"gone", "dropped"})
    lost = [MessageNotAccepted(new.application.name, name, form, accepted) for form in told.gone]
    return Machine(name, found, told.forms, (*found.refused, *([] if back else lost)), between)


def _told(versions: dict[str, dict[str, str]], found: Sequence[Machine], *, back: bool) -> None:
    sides = [f"{side['version']} ({short(side['digest'])})" for side in versions.values()]
    first, last = reversed(sides) if back else sides
    named = versions["new"].get("application") or f"release {versions['new']['release']}"
    report.say(f"{named}: {first} -> {last}")
    show(found)
    talks = [machine.compat for machine in found if machine.compat is not None]
    if talks:
        _talks(versions, talks)


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


def _talks(versions: dict[str, dict[str, str]], talks: list[Compat]) -> None:
    old, new = (side["version"] for side in versions.values())
    rows = []
    for each in talks:
        by_lenses = f"yes, if it says its version ({old})" if each.says_version else "yes"
        rows.append(
            (
                each.machine,
                f"a client of {old}",
                f"a node of {new}",
                "; ".join(each.old_asks_new) or by_lenses,
            )
        )
        rows.append(
            (each.machine, f"a client of {new}", f"a node of {old}", "; ".join(each.new_asks_old) or "yes")
        )
    report.table("", ("machine", "asks", "is asked", "understood"), rows)
    for each in talks:
        report.say(f"{each.machine}: {_ORDER[each.order]}")


_ORDER = {
    "any": "nodes and clients may be upgraded in any order.",
    "asked first": "upgrade the nodes that are asked first, then those that ask.",
    "asking first": "upgrade those that ask first, then the nodes that are asked.",
    "at once": "neither understands the other: upgrade all at once, or go by a version that takes both forms.",
}
