"""Explores the upgrade of a market: an honest one is clean, and planted mistakes are found."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from returns.result import Failure

from runtime.allowed import Expected
from runtime.exploring import Bound, Report, explore
from runtime.hosted import Compiled
from runtime.loader import load
from runtime.parting import VERSIONS as ON_THEIR_OWN
from runtime.points import KINDS
from runtime.recorded import Recorded, recorded
from runtime.upgrade import compiled
from tests.conftest import ROOT
from tests.runtime.planted import RUNTIME, VERSIONS, Planted

MARKET = Path(__file__).parent / "market"
NOTHING = Expected({}, {})
PATIENCE = 20.0
"""Seconds of processor time for one mistake; an honest upgrade takes a few."""

UNFOUND: dict[str, str] = {
    "the sweep keeps no initial row apart": "it is read as it begins all the same; the count of rows left is wrong",
    "a rollback keeps what was deleted": "no message of the market deletes a row",
    "sends are lost in a restart": "no point starts a node again while sends wait",
    "steps go on before an upgrade is on disk": "it shows only where that commit then fails",
    "another edition has no way back": "there is one edition of each version",
}
"""Planted mistakes that are not found, and why."""


def version(file: Path) -> Compiled:
    return compiled(load(str(file)).unwrap()).unwrap()


@pytest.fixture(scope="module")
def market() -> tuple[Compiled, Compiled, tuple[Recorded, ...]]:
    old = version(MARKET / "v1.py")
    lines = (MARKET / "trace.jsonl").read_bytes().split(b"\n")
    return old, version(MARKET / "v2.py"), recorded(lines, old).unwrap()


Market = tuple[Compiled, Compiled, tuple[Recorded, ...]]


def explored(market: Market, bound: Bound, seed: int = 1) -> Report:
    old, new, trace = market
    return explore(old, new, trace, NOTHING, seed, bound).unwrap()


def test_an_honest_upgrade_is_clean_at_every_point(market: Market, request: pytest.FixtureRequest) -> None:
    seed, is_long = random.randrange(2**32), request.config.getoption("--long")
    print("seed", seed)
    report = explored(market, Bound(10_000 if is_long else 60, 600.0), seed)
    assert report.findings == []
    assert report.unseen == []
    assert report.counts["swap"].tried == len(market[2]) + 1
    if is_long:
        assert all(each.tried + each.empty == each.places for each in report.counts.values())
        assert all(each.tried for each in report.counts.values())


class Hangs(BaseException):
    """It took too long."""


def found(make: Callable[[], Any]) -> bool:
    """Whether an exploration finds something: a finding, a refusal, or that nothing comes to an end."""

    def late(*_: object) -> None:
        raise Hangs

    before = signal.signal(signal.SIGPROF, late)
    signal.setitimer(signal.ITIMER_PROF, PATIENCE, 0.5)  # again and again, as a step may catch it
    try:
        result = make()
        return isinstance(result, Failure) or bool(result.unwrap().findings)
    except Hangs:
        return True
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def in_runtime(market: Market, planted: Planted) -> bool:
    old, new, trace = market
    bound = Bound(10_000, 600.0, first=True)
    with planted.there():
        return found(lambda: explore(old, new, trace, NOTHING, 1, bound))


def in_version(market: Market, folder: Path, planted: tuple[str, str, str]) -> bool:
    name, before, after = planted
    text = (MARKET / "v2.py").read_text()
    assert text.count(before) == 1, f"{name}: {text.count(before)} times"
    file = folder / "v2.py"
    file.write_text(text.replace(before, after))
    loaded = load(str(file))
    assert not isinstance(loaded, Failure), loaded
    old, _, trace = market
    bound = Bound(1, 600.0, first=True)
    return found(
        lambda: compiled(loaded.unwrap()).bind(lambda new: explore(old, new, trace, NOTHING, 1, bound))
    )


@pytest.mark.parametrize("planted", RUNTIME, ids=lambda each: each.name)
def test_every_mistake_has_its_place(planted: Planted) -> None:
    assert planted.source()


def test_planted_mistakes_are_found(
    market: Market, tmp_path: Path, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    seed = random.randrange(2**32)
    chance = random.Random(seed)
    everything: list[Planted | tuple[str, str, str]] = [*RUNTIME, *VERSIONS]
    if not request.config.getoption("--long"):
        everything = [*chance.sample(RUNTIME, 6), *chance.sample(VERSIONS, 8)]
    alive = set()
    for each in everything:
        name = each.name if isinstance(each, Planted) else each[0]
        is_found = (
            in_runtime(market, each) if isinstance(each, Planted) else in_version(market, tmp_path, each)
        )
        if not is_found:
            alive.add(name)
    with capsys.disabled():
        print(f"\n{len(everything) - len(alive)} of {len(everything)} planted mistakes found, seed {seed}")
        for name in sorted(alive):
            print("  not found:", name)
    assert alive <= UNFOUND.keys(), seed
    assert len(RUNTIME) + len(VERSIONS) >= 100
    assert len(UNFOUND) <= 0.05 * (len(RUNTIME) + len(VERSIONS))


def midflight(*arguments: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-c", "from runtime.cli import main; main()", *arguments]
    return subprocess.run(line, cwd=MARKET, capture_output=True, text=True, check=False)


def test_the_command_shows_the_smallest_and_how_to_see_it_again(tmp_path: Path) -> None:
    wrong = tmp_path / "v2.py"
    wrong.write_text((MARKET / "v2.py").read_text().replace("return (sold, 0)", "return (0, sold)"))
    told = midflight("explore", "trace.jsonl", "v1.py", str(wrong), "--limit", "1", "--seed", "7")
    assert told.returncode == 1, told.stderr
    assert "seed 7, 14 messages" in told.stdout
    assert "behind 1 of 14 messages" in told.stdout
    assert "upgraded before message 2, then rolled back at once" in told.stdout
    again = told.stdout.split("see it again ")[1].strip()
    assert again == f"midflight explore trace.jsonl v1.py {wrong} --point '1:versions'"
    once = midflight("explore", "trace.jsonl", "v1.py", str(wrong), "--point", f"1:{ON_THEIR_OWN}", "--json")
    plain = json.loads(once.stdout)
    assert (once.returncode, plain["ok"], plain["smallest"]["place"]) == (1, False, 1)


def test_the_command_says_what_the_trace_says_nothing_of(tmp_path: Path) -> None:
    trace = tmp_path / "short.jsonl"
    trace.write_text('{"machine": "till", "input": {"type": "Total"}}\n')
    told = midflight("explore", str(trace), "v1.py", "v2.py", "--limit", "3", "--json")
    plain = json.loads(told.stdout)
    assert (told.returncode, plain["ok"]) == (0, True)
    assert plain["points"].keys() == {ON_THEIR_OWN, *KINDS}
    assert "till: no Sell came" in plain["unseen"]
    assert "ledger: the table rows had no row" in plain["unseen"]


def test_a_line_that_is_no_message_is_refused(tmp_path: Path) -> None:
    trace = tmp_path / "wrong.jsonl"
    trace.write_text('{"machine": "till", "input": {"type": "Total"}}\n{"machine": "till", "input": 3}\n')
    told = midflight("explore", str(trace), "v1.py", "v2.py")
    assert told.returncode == 1
    assert "line 2 of the trace" in told.stderr


def test_the_example_of_the_page_is_what_it_prints() -> None:
    page = (ROOT / "docs" / "upgrades.md").read_text()
    block = page.split("$ midflight explore ")[1].split("```")[0]
    line, _, shown = block.partition("\n")
    command = [sys.executable, "-c", "from runtime.cli import main; main()", "explore", *line.split()]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert told.stdout == shown
