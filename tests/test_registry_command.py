"""Registries as a user meets them: keys, artifacts and a node that takes only what its own trust list covers.

Nodes are processes, and so is the first command of each test; the others run in this one, which is quicker.
"""

from __future__ import annotations

import contextlib
import json
import pwd
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
from runtime.command import noted
from runtime.control_client import ask
from runtime.keys import read_key
from runtime.pulling import pulled
from runtime.registry import Registry
from runtime.release_parts import Part, release_content
from runtime.seal import sealed
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

    got = told("pull", "counter@1", cwd=project)
    assert (project / got["file"]).stat().st_size == got["size"]
    assert told("show", got["file"], cwd=project)["artifact"] == one["artifact"]
    assert told("push", got["file"], cwd=project)["new"] is False
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
    for words in (
        ("draw", "shop_2.toml"),
        ("diff", "shop_1.toml", "shop_2.toml"),
        ("check", "shop_1.toml", "till_1.py"),
    ):
        assert "here one application is meant" in midflight(*words, cwd=project).stderr
    file = told("pull", "till@2", cwd=project)["file"]
    assert "`midflight push` it, and name it" in midflight("draw", file, cwd=project).stderr
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


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_registry_that_is_served(number: signal.Signals, project: Path, tmp_path: Path) -> None:
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
        process.send_signal(number)
        process.communicate(timeout=30)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == 0, "to end it is no failure"


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


