"""An upgrade over several versions at once: on a node, after a restart, and by the command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from migrations.chain import Gap, NotAtHand
from runtime.application import Application
from runtime.cli import app as command
from runtime.loader import load
from runtime.rehearsal import rehearse
from runtime.testing import TestNode
from runtime.upgrade import OtherApplication, compiled
from tests.runtime.engines import Power, Simulated

HEAD = "import attrs\nfrom midflight import Application, Migration, arr, lens, proc\n"

V1 = """
@attrs.frozen
class Pay:
    cents: int

@proc
def till(msg: Pay, *, cents: int = 0) -> int:
    cents += msg.cents
    return cents
"""

V2 = """
@attrs.frozen
class Pay:
    euros: float

def up(cents: int) -> float:
    return cents / 100

def down(euros: float) -> int:
    return int(round(euros * 100))

both = lens.convert(arr(up), arr(down))

@proc
def till(msg: Pay, *, euros: float = 0.0) -> float:
    euros += msg.euros
    return euros

to_2 = Migration(
    "till",
    old="1",
    new="2",
    lenses=[lens.rename("cents", "euros"), lens.inside("euros", both)],
    inputs=[lens.inside("Pay", lens.rename("cents", "euros"), lens.inside("euros", both))],
    replies=[lens.rename("int", "float"), lens.inside("float", both)],
)
"""

V3 = (
    V2.replace(
        "def till(msg: Pay, *, euros: float = 0.0) -> float:",
        "def till(msg: Payment, *, euros: float = 0.0) -> float:",
    ).replace("class Pay:", "class Pay:\n    euros: float\n\n@attrs.frozen\nclass Payment:")
    + """
