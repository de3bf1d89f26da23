"""Registries as a user meets them: keys, artifacts and a node that takes only what its own trust list covers.

Nodes are processes, and so is the first command of each test; the others run in this one, which is quicker.
"""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any

import attrs
import pytest
from typer.testing import CliRunner

from runtime.cli import app
from runtime.control_client import ask
from runtime.upgrade_command import Giving
from tests import test_command
from tests.test_command import COUNTER, ROOT, running

CODE = """
from attrs import frozen
from midflight import Application, arr, loop
@frozen
class Add:
    n: int
def add(both: tuple[Add, int]) -> tuple[int, int]:
    msg, total = both
    return total + msg.n, total + msg.n
app = Application("counter", version="3", machines={"counter": loop(arr(add), init=0, name="count")})
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of two versions, whose owner has no key yet."""
    monkeypatch.setitem(test_command.ENVIRONMENT, "MIDFLIGHT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MIDFLIGHT_HOME", str(tmp_path / "home"))
    for name in ("MIDFLIGHT_REGISTRY", "MIDFLIGHT_REGISTRY_TOKEN"):
        monkeypatch.delitem(test_command.ENVIRONMENT, name, raising=False)
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "project").mkdir()
    for name in ("v1.py", "v2.py"):
        shutil.copy(COUNTER / name, tmp_path / "project" / name)
    return tmp_path / "project"


@attrs.frozen
class Ran:
    """What a command came to."""

    returncode: int
    stdout: str
    stderr: str


def midflight(*arguments: object, cwd: Path) -> Ran:
    """A command in this process."""
    with contextlib.chdir(cwd):
        ran = CliRunner().invoke(app, [*map(str, arguments)], prog_name="midflight")
    assert ran.exception is None or isinstance(ran.exception, SystemExit), ran.exc_info
    return Ran(ran.exit_code, ran.stdout, ran.stderr)


def told(*arguments: object, cwd: Path, code: int = 0) -> Any:
    """What a command says with --json."""
    ran = midflight(*arguments, "--json", cwd=cwd)
    assert ran.returncode == code, ran.stdout + ran.stderr
    return json.loads(ran.stdout)


def test_a_life_of_two_artifacts(project: Path) -> None:
    none = test_command.midflight("push", "v1.py", cwd=project)
    assert (none.returncode, "midflight key new" in none.stderr) == (1, True)
    key = midflight("key", "new", cwd=project).stdout.strip()
    assert midflight("key", "show", cwd=project).stdout.strip() == key
    one = told("push", "v1.py", cwd=project)
    two = told("push", "v2.py", "--parent", "counter@1", cwd=project)
    assert (one["new"], two["parent"], two["key"]) == (True, one["artifact"], key)
    assert told("push", "v1.py", cwd=project)["new"] is False
    (project / "v2.py").write_text((project / "v2.py").read_text().replace("count[1]", "count[0]"))
    assert told("push", "v2.py", cwd=project, code=1)["reason"] == "VersionTaken"

    assert told("tag", "counter@2", "stable", cwd=project)["artifact"] == two["artifact"]
    listed = told("list", cwd=project)["artifacts"]
    assert [(each["version"], each["tags"]) for each in listed] == [("1", []), ("2", ["stable"])]
    assert "stable" in midflight("list", cwd=project).stdout
    for reference in ("counter@stable", two["digest"][:12], two["artifact"][:4]):
        assert told("show", reference, cwd=project)["artifact"] == two["artifact"]
    assert "it is data, and executes nothing" in midflight("show", "counter@1", cwd=project).stdout
    assert told("show", "counter", cwd=project, code=1)["reason"] == "AmbiguousReference"
    assert told("show", "counter@9", cwd=project, code=1)["reason"] == "NotInRegistry"

    pulled = told("pull", "counter@1", cwd=project)
    assert (project / pulled["file"]).stat().st_size == pulled["size"]
    assert told("show", pulled["file"], cwd=project)["artifact"] == one["artifact"]
    assert told("push", pulled["file"], cwd=project)["new"] is False
    differs = told("diff", "counter@1", "counter@stable", cwd=project)
    assert differs["new"]["digest"] == two["digest"]
    assert "typer" not in midflight("diff", "counter@1", "counter@2", cwd=project).stdout
    assert told("plan", "v1.py", "counter@2", cwd=project)["ok"] is True
    assert told("verify", cwd=project) == {"ok": True, "artifacts": 2, "tags": 1, "wrong": []}
    assert told("gc", cwd=project)["gone"][0]["version"] == "1"
    assert len(told("list", cwd=project)["artifacts"]) == 2, "nothing goes that is only told"
    assert told("gc", "--yes", cwd=project)["done"] is True
    assert [each["version"] for each in told("list", cwd=project)["artifacts"]] == ["2"]
    assert told("tag", "counter@2", "stable", "--remove", cwd=project)["artifact"] is None
    assert midflight("tag", "counter@2", "stable", "--remove", cwd=project).returncode == 2


