"""Export and start with it: what comes out goes in again, and what is not understood is told with its line."""

from __future__ import annotations

import asyncio
import json
import math
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from returns.result import Failure

from arrows.representation import represent
from runtime import bounds
from runtime.export import export
from runtime.loader import load
from runtime.node import Node
from runtime.snapshot import cut, parts
from runtime.testing import TestNode
from tests.long import LONG
from tests.runtime.book import Add, All, by_key, v1, v2
from tests.runtime.engines import Power, Simulated
from tests.runtime.shop import Order, Put, Side, shop

ROOT = Path(__file__).parent.parent.parent
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}


orders = st.builds(
    Order,
    st.sampled_from(Side),
    st.floats(),
    st.frozensets(st.text(max_size=3), max_size=3),
    st.none() | st.binary(max_size=5),
)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3) | st.just(2**4000) | orders,
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(max_size=2) | st.integers() | st.just("$packed"), inner, max_size=2)
    ),
    max_leaves=5,
)
puts = st.builds(
    Put,
    st.text(max_size=3) | st.integers(-3, 3) | st.tuples(st.integers(-1, 1), st.text(max_size=1)),
    st.none() | orders,
    anything,
)


def lines_of(power: Power, *, secrets: bool = False) -> list[str]:
    lines: list[str] = []
    export(Simulated(power), lambda line: lines.append(json.dumps(line)), secrets=secrets).unwrap()
    return lines


def state_of(lines: list[str]) -> list[str]:
    return [line for line in lines if "journal" not in line and '{"end"' not in line]


def written(node: TestNode) -> list[bytes]:
    """Every cell and row in its canonical form."""
    (running,) = node._host.core.applications.values()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bounds, "PART", 1)
        return sorted(parts({"shop": cut(running)}))


def on(power: Power) -> TestNode:
    return TestNode(store=Simulated(power, automatic=True))


@settings(max_examples=400 if LONG else 15, deadline=None)
@given(st.lists(puts, max_size=12), st.lists(st.floats(), max_size=3))
def test_what_comes_out_goes_in_again(messages: list[Put], numbers: list[float]) -> None:
    power = Power()
    node = on(power)
    node.start(shop).unwrap()
    for message in messages:
        node.call("shelf", message)
        node.call("nested", message)
    for number in numbers:
        node.call("total", number)
    lines = lines_of(power)
    other = Power()
    again = on(other)
    again.start(shop, initial=lines).unwrap()
    assert sorted(state_of(lines_of(other))) == sorted(state_of(lines))
    assert written(again) == written(node)
    again = on(other)  # and recovery begins with it
    again.start(shop).unwrap()
    assert written(again) == written(node)


def test_what_json_cannot_say_is_packed() -> None:
    power = Power()
    node = on(power)
    node.start(shop).unwrap()
    whole = Order(Side.SELL, math.nan)
    values: tuple[Any, ...] = (10**5000, math.inf, whole, (1, [whole]), {"$packed": 1}, {1: 2}, (), [])
    for value in values:
        node.call("shelf", Put("", whole, value))
        lines = lines_of(power)
        again = TestNode()
        again.start(shop, initial=lines).unwrap()
        state, kept = (each._host.core.machines["shelf"].state for each in (node, again))
        assert represent(state) == represent(kept)


def test_the_journal_is_told_event_by_event() -> None:
    power = Power()
    node = on(power)
    node.start(v1).unwrap()
    node.call("ledger", Add(2), trace="t-1")
    with pytest.raises(Exception, match="reference"):
        node.call("ledger", Add(-1))
    node.upgrade(v2).unwrap()
    lines = [json.loads(line) for line in lines_of(power)]
    told = [{**line, "now": None} for line in lines if "journal" in line]
    place = {"now": None, "application": "book", "machine": "ledger", "id": None}
    for each in told:
        del each["event"]
    step, raised = told[1], told[2]
    assert told[0] == {
        "journal": 1,
        "now": None,
        "what": "start",
        "application": "book",
        "edition": v1.edition,
    }
    check = step.pop("check")
    assert type(check) is int
    assert step == {
        **place,
        "journal": 2,
        "what": "step",
        "input": {"type": "Add", "n": 2},
        "outcome": "ok",
        "trace": "t-1",
    }
    assert raised.pop("error").startswith("ValueError ")
    assert raised.pop("trace") == ""
    assert raised == {
        **place,
        "journal": 3,
        "what": "raised",
        "input": {"type": "Add", "n": -1},
        "outcome": "raised",
    }
    assert told[3]["edition"] == v2.edition
    assert lines[0] == {"midflight": 1, "secrets": "masked"}
    assert lines[-1] == {"end": len(lines)}
    cells = [line for line in lines if line.get("cell") == "seen"]
    assert cells == [{"application": "book", "machine": "ledger", "cell": "seen", "value": [2]}]