def test_what_a_node_is_led_to_stays_from_the_moment_it_is_asked(project: Path) -> None:
    """Of a node that was started with a file, before there was a registry, and while nobody has an answer yet."""
    assert midflight("key", "new", cwd=project).returncode == 0
    with running(project) as node:
        assert not (project.parent / "home" / "registry").exists(), "a registry is not made to note something"
        for name in ("v1.py", "v2.py"):
            told("push", name, cwd=project)
        watched = ("upgrade", "counter@2", "--probation", "100000/1h", "--rehearse", "0")
        asking = subprocess.Popen(
            [*test_command.MIDFLIGHT, *watched],
            cwd=project,
            env=test_command.ENVIRONMENT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            while told("status", cwd=project)["applications"][0]["version"] != "2":
                assert asking.poll() is None
            asking.send_signal(signal.SIGINT)
        finally:
            asking.wait(60)
        assert told("gc", "--yes", cwd=project)["gone"] == []
        assert (
            told("gc", "--forget", node.folder / ".midflight", cwd=project, code=1)["reason"]
            == "CannotForget"
        )
        assert node.post({"type": "Read"})[0] == 200
    other = project / "other"
    with running(project, "v1.py", "--data", str(other), "--listen", "http://127.0.0.1:0"):
        notes = (project.parent / "home" / "registry" / "nodes").iterdir()
        assert sorted(each.read_text() for each in notes) == [str(project / ".midflight"), str(other)]
    shutil.rmtree(other)
    assert told("gc", "--yes", cwd=project, code=1)["reason"] == "UnreadableRoot"
    assert told("gc", "--forget", other, "--forget", project / ".midflight", cwd=project)["done"] is False
    assert told("gc", "--yes", cwd=project, code=1)["reason"] == "UnreadableRoot", "it was only told"


def test_a_user_without_a_home_has_no_registry_to_note_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a container whose user has no name; `midflight run FILE` has always needed none."""

    def unknown(_: int) -> None:
        raise KeyError

    (tmp_path / "lock").touch()
    for name in ("MIDFLIGHT_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", unknown)
    with pytest.raises(RuntimeError):
        Path("~").expanduser()
    noted(None, tmp_path)
    assert [each.name for each in tmp_path.iterdir()] == ["lock"]


def test_a_start_that_was_refused_needs_nothing(project: Path) -> None:
    assert midflight("key", "new", cwd=project).returncode == 0
    told("push", "v1.py", cwd=project)
    (project / "one").mkdir()
    (project / "one" / "trusted").touch()
    refused = midflight("run", "counter@1", "--data", "one", cwd=project)
    assert (refused.returncode, "trust list" in refused.stderr) == (1, True)
    refused = midflight("run", "counter@1", "--data", "two", "--listen", "http://256.0.0.1:1", cwd=project)
    assert refused.returncode == 1
    assert [each["version"] for each in told("gc", "--yes", cwd=project)["gone"]] == ["1"]


@pytest.fixture
def shop(project: Path) -> Path:
    """A project with the files of two releases, whose owner has a key."""
    for file in (ROOT / "examples" / "shop").iterdir():
        shutil.copy(file, project)
    assert midflight("key", "new", cwd=project).returncode == 0
    return project


def test_a_release_takes_over_where_one_of_its_applications_runs(shop: Path) -> None:
    """By its name, and by its digits: what was fetched says that it is a release, not how it was written."""
    pushed = told("push", "shop_1.toml", cwd=shop)
    with running(shop, "till@1"):
        for name in ("shop@1", pushed["artifact"][:12], pushed["digest"]):
            assert told("plan", name, cwd=shop)["plan"]["new_version"] == "1"
        quick = ("--probation", "0", "--rehearse", "0")
        losing = (
            (shop / "till_1.py").read_text().replace("cents", "pennies").replace('version="1"', 'version="3"')
        )
        (shop / "till_1.py").write_text(losing)
        (shop / "shop_1.toml").write_text((shop / "shop_1.toml").read_text().replace('"1"', '"3"'))
        lost = told("push", "shop_1.toml", cwd=shop)
        assert told("upgrade", "shop@3", *quick, cwd=shop, code=3)["reason"] == "UndeclaredLoss"
        assert (
            told("upgrade", lost["artifact"][:12], "--dry-run", cwd=shop, code=3)["reason"]
            == "UndeclaredLoss"
        )
        assert told("upgrade", pushed["artifact"][:12], *quick, cwd=shop)["upgraded"]["release"] == "shop"


def test_a_release_must_be_of_what_it_says(shop: Path) -> None:
    """A label of a part that is another's, and a digest that is none: signed by a key that is trusted."""
    told("push", "shop_1.toml", cwd=shop)
    key = read_key(shop.parent / "home" / "key.pem").unwrap()
    registry = Registry(shop.parent / "home" / "registry")
    good, _ = pulled(registry, "shop@1", None).unwrap()
    till, *others = good.release
    lies = {
        "7": ([Part("lies", "99", till.address), *others], good.digest, "OtherArtifact"),
        "8": (good.release, "0" * 64, "LoadsOtherwise"),
    }
    for version, (parts, digest, _) in lies.items():
        content = release_content("shop", version, digest, parts)
        registry.push(sealed("artifact", content, key)).unwrap()
    with running(shop, "shop@1") as node:
        for version, (_, _, reason) in lies.items():
            assert told("upgrade", f"shop@{version}", "--rehearse", "0", cwd=shop, code=1)["reason"] == reason
            assert told("plan", "shop@1", f"shop@{version}", cwd=shop, code=1)["reason"] == reason
            other = midflight("run", f"shop@{version}", "--data", "other", cwd=shop)
            assert other.returncode == 1
            assert "lies" in other.stderr or "says that it is" in other.stderr
        assert [each["version"] for each in told("status", cwd=shop)["releases"]] == ["1"]
        assert node.process.poll() is None


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('applications = ["till_1.py", "twin.py"]', "a machine 'till' in till and in twin"),
        ('applications = ["till_1.py"]\ngone = ["till"]', "the application 'till' twice"),
        ('applications = ["till_1.py", "shop@1"]', "is a release, of till@1, stock@1, books@1"),
        ('applications = ["till_1.py", "nope.py"]', "there is no such file"),
        ('applications = ["till_1.py"]\ngone = ["a b"]', "'a b' cannot name an application"),
    ],
)
def test_nothing_is_pushed_of_a_release_that_can_never_run(text: str, problem: str, shop: Path) -> None:
    told("push", "shop_1.toml", cwd=shop)
    before = told("list", cwd=shop)
    for name in ("till_1.py", "twin.py"):
        twin = (ROOT / "examples" / "shop" / "till_1.py").read_text().replace('version="1"', 'version="9"')
        (shop / name).write_text(
            twin.replace('Application("till"', 'Application("twin"') if name == "twin.py" else twin
        )
    (shop / "bad.toml").write_text(f'name = "bad"\nversion = "1"\n{text}\n')
    refused = told("push", "bad.toml", cwd=shop, code=1)
    assert problem in refused["message"]
    (shop / "bad.toml").write_text('name = "a bad"\nversion = "1"\napplications = ["till_1.py"]\n')
    assert "'a bad' cannot name a release" in told("push", "bad.toml", cwd=shop, code=1)["message"]
    assert told("list", cwd=shop) == before


def test_a_parent_is_of_an_application(shop: Path) -> None:
    told("push", "till_1.py", cwd=shop)
    assert midflight("push", "shop_1.toml", "--parent", "till@1", cwd=shop).returncode == 2
    pulled_ = told("pull", "till@1", cwd=shop)["file"]
    assert midflight("push", pulled_, "--parent", "till@1", cwd=shop).returncode == 2


def test_a_tree_is_drawn_where_the_parent_is_gone_and_of_a_file_at_hand(project: Path) -> None:
    key = midflight("key", "new", cwd=project).stdout.strip()
    told("push", "v1.py", cwd=project)
    told("push", "v2.py", "--parent", "counter@1", cwd=project)
    file = told("pull", "counter@2", cwd=project)["file"]
    told("tag", "counter@2", "stable", cwd=project)
    assert [each["version"] for each in told("gc", "--yes", cwd=project)["gone"]] == ["1"]
    for name in ("counter@2", file):
        drawn = midflight("show", name, "--tree", cwd=project)
        assert (drawn.returncode, "\ncounter\n" in drawn.stdout) == (0, True), drawn.stderr
        assert "is drawn alone" in drawn.stderr
    shutil.rmtree(project.parent / "home" / "registry")
    assert "\ncounter\n" in midflight("show", file, "--tree", cwd=project).stdout
    midflight("trust", "remove", key, cwd=project)
    assert "is not on the trust list" in midflight("show", file, "--tree", cwd=project).stderr


