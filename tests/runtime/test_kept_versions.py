"""Versions beside their data: recovery needs no file of the user's, and finds what ran as it was."""

from __future__ import annotations

import http.client
import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from returns.result import Failure, Success

from runtime import bounds
from runtime.application import Application
from runtime.control_client import ask
from runtime.loader import load
from runtime.pending import Pending
from runtime.refusal import CannotKeep, OtherHere
from runtime.store import Rejected
from runtime.testing import NotOpened, TestNode
from tests.runtime.crash_checker import wait_for
from tests.runtime.crash_story import free_port, python
from tests.runtime.engines import Power, Simulated

SHARED = """
from attrs import frozen
@frozen
class Add:
    n: int
@frozen
class Sum:
    total: int
"""
MAIN = """
import os
from package.words import Add, Sum
from midflight import Application, Migration, proc
STEP = {step}
@proc
def m(msg: Add, *, {cell}) -> Sum:
    {body}
    return Sum({reply})
{more}
app = Application("a", version="{version}", machines={{"m": m}}, migrations=[{migrations}])
"""
ONE = {"cell": "total: int = 0", "body": "total += msg.n * STEP", "reply": "total", "step": 1, "more": ""}
TWO = ONE | {"cell": "total: tuple[int, int] = (0, 0)", "body": "total = (total[0], total[1] + msg.n * STEP)"}
TWO |= {"reply": "total[0] + total[1]"}
WAYS = """
@proc
def up(total: int) -> tuple[int, int]:
    return (total{more}, 0)
@proc
def down(total: tuple[int, int]) -> int:
    return total[0] + total[1]
to_2 = Migration("m", old="1", new="2", up={{"total": up}}, down={{"total": down}})
"""


def text(number: int, **changes: Any) -> str:
    plain = ONE if number == 1 else TWO | {"more": WAYS.format(more=changes.pop("more", ""))}
    migrations = "" if number == 1 else "to_2"
    return MAIN.format(**plain | {"version": number, "migrations": migrations} | changes)


def project(folder: Path, main: str) -> Application:
    (folder / "package").mkdir(parents=True, exist_ok=True)
    (folder / "package" / "__init__.py").write_text("")
    (folder / "package" / "words.py").write_text(SHARED)
    (folder / "main.py").write_text(main)
    return load(str(folder / "main.py")).unwrap()


def node_on(power: Power) -> TestNode:
    return TestNode(store=Simulated(power, automatic=True))


def add(node: TestNode, n: int) -> int:
    (shape,) = [node._host.core.machines["m"].program.takes]
    total: int = node.call("m", shape.cls(n)).total  # type: ignore[union-attr]
    return total


def kept(power: Power) -> list[dict[str, Any]]:
    return [json.loads(data) for key, data in power.table.items() if key.startswith("version/")]


def test_a_version_is_kept_with_its_texts_shapes_values_and_libraries(tmp_path: Path) -> None:
    power = Power()
    application = project(tmp_path, text(2))
    node_on(power).start(application).unwrap()
    (found,) = kept(power)
    files = {str(tmp_path / each) for each in ("main.py", "package/__init__.py", "package/words.py")}
    assert found["texts"].keys() == files
    assert (found["name"], found["version"], found["digest"]) == ("a", "2", application.digest)
    assert found["distributions"].keys() >= {"attrs"}
    assert found["shapes"] == {
        "classes": [["record", "Add", [["n", "int"]]], ["record", "Sum", [["total", "int"]]]],
        "machines": {
            "m": {
                "takes": ["class", 0],
                "gives": ["class", 1],
                "cells": [{"address": "total", "shape": ["product", "int", "int"]}],
            }
        },
    }
    assert found["values"] == {"m": [{"t": [0, 0]}]}


@pytest.mark.parametrize("clean", [True, False])
def test_recovery_and_rollback_need_no_file(clean: bool, tmp_path: Path) -> None:
    power = Power()
    node = node_on(power)
    node.start(project(tmp_path / "one", text(1))).unwrap()
    assert add(node, 3) == 3
    two = project(tmp_path / "two", text(2))
    node.upgrade(two, probation=None).unwrap()
    assert add(node, 4) == 7
    if clean:
        node.close()
    shutil.rmtree(tmp_path / "one")
    shutil.rmtree(tmp_path / "two")
    again = node_on(power)
    again.start(two).unwrap()
    assert add(again, 5) == 12
    again.rollback("a").unwrap()
    assert add(again, 6) == 18
    assert again.status().applications[0].version == "1"


