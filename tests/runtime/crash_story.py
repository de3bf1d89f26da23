"""A node that is killed again and again, under load, in the middle of whatever operators do to it.

python -m tests.runtime.crash_story ROUNDS SEED FOLDER [DISK]

Before each start it is known which versions may run, from what was answered to the operators: a change that was told is
there, one that was not may be, and one that was on probation when the process was killed is not.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final

import attrs
from returns.result import Failure, Result, Success

from runtime.control_client import Refused, ask
from runtime.history import rows
from runtime.reading import looked
from tests.runtime.crash_checker import Client, checked, connected, post, running, wait_for
from tests.runtime.crash_versions import EXPECTED, FAILING, SPOILT, digests, versions

ROOT: Final = Path(__file__).parent.parent.parent
CLIENTS: Final = 4
FILLERS: Final = 320
ROUNDS: Final = 25
"""Rounds on one data directory, at most."""
LONG: Final = "100000/1h"
"""A probation that no version passes here."""
PATIENCE: Final = 60.0


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


def python(*arguments: str, said: IO[bytes] | int = subprocess.PIPE) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=said,
    )


@contextmanager
def node_of(
    file: str, port: int, data: Path, disk: str = "real", driver: str = "tests.runtime.crashing"
) -> Iterator[subprocess.Popen[bytes]]:
    given = ["run", file, "--listen", f"http://127.0.0.1:{port}", "--data", str(data)]
    with tempfile.TemporaryFile() as said:  # a pipe that nobody reads would hold the node up
        node = python("-m", driver, disk, *given, said=said)
        try:
            if not wait_for(port):
                node.kill()
                said.seek(0)
                raise AssertionError(said.read().decode())
            yield node
        finally:
            node.kill()
            node.communicate()


@attrs.define
class Asked:
    """Something that an operator asks for, and what came of it so far."""

    thread: threading.Thread = attrs.field(init=False)
    result: Result[dict[str, Any], Any] | None = None

    @classmethod
    def of(cls, data: Path, **request: Any) -> Asked:
        asked = cls()

        def work() -> None:
            asked.result = ask(data, request, PATIENCE)

        asked.thread = threading.Thread(target=work, daemon=True)
        asked.thread.start()
        return asked

    def answered(self) -> dict[str, Any] | None:
        """What the node said it did."""
        return self.result.unwrap() if isinstance(self.result, Success) else None

    def refused(self) -> bool:
        """Whether the node said that it did nothing, or has gone back."""
        return isinstance(self.result, Failure) and isinstance(self.result.failure(), Refused)


Event = Callable[["Story"], "Asked | None"]


@attrs.define
class Story:
    """One data directory, over several crashes. `wrong` is what the checker found."""

    folder: Path
    chance: random.Random
    disk: str = "real"
    wrong: list[str] = attrs.field(factory=list)
    seen: Counter[str] = attrs.field(factory=Counter)
    clients: list[Client] = attrs.field(factory=list)
    files: dict[str, Path] = attrs.field(init=False)
    names: dict[str, str] = attrs.field(init=False)
    possible: set[str] = attrs.field(factory=lambda: {"v1"})
    watched: str | None = None
    """A version on a probation that it does not pass."""
    settled: bool = False
    log: list[str] = attrs.field(factory=list)

    def __attrs_post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.files = versions(self.folder)
        self.names = digests(self.files)

    @property
    def data(self) -> Path:
        return self.folder / "data"

    # What runs

    def status(self) -> dict[str, Any]:
        told: dict[str, Any] = ask(self.data, {"op": "status"}).unwrap()["status"]["applications"][0]
        return told

    def name(self) -> str:
        return self.names[self.status()["digest"]]

    def kept(self) -> str:
        """The version that the history tells of last."""
        told = looked(self.data, rows).value_or([])
        changes = [each for each in told if "new" in each]
        last = max(changes, key=lambda each: (each["at"], each["number"]), default=None)
        return "v1" if last is None else self.names[last["new"]["digest"]]

    def before(self) -> str | None:
        """The version that a rollback leads to."""
        return {"1": "v1", "2": "v2", None: None}[self.status()["previous"]]

    def look(self, port: int, *, everybody: bool = False) -> None:
        """See that what runs may run, and that nothing is lost."""
        status = self.status()
        name, upgrade = self.names[status["digest"]], status.get("upgrade", {})
        if name not in self.possible:
            self.wrong.append(f"version {name} runs, and it may be {sorted(self.possible)}: {self.log[-3:]}")
        self.settled = name != "v1" and status["previous"] is None
        before, probation = self.before(), upgrade.get("probation", {})
        self.watched = name if probation.get("limit") == "100000/3600s" else None
        self.possible = {name, *([before] if before and (probation or "rows" in upgrade) else [])}
        some = self.clients
        if not everybody:
            others = self.clients[: -2 * CLIENTS]
            some = [*self.chance.sample(others, min(20, len(others))), *self.clients[-2 * CLIENTS :]]
        spoilt = {each.name for each in some if each.total == SPOILT and name == "picky"}
        self.wrong += checked(some, port, self.data, spoilt)

    def is_over(self) -> bool:
        """Whether no version before can be gone back to."""
        return self.kept() != "v1" and self.settled

    # A round

    def fill(self, port: int) -> None:
        """Rows that nobody touches any more, three of which `picky` cannot lead."""
        connection = connected(port)
        for number in range(FILLERS):
            n = SPOILT if number % (FILLERS // 3) == 7 else 1
            self.clients.append(Client(f"f.{number}", count=1, total=n, first=n))
            told = post(connection, "accounts", {"type": "Add", "client": f"f.{number}", "n": n})
            assert told is not None
            assert told[0] == 200, told
        connection.close()

    def round(self, number: int, events: Sequence[Event] | None = None) -> None:
        """Start, look, let clients and operators do something, and end."""
        name = self.kept()
        if name == "v1" and number and events is None and self.chance.random() < 0.15:
            name = "v2"  # another version at the start is an upgrade
            self.possible.add(name)
        port = free_port()
        with node_of(str(self.files[name]), port, self.data, self.disk) as node:
            self.log.append(f"round {number} with {name}")
            self.look(port)
            if not number:
                self.fill(port)
            clients = [Client(f"{number}.{each}", key=each % 2 == 0) for each in range(CLIENTS)]
            self.clients += clients
            threads = running(clients, port)
            time.sleep(self.chance.random() * 0.3)
            asked = self.operate(self.drawn() if events is None else events)
            time.sleep(self.chance.choice((0, 0, self.chance.random() * 0.5)))
            self.end(node, by_force=events is not None or self.chance.random() < 0.85)
            for thread in [*threads, *([asked.thread] if asked else [])]:
                thread.join(PATIENCE)
        for each in self.clients[-CLIENTS:]:
            self.wrong += [f"client {each.name}: {problem}" for problem in each.wrong]

    def operate(self, events: Iterable[Event]) -> Asked | None:
        """Do some things, one after the other; the last one may be under way still."""
        for event in events:
            asked = event(self)
            if asked is not None and asked.thread.is_alive():
                return asked
        return None

    def end(self, node: subprocess.Popen[bytes], *, by_force: bool) -> None:
        upgrade = self.status().get("upgrade", {})
        self.seen.update(f"ended with {word}" for word in upgrade)
        self.seen["killed" if by_force else "stopped"] += 1
        node.send_signal(signal.SIGKILL if by_force else signal.SIGTERM)
        node.wait(PATIENCE)
        if by_force and self.watched is not None:
            self.possible.discard(self.watched)

    def drawn(self) -> Iterator[Event]:
        """What operators do in a round, with the version that runs then."""
        for _ in range(self.chance.choice((1, 1, 2, 3))):
            yield self.chance.choice(UPWARD if self.name() == "v1" else ONWARD)
            time.sleep(self.chance.random() * 0.3)

    # What operators do

    def ask(self, what: str, *, join: bool, **request: Any) -> Asked:
        self.log.append(f"{what} {request}")
        asked = Asked.of(self.data, **request)
        if join:
            asked.thread.join(PATIENCE)
        outcome = "answered" if asked.answered() else "refused" if asked.refused() else "left"
        self.seen[f"{what}: {outcome}"] += 1
        self.log.append(f"{outcome} {asked.result}"[:300])
        return asked

    def upgrade(self, to: str, probation: str | None, *, join: bool = True, **more: Any) -> Asked:
        """Upgrade, and know what may run then."""
        now, passes = self.name(), probation != LONG and to not in FAILING
        if not passes:
            self.watched = to
        certain = passes and (to != "picky" or "quarantine" in more)
        self.possible |= {to}
        asked = self.ask(
            f"upgrade to {to}",
            join=join,
            op="upgrade",
            file=str(self.files[to]),
            expected=None,
            probation=probation,
            **more,
        )
        told = asked.answered()
        if told is not None:
            done = certain and (probation is None or "wait" in more)
            self.possible = {to} if done else {to, now}
        elif asked.refused():
            self.possible.discard(to) if now != to else None
            self.watched = None if now != to else self.watched
        return asked

    def rollback(self, *, join: bool = True) -> Asked:
        """Go back, and know what may run then."""
        before = self.before()
        self.possible |= {before} if before else set()
        asked = self.ask("rollback", join=join, op="rollback", application=None)
        told = asked.answered()
        if told is not None:
            self.possible, self.watched = {self.names[told["upgraded"]["new"]]}, None
        return asked


def good(story: Story) -> Asked | None:
    chance = story.chance
    probation = chance.choice((None, "40/0.3s", "40/0.3s", LONG))
    more: dict[str, Any] = {}
    if probation != LONG and chance.random() < 0.5:
        more["wait"] = True
    if chance.random() < 0.1:
        more |= {"rehearse": 50, "expect": str(EXPECTED)}
    return story.upgrade("v2", probation, join=chance.random() < 0.7, **more)


def failing(story: Story) -> Asked | None:
    to = story.chance.choice(FAILING)
    more = {"wait": True} if story.chance.random() < 0.6 else {}
    return story.upgrade(to, LONG, join=story.chance.random() < 0.8, **more)


def picky(story: Story) -> Asked | None:
    chance = story.chance
    more: dict[str, Any] = {"quarantine": True} if chance.random() < 0.6 else {}
    probation = chance.choice((None, "40/0.3s", LONG))
    if probation == "40/0.3s" and chance.random() < 0.5:
        more["wait"] = True
    return story.upgrade("picky", probation, join=chance.random() < 0.8, **more)


def third(story: Story) -> Asked | None:
    if story.name() != "v2" or story.watched or story.chance.random() < 0.6:
        return None
    return story.upgrade("v3", story.chance.choice((None, "40/0.3s")), join=story.chance.random() < 0.7)


def back(story: Story) -> Asked | None:
    return story.rollback(join=story.chance.random() < 0.7)


def settle(story: Story) -> Asked | None:
    if story.name() != "v2" or story.chance.random() < 0.8:
        return None
    story.possible, story.watched = story.possible | {"v2"}, None
    asked = story.ask("settle", join=story.chance.random() < 0.7, op="settle", application=None)
    if asked.answered():
        story.possible = {"v2"}
    return asked


def replay(story: Story) -> Asked | None:
    return story.ask("replay", join=story.chance.random() < 0.5, op="replay", letters=None)


UPWARD: Final[tuple[Event, ...]] = (good, good, good, failing, failing, picky, picky, back, replay)
ONWARD: Final[tuple[Event, ...]] = (back, back, back, third, settle, replay)


def stories(
    count: int, folder: Path, seed: int, disk: str = "real", events: Sequence[Sequence[Event]] | None = None
) -> Story:
    """Crash a node on a disk of `crashing` so often; return the last story, with what all found wrong.

    `events` are what operators do in each round, where it is not drawn.
    """
    print("seed", seed, flush=True)
    chance, done, found, seen, acknowledged = random.Random(seed), 0, list[str](), Counter[str](), 0
    while True:
        story = Story(folder / str(done), chance, disk)
        number = 0
        while done < count and number < ROUNDS and not (story.wrong or (number and story.is_over())):
            story.round(number, None if events is None else events[number])
            number, done = number + 1, done + 1
        port = free_port()
        with node_of(str(story.files[story.kept()]), port, story.data, disk):
            story.look(port, everybody=True)
        seen += story.seen
        found += [f"{each} (in {story.folder})" for each in story.wrong]
        acknowledged += sum(each.count for each in story.clients)
        print(f"{done} rounds, {acknowledged} acknowledged, {len(found)} wrong", flush=True)
        if done >= count:
            story.wrong, story.seen = found, seen
            story.seen["acknowledged"] = acknowledged
            return story
        if story.wrong:
            print(*story.wrong, *story.log, sep="\n", flush=True)
        else:
            shutil.rmtree(story.folder)


if __name__ == "__main__":
    last = stories(int(sys.argv[1]), Path(sys.argv[3]), int(sys.argv[2]), (sys.argv[4:] or ["real"])[0])
    print(*sorted(last.seen.items()), *last.wrong, *(last.log if last.wrong else ()), sep="\n")
