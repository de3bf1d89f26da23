"""A release of three applications as a process: run, upgraded, killed and rolled back by the command under load."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import httpx
import pytest
from typer.testing import CliRunner

from runtime.cli import app
from runtime.loader import load
from runtime.release_file import load_release, load_wanted

ROOT = Path(__file__).parents[2]
SHOP = ROOT / "examples" / "shop"
ONE, TWO = str(SHOP / "shop_1.toml"), str(SHOP / "shop_2.toml")


# The file


def test_a_release_is_read_from_its_file() -> None:
    release = load_release(ONE).unwrap()
    assert (release.name, release.version, release.gone) == ("shop", "1", ())
    assert [each.name for each in release.applications] == ["till", "stock", "books"]
    assert release.applications[2].digest == load(str(SHOP / "books.py")).unwrap().digest
    assert load_wanted(ONE).unwrap().digest == release.digest
    assert load_wanted(str(SHOP / "books.py")).unwrap().name == "books"


GOOD = 'name = "shop"\nversion = "1"\n'


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("name = ", "is not TOML"),
        ("\x00", "is not TOML"),
        ("", "a release says its name"),
        ('name = "shop"\n', "a release says its version"),
        (GOOD, "a release says its applications"),
        (GOOD + 'applications = "books.py"', "applications is a list of texts"),
        (GOOD + "applications = [1]", "applications is a list of texts"),
        (GOOD + "applications = []", "a release without applications"),
        (GOOD + 'applications = ["none.py"]', "none.py: there is no such file"),
        (GOOD + 'applications = ["books.py", "books.py"]', "the application 'books' twice"),
        (GOOD + 'applications = ["books.py"]\ngone = "till"', "gone is a list of texts"),
        (GOOD + 'applications = ["books.py"]\ngone = ["a b"]', "'a b' cannot name an application"),
        (
            GOOD + 'applications = ["books.py"]\napps = 1',
            "'apps' is not known in a release; there are: name,",
        ),
        ('name = "a shop"\nversion = "1"\napplications = ["books.py"]', "'a shop' cannot name a release"),
        ("name = 1\nversion = 1\napplications = []", "name is a text"),
    ],
)
def test_what_is_wrong_in_a_file_is_told(text: str, problem: str, tmp_path: Path) -> None:
    for each in ("books.py", "words.py"):
        (tmp_path / each).write_text((SHOP / each).read_text())
    (tmp_path / "shop.toml").write_text(text)
    refused = load_release(str(tmp_path / "shop.toml")).failure()
    assert problem in refused.message


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    assert "there is no such file" in load_release(str(tmp_path / "shop.toml")).failure().message
    assert "shop.toml" in load_release(str(tmp_path / "shop.toml")).failure().message
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe")
    assert "is not TOML" in load_release(str(tmp_path / "bytes.toml")).failure().message


# The plan, without a node


def plan(*files: str) -> tuple[int, dict[str, Any]]:
    done = CliRunner().invoke(app, ["plan", *files, "--json"])
    return done.exit_code, json.loads(done.output)


def test_a_plan_tells_of_every_application_that_changes() -> None:
    code, told = plan(ONE, TWO)
    assert code == 0
    assert list(told["machines"]) == ["till", "stock"]  # the books are the same
    assert told["new"]["release"] == "shop"
    assert "prepare version 2 of shop" in told["instructions"]


def test_a_plan_tells_what_is_left_out(tmp_path: Path) -> None:
    less = tmp_path / "less.toml"
    less.write_text(GOOD + f'applications = ["{SHOP / "till_2.py"}", "{SHOP / "stock_2.py"}"]')
    code, told = plan(ONE, str(less))
    assert code == 1
    assert [each["reason"] for each in told["refused"]] == ["LeftOut"]
    assert CliRunner().invoke(app, ["plan", ONE, str(SHOP / "till_1.py")]).exit_code == 2


# The process


@attrs.define
class Shop:
    """A node in a process of its own, and its customers: each sale has an id, and is repeated until it is answered."""

    data: Path
    port: str = "0"
    process: subprocess.Popen[str] = attrs.field(init=False)
    reading: threading.Thread = attrs.field(init=False)
    sales: int = 0
    wrong: list[str] = attrs.field(factory=list)
    over: bool = False

    def run(self, *file: str) -> None:
        command = [sys.executable, "-m", "midflight", "run", *file, "--data", str(self.data)]
        command += ["--listen", f"http://127.0.0.1:{self.port}"]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        assert self.process.stdout
        told = []
        for line in self.process.stdout:
            told.append(line)
            if found := re.search(r"listens .*:(\d+)$", line):
                self.port = found[1]
            if "state      is kept" in line:
                self.reading = threading.Thread(target=self.process.stdout.read, daemon=True)
                self.reading.start()
                return
        raise AssertionError("".join(told))

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(60)
        self.reading.join(60)
        assert self.process.stdout
        self.process.stdout.close()

    def command(self, *words: str, code: int = 0) -> Any:
        done = CliRunner().invoke(app, [*words, "--data", str(self.data), "--json"])
        assert done.exit_code == code, done.output
        return json.loads(done.output.splitlines()[-1])

    def upgrade(self, *more: str) -> Any:
        return self.command("upgrade", TWO, "--rehearse", "0", "--probation", "0", *more)

    def look(self) -> dict[str, int]:
        return {name: self.command("call", name, '{"type": "Look"}') for name in ("till", "stock", "books")}

    def runs(self) -> tuple[str, dict[str, str]]:
        status = self.command("status")
        (release,) = status["releases"]
        return release["version"], {each["name"]: each["version"] for each in status["applications"]}

    def customer(self, number: int) -> None:
        """Buy one thing for a cent after the other, and count what was answered."""
        sale = {"type": "Buy", "item": "tea", "count": 1, "price": 1}
        with httpx.Client(timeout=30) as client:
            for at in itertools.count():
                while not self.over and not self.bought(client, sale, f"{number}-{at}"):
                    time.sleep(0.02)
                if self.over:
                    return

    def bought(self, client: httpx.Client, sale: Any, key: str) -> bool:
        """Whether a sale was answered, and how often it is asked is no matter."""
        url = f"http://127.0.0.1:{self.port}/machines/till"
        try:
            reply = client.post(url, json=sale, headers={"Idempotency-Key": key})
        except httpx.TransportError:
            return False
        if reply.status_code == 503:
            return False
        if reply.status_code != 200:
            self.wrong.append(reply.text)
        self.sales += 1
        return True

    @contextlib.contextmanager
    def customers(self, count: int) -> Iterator[None]:
        self.over = False
        threads = [threading.Thread(target=self.customer, args=(at,)) for at in range(count)]
        for each in threads:
            each.start()
        try:
            yield
        finally:
            self.over = True
            for each in threads:
                each.join(60)

    def more(self, sales: int = 10) -> None:
        """Wait for so many more sales."""
        until = self.sales + sales
        while self.sales < until:
            assert not self.wrong, self.wrong[0]
            time.sleep(0.005)


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    shop = Shop(tmp_path / "data")
    shop.run(ONE)
    try:
        yield shop
    finally:
        shop.over = True
        shop.kill()


BOTH = {"1": {"till": "1", "stock": "1", "books": "1"}, "2": {"till": "2", "stock": "2", "books": "1"}}


def test_run_upgraded_killed_run_again_and_rolled_back_under_load(shop: Shop) -> None:
    with shop.customers(1):
        shop.more()
        upgraded = shop.upgrade()["upgraded"]
        assert [each["application"] for each in upgraded["applications"]] == ["till", "stock"]
        assert shop.runs() == ("2", BOTH["2"])
        shop.more()
        shop.kill()
        shop.run()  # what ran comes back
        assert shop.runs() == ("2", BOTH["2"])
        shop.more()
        refused = shop.command("rollback", "till", code=1)
        assert (refused["reason"], refused["release"]) == ("BelongsTo", "shop")
        shop.command("rollback")
        assert shop.runs() == ("1", BOTH["1"])
        shop.more()
    assert not shop.wrong
    assert shop.look() == dict.fromkeys(("till", "stock", "books"), shop.sales)
    told = [row["what"] for row in shop.command("history")["history"] if row.get("release") == "shop"]
    assert told == ["started", "upgraded", "rolled back"]


def test_the_commands_of_its_page_do_what_they_say(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    page = (ROOT / "docs" / "releases.md").read_text()
    first = page.partition("```console\n")[2].partition("```")[0]
    begun, *commands = re.findall(r"^\$ midflight (.*)$", first, re.MULTILINE)
    assert begun == "run examples/shop/shop_1.toml"  # which the shop is
    monkeypatch.chdir(ROOT)
    told = []
    for each in commands:
        words = each.split()
        quick = ["--rehearse", "0", "--no-wait"] if words[0] == "upgrade" else []
        if words[0] == "plan":
            assert CliRunner().invoke(app, words).exit_code == 0
        else:
            shop.command(*words, *quick)
            told.append(shop.runs()[0])
    assert told == ["2", "1", "2", "2"]
    assert shop.command("status")["releases"][0]["previous"] is None


def killed(shop: Shop, chance: random.Random) -> None:
    """Kill the process while a change is on its way, and run it again on what is there."""
    version, _ = shop.runs()
    made: list[Any] = []

    def changing() -> None:
        with contextlib.suppress(AssertionError, ValueError, IndexError):
            made.append(shop.upgrade() if version == "1" else shop.command("rollback"))

    thread = threading.Thread(target=changing)
    thread.start()
    time.sleep(chance.uniform(0, 0.3))
    shop.kill()
    thread.join(60)
    # What is there is whole, whichever it is: run with the file of that release it needs no upgrade.
    exported = CliRunner().invoke(app, ["export", "--data", str(shop.data)]).output.splitlines()
    lines = [json.loads(line) for line in exported]
    there = {each["application"]: each["version"] for each in lines if "digest" in each}
    assert there in BOTH.values()
    now = "2" if there == BOTH["2"] else "1"
    assert not made or now != version  # what was told to be done is done
    shop.run(TWO if now == "2" else ONE)
    assert shop.runs() == (now, BOTH[now])


def kills(shop: Shop, rounds: int) -> None:
    seed = random.randrange(2**32)
    print("seed", seed)
    chance = random.Random(seed)
    with shop.customers(1):
        for _ in range(rounds):
            shop.more(3)
            killed(shop, chance)
        shop.more(3)
    assert not shop.wrong
    assert shop.look() == dict.fromkeys(("till", "stock", "books"), shop.sales)


def test_a_kill_while_a_release_changes_leaves_all_of_it_or_nothing(shop: Shop) -> None:
    kills(shop, 2)


@pytest.mark.long
def test_many_kills_while_a_release_changes_leave_all_of_it_or_nothing(shop: Shop) -> None:
    kills(shop, 40)


def test_a_migration_of_one_that_fails_refuses_all(shop: Shop, tmp_path: Path) -> None:
    shop.command("call", "till", '{"type": "Buy", "item": "tea", "count": 1, "price": 1}')
    folder = tmp_path / "broken"
    folder.mkdir()
    for file in SHOP.iterdir():
        (folder / file.name).write_text(file.read_text())
    text = (SHOP / "stock_2.py").read_text().replace('down={"last": DROP}', "down={}")
    (folder / "stock_2.py").write_text(text)
    words = ("upgrade", str(folder / "shop_2.toml"), "--rehearse", "1000")
    refused = shop.command(*words, code=1)
    assert refused["reason"] == "RehearsalFailed"
    assert "the cell 'last' would be lost" in refused["message"]
    assert shop.runs() == ("1", BOTH["1"])
    assert shop.look() == dict.fromkeys(("till", "stock", "books"), 1)
