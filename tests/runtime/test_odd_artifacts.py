"""Artifacts whose content is not what midflight writes, signed well: whoever looks at one is given a Result."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from returns.result import Failure, Result, Success
from typer.testing import CliRunner

from arrows import constant, state
from arrows.canonical import dump
from migrations.migration import Migration
from runtime.admission import loaded, packed
from runtime.application import Application
from runtime.artifact import Artifact, read
from runtime.cli import app
from runtime.collecting import collected
from runtime.keys import Key, new_key
from runtime.loader import load
from runtime.plan_command import planned
from runtime.registry import Registry
from runtime.release import Release
from runtime.release_file import of_artifact
from runtime.release_parts import Part, release_content
from runtime.seal import sealed
from runtime.trust import changed
from runtime.verifying import verified
from tests.runtime.packages import number

ODD: Final[tuple[Any, ...]] = (
    *(None, True, 0, -1, 2**70, 10**4000, 1.5, float("nan"), "", "x", "a/b", "../x", "/x", "x" * 300, "3.99"),
    *("\x00", "\x1b[2J", "\u202e", "\ud800", "a b", [], {}, [[]], ["x", "y"], [["x", None]], [[["x"]]]),
    *({"": "1"}, {"a": 1}, {"x": "\ud800"}, {"kernel": None}),
)
"""What may stand for any value of a content."""

CODE: Final = """
import helper, attrs
from midflight import Application, proc
@attrs.frozen
class Add:
    n: int
@proc
def m(msg: Add, *, t: int = 0) -> int:
    t += msg.n * helper.X
    return t
app = Application("shop", version="2", machines={"m": m})
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("odd")


def of_data() -> Artifact:
    """One of pure data, with all that one can have."""
    lead = Migration("m", old="1", new="2", up={"n": constant(0)}, down={"n": constant(0)})
    machines = {"m": state("n", 0, constant(0))}
    application = Application(
        "shop", version="2", machines=machines, migrations=[lead], healthy={"m": constant(True)}
    )
    return packed(application, "0" * 64).unwrap()


def of_code(folder: Path) -> Artifact:
    (folder / "helper.py").write_text("X = 1\n")
    (folder / "app.py").write_text(CODE)
    return packed(load(str(folder / "app.py")).unwrap()).unwrap()


def of_release() -> Artifact:
    part = number("till", "1")
    release = Release("shop", version="2", applications=[loaded(part).unwrap()])
    told = [Part(part.name, part.version, part.address)]
    return read(release_content("shop", "2", release.digest, told, ["books"]), "it").unwrap()


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to each value."""
    yield path
    for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield from places(value[key], (*path, key))


def with_odd(told: Any, path: tuple[Any, ...], odd: Any) -> Any:
    """A content with another value at a place."""
    if not path:
        return odd
    changed_ = copy.deepcopy(told)
    at = changed_
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = odd
    return changed_


def contents(told: Any) -> Iterator[bytes]:
    """Each value replaced by each odd one, and each key of an object by an odd one."""
    for path in places(told):
        for odd in ODD:
            yield dump(with_odd(told, path, odd))
        if path and isinstance(path[-1], str):
            for word in ("", "\x1b", "\ud800", "x" * 300):
                above = copy.deepcopy(told)
                at = above
                for key in path[:-1]:
                    at = at[key]
                at[word] = at.pop(path[-1])
                yield dump(above)


def test_what_is_odd_in_a_content_is_refused_or_loaded_and_never_raised(folder: Path) -> None:
    """Each content is read; what can be read is loaded and planned, as a release or an application."""
    known, part = loaded(of_data()).unwrap(), number("till", "1")
    seen = 0
    for base in (of_data(), of_code(folder), of_release()):
        for content in contents(dict(base.told)):
            made: Result[Artifact, Any] = read(content, "it")
            if isinstance(made, Failure):
                assert made.failure().message.encode()
                continue
            artifact = made.unwrap()
            seen += 1
            loads: list[Callable[[], Any]] = [lambda: loaded(part) for _ in artifact.release]
            found: Result[Any, Any] = of_artifact(artifact, loads) if loads else loaded(artifact)
            if isinstance(found, Failure):
                assert found.failure().message.encode()
            elif not loads:
                assert isinstance(planned(known, found.unwrap()), Success | Failure)
    assert seen > 50, "some of them are as good as any"


@pytest.fixture
def key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Key:
    monkeypatch.setenv("MIDFLIGHT_HOME", str(tmp_path / "home"))
    made = new_key(tmp_path / "home" / "key.pem").unwrap()
    changed(tmp_path / "home" / "trusted", {made.public: ""}).unwrap()
    return made


def said(*words: str) -> tuple[int, str]:
    """What a command ends with and says; it raises nothing."""
    ran = CliRunner().invoke(app, list(words))
    assert ran.exception is None or isinstance(ran.exception, SystemExit), (words, ran.exc_info)
    assert not any(ord(each) < 32 and each != "\n" for each in ran.output), (words, ran.output)
    return ran.exit_code, ran.output


def test_what_is_odd_is_shown_pushed_listed_and_verified(folder: Path, key: Key, tmp_path: Path) -> None:
    """What can be read goes into a registry, and each command that meets it there ends as it should."""
    registry, file = Registry(tmp_path / "home" / "registry"), str(tmp_path / "odd.artifact")
    registry.push(sealed("artifact", number("till", "1").content, key)).unwrap()
    for base in (of_data(), of_code(folder), of_release()):
        readable = (read(each, "it").value_or(None) for each in contents(dict(base.told)))
        differing = {_difference(base, each): each for each in readable if each is not None}
        assert len(differing) > 2
        for artifact in differing.values():
            Path(file).write_bytes(sealed("artifact", artifact.content, key))
            assert said("show", file)[0] == 0
            json.loads(said("show", file, "--json")[1])
            said("show", file, "--tree")
            if said("push", file)[0] == 0:
                _looked_at(artifact.address)
                assert isinstance(verified(registry), Success)
                assert isinstance(collected(registry, (), 0, do=False), Success)
                registry.remove(registry.find(artifact.address).unwrap()).unwrap()


def _difference(base: Artifact, other: Artifact) -> str:
    """In which field it is another, and by what kind of value: one of each is tried."""
    return str(
        [(key, type(other.told.get(key))) for key in base.told if other.told.get(key) != base.told[key]]
    )


def _looked_at(name: str) -> None:
    for words in (("list",), ("show", name), ("draw", name), ("diff", name, name), ("plan", name, name)):
        for more in ((), ("--json",)):
            said(*words, *more)