def test_standard_output_is_the_replys(project: Path) -> None:
    assert midflight("key", "new", cwd=project).returncode == 0
    for name in ("v1.py", "v2.py"):
        (project / name).write_text("print('loaded')\n" + (project / name).read_text())
    (project / "code.py").write_text(f"print('loaded')\n{CODE}")
    (project / "both.toml").write_text('name = "both"\nversion = "1"\napplications = ["code.py"]\n')
    for words in (
        *(("push", "v1.py"), ("push", "code.py"), ("push", "both.toml"), ("diff", "v1.py", "v2.py")),
        *(("plan", "v1.py", "v2.py"), ("plan", "both@1", "both.toml"), ("diff", "counter@3", "code.py")),
        ("check", "v1.py", "v2.py", "--trials", "1"),
    ):
        ran = midflight(*words, "--json", cwd=project)
        assert (ran.returncode, len(ran.stdout.splitlines())) == (0, 1), (words, ran.stdout, ran.stderr)
        json.loads(ran.stdout)
    with running(project, "counter@3") as node:
        assert node.banner.startswith("loaded\n"), "its own log is the application's"


def test_a_registry_that_is_named_must_be_there(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert midflight("key", "new", cwd=project).returncode == 0
    assert told("list", cwd=project) == {"artifacts": []}, "the usual one is empty until something is put in"
    assert told("verify", cwd=project)["artifacts"] == 0
    for words in (
        ("list",),
        ("verify",),
        ("gc",),
        ("show", "counter"),
        ("pull", "counter"),
        ("tag", "counter", "x"),
    ):
        for name in ("nowhere", ""):
            refused = told(*words, "--registry", name, cwd=project, code=1)
            assert (refused["reason"], "no such folder" in refused["message"]) == ("BadRegistry", True)
    monkeypatch.setenv("MIDFLIGHT_REGISTRY", str(project / "nowhere"))
    assert told("list", cwd=project, code=1)["reason"] == "BadRegistry"
    assert told("push", "v1.py", cwd=project)["new"] is True
    assert len(told("list", cwd=project)["artifacts"]) == 1
    monkeypatch.setenv("MIDFLIGHT_REGISTRY", "http://127.0.0.1:1")
    for words in (("verify",), ("gc",), ("registry", "serve")):
        refused_ = midflight(*words, cwd=project)
        assert (refused_.returncode, "needs the folder of a registry" in refused_.stderr) == (2, True)
        assert midflight(*words, "--registry", "http://127.0.0.1:1", cwd=project).returncode == 2


def test_what_is_typed_wrong_is_told(project: Path) -> None:
    """Each of these was a traceback, or a word that helped nobody."""
    home = project.parent / "home"
    key = midflight("key", "new", cwd=project).stdout.strip()
    told("push", "v1.py", cwd=project)
    long = "a" * 300
    (project / "long.toml").write_text(f'name = "x"\nversion = "1"\napplications = ["{long}"]\n')
    (project / "file").touch()
    for words in (
        ("upgrade", long),
        ("plan", f"{long}.toml"),
        ("plan", "v1.py", long),
        ("push", "long.toml"),
    ):
        assert midflight(*words, cwd=project).returncode == 1, words
    for days in ("inf", "nan", "1e308"):
        assert midflight("gc", "--older-than", days, cwd=project).returncode == 2
    for label in ("x" * 101, "", "a b", "../x"):
        assert midflight("tag", "counter@1", label, cwd=project).returncode == 2
    assert told("tag", "counter@1", "x" * 100, cwd=project)["tag"] == "x" * 100
    for name in ("\udcff", "\x1b[2J"):
        assert midflight("trust", "add", key, name, cwd=project).returncode == 2
    assert midflight("trust", "add", key, "Ann  Lee", cwd=project).returncode == 0
    assert told("pull", "counter@1", "--out", "no/such/z", cwd=project, code=1)["reason"] == "CannotWrite"
    assert "4 digits or more" in told("show", "72c", cwd=project, code=1)["message"]
    for name in ("till@", "till@1@2", "@1"):
        assert told("show", name, cwd=project, code=1)["reason"] == "NoReference"
    serving = midflight("registry", "serve", "--registry", project / "file" / "x", cwd=project)
    assert (serving.returncode, "not a directory" in serving.stderr) == (1, True)
    served = ("list", "--registry", "http://127.0.0.1:1", "--registry-token", "none")
    assert "midflight registry serve" in told(*served, cwd=project, code=1)["message"]
    (home / "trusted").chmod(0o666)
    assert "chmod go-w" in told("trust", "list", cwd=project, code=1)["message"]
    assert told("key", "new", "--key", "other.pem", cwd=project, code=1)["reason"] == "BadTrustList"
    assert not (project / "other.pem").exists()
