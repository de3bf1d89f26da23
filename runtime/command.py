"""What the commands of `midflight` share: how an outcome is told, how a file is read, options of one meaning."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, NoReturn

import attrs
import typer
from returns.result import Failure, Result, Success

from arrows.origin import BuildError
from migrations.refusal import Refusal
from runtime import report
from runtime.application import Application
from runtime.control_client import Remote, ask, remote
from runtime.loader import load
from runtime.refusal import CannotCompile

Data = Annotated[Path, typer.Option("--data", metavar="DIR", help="The node's data directory.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Through = Annotated[
    list[str] | None,
    typer.Option(
        "--through",
        metavar="FILE[:APP]",
        help="A version between, where migrations lead there only by it; repeat it.",
    ),
]
Control = Annotated[
    str | None,
    typer.Option(
        metavar="tcp://HOST:PORT", help="Reach the node's control over TCP, and not in its data directory."
    ),
]
TokenFile = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="Its token; else MIDFLIGHT_TOKEN has it, or control.token in the data directory."
    ),
]
FileArgument = Annotated[
    str, typer.Argument(metavar="FILE[:APP]", help="A Python file that holds an Application.")
]

HERE = Path(".midflight")


@attrs.frozen
class NeedsExtra(Refusal):
    """A command needs a library that is not installed."""

    what: str
    extra: str

    @property
    def happened(self) -> str:
        return f"this needs {self.what}:"

    @property
    def remedy(self) -> str:
        return f"pip install 'midflight[{self.extra}]'"


def example(line: str) -> str:
    """The foot of a command's help; the line is kept in one piece."""
    return f"\b\nExample: {line}"


def done(result: Result[Any, Refusal], *, as_json: bool) -> Any:
    """What was done; or tell why it was not, and end."""
    match result:
        case Success(value):
            return value
        case Failure(refusal):
            if as_json:
                report.plain({"ok": False, **refusal.to_plain()})
            else:
                report.complain(str(refusal))
            raise typer.Exit(exit_code(refusal.reason))
    raise AssertionError("a Result is one of the two")


def reached(
    data: Path, control: str | None, token_file: Path | None, *, as_json: bool = False
) -> Path | Remote:
    """Where a node is asked; or tell why it cannot be, and end."""
    if control is None:
        return data
    found: Remote = done(remote(control, token_file, data), as_json=as_json)
    return found


def asked(
    request: dict[str, Any],
    data: Path,
    control: str | None,
    token_file: Path | None,
    *,
    as_json: bool,
    timeout: float | None = 120.0,
) -> dict[str, Any]:
    """What a node replies to a request; or tell why it does not, and end."""
    place = reached(data, control, token_file, as_json=as_json)
    reply: dict[str, Any] = done(ask(place, request, timeout), as_json=as_json)
    return reply


def absolute(file: str) -> str:
    """The node has another working directory; FILE:APP stays FILE:APP."""
    return str(Path(file).absolute())


def exit_code(reason: str) -> int:
    """What a command ends with that was refused: 3 where a Migration has to say more."""
    return 3 if reason in ("UndeclaredLoss", "Undefined") else 1


def usage(problem: str) -> NoReturn:
    """Tell what was typed wrong, and end."""
    report.complain(problem)
    raise typer.Exit(2)


def loaded(file: str, *, as_json: bool = False) -> Application:
    """The application in a file; or tell why there is none, and end."""
    found: Application = done(load(file), as_json=as_json)
    return found


def label(application: Application, *, as_json: bool) -> dict[str, str]:
    """Name, version and digest; or tell why it has no digest, and end."""
    name, version = application.name, application.version
    try:
        return {"application": name, "version": version, "digest": application.digest}
    except BuildError as error:
        refusal: Result[Any, Refusal] = Failure(CannotCompile(name, "digest", str(error)))
        done(refusal, as_json=as_json)
        raise


def one_machine(application: Application, name: str | None, file: str) -> str:
    """The machine of that name, or the only one; or tell which there are, and end."""
    known = ", ".join(application.machines)
    if name is None and len(application.machines) > 1:
        usage(f"{file} holds several machines; name one: {known}")
    found = name or next(iter(application.machines))
    if found not in application.machines:
        usage(f"{file} holds no machine {found!r}; there are: {known}")
    return found
