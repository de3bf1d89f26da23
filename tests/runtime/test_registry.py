"""A registry in a folder: one thing for each name, and nothing half there, whoever is killed."""

from __future__ import annotations

import contextlib
import json
import os
import random
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from returns.result import Failure

from runtime.admission import OtherArtifact, opened
from runtime.collecting import collected
from runtime.entry import AmbiguousReference, NoReference, NotInRegistry
from runtime.keys import Key, new_key
from runtime.pulling import pulled
from runtime.registry import BadRegistry, NameShadows, Registry, VersionTaken
from runtime.seal import NotSealed, UntrustedKey, WrongSignature, sealed
from runtime.tags import OlderTag, Tag
from runtime.trust import Trust
from runtime.verifying import verified
from tests.runtime.packages import number, open_to_all, reading_only, signed

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def key(tmp_path: Path) -> Key:
    return new_key(tmp_path / "key.pem").unwrap()


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(tmp_path / "registry")


def clean(registry: Registry) -> None:
    found = verified(registry).unwrap()
    assert found.wrong == ()
    assert not list(registry.folder.incoming.iterdir())


def problems(registry: Registry) -> str:
    return "; ".join(each.problem for each in verified(registry).unwrap().wrong)


def reasons(*results: Any) -> list[type]:
    assert all(isinstance(each, Failure) for each in results), results
    return [type(each.failure()) for each in results]


def test_what_was_pushed_is_found_by_each_of_its_names(registry: Registry, key: Key) -> None:
    one, two = number("shop", "1"), number("shop", "2", 7)
    pushed = [registry.push(signed(each, key)).unwrap() for each in (one, two, number("till", "1"))]
    assert all(each.new for each in pushed)
    for name in ("shop@1", one.address, one.address[:12], one.digest, one.digest[:12]):
        assert registry.find(name).unwrap() == pushed[0].entry, name
    assert registry.find("till").unwrap().version == "1"
    assert reasons(registry.find("shop")) == [AmbiguousReference]
    for name in ("shop@3", "shops", "f" * 64, "72c"):
        assert reasons(registry.find(name)) == [NotInRegistry], name
    assert "by 4 digits or more" in registry.find("72c").failure().message
    for name in ("../registry", "shop@../1", "", "@", "shop@", "shop@1@2", "x" * 300, "shop@" + "x" * 300):
        assert reasons(registry.find(name)) == [NoReference], name
    assert "shop@1, shop@2" in registry.find("shop@3").failure().message
    data = registry.read(pushed[1].entry.address).unwrap()
    assert data == signed(two, key)
    assert [each.version for each in registry.entries().unwrap()] == ["1", "2", "1"]
    clean(registry)


def test_a_prefix_that_several_begin_with_is_refused(registry: Registry, key: Key) -> None:
    many = {number("a", str(at)).digest[:4] for at in range(2)}
    assert len(many) == 1, "two labels of one digest"
    for at in range(2):
        registry.push(signed(number("a", str(at)), key)).unwrap()
    assert reasons(registry.find(many.pop())) == [AmbiguousReference]
    assert registry.find(number("a", "1").address[:8]).unwrap().version == "1"


def test_a_version_never_becomes_another(registry: Registry, key: Key) -> None:
    first = signed(number("shop", "1"), key)
    assert registry.push(first).unwrap().new
    assert not registry.push(first).unwrap().new
    assert reasons(registry.push(signed(number("shop", "1", 7), key))) == [VersionTaken]
    assert len(registry.entries().unwrap()) == 1
    clean(registry)


def test_a_name_that_shadows_another_is_refused(registry: Registry, key: Key) -> None:
    made = number("shop-till", "1")
    registry.push(signed(made, key)).unwrap()
    registry.tag(Tag("shop-till", "2", made.address, 1).sealed(key)).unwrap()
    results = [
        registry.push(signed(number(*name), key))
        for name in (("Shop-Till", "1"), ("shop.till", "1"), ("8599e15869be", "1"), ("shop-till", "2", 7))
    ]
    tagged = registry.tag(Tag("shop-till", "1", made.address, 2).sealed(key))
    assert reasons(*results, tagged) == [NameShadows] * 5
    clean(registry)


