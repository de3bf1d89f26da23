"""Change a running Python service without dropping a message.

Write the logic as a value, an arrow: a state machine that takes a message and gives a reply. A node keeps its
state and lets a new version take over between two messages, its state migrated and checked first.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

_HERE = Path(__file__).resolve().parent
_PACKAGES = ("arrows", "migrations", "runtime")


def _is_command() -> bool:
    """Whether this process is the command, and not a program that imports us."""
    return __name__ == "__main__" or Path(sys.argv[0] if sys.argv else "").stem == "midflight"


def _keep_order() -> None:
    """Start the command again with the order of sets that its data directory knows, where it would have one of its own.

    Python orders the texts of a set otherwise in each process. What a node has done is repeated when it is started
    again, and a step that goes through a set must come to the same then (`runtime.datadir`).
    """
    words, given = sys.argv[1:], os.environ.get("PYTHONHASHSEED", "random")
    if words[:1] not in (["run"], ["export"]) or given != "random" or sys.flags.ignore_environment:
        return
    named = [last for word, last in pairwise(words) if word == "--data"]
    named += [word.removeprefix("--data=") for word in words if word.startswith("--data=")]
    try:
        seed = int((Path(*named[-1:] or [".midflight"]) / "hashseed").read_text())
    except (OSError, ValueError):
        seed = 1 + int.from_bytes(os.urandom(4)) % 0xFFFF_FFFE
    os.environ["PYTHONHASHSEED"] = str(seed % 2**32)
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 - the same command


def _resolved(name: str) -> str | None:
    """The file that a package's name stands for in this process, or None for a package of nobody's."""
    loaded = sys.modules.get(name)
    spec: ModuleSpec | None = getattr(loaded, "__spec__", None) if loaded else find_spec(name)
    if spec is None:
        return getattr(loaded, "__file__", None)
    return spec.origin or next(iter(spec.submodule_search_locations or ()), None)


def _guard() -> None:
    """Import our packages, or refuse to go on with somebody else's of the same name.

    The command looks beside this file first: it works in projects that have such modules of their own.
    """
    if _is_command():
        sys.path.insert(0, str(_HERE))
    try:
        for name in _PACKAGES:
            ours, theirs = _HERE / name / "__init__.py", _resolved(name)
            if theirs is None or Path(theirs).resolve() != ours:
                raise ImportError(
                    f"midflight needs its own package {name!r} at {ours}, but here {name!r} "
                    f"is {theirs or 'missing'}: rename that module, "
                    "or put midflight's folder before its folder on sys.path."
                )
            import_module(name)
    finally:
        if _is_command():
            sys.path.remove(str(_HERE))


if _is_command():
    _keep_order()
_guard()

from arrows import (  # noqa: E402 - the guard comes first; `compile` is the word of the field
    After,
    Arrow,
    BadAnswer,
    BuildError,
    Cancel,
    Difference,
    Done,
    Effect,
    Either,
    Left,
    Malformed,
    NoCase,
    NotEncodable,
    Program,
    Publish,
    Right,
    Secret,
    Send,
    Suspended,
    Trace,
    UnknownContinuation,
    accumulate,
    arr,
    attempt,
    changes,
    compile,
    compose,
    constant,
    decode,
    delay,
    diff,
    digest,
    emit,
    encode,
    evaluate,
    fanin,
    fanout,
    first,
    get,
    hold,
    identity,
    keyed,
    left,
    loop,
    mermaid,
    modes,
    named,
    parallel,
    patch,
    perform,
    pretty,
    proc,
    put,
    right,
    run,
    second,
    shape_digest,
    state,
    switch,
    trace,
)
from migrations import (  # noqa: E402
    DROP,
    Drop,
    Migration,
    Plan,
    Refusal,
    as_arrow,
    follow,
    from_arrow,
    infer,
    lens,
    plan,
)
from runtime import (  # noqa: E402
    Answer,
    Application,
    ApplicationStatus,
    Ask,
    AskAll,
    BadId,
    BadMessage,
    CallError,
    CellStatus,
    Codec,
    IdReused,
    KeySetAside,
    Lagged,
    Letter,
    MachineStatus,
    Node,
    NotARequest,
    OnFailure,
    OverBudget,
    Overloaded,
    Planned,
    Probation,
    Progress,
    Published,
    Release,
    ReleaseStatus,
    Resume,
    RolledBack,
    Status,
    StepFailed,
    Subscription,
    Unavailable,
    UnknownMachine,
    UnknownVersion,
    Upgraded,
    load,
)

__all__ = [
    "DROP",
    "After",
    "Answer",
    "Application",
    "ApplicationStatus",
    "Arrow",
    "Ask",
    "AskAll",
    "BadAnswer",
    "BadId",
    "BadMessage",
    "BuildError",
    "CallError",
    "Cancel",
    "CellStatus",
    "Codec",
    "Difference",
    "Done",
    "Drop",
    "Effect",
    "Either",
    "IdReused",
    "KeySetAside",
    "Lagged",
    "Left",
    "Letter",
    "MachineStatus",
    "Malformed",
    "Migration",
    "NoCase",
    "Node",
    "NotARequest",
    "NotEncodable",
    "OnFailure",
    "OverBudget",
    "Overloaded",
    "Plan",
    "Planned",
    "Probation",
    "Program",
    "Progress",
    "Publish",
    "Published",
    "Refusal",
    "Release",
    "ReleaseStatus",
    "Resume",
    "Right",
    "RolledBack",
    "Secret",
    "Send",
    "Status",
    "StepFailed",
    "Subscription",
    "Suspended",
    "Trace",
    "Unavailable",
    "UnknownContinuation",
    "UnknownMachine",
    "UnknownVersion",
    "Upgraded",
    "accumulate",
    "arr",
    "as_arrow",
    "attempt",
    "changes",
    "compile",
    "compose",
    "constant",
    "decode",
    "delay",
    "diff",
    "digest",
    "emit",
    "encode",
    "evaluate",
    "fanin",
    "fanout",
    "first",
    "follow",
    "from_arrow",
    "get",
    "hold",
    "identity",
    "infer",
    "keyed",
    "left",
    "lens",
    "load",
    "loop",
    "mermaid",
    "modes",
    "named",
    "parallel",
    "patch",
    "perform",
    "plan",
    "pretty",
    "proc",
    "put",
    "right",
    "run",
    "second",
    "shape_digest",
    "state",
    "switch",
    "trace",
]


def main() -> None:
    """Run the command."""
    from runtime.cli import main as command  # noqa: PLC0415 - who imports the facade does not need the command

    command()


if __name__ == "__main__":
    sys.modules["midflight"] = sys.modules["__main__"]  # what the command loads imports this one
    main()