def test_a_node_takes_what_its_own_list_covers(project: Path) -> None:
    key = test_command.midflight("key", "new", cwd=project).stdout.strip()
    for name in ("v1.py", "v2.py"):
        assert midflight("push", name, cwd=project).returncode == 0
    with running(project, "counter@1") as node:
        assert "counter, version 1" in node.banner
        assert node.post({"type": "Incr", "by": 5}) == (200, {"type": "Ok"})
        other = f"ed25519:{'00' * 32}"
        assert midflight("trust", "add", other, "--data", ".midflight", cwd=project).returncode == 0
        upgrade = ("upgrade", "counter@2", "--probation", "0", "--rehearse", "0")
        refused = told(*upgrade, cwd=project, code=1)
        assert refused["reason"] == "UntrustedKey"
        assert refused["trusted"] == str(project / ".midflight" / "trusted")
        assert node.post({"type": "Read"}) == (200, {"type": "Total", "count": 5})

        assert midflight("trust", "add", key, "ann", "--data", ".midflight", cwd=project).returncode == 0
        assert told(*upgrade, "--dry-run", cwd=project)["plan"]["new_version"] == "2"
        assert told(*upgrade, cwd=project)["upgraded"]["new_version"] == "2"
        assert node.post({"type": "Read"}) == (200, {"type": "Total", "count": 5})
        back = ("upgrade", "counter@1", *upgrade[2:])
        assert told(*back, cwd=project, code=1)["reason"] == "OlderVersion"
        assert told("gc", "--yes", cwd=project)["gone"] == [], "what runs and can be rolled back to stays"
        assert told("rollback", cwd=project)["upgraded"]["new_version"] == "1"
        assert node.post({"type": "Read"}) == (200, {"type": "Total", "count": 5})
        rows = told("history", cwd=project)
        reasons = [each["why"]["reason"] for each in rows["history"] if each["what"] == "refused"]
        assert reasons == ["UntrustedKey", "OlderVersion"]
        _sly(project, node.folder / ".midflight")
        assert node.post({"type": "Read"}) == (200, {"type": "Total", "count": 5})
    with running(project, "counter@1") as node:
        assert node.post({"type": "Read"}) == (200, {"type": "Total", "count": 5})


def test_a_release_of_artifacts(project: Path) -> None:
    """A set of versions under one name and version, by their names, tags or digests; a file may be among them."""
    shop = ROOT / "examples" / "shop"
    for file in shop.glob("*.py"):
        shutil.copy(file, project)
    assert midflight("key", "new", cwd=project).returncode == 0
    pushed = {
        name: told("push", f"{name}.py", cwd=project) for name in ("till_1", "stock_1", "till_2", "stock_2")
    }
    assert told("tag", "stock@2", "stable", cwd=project)["tag"] == "stable"
    one = ["till@1", "stock@1", "books.py"]
    two = [pushed["till_2"]["digest"][:12], "stock@stable", "books.py"]
    for version, parts in (("1", one), ("2", two)):
        text = f'name = "shop"\nversion = "{version}"\napplications = {json.dumps(parts)}\n'
        (project / f"shop_{version}.toml").write_text(text)
    for name in ("till_1.py", "till_2.py"):
        (project / name).unlink()
    assert list(told("plan", "shop_1.toml", "shop_2.toml", cwd=project)["machines"]) == ["till", "stock"]
    with running(project, "shop_1.toml") as node:
        upgrade = ("upgrade", "shop_2.toml", "--probation", "0", "--rehearse", "0")
        assert told(*upgrade, "--dry-run", cwd=project)["plan"]["new_version"] == "2"
        assert told("plan", "shop_2.toml", cwd=project)["plan"]["new_version"] == "2"
        changed = told(*upgrade, cwd=project)["upgraded"]
        assert [each["new"] for each in changed["applications"]] == [
            pushed[name]["digest"] for name in ("till_2", "stock_2")
        ]
        back = ("upgrade", "shop_1.toml", *upgrade[2:])
        assert told(*back, cwd=project, code=1)["reason"] == "OlderVersion"
        assert told("gc", "--yes", cwd=project)["gone"] == [], "what runs and can be rolled back to stays"
        assert told("rollback", cwd=project)["upgraded"]["new_version"] == "1"
        data = node.folder / ".midflight"
        strange: tuple[Any, ...] = (
            {"release": "shop"},
            {"release": 1, "version": "3", "applications": []},
            {"release": "shop", "version": "3", "applications": [1]},
            {"release": "shop", "version": "3", "applications": [{"release": "shop"}]},
            {"release": "shop", "version": "3", "applications": ["books.py"], "gone": "till"},
        )
        for each in strange:
            assert ask(data, {"op": "upgrade", "file": each}).failure().to_plain()["reason"] == "BadRequest"
    with running(project, "--budget", "2", "--listen", "http://127.0.0.1:0") as node:
        assert "the release shop, version 1" in node.banner