def test_a_tag_moves_and_an_old_statement_of_it_is_refused(registry: Registry, key: Key) -> None:
    one, two = number("shop", "1"), number("shop", "2", 7)
    for each in (one, two):
        registry.push(signed(each, key)).unwrap()
    first = Tag("shop", "stable", one.address, 1).sealed(key)
    registry.tag(first).unwrap()
    assert registry.find("shop@stable").unwrap().version == "1"
    registry.tag(Tag("shop", "stable", two.address, 2).sealed(key)).unwrap()
    assert registry.find("shop@stable").unwrap().version == "2"
    assert reasons(registry.tag(first)) == [OlderTag]
    registry.tag(Tag("shop", "stable", None, 3).sealed(key)).unwrap()
    assert reasons(registry.find("shop@stable"), registry.tag(first)) == [NotInRegistry, OlderTag]
    assert registry.tags().unwrap() == []
    assert reasons(registry.tag(Tag("shop", "x", "0" * 64, 1).sealed(key))) == [NotInRegistry]
    wrong = bytearray(first)
    wrong[-5] ^= 1
    trusting = Trust(Path("none"))
    assert reasons(registry.tag(bytes(wrong)), registry.tag(first, trusting)) == [
        WrongSignature,
        UntrustedKey,
    ]
    clean(registry)


def test_another_key_may_sign_the_same_again(registry: Registry, key: Key, tmp_path: Path) -> None:
    other, made = new_key(tmp_path / "other.pem").unwrap(), number("shop", "1")
    registry.push(signed(made, key)).unwrap()
    assert registry.push(signed(made, other)).unwrap().new
    assert registry.find("shop").unwrap().key == other.public
    assert registry.read(made.address).unwrap() == signed(made, other)
    clean(registry)


def test_what_is_not_trusted_or_no_artifact_is_not_taken(
    registry: Registry, key: Key, tmp_path: Path
) -> None:
    none = Trust(tmp_path / "trusted")
    data = signed(number("shop", "1"), key)
    results = (registry.push(data, none), registry.push(data[:-1]), registry.push(b""))
    assert reasons(*results) == [UntrustedKey, WrongSignature, NotSealed]
    assert not registry.path.exists()


def test_the_index_is_made_again_from_the_folder(registry: Registry, key: Key) -> None:
    for at in range(3):
        registry.push(signed(number("shop", str(at), at), key)).unwrap()
    before = registry.entries().unwrap()
    index = registry.folder.index
    for spoil in (index.unlink, lambda: index.write_bytes(b"no index"), lambda: index.write_bytes(b"")):
        spoil()
        assert registry.entries().unwrap() == before
        clean(registry)
    os.truncate(index, 5000)
    registry.rebuild().unwrap()
    assert registry.entries().unwrap() == before


def test_verify_tells_what_was_altered(registry: Registry, key: Key) -> None:
    entries = [registry.push(signed(number("shop", str(at), at), key)).unwrap().entry for at in range(4)]
    files = [registry.folder.artifacts / each.address for each in entries]
    for file in files[:3]:
        file.chmod(0o600)
    data = bytearray(files[0].read_bytes())
    data[-1] ^= 1
    files[0].write_bytes(data)
    assert "was not signed by the key" in problems(registry)
    files[0].write_bytes(files[1].read_bytes())  # signed well, and the artifact of another version
    assert "was asked for" in problems(registry)
    reader = registry.read(entries[0].address).unwrap()
    assert reasons(opened(reader, None, "it", entries[0].wanted)) == [OtherArtifact]
    files[0].unlink()
    assert "the index has it, and it is gone" in problems(registry)
    registry.rebuild().unwrap()
    clean(registry)
    registry.tag(Tag("shop", "stable", entries[1].address, 1).sealed(key)).unwrap()
    (registry.folder.tags / "shop" / "beta").write_bytes(
        (registry.folder.tags / "shop" / "stable").read_bytes()
    )
    assert "it is the statement of shop@stable" in problems(registry)
    assert reasons(registry.find("shop@beta")) == [NotInRegistry]


def test_a_folder_that_cannot_be_used_says_so(tmp_path: Path, key: Key) -> None:
    (tmp_path / "file").write_text("")
    found = Registry(tmp_path / "file").push(signed(number("shop", "1"), key))
    assert reasons(found) == [BadRegistry]
    assert reasons(Registry(tmp_path / "none").find("shop")) == [NotInRegistry]
    assert not (tmp_path / "none").exists()


def test_a_name_that_can_never_be_asked_for_is_refused(registry: Registry, key: Key) -> None:
    for name in ("shop.py", "shop.toml", "8599e15869be"):
        assert reasons(registry.push(signed(number(name, "1"), key))) == [NameShadows]
    for name in ("shop.py3", "8599e1586", "cafe"):
        registry.push(signed(number(name, "1"), key)).unwrap()
        assert registry.find(f"{name}@1").unwrap().name == name


