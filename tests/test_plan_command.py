"""`midflight plan` as a user meets it: real files, the table, the line to write, exit codes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.test_command import COUNTER, ROOT, midflight, running

TEXT = """
import attrs
from midflight import Application, DROP, Migration, keyed, proc

@attrs.frozen
class Add:
    key: str
    n: {number} = 1

@attrs.frozen
class User:
    {fields}

@proc
def one(msg: Add{more}, *, user: User = User(), {cells}) -> int:
    return 0

@proc
def key(msg: Add{more}) -> str:
    return ""

app = Application("users", version="{version}", machines={{"users": keyed(one, key, "users")}}, migrations=[{ways}])
"""
OLD = {
    "number": "int",
    "fields": "name: str = ''",
    "more": "",
    "cells": "total: int = 0",
    "version": "1",
    "ways": "",
}


def project(folder: Path, **changes: str) -> tuple[Path, Path]:
    """Two versions that differ in these."""
    for name, given in (("v1.py", OLD), ("v2.py", OLD | {"version": "2"} | changes)):
        (folder / name).write_text(TEXT.format(**given))
    return folder / "v1.py", folder / "v2.py"


def planned(folder: Path, *options: str, **changes: str) -> tuple[int, dict[str, Any]]:
    ran = midflight("plan", *project(folder, **changes), "--json", *options)
    assert ran.stderr == ""
    return ran.returncode, json.loads(ran.stdout)


def cells(found: dict[str, Any]) -> dict[str, tuple[str, str]]:
    return {each["address"]: (each["label"], each["how"]) for each in found["machines"]["users"]["cells"]}


def test_the_counter() -> None:
    shown = midflight("plan", COUNTER / "v1.py", COUNTER / "v2.py")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "int -> tuple[int, int]" in shown.stdout
    assert "declared" in shown.stdout


def test_structure_decides_of_cells_inside_a_table_and_of_the_absent_keys(tmp_path: Path) -> None:
    fields = "name: str = ''; age: int | None = None"
    code, found = planned(tmp_path, fields=fields, cells="total: float = 0.0, fresh: int = 3")
    assert (code, found["ok"]) == (0, True)
    assert cells(found) == {
        "users": ("converted", ""),
        "users (absent keys)": ("converted", ""),
        "users/user": ("converted", "inferred (fields by name, same; down loses age)"),
        "users/total": ("converted", "inferred (wider number)"),
        "users/fresh": ("new", ""),
    }
    assert found["machines"]["users"]["messages"] == [
        {"form": '{"type": "Add", "key": str, "n"?: int}', "label": "kept", "how": ""}
    ]


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"cells": "other: int = 0"}, "up={'users/total': DROP}"),
        ({"cells": "total: str = ''"}, "up={'users/total': arrow}"),
        ({"fields": "age: int = 0"}, "up={'users/user': arrow}"),
    ],
)
def test_what_is_not_declared_is_refused_with_the_line_to_write(
    changes: dict[str, str], line: str, tmp_path: Path
) -> None:
    code, found = planned(tmp_path, **changes)
    assert (code, found["ok"]) == (3, False)
    assert line in found["machines"]["users"]["refused"][0]["message"]
    assert "refused" in [label for label, _ in cells(found).values()]
    shown = midflight("plan", tmp_path / "v1.py", tmp_path / "v2.py")
    assert (shown.returncode, line in shown.stderr) == (3, True)


def test_all_that_stands_against_it_is_told_at_once(tmp_path: Path) -> None:
    code, found = planned(tmp_path, cells="other: int = 0", fields="age: int = 0", number="str")
    reasons = [each["reason"] for each in found["machines"]["users"]["refused"]]
    assert (code, sorted(reasons)) == (3, ["MessageNotAccepted", "UndeclaredLoss", "Undefined"])


def test_a_changed_first_value_is_refused(tmp_path: Path) -> None:
    code, found = planned(tmp_path, cells="total: int = 1")
    assert (code, cells(found)["users (absent keys)"][0]) == (1, "refused")


def test_the_way_back(tmp_path: Path) -> None:
    fields = "name: str = ''; age: int | None = None"
    code, found = planned(tmp_path, "--back", fields=fields)
    assert (code, found["back"]) == (0, True)
    assert cells(found)["users/user"] == ("converted", "inferred (fields by name, same; down loses age)")
    code, found = planned(tmp_path, "--back", cells="total: int = 0, fresh: int = 3")
    assert code == 3
    assert "down={'users/fresh': DROP}" in found["machines"]["users"]["refused"][0]["message"]


def test_two_applications_are_no_versions_of_one() -> None:
    ran = midflight("plan", COUNTER / "v1.py", ROOT / "examples" / "store" / "v1.py")
    assert ran.returncode == 2
    assert "versions of one application" in ran.stderr


def test_diff_shows_the_table_of_plan_and_refuses_nothing(tmp_path: Path) -> None:
    _, plan = planned(tmp_path, cells="fresh: int = 3")
    files = project(tmp_path, cells="fresh: int = 3")
    diff = midflight("diff", *files, "--json")
    assert (diff.returncode, diff.stderr) == (0, "")
    found = json.loads(diff.stdout)
    assert found["plan"] == plan["machines"]
    assert found["plan"]["users"]["refused"][0]["reason"] == "UndeclaredLoss"
    shown = midflight("diff", *files)
    assert shown.returncode == 0
    assert "users/total" in shown.stdout
    assert "DROP" in shown.stderr


def test_with_one_file_the_running_node_is_asked(tmp_path: Path) -> None:
    for name in ("v1.py", "v2.py"):
        shutil.copy(COUNTER / name, tmp_path / name)
    with running(tmp_path) as node:
        planned = node.ask("plan", "v2.py")
        assert planned.returncode == 0, planned.stderr
        told = node.ask("plan", "v1.py", "v2.py").stdout
        steps = [line for line in told.splitlines() if line.startswith("  ")]
        assert len(steps) == 8
        assert [line for line in planned.stdout.splitlines() if line.startswith("  ")][1:] == steps[1:]
        assert json.loads(node.ask("plan", "v2.py", "--json").stdout)["plan"]["rows"]["counter"]
        assert node.ask("plan", "v1.py").returncode == 1, "it runs already"
        assert node.ask("plan", "v2.py", "--back").returncode == 2
        assert node.ask("plan", "v1.py", "v2.py", "v1.py").returncode == 2
        assert node.ask("status", "--json").stdout.count('"version": "1"')
    refused = midflight("plan", "v2.py", cwd=tmp_path)
    assert refused.returncode == 1
    assert "no node runs" in refused.stderr
