"""Each boundary between two messages of the examples is where a version takes over, where it ends, and both at once.

A model of a few lines, which knows nothing of arrows, says what must be answered; and what each swap makes of it.
"""

from __future__ import annotations

import copy
import itertools
import re
import shutil
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import attrs
import pytest
from returns.result import Failure

from arrows import compile, run
from arrows.plain import from_plain, to_plain
from arrows.shape import ANYTHING, Shape
from runtime.application import Application
from runtime.loader import load
from runtime.pending import Pending
from runtime.testing import TestNode
from runtime.versions import kept
from tests.conftest import ROOT
from tests.runtime.engines import Power, Simulated

Message = tuple[str, Any]
"""A machine and a message for it, as JSON has it."""


class Model(Protocol):
    """What must be answered."""

    def answer(self, machine: str, message: Any) -> Any:
        """The reply, as JSON has it."""

    def up(self) -> None:
        """The second version takes over."""

    def down(self) -> None:
        """The first version takes over again."""


@attrs.frozen
class Example:
    one: Application
    two: Application
    trace: list[Message]
    model: Callable[[], Model]


# What must be answered


class Counter:
    def __init__(self) -> None:
        self.count = 0

    def answer(self, machine: str, message: Any) -> Any:
        if message["type"] == "Read":
            return {"type": "Total", "count": self.count}
        self.count += message.get("by", 1)
        return {"type": "Ok"}

    def up(self) -> None:
        """It counts on."""

    down = up


class Entries:
    def __init__(self) -> None:
        self.counts = False
        self.held: dict[str, tuple[str, int]] = {}

    def answer(self, machine: str, message: Any) -> Any:
        key, there = message["key"], self.held.get(message["key"])
        match message["type"]:
            case "Set":
                self.held[key] = (message["value"], there[1] + 1 if there and self.counts else 1)
                return {"type": "Stored"} | self.counted("version", self.held[key][1])
            case "Delete" if there:
                del self.held[key]
                return {"type": "Deleted"}
            case "Lookup" if there:
                return {"type": "Found", "value": there[0]} | self.counted("version", there[1])
        return {"type": "Missing"}

    def counted(self, name: str, count: int) -> dict[str, int]:
        return {name: count} if self.counts else {}

    def up(self) -> None:
        self.counts = True

    def down(self) -> None:
        self.counts = False
        self.held = {key: (value, 1) for key, (value, _) in self.held.items()}


CLIENT = re.compile(r'(\S+) - - \[.*?\] "[^"]*" (\d+) (\d+|-) "[^"]*" "([^"]*)"')


class Visits:
    """The lines of a log that is minutes long: each agent of a client is a session that stays open."""

    def __init__(self) -> None:
        self.apart = False
        self.lines = self.bad = self.latest = 0
        self.clients: dict[str, dict[str, Any]] = {}

    def answer(self, machine: str, message: Any) -> Any:
        match message["type"]:
            case "Overview":
                return {"type": "Log", "lines": self.lines, "bad": self.bad, "latest": self.latest}
            case "Look":
                return self.look(message["client"])
        self.lines += 1
        found = CLIENT.fullmatch(message["text"])
        if found is None:
            self.bad += 1
            return {"type": "Bad"}
        name, status, sent, agent = found.groups()
        held = self.client(name)
        held["requests"] += 1
        held["sent"] += 0 if sent == "-" else int(sent)
        held["errors"] += int(status) >= 400
        held["agents"].add(agent)
        if self.apart:
            held["robots" if "bot" in agent else "people"] += 1
        minute = int(message["text"].split("[")[1][15:17])
        self.latest = 1700000000 + 60 * (minute - 13)
        return {"type": "Seen", "client": name}

    def client(self, name: str) -> dict[str, Any]:
        fresh = {"requests": 0, "sent": 0, "errors": 0, "people": 0, "robots": 0, "agents": set()}
        return self.clients.setdefault(name, fresh)

    def look(self, name: str) -> Any:
        told = dict(self.client(name))
        told["open_sessions"] = len(told.pop("agents"))
        if not self.apart:
            del told["people"], told["robots"]
        return {"type": "Client", **told}

    def up(self) -> None:
        self.apart = True

    def down(self) -> None:
        self.apart = False
        for each in self.clients.values():
            each["people"] = each["robots"] = 0