to_3 = Migration("till", old="2", new="3", inputs=[lens.rename("Pay", "Payment")])
"""
)


def text(version: str, body: str, migrations: str) -> str:
    app = f'Application("shop", version="{version}", machines={{"till": till}}, migrations=[{migrations}])'
    return f"{HEAD}{body}\napp = {app}\n"


TEXTS = {"1": text("1", V1, ""), "2": text("2", V2, "to_2"), "3": text("3", V3, "to_2, to_3")}


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    found = {}
    for version, source in TEXTS.items():
        found[version] = tmp_path / f"v{version}.py"
        found[version].write_text(source)
    return found


@pytest.fixture
def versions(files: dict[str, Path]) -> dict[str, Application]:
    return {version: load(str(file)).unwrap() for version, file in files.items()}


def pay(node: TestNode, amount: Any) -> Any:
    takes: Any = node._host.core.machines["till"].program.takes
    return takes.cls(amount)


def test_the_state_and_what_waits_go_through_all_of_them(versions: dict[str, Application]) -> None:
    node = TestNode()
    node.start(versions["1"]).unwrap()
    old = pay(node, 250)
    node.call("till", old)
    waiting = node.send("till", old)
    made = node.upgrade(versions["3"], through=[versions["2"]]).unwrap()
    assert (made.old_version, made.new_version) == ("1", "3")
    node.drain()
    assert waiting.result() == 5.0
    assert node.call("till", old) == 7.5  # a caller with the class of the first version
    node.rollback("shop").unwrap()
    assert node.call("till", old) == 1000


def test_without_it_the_upgrade_is_refused(versions: dict[str, Application]) -> None:
    node = TestNode()
    node.start(versions["1"]).unwrap()
    refusal = node.upgrade(versions["3"]).failure()
    assert isinstance(refusal, NotAtHand)
    assert "needs version 2 at hand. Give it: --through FILE" in str(refusal)
    sparse = Application(
        "shop", version="9", machines=versions["3"].machines, migrations=versions["3"].migrations
    )
    assert isinstance(node.upgrade(sparse, through=[versions["2"]]).failure(), Gap)
    other = Application("other", version="2", machines=versions["2"].machines)
    assert isinstance(node.upgrade(versions["3"], through=[other]).failure(), OtherApplication)


@pytest.mark.parametrize("snapshot", [False, True])
def test_a_restart_knows_the_way(versions: dict[str, Application], snapshot: bool) -> None:
    power = Power()
    node = TestNode(store=Simulated(power, automatic=True))
    node.start(versions["1"]).unwrap()
    old = pay(node, 250)
    node.call("till", old)
    node.upgrade(versions["3"], through=[versions["2"]], probation=None).unwrap()
    node.call("till", pay(node, 1.0))
    if snapshot:
        node.close()
    again = TestNode(store=Simulated(power, automatic=True))
    again.start(versions["3"]).unwrap()
    assert again.call("till", pay(again, 0.5)) == 4.0
    assert again.call("till", old) == 6.5
    again.rollback("shop").unwrap()
    assert again.call("till", old) == 900
    last = TestNode(store=Simulated(power, automatic=True))
    last.start(versions["1"]).unwrap()
    assert last.call("till", old) == 1150


def test_the_command_shows_the_whole_way(files: dict[str, Path]) -> None:
    runner = CliRunner()
    one, two, three = (str(files[each]) for each in "123")
    refused = runner.invoke(command, ["plan", one, three])
    assert refused.exit_code == 1
    assert "--through" in refused.stderr
    told = runner.invoke(command, ["plan", one, three, "--through", two, "--json"])
    assert told.exit_code == 0, told.stderr
    found = json.loads(told.stdout)["machines"]["till"]
    assert [(row["address"], row["label"]) for row in found["cells"]] == [
        ("euros", "converted"),
        ("euros", "kept"),
    ]
    assert [each["label"] for each in found["messages"]] == ["converted"]
    back = runner.invoke(command, ["plan", one, three, "--through", two, "--back", "--json"])
    assert back.exit_code == 0, back.stderr


def test_the_command_says_who_talks_to_whom(files: dict[str, Path]) -> None:
    runner = CliRunner()
    told = runner.invoke(command, ["plan", str(files["1"]), str(files["2"]), "--compat"])
    assert told.exit_code == 0, told.stderr
    assert "upgrade the nodes that are asked first" in told.stdout
    plain = runner.invoke(command, ["plan", str(files["1"]), str(files["2"]), "--compat", "--json"])
    found = json.loads(plain.stdout)["machines"]["till"]["compat"]
    assert (found["order"], found["old_asks_new"], found["says_version"]) == ("asked first", [], True)


def test_the_file_of_an_older_version_is_reached_downwards(versions: dict[str, Application]) -> None:
    node = TestNode(store=Simulated(Power(), automatic=True))
    node.start(versions["1"]).unwrap()
    old = pay(node, 250)
    node.upgrade(versions["3"], through=[versions["2"]]).unwrap()
    node.call("till", old)
    node.settle("shop").unwrap()
    new = pay(node, 1.5)
    waiting = node.send("till", new)
    made = node.upgrade(versions["1"], through=[versions["2"]]).unwrap()
    assert (made.old_version, made.new_version, made.back) == ("3", "1", False)
    node.drain()
    assert waiting.result() == 400
    assert node.call("till", new) == 550  # a caller with the class of the third version
    node.rollback("shop").unwrap()
    assert node.call("till", new) == 7.0


def test_check_and_rehearsal_go_the_whole_way(
    files: dict[str, Path], versions: dict[str, Application]
) -> None:
    runner = CliRunner()
    one, two, three = (str(files[each]) for each in "123")
    refused = runner.invoke(command, ["check", one, three, "--trials", "20"])
    assert refused.exit_code == 1
    assert "--through" in refused.stdout
    told = runner.invoke(command, ["check", one, three, "--trials", "50", "--through", two, "--json"])
    found = json.loads(told.stdout)["findings"]
    assert [each["law"] for each in found] == ["there and back", "written since", "messages", "replies"]
    takes: Any = compiled(versions["1"]).unwrap().programs["till"].takes
    rehearse(one, three, [takes.cls(n) for n in (100, 250, -50)], trials=0, through=[two])