@pytest.mark.parametrize("edited", ["main", "words"])
def test_an_edited_file_in_place_is_an_upgrade_of_what_ran(edited: str, tmp_path: Path) -> None:
    power = Power()
    node = node_on(power)
    node.start(project(tmp_path, text(1))).unwrap()
    add(node, 3)
    project(tmp_path, text(1, step=10, version="1b"))
    if edited == "words":
        (tmp_path / "package" / "words.py").write_text(SHARED + "class More: pass\n")
    again = node_on(power)
    assert again.start(load(str(tmp_path / "main.py")).unwrap()).unwrap().previous == "1"
    assert add(again, 3) == 33
    again.rollback("a").unwrap()
    assert add(again, 3) == 36


def test_an_edited_file_that_loses_state_is_refused_and_says_what_to_write(tmp_path: Path) -> None:
    power = Power()
    node = node_on(power)
    node.start(project(tmp_path, text(1))).unwrap()
    add(node, 3)
    lost = project(tmp_path, text(1, cell="sum: int = 0", body="sum += msg.n", reply="sum", version="2"))
    again = node_on(power)
    match again.start(lost):
        case Failure(refusal):
            assert "total" in str(refusal)
            assert "Migration" in str(refusal) or "DROP" in str(refusal)
        case Success(_):
            raise AssertionError("it was started")
    assert again.status().applications == ()
    assert add_after(power, project(tmp_path, text(1))) == 4


def add_after(power: Power, application: Application) -> int:
    node = node_on(power)
    node.start(application).unwrap()
    return add(node, 1)


def test_a_migration_that_was_mended_does_not_alter_what_it_did(tmp_path: Path) -> None:
    power = Power()
    node = node_on(power)
    node.start(project(tmp_path, text(1))).unwrap()
    add(node, 3)
    wrong = project(tmp_path, text(2, more=" + 100"))
    node.upgrade(wrong, probation=None).unwrap()
    assert add(node, 1) == 104
    node.rollback("a").unwrap()
    right = project(tmp_path, text(2))
    assert right.digest == wrong.digest
    assert right.edition != wrong.edition
    node.upgrade(right, probation=None).unwrap()
    assert add(node, 1) == 105
    assert len(kept(power)) == 3
    assert add_after(power, right) == 106
    assert add_after(power, wrong) == 107


def test_another_edition_of_what_ran_takes_its_place(tmp_path: Path) -> None:
    power = Power()
    node = node_on(power)
    node.start(project(tmp_path, text(1))).unwrap()
    node.upgrade(project(tmp_path, text(2)), probation=None).unwrap()
    add(node, 3)
    mended = project(
        tmp_path, text(2).replace("return total[0] + total[1]", "return total[0] + total[1] + 1")
    )
    for _ in range(2):
        node = node_on(power)
        node.start(mended).unwrap()
    node.rollback("a").unwrap()
    assert add(node, 3) == 7
    assert add_after(power, project(tmp_path, text(1))) == 8


def test_a_refused_upgrade_leaves_nothing_on_disk(tmp_path: Path) -> None:
    power = Power()
    node = node_on(power)
    node.start(project(tmp_path, text(1))).unwrap()
    before = dict(power.table)
    lost = project(tmp_path, text(1, cell="sum: int = 0", body="sum += msg.n", reply="sum", version="2"))
    assert isinstance(node.upgrade(lost, probation=None), Failure)
    told = {key for key in power.table if key.startswith("history/")} - set(before)
    assert {key: data for key, data in power.table.items() if key not in told} == before


def test_versions_that_nobody_needs_are_collected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "RETAINED_BYTES", 0)
    power = Power()
    node = node_on(power)
    node.start(project(tmp_path, text(1))).unwrap()
    for step in range(2, 8):
        node.upgrade(project(tmp_path, text(1, step=step, version=f"1.{step}")), probation=None).unwrap()
        add(node, 1)
    assert len(kept(power)) == 7
    node.close()
    assert sorted(each["version"] for each in kept(power)) == ["1.6", "1.7"]
    again = node_on(power)
    again.start(project(tmp_path, text(1, step=7, version="1.7"))).unwrap()
    again.rollback("a").unwrap()
    assert add(again, 1) == sum(range(2, 8)) + 6


def test_versions_are_collected_while_the_node_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "SNAPSHOT_AFTER", 3)
    monkeypatch.setattr(bounds, "RETAINED_BYTES", 0)
    power = Power()
    node = node_on(power)
    node.start(project(tmp_path, text(1))).unwrap()
    total = 0
    for step in range(2, 20):
        node.upgrade(project(tmp_path, text(1, step=step, version=f"1.{step}")), probation=None).unwrap()
        for _ in range(step % 4):
            total += step
            assert add(node, 1) == total
        assert len(kept(power)) <= 6
        other = node_on(power)
        other.start(project(tmp_path, text(1, step=step, version=f"1.{step}"))).unwrap()
        assert other.machine("m").stepped == node.machine("m").stepped


