"""What the commands of `midflight` share: how an outcome is told, how a file is read, options of one meaning."""

from __future__ import annotations

import contextlib
import sys
from functools import partial
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from returns.result import Failure, Result, Success

from arrows.origin import BuildError
from migrations.refusal import Refusal
from runtime import admission, report
from runtime.application import Application
from runtime.artifact import Artifact
from runtime.collecting import note
from runtime.control_client import Remote, ask, remote
from runtime.datadir import LOCK
from runtime.entry import is_reference
from runtime.keys import home
from runtime.loader import load
from runtime.pulling import pulled, registry
from runtime.refusal import CannotCompile
from runtime.registry import Registry
from runtime.registry_reply import RegistryRefused
from runtime.release import Release
from runtime.release_file import SUFFIX, load_release, of_artifact
from runtime.trust import list_of, trust
from runtime.whole_file import is_there

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
Name = Annotated[
    str | None,
    typer.Argument(metavar="[NAME]", help="An application, or a release; needed where several run."),
]
Wanted = Annotated[
    str,
    typer.Argument(
        metavar="FILE[:APP]|REF",
        help="A Python file that holds an Application, an artifact in the registry, or the TOML file of a release.",
    ),
]
FileArgument = Annotated[
    str,
    typer.Argument(
        metavar="FILE[:APP]|REF",
        help="A Python file that holds an Application; or an artifact in the registry, such as NAME@VERSION.",
    ),
]

Registry_ = Annotated[
    str | None,
    typer.Option(
        "--registry",
        metavar="DIR|URL",
        help="The registry. [MIDFLIGHT_REGISTRY, else registry in MIDFLIGHT_HOME, ~/.midflight]",
    ),
]
RegistryToken = Annotated[
    Path | None,
    typer.Option(
        "--registry-token",
        metavar="FILE",
        help="The token of a registry at a URL. [MIDFLIGHT_REGISTRY_TOKEN]",
    ),
]

HERE = Path(".midflight")


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
            raise typer.Exit(1 if isinstance(refusal, RegistryRefused) else exit_code(refusal.reason))
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


def loaded(
    file: str, where: str | None = None, token: Path | None = None, *, as_json: bool = False
) -> Application:
    """The application in a file or of an artifact; or tell why there is none, and end."""
    if not from_registry(file):
        with replying():
            result: Result[Application, Refusal] = load(file)
    else:
        made, _ = fetched(file, where, token, as_json=as_json)
        with replying():
            result = admission.loaded(made)
    found: Application = done(result, as_json=as_json)
    return found


def replying() -> contextlib.AbstractContextManager[object]:
    """Standard output is for the reply: what versions print when they are loaded goes to standard error."""
    return contextlib.redirect_stdout(sys.stderr)


def from_registry(text: str) -> bool:
    """Whether a text names an artifact in a registry, and no file."""
    return is_reference(text) and not is_there(text)


def fetched(
    reference: str, where: str | None, token: Path | None, *, as_json: bool = False
) -> tuple[Artifact, bytes]:
    """An artifact in the registry, by a key that the user trusts, and its bytes; or tell why not, and end."""
    of = done(registry(where, token), as_json=as_json)
    trusted = done(trust(list_of(home())), as_json=as_json)
    found: tuple[Artifact, bytes] = done(pulled(of, reference, trusted), as_json=as_json)
    return found


def noted(where: str | None, directory: Path) -> None:
    """Let a registry in a folder that is there keep what the node on a data directory needs.

    Also where the version comes from a file: it may be in the registry as well. A directory that no node has owned yet
    needs nothing.
    """
    try:
        of = registry(where).value_or(None)
    except RuntimeError:  # a user without a home has no registry there
        return
    if isinstance(of, Registry) and is_there(str(of.path)) and is_there(str(directory / LOCK)):
        note(of, directory)


def wanted(
    file: str, where: str | None = None, token: Path | None = None, *, as_json: bool = False
) -> Application | Release:
    """As `loaded`, also a release, from its file."""
    if from_registry(file):
        made, _ = fetched(file, where, token, as_json=as_json)
        if made.release:
            got = (partial(fetched, each.address, where, token, as_json=as_json) for each in made.release)
            loads = [lambda get=each: admission.loaded(get()[0]) for each in got]
            with replying():
                found: Result[Release, Refusal] = of_artifact(made, loads)
            release: Release = done(found, as_json=as_json)
            return release
    if not file.endswith(SUFFIX):
        return loaded(file, where, token, as_json=as_json)
    read: Release = done(
        load_release(file, lambda each: Success(loaded(each, where, token, as_json=as_json))), as_json=as_json
    )
    return read


def label(given: Application | Release, *, as_json: bool) -> dict[str, str]:
    """Name, version and digest; or tell why it has no digest, and end."""
    name, kind = given.name, "release" if isinstance(given, Release) else "application"
    try:
        return {kind: name, "version": given.version, "digest": given.digest}
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
