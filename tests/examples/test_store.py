"""The key-value store as data, and run as its README says."""

import importlib.util
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest

from arrows.term import Function, Node, children, node
from midflight import Arrow, compile, decode, digest, encode, evaluate, plan, run
from tests.examples.readme import curl, same, shown

SHOWN_AT = "http://127.0.0.1:8080"


def version(root: Path, name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"store_{name}", root / f"examples/store/{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def v1(root: Path) -> ModuleType:
    return version(root, "v1")


@pytest.fixture(scope="module")
def v2(root: Path) -> ModuleType:
    return version(root, "v2")


def every_node(term: Node) -> Iterator[Node]:
    yield term
    for child in children(term):
        yield from every_node(child)


def arrows_of(v1: ModuleType, v2: ModuleType) -> list[Arrow[Any, Any]]:
    return [v1.store, v2.store, *v2.to_2.up.values(), *v2.to_2.down.values()]


def by_reference(arrow: Arrow[Any, Any], messages: list[Any]) -> list[Any]:
    """What `evaluate` answers, message by message."""
    state: Any = None
    replies = []
    for message in messages:
        state, reply = evaluate(arrow, state, message)
        replies.append(reply)
    return replies


def test_all_of_it_is_data(v1: ModuleType, v2: ModuleType) -> None:
    for arrow in arrows_of(v1, v2):
        assert not [each for each in every_node(node(arrow)) if isinstance(each, Function)]
        assert digest(decode(encode(arrow).unwrap()).unwrap()) == digest(arrow)


def test_a_store_stores(v1: ModuleType) -> None:
    said = [v1.Set("a", "x"), v1.Lookup("a"), v1.Lookup("b"), v1.Set("a", "y"), v1.Lookup("a")]
    said += [v1.Delete("a"), v1.Lookup("a"), v1.Delete("a"), v1.Set("a", ""), v1.Lookup("a")]
    heard = [v1.Stored(), v1.Found("x"), v1.Missing(), v1.Stored(), v1.Found("y")]
    heard += [v1.Deleted(), v1.Missing(), v1.Missing(), v1.Stored(), v1.Found("")]
    assert run(v1.store, said) == heard
    assert by_reference(v1.store, said) == heard


def test_writes_are_counted(v2: ModuleType) -> None:
    said = [v2.Set("a", "x"), v2.Set("a", "y"), v2.Lookup("a"), v2.Set("b", "z"), v2.Lookup("b")]
    said += [v2.Replace("a", "q", 1), v2.Replace("a", "q", 2), v2.Lookup("a"), v2.Replace("c", "q", 0)]
    said += [v2.Delete("a"), v2.Lookup("a"), v2.Delete("a"), v2.Set("a", "x")]
    heard = [v2.Stored(1), v2.Stored(2), v2.Found("y", 2), v2.Stored(1), v2.Found("z", 1)]
    heard += [v2.Conflict(2), v2.Stored(3), v2.Found("q", 3), v2.Missing()]
    heard += [v2.Deleted(), v2.Missing(), v2.Missing(), v2.Stored(1)]
    assert run(v2.store, said) == heard
    assert by_reference(v2.store, said) == heard


def test_a_deleted_key_takes_no_room(v1: ModuleType) -> None:
    program = compile(v1.store)
    state = program.initial()
    for message in (v1.Set("a", "x"), v1.Set("b", "x"), v1.Delete("a"), v1.Lookup("c")):
        state, _ = program.step(state, message)
    assert [len(table) for table in state] == [1]


def test_every_key_goes_up_and_comes_back(v1: ModuleType, v2: ModuleType) -> None:
    old, new = compile(v1.store), compile(v2.store)
    state = old.initial()
    for key in range(50):
        state, _ = old.step(state, v1.Set(str(key), f"value {key}"))
    up = plan(old, new, v2.to_2).unwrap().apply(state).unwrap()
    assert all(new.step(up, v2.Lookup(str(k)))[1] == v2.Found(f"value {k}", 1) for k in range(50))
    up, _ = new.step(up, v2.Set("1", "changed"))
    down = plan(new, old, v2.to_2, down=True).unwrap().apply(up).unwrap()
    assert old.step(down, v1.Lookup("1"))[1] == v1.Found("changed")
    assert old.step(down, v1.Lookup("2"))[1] == v1.Found("value 2")
    assert old.step(down, v1.Lookup("none"))[1] == v1.Missing()


def midflight(root: Path, data: Path, command: str) -> subprocess.Popen[str]:
    words = command.split()
    assert words[0] == "midflight"
    return subprocess.Popen(
        [sys.executable, "-m", *words, "--data", str(data)],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_what_the_readme_shows(root: Path, tmp_path: Path) -> None:
    (start, _), *commands = shown(root / "examples/store/README.md")
    with midflight(root, tmp_path / "data", f"{start} --listen http://127.0.0.1:0") as node:
        try:
            assert node.stdout
            said = ""
            address = None
            for line in node.stdout:
                said += line
                address = re.search(r"http://127\.0\.0\.1:\d+", line)
                if address:
                    break
            assert address, said
            with httpx.Client(base_url=address[0], timeout=30) as client:
                for command, output in commands:
                    if command.startswith("midflight"):
                        with midflight(root, tmp_path / "data", command) as done:
                            told, _ = done.communicate(timeout=60)
                        assert done.returncode == 0, (command, told)
                    else:
                        answer = curl(command, client, SHOWN_AT)
                        assert answer.status_code == 200, answer.text
                        assert same(output, answer.text), (command, answer.text)
        finally:
            node.terminate()
            rest, _ = node.communicate(timeout=30)
    assert "Traceback" not in rest
