"""The command: `midflight`. Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 3 undeclared loss."""

from __future__ import annotations

from typing import Annotated

import typer

from runtime import (
    artifact_command,
    bench,
    check_command,
    dead_letters_command,
    demo,
    doctor,
    explore_command,
    export_command,
    history_command,
    key_command,
    offline,
    plan_command,
    push_command,
    registry_command,
    report,
    run_command,
    upgrade_command,
)
from runtime import watch as live
from runtime.command import (
    HERE,
    Control,
    Data,
    Json,
    Name,
    TokenFile,
    asked,
    example,
    reached,
    usage,
)
from runtime.gateway import Malformed, parse
from runtime.lasting import lenient

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Change a running Python service without dropping a message.\n\n"
    "Begin with `midflight demo`. Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 3 undeclared loss.",
)


def main() -> None:
    """Run the command."""
    lenient()
    app(prog_name="midflight")


@app.command("demo", epilog=example("midflight demo"))
def demo_(as_json: Json = False) -> None:
    """Change a running counter under load, and count what was lost.

    A node and a load process are started; in the middle the counter is upgraded, its state migrated, a wrong
    upgrade refused, and the change rolled back.
    """
    raise typer.Exit(demo.run(as_json=as_json))


app.command(epilog=example("midflight run examples/counter/v1.py --listen http://127.0.0.1:8080"))(
    run_command.run
)


@app.command(epilog=example('midflight call counter \'{"type": "Incr", "by": 2}\''))
def call(
    machine: str,
    message: Annotated[
        str, typer.Argument(metavar="JSON", help='A message, such as {"type": "Incr", "by": 2}.')
    ],
    id: Annotated[
        str | None,
        typer.Option(
            "--id", metavar="TEXT", help="Asked again with this id, it is answered and not done again."
        ),
    ] = None,
    version: Annotated[
        str | None,
        typer.Option(
            "--speak",
            metavar="VERSION",
            help="Speak as a client of this version: the running one or the one before.",
        ),
    ] = None,
    data: Data = HERE,
    control: Control = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """Send a message to a machine and print its reply, which is JSON."""
    try:
        value = parse(message.encode(errors="surrogateescape"))
    except Malformed as error:
        usage(f"the message is not JSON: {error}. In a shell, put it in single quotes.")
    request = {"op": "call", "machine": machine, "message": value, "id": id, "version": version}
    report.plain(asked(request, data, control, token_file, as_json=as_json)["reply"])


@app.command(epilog=example("midflight status --watch"))
def status(
    watch: Annotated[
        bool, typer.Option("--watch", help="Show the machines and their rates until Ctrl-C.")
    ] = False,
    interval: Annotated[
        float, typer.Option(min=0.05, metavar="SECONDS", help="How often --watch looks.")
    ] = 1.0,
    data: Data = HERE,
    control: Control = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """Show what the running node runs.

    Versions, the cells of each machine with their values, and how many messages were stepped, failed, wait. With
    --watch a live table of the machines with their rates; with --json too, an object on a line for each look.
    """
    if watch:
        place = reached(data, control, token_file, as_json=as_json)
        raise typer.Exit(live.watch(place, interval, as_json=as_json))
    found = asked({"op": "status"}, data, control, token_file, as_json=as_json)["status"]
    report.plain(found) if as_json else report.status(found)


@app.command(epilog=example("midflight rollback"))
def rollback(
    name: Name = None,
    data: Data = HERE,
    control: Control = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """Go back to the version before the last upgrade.

    The state, with all that was counted since, is migrated back. The applications of a release go back together.
    """
    request = {"op": "rollback", "application": name}
    upgrade_command.show(asked(request, data, control, token_file, as_json=as_json), as_json)


@app.command(epilog=example("midflight settle"))
def settle(
    name: Name = None,
    data: Data = HERE,
    control: Control = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """Let the last upgrade be one that cannot be undone.

    Until then the node keeps the state of before, so that a rollback gives back what the way up threw away.
    """
    request = {"op": "settle", "application": name}
    found = asked(request, data, control, token_file, as_json=as_json)["settled"]
    if as_json:
        report.plain(found)
    else:
        report.say(f"{found['name']} {found['version']} is settled.")


for each_command, line in (
    (upgrade_command.upgrade, "midflight upgrade examples/counter/v2.py"),
    (offline.diff, "midflight diff examples/counter/v1.py examples/counter/v2.py"),
    (check_command.check, "midflight check examples/counter/v1.py examples/counter/v2.py"),
    (plan_command.plan, "midflight plan examples/counter/v1.py examples/counter/v2.py"),
    (offline.draw, "midflight draw examples/counter/v1.py counter > counter.mmd"),
    (explore_command.explore_, "midflight explore trace.jsonl v1.py v2.py"),
    (export_command.export, "midflight export --out copy.jsonl"),
    (history_command.history_, "midflight history --limit 10"),
    (dead_letters_command.dead_letters_, "midflight dead-letters replay 3 4"),
    (offline.trace, "midflight trace examples/counter/v1.py counter inputs.jsonl"),
    (push_command.push, "midflight push examples/counter/v1.py"),
    (artifact_command.pull, "midflight pull counter@1"),
    (registry_command.list_, "midflight list counter --json"),
    (artifact_command.show, "midflight show counter@1"),
    (registry_command.verify, "midflight verify"),
    (registry_command.tag, "midflight tag counter@1 stable"),
    (registry_command.gc, "midflight gc --data .midflight"),
):
    app.command(each_command.__name__.rstrip("_").replace("_", "-"), epilog=example(line))(each_command)


app.add_typer(registry_command.registry_app, name="registry")
app.add_typer(key_command.key_app, name="key")
app.add_typer(key_command.trust_app, name="trust")


@app.command("doctor", epilog=example("midflight doctor"))
def doctor_(data: Data = HERE, as_json: Json = False) -> None:
    """Look for what would keep midflight from working.

    The interpreter, the libraries, modules that hide ours, the data directory; with what to do about each.
    """
    raise typer.Exit(doctor.run(data, as_json=as_json))


@app.command("bench", epilog=example("midflight bench step call --json"))
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
        usage(f"there is no benchmark {unknown[0]!r}; there are: {', '.join(known)}")
    found = bench.rows([known[name] for name in names or known], bench.Scale(samples, size))
    report.plain(found) if as_json else bench.show(found)