def test_what_nobody_has_put_there_is_told_and_in_nobodys_way(registry: Registry, key: Key) -> None:
    made = number("shop", "1")
    registry.push(signed(made, key)).unwrap()
    registry.tag(Tag("shop", "stable", made.address, 1).sealed(key)).unwrap()
    folder = registry.folder
    for each in (folder.artifacts / "folder", folder.tags / "shop" / "folder", folder.incoming / "folder"):
        each.mkdir()
    for each in (folder.tags / "file", folder.artifacts / "file"):
        each.write_text("stray")
    (registry.path / "nodes").mkdir()
    (registry.path / "nodes" / "folder").mkdir()
    (folder.artifacts / os.fsdecode(b"\xff\x1b[2J")).touch()
    found = verified(registry).unwrap()
    assert sorted(Path(each.place).relative_to(registry.path).as_posix() for each in found.wrong) == [
        *("artifacts/\\udcff\\x1b[2J", "artifacts/file", "artifacts/folder"),
        *("incoming/folder", "tags/file", "tags/shop/folder"),
    ]
    json.dumps(found.to_plain(), ensure_ascii=False).encode()
    assert [each.name for each in registry.entries().unwrap()] == ["shop"]
    assert [each.tag for each in registry.tags().unwrap()] == ["stable"]
    assert registry.find("shop@stable").unwrap().address == made.address
    registry.rebuild().unwrap()
    registry.push(signed(number("till", "1"), key)).unwrap()
    assert len(collected(registry, (), 0, do=False).unwrap().kept) == 2


def test_who_may_only_read_a_registry_reads_it(key: Key) -> None:
    """Another user, or a medium that nobody can write to: nothing is to be finished there."""
    with open_to_all() as top:
        registry = Registry(top / "registry")
        made = number("shop", "1")
        registry.push(signed(made, key)).unwrap()
        registry.tag(Tag("shop", "stable", made.address, 1).sealed(key)).unwrap()
        (registry.folder.incoming / "left").write_text("by somebody who was killed")
        with reading_only(registry.path):
            assert [each.name for each in registry.entries().unwrap()] == ["shop"]
            assert [each.tag for each in registry.tags().unwrap()] == ["stable"]
            for name in ("shop", "shop@stable", made.address[:8]):
                assert pulled(registry, name, None).unwrap()[0] == made
            assert verified(registry).unwrap().wrong == ()
            assert collected(registry, (), 0, do=False).unwrap().gone == ()
            refused = registry.push(signed(number("shop", "2"), key))
            assert reasons(refused) == [BadRegistry]
        with contextlib.closing(sqlite3.connect(registry.path / "index.db")) as writing:
            writing.execute("begin immediate")
            with reading_only(registry.path):
                assert registry.find("shop").unwrap().address == made.address, "while somebody writes"
        (registry.path / "index.db").unlink()
        with reading_only(registry.path):
            assert reasons(registry.entries()) == [BadRegistry]
        clean(registry)


def crashed(*arguments: object) -> list[str]:
    """What `tests.runtime.registry_crashes` prints."""
    command = [sys.executable, "-m", "tests.runtime.registry_crashes", *map(str, arguments)]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert ran.returncode == 0, ran.stdout[-2000:] + ran.stderr
    return ran.stdout.splitlines()


def test_what_a_killed_process_left_is_finished_at_each_step(
    registry: Registry, key: Key, tmp_path: Path
) -> None:
    told = [line.split() for line in crashed("steps", registry.path, tmp_path / "key.pem")]
    assert [what for what, _ in told] == ["push", "again", "tag", "remove", "note"]
    assert all(int(steps) > 3 for _, steps in told), told
    assert reasons(registry.find("shop@1")) == [NotInRegistry]


@pytest.mark.parametrize("how", ["many", "served"])
@pytest.mark.parametrize("processes", [12, pytest.param(100, marks=pytest.mark.long)])
def test_pushes_and_pulls_at_once_with_kills_in_between(
    how: str, processes: int, registry: Registry, key: Key, tmp_path: Path
) -> None:
    """In the folder, and over HTTP from a server that is killed too."""
    seed = random.SystemRandom().getrandbits(32)
    print(f"seed {seed}")
    lines = crashed(how, registry.path, tmp_path / "key.pem", processes, seed)
    done = dict(json.loads(line) for line in lines)
    assert done, "nothing was pushed"
    clean(registry)
    there = {each.version: each.address for each in registry.entries().unwrap()}
    assert done.items() <= there.items(), "what somebody was told to be there is there"


def test_a_seal_of_another_kind_is_none(registry: Registry, key: Key) -> None:
    assert reasons(registry.push(sealed("tag", number("a", "1").content, key))) == [NotSealed]
