"""What `midflight bench` prints: rows that say what was measured, and how they are judged. Nothing is timed."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import reduce
from pathlib import Path
from typing import Any

import pytest

from arrows import arr, compile, run
from runtime import bench
from runtime.bench import Bench, Measured, Scale, Skip, in_turns
from tests.benchmarks.counter import Incr, Read, by_hand, counter
from tests.benchmarks.language import STAGES, by_loop

BENCHES = bench.known()
KEYS = {"name", "value", "unit", "beside", "ratio", "reach", "ok", "samples"}
TINY = Scale(samples=1, size=0.0005)


@pytest.mark.parametrize("name", [name for name in BENCHES if name != "bytes-per-key"])
def test_a_row_says_what_was_measured(name: str) -> None:
    row = BENCHES[name].row(TINY, lambda _: None)
    assert set(row) >= KEYS
    assert row["name"] == name
    if "skipped" in row:
        assert "install" in row["skipped"]
        return
    assert row["value"] > 0
    assert row["ratio"] == row["value"] / row["beside_value"]
    assert row["samples"] == 1
    assert (row["ok"] is None) == (row["reach"] is None)
    json.dumps(row)


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="resident memory is read from /proc")
def test_keys_are_weighed_in_a_process_of_their_own() -> None:
    row = BENCHES["bytes-per-key"].row(Scale(samples=1, size=0.02), lambda _: None)
    assert 50 < row["value"] < 5000
    assert row["note"].startswith("20,000 keys")


def _row(ours: tuple[float, ...], beside: tuple[float, ...], **judged: Any) -> dict[str, Any]:
    made = Bench("a", "what", "b", "x", lambda *_: Measured(ours, beside), **judged)
    return made.row(Scale(), lambda _: None)


def test_a_row_is_judged_by_medians() -> None:
    row = _row((1, 9, 3), (1, 2, 100), reach=1.0)
    assert (row["value"], row["beside_value"], row["ratio"], row["ok"]) == (3, 2, 1.0, True)
    assert _row((3,), (2,), reach=1.6)["ok"] is False
    assert _row((3,), (2,), reach=1.6, at_most=True)["ok"] is True
    assert _row((3,), (2,), reach=1.6, at_most=True, below=3)["ok"] is False
    assert _row((3,), (2,), reach=2, at_most=True, judged="value")["ok"] is False
    assert _row((3,), (2,))["ok"] is None


def test_sides_take_turns() -> None:
    order: list[str] = []

    def side(name: str) -> float:
        order.append(name)
        return 1.0

    found = in_turns(lambda: side("a"), lambda: side("b"), Scale(samples=3), lambda _: None)
    assert "".join(order) == "abababab", "a turn to warm up, and three"
    assert found == Measured((1.0,) * 3, (1.0,) * 3)


def test_what_cannot_run_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    def none(*_: object) -> Measured:
        raise Skip("no such thing here")

    found = bench.rows([Bench("a", "what", "b", "x", none, reach=1)], Scale())
    assert found[0]["skipped"] == "no such thing here"
    assert found[0]["ok"] is None
    bench.show(found)
    assert "a: skipped: no such thing here" in capsys.readouterr().out


def test_there_are_the_rows_that_the_figures_ask_for() -> None:
    judged = {name: (each.reach, each.at_most) for name, each in BENCHES.items() if each.reach is not None}
    assert judged == {
        "step": (1.0, False),
        "compose": (3.0, False),
        "call": (4.0, False),
        "bytes-per-key": (400.0, True),
        "diff": (15.0, True),
        "call-journaled-64": (0.5, False),
        "call-journaled-1024": (0.5, False),
        "recovery": (0.5, False),
        "pause-1": (1.0, True),
        "pause-1000000": (10.0, True),
    }
    told = {"evaluate", "transitions", "python-statemachine", "http", "resp", "pause-1000", "pause-100000"}
    led = {f"migrate-{each}" for each in ("inferred", "lens", "arrow", "nested", "list", "keyed")}
    swept = {"sweep", "sweep-p99", "first-touch", "swap-memory", "settled-memory"}
    kept = {"push", "pull", "digest-1000", "artifact-size"}
    assert BENCHES.keys() - judged.keys() == told | led | swept | kept | {"plan", "plan-lenses", "infer"}


@pytest.mark.parametrize(
    ("name", "module"), [("transitions", "transitions"), ("python-statemachine", "statemachine")]
)
def test_a_library_that_is_absent_is_skipped_with_the_reason(
    name: str, module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    row = BENCHES[name].row(TINY, lambda _: None)
    assert row["skipped"] == f"{name} is not installed: pip install 'midflight[bench]'"
    assert (row["value"], row["ok"], row["samples"]) == (None, None, 0)


def test_both_counters_count_alike() -> None:
    count, replies = 0, []
    inputs: list[Incr | Read] = [Incr(2), Read(), Incr(), Read()]
    for each in inputs:
        count, reply = by_hand(count, each)
        replies.append(reply)
    assert run(counter, inputs) == replies


def test_the_loop_and_the_composed_stages_come_to_the_same() -> None:
    program = compile(reduce(lambda f, g: f >> g, [arr(stage) for stage in STAGES]))
    assert [program.step(program.initial(), x)[1] for x in range(100)] == [by_loop(x) for x in range(100)]


def midflight(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "midflight", "bench", *arguments]
    root = Path(__file__).parent.parent.parent
    return subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=60, check=False)


def test_the_command_measures_what_is_named() -> None:
    done = midflight("step", "compose", "--json", "--samples", "1", "--size", "0.001")
    assert done.returncode == 0, done.stderr
    assert [row["name"] for row in json.loads(done.stdout)] == ["step", "compose"]
    assert done.stderr == ""


def test_the_command_knows_its_names() -> None:
    done = midflight("walk")
    assert done.returncode == 2
    assert "there is no benchmark 'walk'; there are: step, compose, " in done.stderr