def test_a_release_is_signed_as_one(project: Path) -> None:
    """A set of digests under one name and version, pushed, tagged, collected, run and upgraded to."""
    for file in (ROOT / "examples" / "shop").iterdir():
        shutil.copy(file, project)
    key = midflight("key", "new", cwd=project).stdout.strip()
    one, two = (told("push", f"shop_{number}.toml", cwd=project) for number in (1, 2))
    assert told("push", "shop_2.toml", cwd=project)["new"] is False
    assert (one["name"], one["version"], one["key"]) == ("shop", "1", key)
    shown = told("show", "shop@2", cwd=project)
    assert [(each["name"], each["version"]) for each in shown["applications"]] == [
        ("till", "2"),
        ("stock", "2"),
        ("books", "1"),
    ]
    assert "till" in midflight("show", "shop@2", cwd=project).stdout
    assert "is a release, of till@2" in midflight("draw", "shop@2", cwd=project).stderr
    assert told("verify", cwd=project)["wrong"] == []
    files = list(told("plan", "shop_1.toml", "shop_2.toml", cwd=project)["machines"])
    assert list(told("plan", "shop@1", "shop@2", cwd=project)["machines"]) == files
    told("tag", "shop@1", "stable", cwd=project)
    gone = told("gc", cwd=project)["gone"]
    assert {(each["name"], each["version"]) for each in gone} == {
        ("till", "2"),
        ("stock", "2"),
        ("shop", "2"),
    }

    with running(project, "shop@stable") as node:
        assert "the release shop, version 1" in node.banner
        upgrade = ("upgrade", "shop@2", "--probation", "0", "--rehearse", "0")
        other = f"ed25519:{'00' * 32}"
        assert midflight("trust", "add", other, "--data", ".midflight", cwd=project).returncode == 0
        assert told(*upgrade, cwd=project, code=1)["reason"] == "UntrustedKey"
        assert midflight("trust", "add", key, "--data", ".midflight", cwd=project).returncode == 0
        changed = told(*upgrade, cwd=project)["upgraded"]
        assert (changed["release"], changed["new"]) == ("shop", two["digest"])
        _swapped_parts(project, node.folder / ".midflight")
        assert told("gc", "--yes", cwd=project)["gone"] == []
        assert told("rollback", cwd=project)["upgraded"]["new"] == one["digest"]


def _swapped_parts(project: Path, data: Path) -> None:
    """A release whose signature is good, with other applications than it says."""
    give = Giving(None, None, str)
    sent = give.one("shop@1")
    for parts in ([], sent["applications"][:2], [*sent["applications"][:2], sent["applications"][0]]):
        refused = ask(data, {"op": "upgrade", "file": {**sent, "applications": parts}}).failure().to_plain()
        assert refused["reason"] == "OtherArtifact", refused
    for parts in (1, [1], ["till_1.py"], [{"artifact": 1}]):
        refused = ask(data, {"op": "upgrade", "file": {**sent, "applications": parts}}).failure().to_plain()
        assert refused["reason"] == "BadRequest", refused
    alone = {**give.one("till@1"), "applications": []}
    assert ask(data, {"op": "upgrade", "file": alone}).failure().to_plain()["reason"] == "OtherArtifact"


