"""Writes `docs/errors.md` from the refusals in the code: `python -m tests.errors_page`.

A new Refusal or CallError needs one line in `REFUSALS` or `ERRORS`, an example of it; then run this.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar

import attrs

import migrations
import runtime
from arrows.fit import Misfit
from migrations import chain, counterparts
from migrations import refusal as migrating
from migrations.refusal import Refusal
from runtime import (
    admission,
    aftermath,
    arriving,
    artifact,
    bounded,
    collecting,
    control_client,
    control_token,
    conversation,
    datadir,
    dead_letters,
    entry,
    errors,
    export_command,
    extra,
    history_command,
    initial,
    joint,
    keys,
    led_ahead,
    listen,
    picture,
    probation,
    quarantine,
    reading,
    recorded,
    registry,
    registry_client,
    registry_reply,
    registry_server,
    rehearsing,
    releasing,
    replaying,
    resuming,
    seal,
    settling,
    tags,
    trust,
    upgrade,
)
from runtime import refusal as running
from runtime.allowed import Differing
from runtime.codec import NotARequest
from runtime.command import exit_code
from runtime.errors import CallError
from runtime.gateway import STATUS
from runtime.store import Damaged

Each = TypeVar("Each", Refusal, CallError)
PAGE = Path(__file__).parent.parent / "docs" / "errors.md"
OLD, NEW = "8599e15869be" + 52 * "0", "524d1cd3f11f" + 52 * "0"

KEY = "ed25519:" + 16 * "8f2d"

REFUSALS: tuple[Refusal, ...] = (
    aftermath.TakenBack("shop", "2"),
    admission.LoadsOtherwise("shop@2", NEW, OLD),
    admission.OtherArtifact("shop@3 (524d1cd3f11f)", "shop@2 (8599e15869be)"),
    admission.OtherDistributions("shop@2", ("attrs 26.1.0 (here 25.4.0)",)),
    admission.OtherPython("shop@2", "3.12", "3.11.7"),
    artifact.CannotPack("shop", "it has functions, and was not loaded from a file"),
    artifact.NotAnArtifact("shop.artifact", "its fields are not those of an artifact"),
    entry.AmbiguousReference("shop", ("shop@1 (8599e15869be)", "shop@2 (524d1cd3f11f)")),
    entry.NoReference("shop@1@2"),
    entry.NotInRegistry("shop@3", "/srv/registry", ("shop@1", "shop@2")),
    registry.BadRegistry("/srv/registry", "/srv/registry/lock: permission denied"),
    registry.NameShadows("the name 'Shop'", "'shop', which is there"),
    registry.VersionTaken("shop", "2", NEW, OLD),
    arriving.OlderVersion("shop@1", "2"),
    collecting.CannotForget("/srv/shop", "its node runs"),
    collecting.UnreadableRoot("/srv/shop/.midflight", "/srv/shop/.midflight holds no data."),
    registry_client.NoRegistry("http://10.0.0.7:8081", "ConnectError: connection refused"),
    registry_reply.RegistryRefused(registry.NameShadows("the tag shop@2", "the version shop@2").to_plain()),
    registry_server.WrongRegistryToken(),
    tags.OlderTag("shop", "stable"),
    keys.BadKey("/srv/ann/key.pem", "other users may read or write it"),
    keys.KeyExists("/srv/ann/key.pem"),
    seal.NotSealed("shop.artifact", "it does not begin with 'midflight artifact'"),
    seal.TooLarge("shop.artifact", 5_000_000, 4_194_304),
    seal.UntrustedKey("shop@2", KEY, "/srv/shop/.midflight/trusted"),
    seal.WrongSignature("shop@2", KEY),
    trust.BadTrustList("/srv/shop/.midflight/trusted", 3, "'ssh-ed25519' is no public key"),
    extra.NeedsExtra("Hypothesis", "check"),
    control_client.NoAnswer("/srv/shop/.midflight", "it closed the connection"),
    control_client.NoNode("/srv/shop/.midflight"),
    control_client.Refused(running.NothingToRollBack("shop").to_plain()),
    Damaged("/srv/shop/.midflight/journal.db", "entry 12 has another checksum"),
    dead_letters.NotReadable(3, "version 2, which wrote it, is not kept"),
    replaying.LetterBusy(3),
    replaying.LetterFailed(3, "box raises on it; reference 8f2d0c11a4b39e07 in the log"),
    replaying.LetterNotTaken(3, "box", "expected Add | Total, found Refund(n=7)"),
    replaying.NoSuchLetter(3),
    datadir.Occupied("/srv/shop/.midflight", "4711"),
    datadir.Unusable("/srv/shop/.midflight", "Permission denied"),
    export_command.CannotWrite("/srv/copy.jsonl", "No space left on device"),
    control_client.NoRemote("tcp://10.0.0.7:7070", "no token is given"),
    control_token.BadTokenFile("/srv/shop/.midflight/control.token", "other users may read or write it"),
    conversation.WrongToken(),
    history_command.NoSuchRow(7),
    reading.NoData("/srv/shop/.midflight"),
    initial.BadInitial("copy.jsonl", 3, "count: expected int, found 'two'"),
    initial.HasData("shop"),
    listen.CannotListen("http://127.0.0.1:8080", "Address already in use"),
    counterparts.HistoriesDiffer(
        "lamp", "False", ((), ("'press'", "'press'")), ("0", "2"), ("'press'",), ("'on'", "'off'")
    ),
    counterparts.NotFinite("the machine has 2 cells", "Give the Migration an arrow."),
    counterparts.NotTaken("door", ("'knock'", "'open'"), ("'opened'", "ValueError")),
    chain.Ambiguous("users", (("1", "2", "4"), ("1", "3", "4"))),
    migrating.DoublesChanged("counter", "count", 1, 2),
    chain.Gap("users", "1", "4", ("2",), ("3",)),
    migrating.InitialChanged("clients", "clients", "(0,)", "(1,)"),
    migrating.KeyChanged("clients", "clients"),
    migrating.KeysCollide("clients", "clients", "'ann'"),
    migrating.MigrationMisfit("counter", "count", "expected int, found '3'"),
    migrating.MigrationRaised("counter", "count", "ValueError: no number"),
    migrating.NoDown("counter", "1", "2"),
    chain.NotAtHand("users", ("1", "2", "3"), ("2",)),
    migrating.Undefined("counter", "count", "up", "int", "str"),
    migrating.UndeclaredLoss("counter", "count", "up"),
    migrating.UnknownCell("counter", "cuont", "up", ("count",)),
    migrating.WrongLens("users", "user", "there is no field 'nmae'"),
    picture.CannotDraw("dot took more than 60 s; the machine is too big to draw."),
    running.AlreadyRunning("shop", NEW),
    running.CannotCompile("shop", "till", "shop.py:12: a cell is written by nonlocal."),
    running.CannotKeep("shop", "it was defined in a program that is running"),
    running.CannotLoad("/srv/shop.py", "holds no Application; write app = Application(...)"),
    running.MachineRemoved("shop", "till"),
    running.MessageNotAccepted("shop", "till", '{"type": "Pay"}', ('{"type": "Read"}',)),
    running.NameTaken("machine", "till", "shop"),
    running.NeedsEffects("shop", "till", ("Fetch",)),
    running.NotKept("shop", "it could not be written down (disk full)"),
    running.NotRecovered(12, 3, "till gave another reply"),
    running.NotRunning("shop"),
    running.NothingToRollBack("shop"),
    running.OtherHere("shop", OLD, ("Python 3.11 -> 3.12",), True),
    running.UnexpectedVersion("shop", OLD, NEW),
    running.UnknownApplication("shpo", ("shop",)),
    probation.EndedUncleanly("shop", "2"),
    probation.NewVersionRaised("till", "Pay(cents=5)", "KeyError: 5"),
    probation.TooSlow(
        "till", "a step of till took longer than its budget of 1 s and was interrupted at shop.py:12"
    ),
    probation.Unhealthy("till", "its arrow gives False on Pay(cents=5) and the reply -5"),
    recorded.NotATrace(7, "it is no message of till in the old version: expected int, found 'two'"),
    rehearsing.RehearsalDiffers("shop", 1000, (Differing("till", "the reply", "Pay(cents=5)", "5", "4"),)),
    rehearsing.RehearsalFailed("shop", "it took longer than 30 s, and was at 17 of 1000, till: Pay(cents=5)"),
    settling.NothingToSettle("shop"),
    settling.StillSweeping("shop"),
    quarantine.KeysSetAside(
        "shop", 2, "shop.orders 'a-17': migrating the cell raised ValueError: no such row"
    ),
    led_ahead.WouldPause("shop", "orders", 1.25, 5),
    bounded.LeadsTooLong("shop", 120.0),
    bounded.LeadsTooMuch("shop", 2113),
    upgrade.OtherApplication("till", "shop"),
    joint.BelongsTo("till", "shop", "7"),
    releasing.LeftOut("shop", "8", "stock"),
    resuming.NothingRan(("till", "stock")),
)
ERRORS: tuple[CallError, ...] = (
    errors.BadId("it has 300 characters"),
    errors.BadMessage("counter", Misfit("by", "int", "'two'"), ('{"type": "Incr", "by"?: int}',)),
    errors.IdReused("till", "order-7"),
    errors.KeySetAside("till", "3f9c2a", ValueError("no number"), "'a-17'"),
    errors.Overloaded("till"),
    errors.RolledBack("till", "2"),
    errors.StepFailed("till", "3f9c2a", ValueError("no number")),
    errors.Unavailable("the node is not running"),
    errors.UnknownMachine("tlil", ("till",)),
    errors.UnknownVersion("till", "1", ("2", "3")),
    NotARequest("a request may have 1048576 bytes"),
)

HEAD = """\
# What is refused, and what to do