def good() -> list[str]:
    power = Power()
    node = on(power)
    node.start(v1).unwrap()
    node.call("ledger", Add(1))
    node.call("rows", Add(5))
    return state_of(lines_of(power))


def closed(lines: list[str]) -> list[str]:
    return [*lines, json.dumps({"end": len(lines) + 1})]


def swapped(old: str, new: str) -> Callable[[list[str]], list[str]]:
    def change(lines: list[str]) -> list[str]:
        changed = [line.replace(old, new) for line in lines]
        assert changed != lines
        return closed(changed)

    return change


BROKEN: dict[str, tuple[Callable[[list[str]], list[str]], str]] = {
    "cut off": (lambda lines: lines, "line 4: the lines end without `end`: they were cut off"),
    "a line lost": (
        lambda lines: [*closed(lines)[:2], *closed(lines)[3:]],
        "says that there are 5, and it is number 4",
    ),
    "more behind the end": (lambda lines: [*closed(lines), lines[-1]], "line 6: a line behind the last one"),
    "empty": (lambda lines: [], "line 0: the lines end without"),
    "not JSON": (lambda lines: closed([lines[0], "{"]), "line 2: not JSON"),
    "no object": (lambda lines: closed([lines[0], "[1]"]), "line 2: a line is a JSON object"),
    "no head": (lambda lines: closed(lines[1:]), "line 1: the first line says"),
    "newer": (swapped('"midflight": 1', '"midflight": 2'), "line 1: the first line says"),
    "another application": (swapped('"book"', '"cook"'), "line 5: no line is of book; they are of cook"),
    "another machine": (
        swapped('"ledger"', '"lodger"'),
        "line 3: book has no cell 'seen' in a machine 'lodger'",
    ),
    "another cell": (swapped('"cell": "seen"', '"cell": "sean"'), "line 3: book has no cell 'sean'"),
    "a value of another type": (
        swapped('"value": [1]', '"value": ["x"]'),
        "line 3: ledger seen: \\[0\\]: expected int",
    ),
    "a row of another type": (swapped('"rows/seen": [5]', '"rows/seen": 5'), "line 4: rows rows: expected"),
    "a row without a cell": (
        swapped('{"rows/seen": [5]}', "{}"),
        "line 4: rows rows: a row is an object with rows/seen",
    ),
    "a cell twice": (lambda lines: closed([*lines, lines[2]]), "line 5: ledger seen: it is there already"),
    "a row twice": (lambda lines: closed([*lines, lines[3]]), "line 5: rows rows: rows has this key already"),
    "a cell lost": (lambda lines: closed([*lines[:2], *lines[3:]]), "line 4: ledger seen is in no line"),
    "another field": (swapped('"cell"', '"sell"'), "line 3: a cell's line has the fields"),
    "a strange line": (lambda lines: closed([*lines, "{}"]), "line 5: not a line of an export"),
    "no version": (
        lambda lines: closed([lines[0], *lines[2:]]),
        "line 2: a line that tells the version of book",
    ),
    "packed by another": (
        lambda lines: swapped('"value": [1]', '"value": {"$packed": {"t": [1]}}')(
            [line.replace(v1.digest, "0" * 64) for line in lines]
        ),
        "line 3: ledger seen: a packed value is read by the version",
    ),
    "packed wrongly": (
        swapped('"value": [1]', '"value": {"$packed": {"t": ["x"]}}'),
        "line 3: ledger seen: \\[0\\]: expected",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_not_understood_is_refused_with_its_line(name: str) -> None:
    change, told = BROKEN[name]
    power = Power()
    node = on(power)
    refused = node.start(v1, initial=change(good()))
    assert isinstance(refused, Failure)
    assert refused.failure().reason == "BadInitial"
    with pytest.raises(AssertionError, match=f"the given lines, {told}|{told}"):
        raise AssertionError(str(refused.failure()))
    assert str(refused.failure()).endswith("Nothing was started.")
    assert node.status().applications == ()
    node.start(v1, initial=closed(good())).unwrap()
    assert node.call("ledger", All()) == (1,)


def test_a_given_state_never_replaces_data() -> None:
    power = Power()
    node = on(power)
    node.start(v1).unwrap()
    node.call("ledger", Add(7))
    for each in (node, on(power)):
        refused = each.start(v1, initial=closed(good()))
        assert isinstance(refused, Failure)
        assert refused.failure().reason in ("HasData", "NameTaken")
    again = on(power)
    again.start(v1).unwrap()
    assert again.call("ledger", All()) == (7,)


def test_the_parts_of_a_given_state_go_with_the_next_snapshot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "PART", 1)
    power = Power()
    node = on(power)
    node.start(v1, initial=closed(good())).unwrap()
    assert any(each.startswith("initial/") for each in power.table)
    node.call("ledger", Add(2))
    node.close()
    assert not any(each.startswith("initial/") for each in power.table)
    again = on(power)
    again.start(v1).unwrap()
    assert again.call("ledger", All()) == (1, 2)


def test_an_application_in_memory_starts_with_a_given_state(tmp_path: Path) -> None:
    file = tmp_path / "state.jsonl"
    file.write_text("".join(f"{line}\n" for line in closed(good())))

    async def main() -> None:
        async with Node() as node:
            missing = await node.start(v1, initial=tmp_path / "none")
            assert "line 0: No such file" in str(missing.failure())
            (await node.start(v1, initial=file)).unwrap()
            assert await node.call("ledger", All()) == (1,)

    asyncio.run(main())


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "midflight", *arguments],
        cwd=ROOT,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_running_node_is_exported_and_another_one_started_with_it(tmp_path: Path) -> None:
    """The node goes on meanwhile; the export holds one moment of it."""
    counter = load(str(ROOT / "examples" / "counter" / "v1.py")).unwrap()
    message = load(str(ROOT / "examples" / "counter" / "v1.py")).unwrap()
    assert counter.digest == message.digest

    async def main() -> int:
        async with Node(tmp_path / "data") as node:
            (await node.start(by_key)).unwrap()
            for n in range(100):
                await node.call("by", Add(n))
            out = asyncio.create_task(
                asyncio.to_thread(
                    command, "export", "--data", str(tmp_path / "data"), "--out", str(tmp_path / "out")
                )
            )
            sent = 100
            while not out.done():
                await node.call("by", Add(sent))
                sent += 1
            ran = await out
            assert ran.returncode == 0, ran.stderr
            assert ran.stdout == ""
            assert await node.call("by", Add(3)) == (3,)
        return sent

    sent = asyncio.run(main())
    assert (tmp_path / "out").stat().st_mode & 0o777 == 0o600
    lines = (tmp_path / "out").read_text().splitlines()
    steps = [json.loads(line)["input"]["n"] for line in lines if '"what": "step"' in line]
    assert steps == list(range(len(steps)))
    assert 100 <= len(steps) <= sent
    again = TestNode()
    again.start(by_key, initial=lines).unwrap()
    (rows,) = again._host.core.machines["by"].state
    assert sorted(n for row in rows.values() for n in row[0]) == steps
    offline = command("export", "--data", str(tmp_path / "data"))
    assert offline.returncode == 0
    assert offline.stdout.count('"table"') == 7