def _sly(project: Path, data: Path) -> None:
    """Requests that no client of ours sends."""
    artifact = {"artifact": "AAAA", "address": "0" * 64, "name": "counter", "version": "2"}
    for file, reason in (
        ({**artifact, "artifact": "!"}, "NotSealed"),
        ({**artifact, "artifact": "\u00e9"}, "NotSealed"),
        ({**artifact, "address": None}, "BadRequest"),
        ({"artifact": 1}, "BadRequest"),
        ([], "BadRequest"),
        (None, "BadRequest"),
        (artifact, "NotSealed"),
    ):
        answer = ask(data, {"op": "upgrade", "file": file}).failure().to_plain()
        assert answer["reason"] == reason, answer


def test_what_is_code_is_executed_only_when_it_is_trusted(project: Path) -> None:
    trace = project / "trace"
    key = midflight("key", "new", cwd=project).stdout.strip()
    (project / "code.py").write_text(f"from pathlib import Path\nPath({str(trace)!r}).touch()\n{CODE}")
    assert told("push", "code.py", cwd=project)["version"] == "3"
    trace.unlink()
    assert midflight("trust", "remove", key, cwd=project).returncode == 0
    for command in (("draw", "counter@3"), ("plan", "v1.py", "counter@3"), ("run", "counter@3")):
        refused = midflight(*command, cwd=project)
        assert (refused.returncode, "is not on the trust list" in refused.stderr) == (1, True), command
    assert told("show", "counter@3", cwd=project)["trusted"] is False
    assert "whom you do not trust" in midflight("show", "counter@3", cwd=project).stdout
    assert not trace.exists()
    assert midflight("trust", "add", key, cwd=project).returncode == 0
    assert json.loads(midflight("trust", "list", "--json", cwd=project).stdout)["keys"] == [
        {"key": key, "name": ""}
    ]
    assert midflight("draw", "counter@3", cwd=project).returncode == 0
    assert trace.exists()
    assert midflight("trust", "add", "no", cwd=project).returncode == 2
    assert midflight("trust", "remove", f"ed25519:{'0' * 64}", cwd=project).returncode == 2


def test_a_registry_that_is_served(project: Path, tmp_path: Path) -> None:
    key = midflight("key", "new", cwd=project).stdout.strip()
    folder = tmp_path / "shelf"
    command = [*test_command.MIDFLIGHT, "registry", "serve", "--registry", str(folder)]
    process = subprocess.Popen(
        [*command, "--listen", "http://127.0.0.1:0"],
        env=test_command.ENVIRONMENT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        banner = process.stdout.readline()
        found = re.search(r"served at (\S+), with the token in (\S+)", banner)
        assert found, banner
        there = ("--registry", found[1], "--registry-token", found[2])
        assert told("push", "v1.py", *there, cwd=project)["key"] == key
        assert told("tag", "counter@1", "stable", *there, cwd=project)["tag"] == "stable"
        assert told("pull", "counter@stable", *there, cwd=project)["version"] == "1"
        assert told("plan", "counter@stable", "v2.py", *there, cwd=project)["ok"] is True
        assert told("list", "--registry", str(folder), cwd=project) == told("list", *there, cwd=project)
        assert told("list", "--registry", found[1], cwd=project, code=1)["reason"] == "NoRegistry"
        assert midflight("gc", "--registry", found[1], cwd=project).returncode == 2
    finally:
        process.terminate()
        process.communicate()
    assert process.returncode in (0, -signal.SIGTERM)


def test_show_draws_the_machines_and_what_changed_since_the_parent(project: Path) -> None:
    assert midflight("key", "new", cwd=project).returncode == 0
    first = told("push", "v1.py", cwd=project)
    alone = midflight("show", "counter@1", "--tree", cwd=project)
    assert alone.returncode == 0, alone.stderr
    assert alone.stdout.count("\ncounter\n") == 1
    drawn = midflight("draw", "counter@1", "--tree", cwd=project).stdout
    assert drawn.strip() in alone.stdout
    assert midflight("push", "v2.py", "--parent", "counter@1", cwd=project).returncode == 0
    changed = midflight("show", "counter@2", "--tree", cwd=project).stdout
    assert midflight("diff", "counter@1", "counter@2", "--tree", cwd=project).stdout.strip() in changed
    assert told("show", "counter@2", cwd=project)["parent"] == first["artifact"]
    assert midflight("show", "counter@2", "--tree", "--json", cwd=project).returncode == 2
