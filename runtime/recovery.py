"""From what is on disk to machines as they were: the last snapshot, then the log behind it, stepped again.

Each input is stepped by the version that stepped it first, from the kept versions; its reply must have the
checksum it had. Where anything is not as it was written, recovery stops with the place, and changes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import attrs
from returns.result import Failure, Result, Success

from arrows.received import Bad
from arrows.record import holds_secrets
from migrations.refusal import Refusal
from runtime.core import Core
from runtime.filling import Filling
from runtime.fingerprint import fingerprint
from runtime.hosted import Compiled, Hosted
from runtime.instruction import Terms
from runtime.joint import Joint
from runtime.journal import SNAPSHOT, Event, initial_prefix, part_key, parts_prefix, read, version_key
from runtime.led_ahead import done_before
from runtime.probation import stand
from runtime.recovered import Listen, Recovered, Stopped
from runtime.refusal import NotRecovered
from runtime.replacing import replace
from runtime.requests import Answered
from runtime.snapshot import Base, cut
from runtime.store import Damaged, DamagedData, Readable
from runtime.together import stepped, unpack
from runtime.unit import remember
from runtime.upgrade import compiled, prepare_back
from runtime.versions import BroughtBack, brought_back


def recover(
    store: Readable, listen: Listen | None = None, versions: dict[str, Compiled] | None = None
) -> Result[Recovered, Refusal]:
    """Read a store. Returns Success(Recovered), or Failure(Damaged | NotRecovered | CannotLoad | ...).

    `versions` are those at hand, by edition: what is loaded is added, and need not be another time.
    """
    try:
        return Success(Recovery(store, listen, versions).run())
    except Stopped as stopped:
        return Failure(stopped.refusal)
    except DamagedData as damaged:
        return Failure(damaged.refusal)


class Recovery:
    """A core that the events of a store are repeated on. Raises Stopped where one cannot be."""

    def __init__(
        self, store: Readable, listen: Listen | None, versions: dict[str, Compiled] | None = None
    ) -> None:
        self.store = store
        self.listen = listen
        self.core = Core(lambda: "", observed=False, journaled=True)
        self.core.open = True
        self.versions = {} if versions is None else versions
        self.found: dict[str, bytes] = {}
        self.other: dict[str, Refusal] = {}
        self.steps = 0
        self.base = Base()
        self.at = (0, 0)

    def run(self) -> Recovered:
        number = self.snapshot()
        after = number
        for number, data in self.store.entries(after):
            for at, event in enumerate(read(data)):
                self.at = (number, at)
                if self.listen is not None:
                    self.listen(self.at, event, self.core)
                self.event(event)
        core = self.core
        told, base = core.outbox.numbers, self.base
        return Recovered(core.applications, number, core.now, self.steps, told, base, core.releases)

    # Versions

    def version(self, edition: str) -> Compiled:
        """A kept version, ready to run."""
        key = version_key(edition)
        if key not in self.found:
            self.found.update(self.store.items(key))
        if key not in self.found:
            raise Stopped(self.wrong(f"the version {edition[:12]} is not among the kept ones"))
        if (known := self.versions.get(edition)) is None:
            back: BroughtBack = taken(brought_back(self.found[key]))
            if back.other is not None:
                self.other[edition] = back.other
            made: Compiled = taken(compiled(back.application))
            known = self.versions[edition] = attrs.evolve(made, kept=edition)
        return known

    # The snapshot

    def head(self) -> dict[str, Any]:
        found = [data for key, data in self.store.items(SNAPSHOT) if key == SNAPSHOT]
        head: dict[str, Any] = json.loads(found[0]) if found else {}
        return head

    def snapshot(self) -> int:
        head = self.head()
        if not head:
            return 0
        self.core.now = head.get("now", 0)
        told = head.get("told", (0, 0))
        self.core.outbox.numbers = (told[0], told[1])
        for name, plain in head.get("releases", {}).items():
            remember(self.core.releases, name, plain)
        applications = head["applications"]
        made = {name: self.version(each["edition"]) for name, each in applications.items()}
        before = {
            n: self.version(e["previous"]) for n, e in applications.items() if e["previous"] is not None
        }
        filling = Filling(made, before)
        for layer, count in head["layers"]:
            found = dict(self.store.items(parts_prefix(layer)))
            for key in (part_key(layer, part) for part in range(count)):
                if key not in found:
                    raise Stopped(Damaged("the snapshot", f"its part {key} is missing"))
                filling.add(found[key])
        for name, each in applications.items():
            running = taken(self.core.start(made[name]))
            for machine, hosted in running.machines.items():
                hosted.state = filling.state(name, machine)
                hosted.stepped, hosted.failed = each["did"][machine]
                hosted.window = filling.window(name, machine)
                hosted.waits = filling.waits(name, machine)
            if each["previous"] is not None:
                between = tuple(map(self.version, each.get("through", ())))
                running.compiled = attrs.evolve(running.compiled, through=between)
                running.back_to(before[name], filling.before(name))
                if each.get("settled"):
                    running.settle()
                stand(running, each)
        layers = tuple((layer, count) for layer, count in head["layers"])
        self.base = Base({name: cut(each) for name, each in self.core.applications.items()}, layers)
        number: int = head["number"]
        return number

    # The log

    def event(self, event: Event) -> None:
        kind, name, *rest = event
        match kind:  # nearly all are steps
            case "step":
                self.step(self.core.machines[name], *rest)
            case "start" if name in self.core.applications:
                taken(replace(self.core.applications[name], self.version(rest[0])))
            case "start":
                self.start(name, *rest)
            case "stop":
                running = self.core.applications[name]
                self.core.close(running)
                self.core.remove(running)
            case "swap":
                self.swap(name, *rest)
            case "settle":
                self.core.applications[name].settle()
            case "passed":
                self.core.applications[name].watched(None)
            case "stuck":
                self.core.applications[name].sticks(rest[0])
            case "release":
                remember(self.core.releases, name, rest[0])
            case "raised":
                self.raised(self.core.machines[name], *rest)
            case "now":
                self.core.now = name
            case _:
                raise Stopped(self.wrong(f"{kind!r} is not an event that this version of midflight knows"))

    def start(self, name: str, edition: str, parts: int = 0) -> None:
        running = taken(self.core.start(self.version(edition)))
        if parts:
            filling = Filling({name: running.compiled})
            found = [data for _, data in self.store.items(initial_prefix(name))]
            if len(found) < parts:
                raise Stopped(
                    Damaged(f"the state that {name} began with", f"{len(found)} of {parts} parts are there")
                )
            for data in found[:parts]:
                filling.add(data)
            for machine, hosted in running.machines.items():
                hosted.state = filling.state(name, machine)

    def swap(
        self,
        name: str,
        edition: str,
        back: bool,
        through: Sequence[str] = (),
        *terms: Any,
    ) -> None:
        new = attrs.evolve(self.version(edition), through=tuple(map(self.version, through)))
        running = self.core.applications[name]
        prepared = prepare_back(running, drops=True) if back else self.core.prepare(new, None)
        on = Terms.read(*terms)
        result: Result[Any, Refusal] = prepared.bind(
            lambda made: self.core.swap(Joint.of(done_before(attrs.evolve(made, terms=on))))
        )
        if isinstance(result, Failure):
            raise Stopped(
                self.wrong(f"the change to {edition[:12]} is refused now: {result.failure().message}")
            )

    def step(self, hosted: Hosted, packed: Any, check: int, _: str, *mark: str | int) -> None:
        if self.other:
            edition = self.core.applications[hosted.application.name].compiled.edition
            if edition in self.other:
                raise Stopped(self.other[edition])
        outbox, emitted = self.core.outbox, hosted.emitted
        if emitted:
            emitted.clear()
        try:
            message = unpack(hosted.packing, packed)
            hosted.state, reply = stepped(hosted.step, hosted.state, message)
            same = hosted.packing.checksum(reply) == check
            told = outbox.checked(hosted, emitted) if emitted else ()
        except Exception as error:
            said = (
                "its message cannot be read"
                if isinstance(error, Bad)
                else "it raises on a message it answered"
            )
            shown = "" if holds_secrets(hosted.program.takes) else f": {error}"
            problem = f"{hosted.name}: {said}: {type(error).__name__}{shown}"
            raise Stopped(self.wrong(problem)) from None
        if not same:
            raise Stopped(self.wrong(f"{hosted.name} answers a message otherwise than it did"))
        hosted.stepped += 1
        self.steps += 1
        if mark:
            self.marked(hosted, message, reply, None, *mark)
        if told:
            outbox.apply(hosted, told, self.core.now)

    def raised(self, hosted: Hosted, packed: Any, error: str, _: str, *mark: str | int) -> None:
        hosted.failed += 1
        if not mark:
            return
        try:
            message = unpack(hosted.packing, packed)
        except Bad as wrong:
            raise Stopped(self.wrong(f"{hosted.name}: its message cannot be read: {wrong}")) from None
        self.marked(hosted, message, None, (error.rpartition(" ")[2], str(mark[-1])), mark[0])

    def marked(
        self, hosted: Hosted, message: Any, reply: Any, raised: tuple[str, str] | None, *mark: str | int
    ) -> None:
        """The message had an id, or the number of what a machine told."""
        if mark and isinstance(mark[0], int):
            self.took(hosted, mark[0])
        elif mark:
            asked = str(mark[0]), fingerprint(message), self.core.now
            hosted.window = hosted.window.having(Answered(*asked, reply, raised, hosted.digest))

    def took(self, hosted: Hosted, number: int) -> None:
        waiting = hosted.waits.get(number)
        if waiting is None:
            raise Stopped(self.wrong(f"{hosted.name} took the message {number}, which nobody sent it"))
        self.core.outbox.take(hosted, waiting)

    def wrong(self, problem: str) -> NotRecovered:
        return NotRecovered(*self.at, problem)


def taken(result: Result[Any, Refusal]) -> Any:
    """What was made. Raises Stopped."""
    if isinstance(result, Failure):
        raise Stopped(result.failure())
    return result.unwrap()