ENVIRONMENT = 'int(os.environ["MIDFLIGHT_TEST_STEP"])'


def test_what_was_stepped_elsewhere_is_not_repeated_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MIDFLIGHT_TEST_STEP", "1")
    power = Power()
    node = node_on(power)
    node.start(project(tmp_path, text(1, step=ENVIRONMENT))).unwrap()
    add(node, 3)
    monkeypatch.setenv("MIDFLIGHT_TEST_STEP", "2")
    with pytest.raises(NotOpened) as told:
        node_on(power)
    refusal = told.value.refusal
    assert isinstance(refusal, OtherHere)
    assert "cannot be repeated: a value that it reads when it is loaded has changed" in refusal.message
    assert "stop it there" in refusal.message
    node.close()  # as the refusal says
    again = node_on(power)
    again.start(project(tmp_path, text(1, step=ENVIRONMENT))).unwrap()
    assert add(again, 3) == 9
    again = node_on(power)
    again.start(project(tmp_path, text(1, step=ENVIRONMENT))).unwrap()
    assert add(again, 3) == 15


def test_another_library_is_named(tmp_path: Path) -> None:
    power = Power()
    node = node_on(power)
    node.start(project(tmp_path, text(1))).unwrap()
    add(node, 3)
    (key,) = [each for each in power.table if each.startswith("version/")]
    document = json.loads(power.table[key])
    document["distributions"]["attrs"] = "1.2.3"
    document["digest"] = "0" * 64
    power.table[key] = json.dumps(document).encode()
    with pytest.raises(NotOpened, match=r"attrs 1\.2\.3 \(here \d"):
        node_on(power)
    document["shapes"]["machines"]["m"]["cells"][0]["shape"] = "str"
    power.table[key] = json.dumps(document).encode()
    with pytest.raises(NotOpened, match="upgrade it there"):
        node_on(power)


def test_what_is_another_one_each_time_cannot_be_kept(tmp_path: Path) -> None:
    node = node_on(Power())
    other = project(tmp_path, text(1, step="__import__('time').time_ns()"))
    match node.start(other):
        case Failure(refusal):
            assert isinstance(refusal, CannotKeep)
        case Success(_):
            raise AssertionError("it was kept")


def test_a_start_that_was_not_written_down_is_undone(tmp_path: Path) -> None:
    power = Power()
    store = Simulated(power)
    node = TestNode(store=store)
    application = project(tmp_path, text(1))
    host, ticket = node._host, Pending()
    from runtime.upgrade import compiled

    started = compiled(application).bind(lambda new: host.start(new, ticket))
    assert isinstance(started, Success)
    waiting = node.send("m", host.core.machines["m"].program.takes.cls(1))  # type: ignore[union-attr]
    store.advance(Rejected("no room"))
    while node.hear():
        pass
    for each in (ticket, waiting):
        with pytest.raises(Exception, match=r"no room|could not be started"):
            each.result()
    assert node.status().applications == ()
    store.automatic = True
    node.start(application).unwrap()
    assert add(node, 1) == 1
    assert add_after(power, application) == 2


def test_a_killed_process_goes_on_without_the_files_that_it_ran(tmp_path: Path) -> None:
    data, post = tmp_path / "data", {"type": "Add", "n": 2}

    def told(port: int) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        connection.request("POST", "/machines/m", json.dumps(post))
        total: int = json.loads(connection.getresponse().read())["total"]
        connection.close()
        return total

    @contextmanager
    def running(file: Path) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
        port = free_port()
        given = ["run", str(file), "--listen", f"http://127.0.0.1:{port}", "--data", str(data)]
        node = python("-m", "midflight", *given)
        try:
            assert wait_for(port)
            yield port, node
        finally:
            node.kill()
            node.communicate()

    project(tmp_path / "one", text(1))
    project(tmp_path / "two", text(2))
    with running(tmp_path / "one" / "main.py") as (port, node):
        assert told(port) == 2
        assert isinstance(
            ask(data, {"op": "upgrade", "file": str(tmp_path / "two" / "main.py"), "probation": None}),
            Success,
        )
        assert told(port) == 4
        node.kill()
    shutil.rmtree(tmp_path / "one")
    shutil.rmtree(tmp_path / "two")
    project(tmp_path / "edited", text(2, step=5, version="2b"))
    with running(tmp_path / "edited" / "main.py") as (port, node):
        assert told(port) == 14
        assert isinstance(ask(data, {"op": "rollback"}), Success)
        shutil.rmtree(tmp_path / "edited")
        assert told(port) == 16
        node.kill()
    project(tmp_path / "again", text(2))
    with running(tmp_path / "again" / "main.py") as (port, _):
        assert told(port) == 18