def line(client: str, minute: int, status: int, sent: str, agent: str) -> Message:
    text = (
        f'{client} - - [14/Nov/2023:22:{minute:02}:20 +0000] "GET / HTTP/1.1" {status} {sent} "-" "{agent}"'
    )
    return ("log", {"type": "Line", "text": text})


# The examples


def counter(folder: Path) -> Example:
    incr, read = {"type": "Incr", "by": 3}, {"type": "Read"}
    messages = [
        incr,
        read,
        {"type": "Incr"},
        incr,
        read,
        read,
        incr,
        {"type": "Incr", "by": -9},
        read,
        incr,
        read,
    ]
    return two_versions("counter", [("counter", each) for each in messages], Counter)


def store(folder: Path) -> Example:
    def ask(kind: str, key: str, **more: str) -> Message:
        return ("store", {"type": kind, "key": key, **more})

    trace = [
        ask("Lookup", "a"),
        ask("Set", "a", value="1"),
        ask("Set", "b", value="x"),
        ask("Set", "a", value="2"),
        ask("Lookup", "a"),
        ask("Delete", "a"),
        ask("Delete", "a"),
        ask("Lookup", "b"),
        ask("Set", "a", value="3"),
        ask("Set", "b", value="y"),
        ask("Lookup", "a"),
        ask("Lookup", "b"),
    ]
    return two_versions("store", trace, Entries)


def access_log(folder: Path) -> Example:
    look, all_of_it = ("log", {"type": "Look", "client": "1.1.1.1"}), ("log", {"type": "Overview"})
    trace = [
        line("1.1.1.1", 13, 200, "512", "Mozilla"),
        line("2.2.2.2", 13, 404, "-", "a bot"),
        look,
        ("log", {"type": "Line", "text": "no request"}),
        line("1.1.1.1", 14, 500, "12", "a bot"),
        all_of_it,
        line("1.1.1.1", 15, 200, "1", "Mozilla"),
        look,
        ("log", {"type": "Look", "client": "2.2.2.2"}),
        all_of_it,
    ]
    return two_versions("access_log", trace, Visits)


def two_versions(name: str, trace: list[Message], model: Callable[[], Model]) -> Example:
    one, two = (load(str(ROOT / "examples" / name / f"v{number}.py")).unwrap() for number in (1, 2))
    return Example(one, two, trace, model)


class Unswapped:
    """What the reference semantics answer to the whole trace, message by message."""

    def __init__(self, application: Application, trace: list[Message]) -> None:
        self._replies: dict[str, deque[Any]] = {}
        for name, machine in application.machines.items():
            takes = compile(machine).takes
            inputs = [read(application, each, takes) for each in trace if each[0] == name]
            self._replies[name] = deque(to_plain(reply) for reply in run(machine, inputs))

    def answer(self, machine: str, message: Any) -> Any:
        return self._replies[machine].popleft()

    def up(self) -> None:
        """Nothing that it answers is altered."""

    down = up


def read(application: Application, message: Message, takes: Shape) -> Any:
    """The message as the application's machine takes it; where that takes anything, of the class of that name."""
    machine, plain = message
    if takes != ANYTHING or not isinstance(plain, dict):
        return from_plain(plain, takes).unwrap()
    assert application.sources
    module = application.sources.version.module("lights" if machine == "junction" else machine)
    return getattr(module, plain["type"])(**{name: each for name, each in plain.items() if name != "type"})


def one_version(folder: Path, main: str, trace: list[Message]) -> Example:
    """An example that has one version; the second is the same with smaller inboxes."""
    made: list[Application] = []
    for number in (1, 2):
        (folder / f"v{number}.py").write_text(main + f'version="{number}", inbox={100 * number})\n')
        made.append(load(str(folder / f"v{number}.py")).unwrap())
    model = Unswapped(made[0], trace)
    return Example(made[0], made[1], trace, lambda: copy.deepcopy(model))