Every refusal has a name, its *reason*: in Python the class, in the answer of a command with `--json` the field
`reason`, over HTTP the field `error`. This page is made from the code by `python -m tests.errors_page`.

## Changes

An upgrade, a rollback, a start and the commands give one of these, as a `Failure` of `returns` in Python. What was
refused has changed nothing. A command ends with the exit code that stands there: 1, or 3 where a Migration has to say
more. The texts are examples.
"""
CALLS = """\
## Calls

`node.call` raises one of these, all of them a `CallError`; over HTTP it is an answer of the status that stands there
([`docs/http.md`](http.md)).
"""


def defined(base: type) -> set[type]:
    """Every class that can be made and descends from this one, in all modules of the packages."""
    for package in (migrations, runtime):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)
    found, looked = set(), [base]
    while looked:
        below: list[type] = looked.pop().__subclasses__()
        looked += below
        found |= {cls for cls in below if cls.__module__.partition(".")[0] in ("migrations", "runtime")}
    # attrs makes a class anew for its slots: the first one is in no module.
    real = {cls for cls in found if getattr(sys.modules[cls.__module__], cls.__name__, None) is cls}
    return {cls for cls in real if not inspect.isabstract(cls)}


def page() -> str:
    """The text of the page."""
    changes = (
        _entry(
            each, each.message, each.remedy, [field.name for field in attrs.fields(type(each))], _exit(each)
        )
        for each in _sorted(REFUSALS)
    )
    calls = (
        _entry(each, str(each), each.remedy, [*vars(each)], _status(type(each))) for each in _sorted(ERRORS)
    )
    return "\n".join((HEAD, *changes, CALLS, *calls)).rstrip() + "\n"


def _sorted(every: Iterable[Each]) -> list[Each]:
    return sorted(every, key=lambda each: type(each).__name__)


def _exit(refusal: Refusal) -> str:
    if isinstance(refusal, control_client.Refused):
        return "That of the reason that the other side gave, under which it is shown."
    return f"Exit code {exit_code(refusal.reason)}."


def _status(error: type[CallError]) -> str:
    return f"HTTP status {STATUS[error]}." if error in STATUS else "Not over HTTP."


def _entry(made: Refusal | CallError, message: str, remedy: str, fields: list[str], outcome: str) -> str:
    told = inspect.getdoc(type(made)) or ""
    instead = (
        remedy[:1].upper() + remedy[1:].rstrip(".") if remedy else "See the text: it depends on the problem"
    )
    names = ", ".join(f"`{name}`" for name in fields) or "none"
    return "\n".join(
        (
            f"### {type(made).__name__}\n",
            f"{told}\n",
            f"- **What to do:** {instead}.",
            f"- **Fields:** {names}",
            f"- {outcome}\n",
            f"```text\n{message}\n```\n",
        )
    )


if __name__ == "__main__":
    PAGE.write_text(page())
