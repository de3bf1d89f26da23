"""The commands that read files and need no node: `diff`, `draw`, `trace`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from returns.result import Failure, Result, Success

from arrows import changed_lines, tracing
from arrows.diff import Difference
from arrows.diff import diff as differences
from arrows.draw import mermaid
from arrows.origin import BuildError
from arrows.signature import accepts
from arrows.term import node
from arrows.tree import tree
from migrations.refusal import Refusal
from runtime import picture, report
from runtime.application import Application
from runtime.command import (
    FileArgument,
    Json,
    Registry_,
    RegistryToken,
    done,
    label,
    loaded,
    one_machine,
    usage,
)
from runtime.errors import BadMessage
from runtime.gateway import Malformed, message, parse
from runtime.plan_command import Machine, planned, show
from runtime.refusal import CannotCompile, short

Svg = Annotated[
    Path | None, typer.Option(metavar="OUT", help="Write an SVG to this file instead; needs Graphviz.")
]
Tree = Annotated[
    bool, typer.Option("--tree", help="Show the machine in lines on the terminal instead, in colours.")
]


def diff(
    old: Annotated[str, typer.Argument(metavar="OLD", help="FILE[:APP], or an artifact in the registry")],
    new: Annotated[str, typer.Argument(metavar="NEW", help="FILE[:APP], or an artifact in the registry")],
    machine: Annotated[
        str | None,
        typer.Argument(metavar="[MACHINE]", help="Compare this one alone; needed for a picture of several."),
    ] = None,
    as_json: Json = False,
    svg: Svg = None,
    as_mermaid: Annotated[
        bool, typer.Option("--mermaid", help="Print a Mermaid flowchart instead, in colours.")
    ] = False,
    as_tree: Tree = False,
    registry: Registry_ = None,
    registry_token: RegistryToken = None,
) -> None:
    """Compare two versions of an application.

    Machine by machine: cells by address, nodes by path; then, as `plan` has it, what an upgrade would make of every
    cell and message. Nothing is asked or refused: the exit code is 0 also where `plan` gives 3. A picture shows
    the new machine: green (+) came, red (-) and dashed went, amber (~) is another, blue (>) moved or is called
    otherwise.
    """
    if as_json + as_mermaid + as_tree + (svg is not None) > 1:
        usage("of --json, --mermaid, --tree and --svg, choose one.")
    one, other = (loaded(each, registry, registry_token, as_json=as_json) for each in (old, new))
    if as_mermaid or as_tree or svg is not None:
        both = one_machine(one, machine, old), one_machine(other, machine, new)
        _picture(one, other, *both, svg, as_tree=as_tree)
        return
    names = dict.fromkeys((*one.machines, *other.machines))
    if machine is not None and machine not in names:
        usage(f"neither {old} nor {new} holds a machine {machine!r}; there are: {', '.join(names)}")
    wanted = list(names) if machine is None else [machine]
    versions = {"old": label(one, as_json=as_json), "new": label(other, as_json=as_json)}
    found = {name: _compared(one, other, name) for name in wanted}
    _told(versions, found, _planned(one, other, wanted), as_json=as_json)


def _planned(one: Application, other: Application, wanted: list[str]) -> list[Machine] | None:
    """What becomes of these machines; None, and why, where that cannot be known."""
    if one.name != other.name:
        return None
    match planned(one, other):
        case Success(found):
            return [each for each in found if each.name in wanted]
        case Failure(refusal):
            report.complain(str(refusal))
    return None


def _picture(
    one: Application, other: Application, name: str, new_name: str, svg: Path | None, *, as_tree: bool
) -> None:
    if name != new_name:
        usage(f"the machine {name} was removed and {new_name} added: there is nothing to compare; use draw.")
    machine = one.machines[name]
    found = differences(machine, other.machines[name])
    if svg is not None:
        done(picture.write(machine, svg, found), as_json=False)
    elif as_tree:
        report.tree(tree(machine, found))
    else:
        report.say(mermaid(machine, found))


def _compared(one: Application, other: Application, name: str) -> Difference | str:
    if name in one.machines and name in other.machines:
        return differences(one.machines[name], other.machines[name])
    return "removed" if name in one.machines else "added"


def _told(
    versions: dict[str, Any], found: dict[str, Difference | str], plan: list[Machine] | None, *, as_json: bool
) -> None:
    if as_json:
        machines = {
            name: each if isinstance(each, str) else changed_lines.to_plain(each)
            for name, each in found.items()
        }
        rows = None if plan is None else {each.name: each.to_plain() for each in plan}
        report.plain({**versions, "machines": machines, "plan": rows})
        return
    for word, side in versions.items():
        report.say(
            f"{word}: {side['application']}, version {side['version']} (digest {short(side['digest'])})"
        )
    for name, each in found.items():
        if isinstance(each, str):
            report.say(f"{name}: the machine was {each}")
        else:
            report.say(f"{name}:")
            report.difference(each)
    if plan is not None:
        show(plan)
        for refusal in (refusal for each in plan for refusal in each.refused):
            report.complain(str(refusal))


def draw(
    file: FileArgument,
    machine: Annotated[
        str | None, typer.Argument(metavar="[MACHINE]", help="Needed where there are several.")
    ] = None,
    svg: Svg = None,
    as_tree: Tree = False,
) -> None:
    """Print a machine as a Mermaid flowchart.

    GitHub and many editors show the text as a picture.
    """
    if as_tree and svg is not None:
        usage("of --tree and --svg, choose one.")
    application = loaded(file)
    arrow = application.machines[one_machine(application, machine, file)]
    if svg is not None:
        done(picture.write(arrow, svg), as_json=False)
        return
    if as_tree:
        report.tree(tree(arrow))
    else:
        report.say(mermaid(arrow))


def trace(
    file: FileArgument,
    machine: str,
    inputs: Annotated[
        str, typer.Argument(metavar="INPUTS", help="A file with a JSON message on each line, or - for stdin.")
    ],
    as_json: Json = False,
    svg: Annotated[
        Path | None, typer.Option(metavar="OUT", help="Write an SVG of the state over time instead.")
    ] = None,
) -> None:
    """Step a machine over messages from its first state, and show every step.

    The machine runs in this process; no node is asked. A step that raises is shown and changes nothing; one
    that asks the outside world is left waiting.
    """
    if as_json and svg is not None:
        usage("of --json and --svg, choose one.")
    application = loaded(file, as_json=as_json)
    name = one_machine(application, machine, file)
    messages = list(_messages(name, application, inputs))
    found = done(_traced(application, name, messages), as_json=as_json)
    if svg is not None:
        done(picture.save(found.svg(), svg), as_json=False)
    elif as_json:
        report.plain({"machine": name, **found.to_plain()})
    else:
        report.say(found.table())


def _traced(application: Application, name: str, messages: list[Any]) -> Result[tracing.Trace, Refusal]:
    try:
        return Success(tracing.trace(application.machines[name], messages))
    except BuildError as error:
        return Failure(CannotCompile(application.name, name, str(error)))


def _messages(name: str, application: Application, inputs: str) -> Iterator[Any]:
    """The messages in a file; or tell the first line that is none, and end."""
    takes = accepts(node(application.machines[name]))
    place = "standard input" if inputs == "-" else inputs
    try:
        text = sys.stdin.buffer.read() if inputs == "-" else Path(inputs).read_bytes()
    except OSError as error:
        usage(f"{inputs}: {error.strerror}")
    for number, line in enumerate(text.split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            yield message(name, parse(line), takes)
        except Malformed as error:
            usage(f"{place}, line {number}: not JSON: {error}. Each line is one message.")
        except BadMessage as error:
            usage(f"{place}, line {number}: {error}. It accepts: {' or '.join(error.accepted)}")