def modular(folder: Path) -> Example:
    for file in (ROOT / "examples" / "modular").glob("*.py"):
        shutil.copy(file, folder)
    main = (
        "from brackets import brackets\nfrom door import door\nfrom lights import junction\nfrom player import player\n"
        "from radio import radio\nfrom midflight import Application\n"
        'machines = {"brackets": brackets, "door": door, "junction": junction, "radio": radio}\n'
        'app = Application("modular", machines=machines, '
    )
    tick, push, turn = {"type": "Tick"}, {"type": "Push"}, {"type": "Turn", "code": 7}
    trace: list[Message] = [
        ("junction", tick),
        ("door", push),
        ("brackets", "("),
        ("door", turn),
        ("radio", {"type": "Power"}),
        ("brackets", "["),
        ("junction", tick),
        ("radio", {"type": "Band"}),
        ("brackets", "]"),
        ("door", turn),
        ("brackets", ")"),
    ]
    return one_version(folder, main, trace)


def protocol(folder: Path) -> Example:
    shutil.copy(ROOT / "examples" / "protocol" / "protocol.py", folder)
    model = (ROOT / "examples" / "protocol" / "handshake.dot").read_text()
    main = (
        "from protocol import machine, read\nfrom midflight import Application\n"
        f'app = Application("tcp", machines={{"tcp": machine(read({model!r}))}}, '
    )
    inputs = ["ACK", "SYN", "SYN", "FIN", "SYN", "ACK", "SYN", "ACK", "FIN", "FIN"]
    return one_version(folder, main, [("tcp", each) for each in inputs])


EXAMPLES = {each.__name__: each for each in (counter, store, access_log, modular, protocol)}


# The runs


class Run:
    """A trace on a node, with what happens at its boundaries."""

    def __init__(self, example: Example) -> None:
        self.example = example
        self.model = example.model()
        self.power = Power()
        self.node = self.fresh()
        self.runs = example.one
        self.node.start(self.runs).unwrap()

    def fresh(self) -> TestNode:
        self.store = Simulated(self.power, automatic=True)
        return TestNode(store=self.store)

    def message(self, machine: str, message: Any) -> None:
        reply = self.node.call(machine, self.read(machine, message))
        assert to_plain(reply) == self.model.answer(machine, message), (machine, message)

    def read(self, machine: str, message: Any) -> Any:
        hosted = self.node._host.core.machines[machine]
        return read(hosted.application, (machine, message), hosted.program.takes)

    def swap(self) -> None:
        self.node.upgrade(self.example.two, probation=None).unwrap()
        self.runs = self.example.two
        self.model.up()

    def back(self) -> None:
        self.node.rollback(self.runs.name).unwrap()
        self.node.drain()
        self.runs = self.example.one
        self.model.down()

    def crash(self) -> None:
        """Nothing waits, and all that was answered is on disk."""
        self.node = self.fresh()
        assert self.node.start(self.runs).unwrap().version == self.runs.version

    def crash_in_swap(self) -> None:
        """The swap was made, and is not on disk."""
        self.change()
        self.crash()

    def crash_behind_swap(self) -> None:
        """The swap is on disk, and nobody was told."""
        self.change()
        self.store.advance(told=False)
        self.runs = self.example.two
        self.model.up()
        self.crash()

    def change(self) -> None:
        host, two = self.node._host, self.example.two
        self.store.automatic = False
        made = host.change(two.name, host.prepare(two, None), Pending(), kept(two).unwrap())
        assert not isinstance(made, Failure)

    def crash_in_step(self, machine: str, message: Any) -> None:
        """A message was stepped, and is not on disk: its client sends it again."""
        self.half(machine, message)
        self.crash()
        self.message(machine, message)

    def crash_behind_step(self, machine: str, message: Any) -> None:
        """A message is on disk, and its client was not told."""
        self.half(machine, message)
        self.store.advance(told=False)
        self.model.answer(machine, message)
        self.crash()

    def half(self, machine: str, message: Any) -> None:
        self.store.automatic = False
        pending = self.node.send(machine, self.read(machine, message))
        self.node.step()
        assert not pending.done()


