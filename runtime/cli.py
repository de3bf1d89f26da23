"""The command: `midflight`. Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 3 undeclared loss."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from returns.result import Failure, Result, Success

from arrows.diff import diff as differences
from arrows.draw import mermaid
from arrows.origin import BuildError
from migrations.refusal import Refusal
from runtime import bench, bounds, demo, doctor, picture, report
from runtime.application import Application
from runtime.control_client import ask
from runtime.gateway import Malformed, parse
from runtime.listen import DEFAULT
from runtime.loader import load
from runtime.refusal import CannotCompile, short
from runtime.serve import serve


def _example(line: str) -> str:
    """The foot of a command's help; the line is kept in one piece."""
    return f"\b\nExample: {line}"


app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Change a running Python service without dropping a message.\n\n"
    "Begin with `midflight demo`. Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 3 undeclared loss.",
)

Data = Annotated[Path, typer.Option("--data", metavar="DIR", help="The node's data directory.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
FileArgument = Annotated[
    str, typer.Argument(metavar="FILE[:APP]", help="A Python file that holds an Application.")
]

HERE = Path(".midflight")


def main() -> None:
    """Run the command."""
    app(prog_name="midflight")


@app.command("demo", epilog=_example("midflight demo"))
def demo_(as_json: Json = False) -> None:
    """Change a running counter under load, and count what was lost.

    A node and a load process are started; in the middle the counter is upgraded, its state migrated, a wrong
    upgrade refused, and the change rolled back.
    """
    raise typer.Exit(demo.run(as_json=as_json))


@app.command(epilog=_example("midflight run examples/counter/v1.py --listen http://127.0.0.1:8080"))
def run(
    file: FileArgument,
    listen: Annotated[
        list[str] | None,
        typer.Option(metavar="URL", help=f"Where to listen, as often as needed. [{DEFAULT}]"),
    ] = None,
    data: Data = HERE,
) -> None:
    """Run an application until Ctrl-C.

    Only this machine can reach it unless --listen says otherwise; port 0 takes a free port and prints it.
    The state is in memory and is lost at the end.
    """
    application = _loaded(file)
    _done(serve(application, listen or [DEFAULT], data, report.say), as_json=False)


@app.command(epilog=_example('midflight call counter \'{"type": "Incr", "by": 2}\''))
def call(
    machine: str,
    message: Annotated[
        str, typer.Argument(metavar="JSON", help='A message, such as {"type": "Incr", "by": 2}.')
    ],
    data: Data = HERE,
    as_json: Json = False,
) -> None:
    """Send a message to a machine and print its reply, which is JSON."""
    try:
        value = parse(message.encode(errors="surrogateescape"))
    except Malformed as error:
        _usage(f"the message is not JSON: {error}. In a shell, put it in single quotes.")
    reply = _done(ask(data, {"op": "call", "machine": machine, "message": value}), as_json=as_json)
    report.plain(reply["reply"])


@app.command(epilog=_example("midflight status --json"))
def status(data: Data = HERE, as_json: Json = False) -> None:
    """Show what the running node runs.

    Versions, the cells of each machine with their values, and how many messages were stepped, failed, wait.
    """
    found = _done(ask(data, {"op": "status"}), as_json=as_json)["status"]
    report.plain(found) if as_json else report.status(found)


@app.command(epilog=_example("midflight diff examples/counter/v1.py examples/counter/v2.py"))
def diff(
    old: Annotated[str, typer.Argument(metavar="OLD", help="FILE[:APP]")],
    new: Annotated[str, typer.Argument(metavar="NEW", help="FILE[:APP]")],
    as_json: Json = False,
) -> None:
    """Compare two versions of an application.

    Machine by machine: cells by address, nodes by path. Neither is run.
    """
    one, other = _loaded(old, as_json=as_json), _loaded(new, as_json=as_json)
    sides = {"old": _label(one, as_json), "new": _label(other, as_json)}
    found: dict[str, Any] = {}
    for name in dict.fromkeys((*one.machines, *other.machines)):
        if name in one.machines and name in other.machines:
            found[name] = differences(one.machines[name], other.machines[name])
        else:
            found[name] = "removed" if name in one.machines else "added"
    if as_json:
        machines = {n: each if isinstance(each, str) else each.to_plain() for n, each in found.items()}
        report.plain({**sides, "machines": machines})
        return
    for word, side in sides.items():
        report.say(
            f"{word}: {side['application']}, version {side['version']} (digest {short(side['digest'])})"
        )
    for name, each in found.items():
        if isinstance(each, str):
            report.say(f"{name}: the machine was {each}")
        else:
            report.say(f"{name}:")
            report.difference(each)


@app.command(epilog=_example("midflight upgrade examples/counter/v2.py"))
def upgrade(
    file: FileArgument,
    expect: Annotated[
        str | None,
        typer.Option(metavar="DIGEST", help="The version that must be running. [the one that runs now]"),
    ] = None,
    data: Data = HERE,
    as_json: Json = False,
) -> None:
    """Let another version take over on the running node.

    It happens between two messages: the state follows the version's migrations, and waiting messages stay.
    What is refused has changed nothing.
    """
    if expect is not None and not _is_digest(expect):
        _usage(
            f"--expect {expect!r}: give {bounds.SHORT_DIGEST} or more hex digits of a digest, as status shows them"
        )
    running = _done(ask(data, {"op": "status"}), as_json=as_json)["status"]["applications"]
    expected = expect or (running[0]["digest"] if len(running) == 1 else None)
    request = {"op": "upgrade", "file": _absolute(file), "expected": expected}
    _show(_done(ask(data, request), as_json=as_json), as_json)


@app.command(epilog=_example("midflight rollback"))
def rollback(
    application: Annotated[
        str | None, typer.Argument(metavar="[APP]", help="Needed where several run.")
    ] = None,
    data: Data = HERE,
    as_json: Json = False,
) -> None:
    """Go back to the version before the last upgrade.

    The state, with all that was counted since, is migrated back.
    """
    _show(_done(ask(data, {"op": "rollback", "application": application}), as_json=as_json), as_json)


@app.command(epilog=_example("midflight draw examples/counter/v1.py counter > counter.mmd"))
def draw(
    file: FileArgument,
    machine: Annotated[
        str | None, typer.Argument(metavar="[MACHINE]", help="Needed where there are several.")
    ] = None,
    svg: Annotated[
        Path | None, typer.Option(metavar="OUT", help="Write an SVG to this file instead; needs Graphviz.")
    ] = None,
) -> None:
    """Print a machine as a Mermaid flowchart.

    GitHub and many editors show the text as a picture.
    """
    application = _loaded(file)
    known = ", ".join(application.machines)
    if machine is None and len(application.machines) > 1:
        _usage(f"{file} holds several machines; name one: {known}")
    name = machine or next(iter(application.machines))
    if name not in application.machines:
        _usage(f"{file} holds no machine {name!r}; there are: {known}")
    if svg is not None:
        _done(picture.write(application.machines[name], svg), as_json=False)
        return
    report.say(mermaid(application.machines[name]))


@app.command("doctor", epilog=_example("midflight doctor"))
def doctor_(data: Data = HERE, as_json: Json = False) -> None:
    """Look for what would keep midflight from working.

    The interpreter, the libraries, modules that hide ours, the data directory; with what to do about each.
    """
    raise typer.Exit(doctor.run(data, as_json=as_json))


@app.command("bench", epilog=_example("midflight bench step call --json"))
def bench_(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME]...", help="What to measure; a wrong name lists the right ones. [all]"),
    ] = None,
    samples: Annotated[
        int, typer.Option(min=1, help="How often each side is measured; a figure is the median.")
    ] = bench.Scale().samples,
    size: Annotated[
        float, typer.Option(min=0.0001, max=1, help="The share of the work; less is quicker and noisier.")
    ] = bench.Scale().size,
    as_json: Json = False,
) -> None:
    """Measure how fast midflight is on this machine.

    Each figure stands beside the thing it is compared with, which is measured in the same run, in turns. The
    reach is what it should come to; a row without one only informs. Exit code 0 says that it was measured,
    not that all is reached: read `ok`.
    """
    try:
        known = bench.known()
    except bench.Missing as missing:
        report.complain(str(missing))
        raise typer.Exit(1) from None
    unknown = [name for name in names or () if name not in known]
    if unknown:
        _usage(f"there is no benchmark {unknown[0]!r}; there are: {', '.join(known)}")
    found = bench.rows([known[name] for name in names or known], bench.Scale(samples, size))
    report.plain(found) if as_json else bench.show(found)


