"""Upgrades that go wrong, on a real node under load: old or new, nothing lost, and a report that says what to do."""

from __future__ import annotations

import importlib
import random
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from operator import attrgetter
from pathlib import Path
from typing import Any

import attrs
import pytest
from typer.testing import CliRunner

from runtime.cli import app
from runtime.control_client import ask
from tests.runtime.crash_checker import Client, checked, running
from tests.runtime.crash_story import CLIENTS, ROOT, Story, free_port, node_of
from tests.runtime.crash_versions import EXPECTED, FILES
from tests.runtime.hostile import BALLAST
from tests.runtime.test_faults import mounted

_FINE = "def fine(n: int) -> int:\n"
_SHOWN = "def shown(told: Told) -> Told:\n"
_ROW = "def row(total: int) -> int:\n"
_LOOP = "    while total > LEAST:\n        pass\n"
_EAT = "    held = []\n    while total > LEAST:\n        held.append(bytearray(b'x' * (1 << 22)))\n"


def loops(text: str, least: int) -> str:
    """In a row: on what it begins with (least -1), which a plan looks at, or on a real one."""
    return _ROW + text.replace("LEAST", str(least))


@attrs.frozen
class Case:
    """A version that is version 2 with one text in the place of another, and what the operator reads."""

    old: str
    new: str
    told: str
    options: tuple[str, ...] = ("--rehearse", "0")
    code: int = 1


REHEARSED = ("--rehearse", "50", "--expect", str(EXPECTED))
RAISES = _FINE + "    raise KeyError('no')\n"
TENTH = _FINE + "    if n % 10 == 0:\n        raise KeyError('ten')\n"
CASES: dict[str, Case] = {
    "wrong digest": Case("", "", "expected 0{12} to run, but .* runs", ("--running", "0" * 12)),
    "no syntax": Case(_FINE, "def fine(n:\n", "hostile.py"),
    "does not compile": Case("total, count, _ = sent", "total, count, _ = spent", "spent"),
    "migration raises": Case(_ROW, _ROW + "    raise ValueError('no')\n", "ValueError: no"),
    "migration raises, rehearsed": Case(
        _ROW, _ROW + "    raise ValueError('no')\n", "ValueError: no", REHEARSED
    ),
    "wrong shape": Case(_ROW, _ROW + "    return str(total)\n", "clients/sent"),
    "wrong shape, rehearsed": Case(_ROW, _ROW + "    return str(total)\n", "clients/sent", REHEARSED),
    "migration loops, planned": Case(_ROW, loops(_LOOP, -1), "were not done with the state after 1.5 s"),
    "migration loops": Case(_ROW, loops(_LOOP, 0), "were not done with the state after 1.5 s"),
    "migration eats memory, planned": Case(_ROW, loops(_EAT, -1), "the process had grown by"),
    "migration eats memory": Case(_ROW, loops(_EAT, 0), "the process had grown by"),
    "migration eats memory, rehearsed": Case(_ROW, loops(_EAT, 0), "[Mm]emory", REHEARSED),
    "raises at once": Case(_FINE, RAISES, "the new version raises KeyError: 'no'"),
    "raises at once, rehearsed": Case(_FINE, RAISES, "KeyError: 'no'", REHEARSED),
    "raises on the tenth": Case(_FINE, TENTH, "the new version raises KeyError: 'ten'"),
    "does not encode": Case(
        _SHOWN, _SHOWN + "    return object()\n", "the new version raises NotData: object is not plain data"
    ),
    "never returns": Case(_FINE, _FINE + "    while n % 10 == 0:\n        pass\n", "longer than its budget"),
    "goes back": Case("    return True\n", "    return False\n", "the new version is not healthy"),
}


@attrs.define
class Site:
    """A node that runs, clients that do not stop, and what an operator types."""

    story: Story
    port: int
    node: subprocess.Popen[bytes]
    order: Path
    threads: list[threading.Thread] = attrs.field(factory=list)

    @property
    def data(self) -> Path:
        return self.story.data

    def load(self) -> list[Client]:
        """More clients."""
        number = len(self.story.clients)
        clients = [Client(f"c.{number + each}", key=each % 2 == 0) for each in range(CLIENTS)]
        self.story.clients += clients
        self.threads += running(clients, self.port)
        return clients

    def type(self, *words: str) -> tuple[int, str]:
        """What a command ends with, and says."""
        done = CliRunner().invoke(app, [*words, "--data", str(self.data)])
        return done.exit_code, re.sub(r"\s+", " ", done.output)

    def quiet(self) -> None:
        """Let no client send any more."""
        for each in self.story.clients:
            each.stop = True
        for thread in self.threads:
            thread.join(60)

    def end(self) -> list[str]:
        """Kill the node, and let the clients see that; what was wrong until then."""
        self.node.kill()
        for thread in self.threads:
            thread.join(60)
        return [f"{each.name}: {problem}" for each in self.story.clients for problem in each.wrong]