def test_an_export_that_cannot_be_written_says_so_and_a_reader_may_leave(tmp_path: Path) -> None:
    data = str(tmp_path / "data")

    async def main() -> None:
        async with Node(data) as node:
            (await node.start(by_key)).unwrap()
            for n in range(3000):
                await node.call("by", Add(n))

    asyncio.run(main())
    wrong = command("export", "--data", data, "--out", str(tmp_path / "none" / "out"))
    assert (wrong.returncode, wrong.stdout) == (1, "")
    assert "none/out cannot be written: no such file or directory" in wrong.stderr
    line = [sys.executable, "-m", "midflight", "export", "--data", data]
    pipe = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(line, cwd=ROOT, env=ENVIRONMENT, **pipe) as ran:  # type: ignore[call-overload]
        ran.stdout.readline()
        ran.stdout.close()
        assert ran.stderr.read() == b""


def test_run_starts_with_an_export_once(tmp_path: Path) -> None:
    file = str(ROOT / "examples" / "counter" / "v1.py")
    application = load(file).unwrap()
    name = application.name
    lines = closed(
        [
            '{"midflight": 1}',
            json.dumps({"application": name, "version": "1", "digest": "none"}),
            json.dumps({"application": name, "machine": "counter", "cell": "count", "value": 41}),
        ]
    )
    (tmp_path / "state").write_text("\n".join(lines))
    given = ["run", file, "--initial", str(tmp_path / "state"), "--data", str(tmp_path / "data")]
    node = subprocess.Popen(
        [sys.executable, "-m", "midflight", *given, "--listen", "http://127.0.0.1:0"],
        cwd=ROOT,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert node.stdout is not None
    try:
        for line in node.stdout:
            if "state " in line:
                break
        call = command("call", "counter", '{"type": "Read"}', "--data", str(tmp_path / "data"))
        assert json.loads(call.stdout) == {"type": "Total", "count": 41}, call.stderr
    finally:
        node.terminate()
        node.communicate(timeout=60)
    again = command(*given)
    assert again.returncode == 1
    assert "there is data of it already, which a given state would replace" in again.stderr