BETWEEN = ("swap", "back", "crash", "crash_in_swap", "crash_behind_swap")
WITHIN = ("crash_in_step", "crash_behind_step")


def tried(example: Example, plan: list[tuple[int, str]]) -> None:
    """Run the trace; at these boundaries that happens, in the order of the plan."""
    running = Run(example)
    for at in range(len(example.trace) + 1):
        deeds = [deed for place, deed in plan if place == at]
        for deed in deeds:
            if deed in BETWEEN:
                getattr(running, deed)()
        if at < len(example.trace):
            within = next((deed for deed in deeds if deed in WITHIN), "message")
            getattr(running, within)(*example.trace[at])


def short(count: int) -> Iterator[list[tuple[int, str]]]:
    """Each boundary as swap point, as crash point of each kind, and as both."""
    for at in range(count + 1):
        yield [(at, "swap")]
        yield [(at, "crash")]
        if at % 2:
            yield [(at, "crash_in_swap"), (at, "swap"), (at, "crash")]
        else:
            yield [(at, "crash_behind_swap"), (at, "back"), (at, "crash")]
        if at < count:
            yield [(at, "swap"), (at, WITHIN[at // 2 % 2])]


def product(count: int) -> Iterator[list[tuple[int, str]]]:
    """Each pair of boundaries as swap and crash points, and each triple as swap, crash and rollback."""
    points = range(count + 1)
    for swap, crash in itertools.product(points, points):
        for deed in ("crash", *(WITHIN if crash < count else ())):
            yield [(swap, "swap"), (crash, deed)]
        yield [(swap, "crash_in_swap"), (swap, "swap"), (crash, "crash")]
        yield [(swap, "crash_behind_swap"), (crash, "crash")]
    for swap, back in itertools.combinations_with_replacement(points, 2):
        for crash in points:
            yield [(swap, "swap"), (back, "back"), (crash, "crash")]


def checked(name: str, folder: Path, plans: Callable[[int], Iterator[list[tuple[int, str]]]]) -> int:
    example = EXAMPLES[name](folder)
    tried(example, [])
    runs = 0
    for plan in plans(len(example.trace)):
        try:
            tried(example, plan)
        except AssertionError as wrong:
            raise AssertionError(f"{name}, {plan}: {wrong}") from wrong
        runs += 1
    print(f"{name}: {runs} runs over {len(example.trace) + 1} boundaries")
    return runs


@pytest.fixture(autouse=True)
def kept_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is kept of a version is made once, and not for each of hundreds of runs."""
    made: dict[str, Any] = {}

    def once(application: Application) -> Any:
        if application.edition not in made:
            made[application.edition] = kept(application)
        return made[application.edition]

    monkeypatch.setattr("runtime.changed_by_hand.kept", once)


@pytest.mark.parametrize("name", EXAMPLES)
def test_each_boundary_is_a_point_of_swap_and_of_crash(name: str, tmp_path: Path) -> None:
    assert checked(name, tmp_path, short) > 40


@pytest.mark.long
@pytest.mark.parametrize("name", EXAMPLES)
def test_each_pair_of_boundaries_is_a_point_of_swap_and_of_crash(name: str, tmp_path: Path) -> None:
    assert checked(name, tmp_path, product) > 500


def test_the_model_sees_a_message_that_is_lost_or_applied_twice(tmp_path: Path) -> None:
    example = counter(tmp_path)
    for deed in ("half", "twice"):
        running = Run(example)
        running.message(*example.trace[0])
        if deed == "twice":
            running.message(*example.trace[0])
            running.model.count -= 3  # type: ignore[attr-defined]
        else:
            running.model.answer(*example.trace[0])
        with pytest.raises(AssertionError, match="Read"):
            running.message(*example.trace[1])