@contextmanager
def site(folder: Path, file: str = "v1", **given: Any) -> Iterator[Site]:
    """A node with rows enough to be led one by one."""
    story = given.get("story") or Story(folder, random.Random(1))
    port, order = free_port(), folder / "order"
    with node_of(str(story.files[file]), port, story.data, str(order), "tests.runtime.hostile") as node:
        made = Site(story, port, node, order)
        if not story.clients:
            story.fill(port)
        try:
            yield made
        finally:
            made.end()


@pytest.fixture(scope="class")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One node for all cases, and clients that are answered all the while."""
    with site(tmp_path_factory.mktemp("hostile")) as made:
        made.load()
        yield made
        assert made.end() == []
        again = free_port()
        with node_of(str(FILES / "v1.py"), again, made.data, str(made.order), "tests.runtime.hostile"):
            assert checked(made.story.clients, again, made.data) == []


class TestCases:
    """All on one node, which ends behind them."""

    @pytest.mark.parametrize("case", CASES)
    def test_what_is_refused_or_goes_back(self, case: str, shop: Site) -> None:
        given = CASES[case]
        text = (FILES / "v2.py").read_text()
        if given.old:
            assert text.count(given.old) == 1
        file = shop.story.folder / "hostile.py"
        file.write_text(text.replace(given.old, given.new) if given.old else text)
        before = sum(each.count for each in shop.story.clients)
        code, said = shop.type("upgrade", str(file), "--probation", "100000/1h", *given.options)
        assert code == given.code, said
        assert re.search(given.told, said), said
        assert shop.story.name() == "v1"
        until = time.monotonic() + 20
        while sum(each.count for each in shop.story.clients) <= before + 10:
            assert time.monotonic() < until, "callers are not answered"
            time.sleep(0.01)
        assert not [each.wrong for each in shop.story.clients if each.wrong]


# Instructions

BEFORE = ("Verify", "Prepare", "Rehearse", "Lead", "Swap")
"""Instructions at whose beginning nothing is changed yet."""
BEHIND = ("Sweep", "Watch", "Settle")


def some(request: pytest.FixtureRequest, *more: str) -> list[str]:
    """All instructions with --long; else the swap, those given, and another one of before and of behind."""
    if request.config.getoption("--long"):
        return [*BEFORE, *BEHIND]
    seed = random.randrange(2**32)
    print("seed", seed)
    chance = random.Random(seed)
    return [*more, chance.choice(BEFORE[:-1]), "Swap", chance.choice(BEHIND)]


def upgrade(site: Site, kind: str, *options: str) -> tuple[int, str]:
    """Upgrade to version 2, with a rehearsal where that is what is looked at."""
    words = REHEARSED if kind == "Rehearse" else ("--rehearse", "0")
    return site.type("upgrade", str(FILES / "v2.py"), "--probation", "30/0.3s", *words, *options)


def test_kill_9_at_an_instruction(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """Behind it the version before runs, or behind the settling perhaps the new one, and nothing is lost."""
    story = Story(tmp_path, random.Random(1))
    for kind in some(request):
        with site(tmp_path, story.kept(), story=story) as made:
            made.load()
            made.order.write_text(f"kill {kind} begun")
            code, said = upgrade(made, kind, "--settle")
            if (
                kind != "Settle" or code
            ):  # that comes when it has passed, which the operator may have been told
                assert code == 1, (kind, said)
                assert "did not answer: it ended the conversation" in said, (kind, said)
            assert made.end() == []
        with site(tmp_path, story.kept(), story=story) as made:
            assert story.name() in (("v1", "v2") if kind == "Settle" else ("v1",)), kind
            assert checked(story.clients, made.port, made.data) == [], kind
            _, told = made.type("history", "--json")
            assert '"ended uncleanly"' in told
        if story.kept() == "v2":
            return


def test_a_full_disk_at_an_instruction(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """Callers and the operator are told, and when there is room again, all goes on: in the old version or the new."""
    for kind in some(request):
        with mounted(tmp_path / kind, "size=24m") as disk, site(disk) as made:
            made.load()
            made.order.write_text(f"fill {kind} begun")
            code, said = upgrade(made, kind, "--no-wait", *(["--settle"] if kind == "Settle" else []))
            if code:
                assert "full" in said or "rehearsal did not come to its end" in said, (kind, said)
            until = time.monotonic() + 30
            while not (disk / BALLAST).exists():
                assert time.monotonic() < until, (kind, said)
                time.sleep(0.01)
            time.sleep(0.2)
            (disk / BALLAST).unlink()
            made.quiet()
            assert made.story.name() in (("v1",) if kind in BEFORE and code else ("v1", "v2")), kind
            assert checked(made.story.clients, made.port, made.data) == [], kind
            assert made.end() == [], kind


# Operators


def typed(site: Site, *words: str) -> subprocess.Popen[str]:
    """A command in a process of its own; what it says of the instructions is on its standard error."""
    return subprocess.Popen(
        [sys.executable, "-m", "midflight", *words, "--data", str(site.data)],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT], ids=["killed", "Ctrl-C"])
def test_an_operator_who_leaves_leaves_the_upgrade_alone(how: signal.Signals, tmp_path: Path) -> None:
    with site(tmp_path) as made:
        clients = made.load()
        words = ("--probation", "30/0.3s", *REHEARSED)
        with typed(made, "upgrade", str(FILES / "v2.py"), *words) as operator:
            assert operator.stderr is not None
            said = ""
            while "rehearse" not in said:
                said += operator.stderr.read(1)
            operator.send_signal(how)
        until = time.monotonic() + 90
        while " passed " not in (told := made.type("history")[1]):
            assert time.monotonic() < until, told
        assert made.story.name() == "v2"
        made.quiet()
        assert checked([*clients, *made.story.clients[:20]], made.port, made.data) == []
        assert made.end() == []


def test_a_second_upgrade_waits_for_the_first_its_probation_and_its_sweep(tmp_path: Path) -> None:
    """Where it was asked for before the first had swapped, it is refused then: another version runs than was seen."""
    with site(tmp_path) as made:
        clients, files = made.load(), made.story.files
        with typed(made, "upgrade", str(files["v2"]), "--probation", "100000/2s", *REHEARSED) as first:
            while "upgrading" not in made.type("history")[1]:
                assert made.story.name() == "v1"
            code, said = made.type("upgrade", str(files["v3"]), "--probation", "0", "--rehearse", "0")
            assert code == 1
            assert re.search("expected .* to run, but .* runs", said), said
            code, said = made.type("upgrade", str(files["v3"]), "--probation", "0", "--rehearse", "0")
            assert code == 0, said
            assert "waits for the upgrade before this one" in said
            assert first.wait(30) == 0
        assert made.story.name() == "v3"
        made.quiet()
        assert checked([*clients, *made.story.clients[:20]], made.port, made.data) == []
        assert made.end() == []


def test_what_only_the_new_version_has_is_turned_away_or_kept(tmp_path: Path) -> None:
    """Queued, timed and sent: callers send it otherwise, the rest are dead letters, which a later version steps."""
    with site(tmp_path) as made:
        upgraded = made.type("upgrade", str(FILES / "v2.py"), "--probation", "0", "--rehearse", "0")
        assert upgraded[0] == 0, upgraded
        clients = made.load()
        while sum(each.count for each in clients) < 100:
            time.sleep(0.01)
        code, said = made.type("rollback")
        assert (code, "waiting messages that only 2 has were turned away" in said) == (0, True), said
        assert "a timer" in made.type("dead-letters")[1]
        while sum(each.count for each in clients) < 120:
            time.sleep(0.01)
        assert made.end() == []
    with site(tmp_path, story=made.story) as made:
        assert checked(clients, made.port, made.data) == []
        assert made.type("upgrade", str(FILES / "v2.py"), "--probation", "0", "--rehearse", "0")[0] == 0
        code, said = made.type("dead-letters", "replay", "--all")
        assert code == 0, said
        assert ask(made.data, {"op": "dead-letters"}).unwrap()["dead_letters"] == []
        assert checked(clients, made.port, made.data) == []


# The table

ROWS: dict[str, tuple[str, ...]] = {
    "another version runs than was meant": (
        "test_upgrade::test_a_refusal_changes_nothing_and_is_heard",
        "test_hostile_upgrades::TestCases.test_what_is_refused_or_goes_back",
    ),
    "the file does not load or compile": (
        "test_hostile_upgrades::TestCases.test_what_is_refused_or_goes_back",
        "test_upgrade::test_a_refusal_changes_nothing_and_is_heard",
    ),
    "a migration raises": ("test_hostile_upgrades::TestCases.test_what_is_refused_or_goes_back",),
    "a migration gives a wrong shape": (
        "test_hostile_upgrades::TestCases.test_what_is_refused_or_goes_back",
    ),
    "a migration loops": (
        "test_hostile_upgrades::TestCases.test_what_is_refused_or_goes_back",
        "test_sweep::test_a_row_whose_migration_never_ends_goes_back",
        "test_led_ahead::test_a_migration_that_never_ends_refuses_the_upgrade",
        "test_rehearsing::test_a_step_that_never_ends_is_refused_in_time",
    ),
    "a migration eats memory": (
        "test_hostile_upgrades::TestCases.test_what_is_refused_or_goes_back",
        "test_led_ahead::test_a_migration_that_eats_memory_refuses_the_upgrade",
    ),
    "the new version raises at once, or on some later message": (
        "test_hostile_upgrades::TestCases.test_what_is_refused_or_goes_back",
        "test_probation::test_what_waits_behind_it_is_answered_in_order",
    ),
    "the new version gives what does not encode": (
        "test_hostile_upgrades::TestCases.test_what_is_refused_or_goes_back",
    ),
    "the new version is not healthy": (
        "test_hostile_upgrades::TestCases.test_what_is_refused_or_goes_back",
        "test_probation::test_the_application_says_what_is_healthy",
    ),
    "the new version never returns": (
        "test_hostile_upgrades::TestCases.test_what_is_refused_or_goes_back",
        "test_probation::test_a_step_over_its_budget_goes_back",
    ),
    "the disk is full": ("test_hostile_upgrades::test_a_full_disk_at_an_instruction",),
    "a second upgrade comes while the first is on its way, watched, or leads rows": (
        "test_hostile_upgrades::test_a_second_upgrade_waits_for_the_first_its_probation_and_its_sweep",
    ),
    "the operator leaves: Ctrl-C, a lost connection, a closed terminal": (
        "test_hostile_upgrades::test_an_operator_who_leaves_leaves_the_upgrade_alone",
    ),
    "somebody takes it back while another one waits for it to pass": (
        "test_probation::test_one_who_waits_is_told_that_another_one_took_it_back",
    ),
    "the process is killed before the swap is on disk": (
        "test_hostile_upgrades::test_kill_9_at_an_instruction",
    ),
    "the process is killed on probation": (
        "test_hostile_upgrades::test_kill_9_at_an_instruction",
        "test_probation::test_an_unclean_end_on_probation_goes_back_at_the_next_start",
    ),
    "the process is killed in the middle of a sweep": (
        "test_sweep::test_kill_9_in_the_middle_of_a_sweep",
        "test_hostile_upgrades::test_kill_9_at_an_instruction",
    ),
    "the node is stopped on probation and started again": (
        "test_probation::test_a_clean_end_on_probation_goes_on_with_it",
    ),
    "a row cannot be led": (
        "test_sweep::test_a_row_that_cannot_be_led_goes_back",
        "test_quarantine::test_other_keys_go_on_and_a_rollback_brings_the_row_back",
    ),
    "messages that only the new version has wait at a rollback": (
        "test_hostile_upgrades::test_what_only_the_new_version_has_is_turned_away_or_kept",
    ),
    "the way back fails": ("test_probation::test_stuck_where_the_way_down_fails",),
}
"""The tests of each row of the table in docs/upgrades.md, by what happens."""


def test_the_table_tells_what_is_tested_and_nothing_else() -> None:
    page = (ROOT / "docs" / "upgrades.md").read_text()
    table = page.partition("## When something goes wrong")[2].partition("\n## ")[0]
    lines = re.findall(r"^\| (.*?) \|", table, re.MULTILINE)
    assert lines[2:] == list(ROWS)
    for tests in ROWS.values():
        for each in tests:
            module, _, name = each.partition("::")
            assert callable(attrgetter(name)(importlib.import_module(f"tests.runtime.{module}"))), each