def _done(result: Result[Any, Refusal], *, as_json: bool) -> Any:
    """What was done; or tell why it was not, and end."""
    match result:
        case Success(value):
            return value
        case Failure(refusal):
            if as_json:
                report.plain({"ok": False, **refusal.to_plain()})
            else:
                report.complain(str(refusal))
            raise typer.Exit(3 if refusal.reason == "UndeclaredLoss" else 1)
    raise AssertionError("a Result is one of the two")


def _usage(problem: str) -> NoReturn:
    report.complain(problem)
    raise typer.Exit(2)


def _loaded(file: str, *, as_json: bool = False) -> Application:
    found: Application = _done(load(file), as_json=as_json)
    return found


def _label(application: Application, as_json: bool) -> dict[str, str]:
    name, version = application.name, application.version
    try:
        return {"application": name, "version": version, "digest": application.digest}
    except BuildError as error:
        refusal: Result[Any, Refusal] = Failure(CannotCompile(name, "digest", str(error)))
        _done(refusal, as_json=as_json)
        raise


def _absolute(file: str) -> str:
    """The node has another working directory; FILE:APP stays FILE:APP."""
    return str(Path(file).absolute())


def _is_digest(text: str) -> bool:
    return bounds.SHORT_DIGEST <= len(text) <= 64 and set(text) <= set("0123456789abcdef")


def _show(reply: dict[str, Any], as_json: bool) -> None:
    report.plain(reply) if as_json else report.upgraded(reply["upgraded"])
