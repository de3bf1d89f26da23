"""Artifacts: the same bytes wherever they are made, and nothing of a forged one is ever executed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from returns.result import Failure, Result, Success

from arrows.canonical import dump
from migrations.refusal import Refusal
from runtime import bounds
from runtime.admission import (
    LoadsOtherwise,
    OtherArtifact,
    OtherDistributions,
    OtherPython,
    Wanted,
    loaded,
    opened,
    packed,
)
from runtime.artifact import Artifact, CannotPack, NotAnArtifact, pack, read
from runtime.grammar import oldest
from runtime.keys import BadKey, Key, KeyExists, new_key, read_key
from runtime.loader import load
from runtime.refusal import CannotLoad
from runtime.seal import NotSealed, TooLarge, UntrustedKey, WrongSignature, sealed
from runtime.trust import BadTrustList, Trust, changed, trust
from tests.arrows.interpreters import candidates, interpreters

ROOT = Path(__file__).parent.parent.parent
EXAMPLES = ROOT / "examples"
NEEDED = "import sys; sys.path.insert(0, sys.argv[1]); import midflight, cryptography"
BUILD = """
import json, sys
sys.path.insert(0, sys.argv[1])
import midflight
from pathlib import Path
from runtime.admission import packed
from runtime.artifact import KIND
from runtime.keys import read_key
from runtime.loader import load
from runtime.seal import sealed
key = read_key(Path(sys.argv[2])).unwrap()
for file in sys.argv[3:]:
    made = packed(load(file).unwrap()).unwrap()
    print(made.name, made.address, sealed(KIND, made.content, key).hex())
"""
TRACE = """
from pathlib import Path
Path({trace!r}).touch()
from attrs import frozen
from midflight import Application, arr
@frozen
class Add:
    n: int
def step(msg: Add) -> int:
    return msg.n + {more}
app = Application("trace", version="{version}", machines={{"m": arr(step)}})
"""


@pytest.fixture
def key(tmp_path: Path) -> Key:
    return new_key(tmp_path / "key.pem").unwrap()


def trusting(*keys: Key) -> Trust:
    return Trust(Path("trusted"), {each.public: "" for each in keys})


def traced(folder: Path, version: str = "1", more: int = 0) -> tuple[Artifact, Path]:
    """An artifact that leaves a trace when it is executed, which it has not done yet."""
    folder.mkdir(exist_ok=True)
    trace = folder / f"trace-{version}"
    file = folder / "main.py"
    file.write_text(TRACE.format(trace=str(trace), version=version, more=more))
    made = packed(load(str(file)).unwrap()).unwrap()
    trace.unlink()
    return made, trace


def altered(artifact: Artifact, **changes: Any) -> bytes:
    """The content of an artifact with other fields."""
    return dump({**artifact.told, **changes})


# The same bytes everywhere


def others() -> list[str]:
    """An interpreter of each other minor version that has what this needs."""
    found: dict[int, str] = {}
    for path, minor in interpreters().items():
        if minor not in (sys.version_info[1], *found):
            ran = subprocess.run([path, "-c", NEEDED, str(ROOT)], capture_output=True, text=True, check=False)
            if ran.returncode == 0:
                found[minor] = path
            else:
                print(f"{path} is left out: {ran.stderr.strip().splitlines()[-1]}")
    return list(found.values())


@pytest.fixture
def copies(tmp_path: Path) -> list[Path]:
    """A project in two places, with files that were made in another order and have other times."""
    places = [tmp_path / "here", tmp_path / "else where" / "below"]
    for at, place in enumerate(places):
        place.mkdir(parents=True)
        for file in sorted(EXAMPLES.glob("redis_like/*.py"), reverse=at == 1):
            (place / file.name).write_text(file.read_text())
            os.utime(place / file.name, (at * 10**9, at * 10**9))
        (place / "counter.py").write_text((EXAMPLES / "counter" / "v2.py").read_text())
    return places


def built(python: str, place: Path, seed: int, key: Path) -> str:
    """Two artifacts that another process makes: their addresses, and their bytes in hex."""
    files = [str(place / each) for each in ("v2.py", "counter.py")]
    ran = subprocess.run(
        [python, "-c", BUILD, str(ROOT), str(key), *files],
        env={**os.environ, "PYTHONHASHSEED": str(seed)},
        cwd=place,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_an_artifact_is_the_same_bytes_in_each_process_and_place(
    tmp_path: Path, key: Key, copies: list[Path]
) -> None:
    one, other = (built(sys.executable, place, at, tmp_path / "key.pem") for at, place in enumerate(copies))
    assert one == other
    for line in one.splitlines():
        name, address, data = line.split()
        made = opened(bytes.fromhex(data), trusting(key), name).unwrap()
        assert made.address == address
        assert str(tmp_path).encode() not in made.content


def test_an_artifact_is_the_same_bytes_by_each_python(tmp_path: Path, key: Key, copies: list[Path]) -> None:
    found = others()
    if not found:
        pytest.skip("no other Python here has what this needs; MIDFLIGHT_TEST_PYTHONS names some")
    print(f"by {', '.join(found)}")
    every = [sys.executable, *found]
    made = {each: built(each, copies[at % 2], at, tmp_path / "key.pem") for at, each in enumerate(every)}
    assert len(set(made.values())) == 1, {python: text[:90] for python, text in made.items()}


def test_no_path_of_the_machine_is_in_it(tmp_path: Path) -> None:
    (tmp_path / "shop" / "web").mkdir(parents=True)
    for name in ("shop/__init__.py", "shop/web/__init__.py"):
        (tmp_path / name).write_text("")
    (tmp_path / "shop" / "prices.py").write_text("def price(n: int) -> int:\n    return n * 7\n")
    (tmp_path / "shop" / "web" / "main.py").write_text(
        "from midflight import Application, arr\nfrom ..prices import price\n"
        "app = Application('shop', version='1', machines={'m': arr(price)})\n"
    )
    made = packed(load(str(tmp_path / "shop" / "web" / "main.py")).unwrap()).unwrap()
    assert sorted(made.sources) == [
        "shop/__init__.py",
        "shop/prices.py",
        "shop/web/__init__.py",
        "shop/web/main.py",
    ]
    assert str(tmp_path).encode() not in made.content
    application = loaded(made).unwrap()
    assert application.digest == made.digest
    assert application.sources is not None
    assert str(application.sources.version.main).startswith(f"/shop@1-{made.address[:12]}/shop/web/")


def test_the_oldest_python_is_that_of_the_grammar() -> None:
    assert oldest(["def f[T](x: T) -> T: ..."]) == "3.12" or sys.version_info < (3, 12)
    assert oldest(["match 1:\n    case 1: pass\n"]) == "3.11"


F_STRINGS = {
    "3.11": (
        *(
            "f'{a}'",
            "f'{d[\"a\"]}'",
            'f"""{d["a"]}"""',
            "f'{x!r:>{w}}'",
            "f'{x:{y:>3}}'",
            "f'{x:\\n}'",
            "f'{{'",
        ),
        *(
            "f\"{f'{1}'}\"",
            "f'''{a\n}'''",
            "rf'\\{a}'",
            "f'\\'{a}\\''",
            "f'a\\\nb{c}'",
            "f'{x = !s}'",
            "f'{\"#\"}'",
        ),
        *("f'{a}\\\n{b}'", "f'é{a}é'", "x = 1 # f'{d['a']}'", "f'{a}' f'{b}' 'c'"),
    ),
    "3.12": (
        *(
            "f'{d['a']}'",
            "f'{\"\\n\".join(a)}'",
            "f'{a # c\n}'",
            "f'''{\n a # c\n}'''",
            "f'{a\n}'",
            "f'{f'{1}'}'",
        ),
        *("f\"{f'{'x'}'}\"", "f'{x:{y:{z}}}'", "f'''{a + '''x'''}'''", "f'{a\\\n+b}'", "f'é{a['é']}'"),
    ),
}


PARSES = """
import ast, json, runpy, sys
texts, wrong = json.load(sys.stdin), []
for text, told in texts:
    try:
        ast.parse(text)
    except SyntaxError:
        wrong.append(text)
grammar = runpy.run_path(sys.argv[1]) if sys.version_info >= (3, 12) else {}
found = [grammar["oldest"]([text]) for text, _ in texts] if grammar else []
print(json.dumps([sys.version_info[:2], wrong, found]))
"""


def test_f_strings_need_the_python_that_reads_them() -> None:
    """What `ast.parse` tells nobody: from 3.12 on anything may stand within the braces. Each Python here is asked."""
    every = [(text, minor) for minor, texts in F_STRINGS.items() for text in texts]
    for python in (sys.executable, *candidates()):
        command = [python, "-c", PARSES, str(ROOT / "runtime" / "grammar.py")]
        ran = subprocess.run(command, input=json.dumps(every), capture_output=True, text=True, check=False)
        (_, minor), wrong, found = json.loads(ran.stdout) if ran.returncode == 0 else ((3, 0), [], [])
        if minor == 11:
            assert wrong == list(F_STRINGS["3.12"])
        if minor >= 12:
            assert (wrong, found) == ([], [told for _, told in every])


def test_a_module_that_nobody_can_get_is_not_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither of the project nor of a library: it would be missing wherever the artifact goes."""
    (tmp_path / "ext").mkdir()
    (tmp_path / "ext" / "prices_of_ours.py").write_text("def price(n: int) -> int:\n    return n\n")
    (tmp_path / "project").mkdir()
    file = tmp_path / "project" / "app.py"
    file.write_text(
        "from midflight import Application, arr\nimport attrs, json, prices_of_ours\n"
        "try:\n    import no_such_module\nexcept ImportError:\n    pass\n"
        "def step(n: int) -> int:\n    return n\n"
        "app = Application('a', version='1', machines={'m': arr(step)})\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path / "ext"))
    refused = packed(load(str(file)).unwrap()).failure()
    assert isinstance(refused, CannotPack)
    assert "prices_of_ours" in refused.message
    file.write_text(file.read_text().replace(", prices_of_ours", ""))
    assert packed(load(str(file)).unwrap()).unwrap().told["distributions"].keys() == {"attrs"}


def test_pure_data_carries_no_sources_and_is_loaded_without_any(tmp_path: Path) -> None:
    for name in ("v1.py", "v2.py"):
        application = load(str(EXAMPLES / "counter" / name)).unwrap()
        made = packed(application).unwrap()
        assert made.sources == {}
        assert made.told["main"] is None
        again = loaded(made).unwrap()
        assert (again.digest, again.edition) == (application.digest, application.edition)
        assert again.migrations == application.migrations
        assert again.sources is None


def test_what_cannot_be_packed_says_why(tmp_path: Path) -> None:
    file = tmp_path / "main.py"
    text = TRACE.format(trace=str(tmp_path / "t"), version="1", more="COUNT")
    file.write_text("import time\nCOUNT = time.time_ns()\n" + text)
    assert isinstance(packed(load(str(file)).unwrap()).failure(), LoadsOtherwise)
    code = {
        "app": 'from midflight import *\na = Application("a", version="1", machines={"m": arr(lambda x: x)})'
    }
    space: dict[str, Any] = {}
    exec(code["app"], space)
    assert isinstance(pack(space["a"]).failure(), CannotPack)


# What is refused, before anything is executed


def refused(data: bytes, by: Trust | None, wanted: Wanted = Wanted()) -> Refusal:  # noqa: B008
    result: Result[Any, Refusal] = opened(data, by, "it", wanted).bind(loaded)
    assert isinstance(result, Failure), result
    wrong: Refusal = result.failure()
    return wrong


def test_each_byte_that_is_another_is_refused_and_leaves_no_trace(tmp_path: Path, key: Key) -> None:
    made, trace = traced(tmp_path / "p")
    data = sealed("artifact", made.content, key)
    by = trusting(key)
    reasons = set()
    for at in range(len(data)):
        for bit in (1, 0x20, 0x80):
            wrong = bytearray(data)
            wrong[at] ^= bit
            reasons.add(type(refused(bytes(wrong), by)))
    assert reasons == {NotSealed, WrongSignature}, "another key signs nothing of this"
    for size in range(0, len(data), 7):
        refused(data[:size], by)
    refused(data + b"\0", by)
    assert not trace.exists()
    assert isinstance(opened(data, by, "it").bind(loaded), Success)
    assert trace.exists(), "it would have left one"


def test_a_key_that_is_not_trusted_is_refused(tmp_path: Path, key: Key) -> None:
    made, trace = traced(tmp_path / "p")
    other = new_key(tmp_path / "other.pem").unwrap()
    assert isinstance(refused(sealed("artifact", made.content, other), trusting(key)), UntrustedKey)
    forged = bytearray(sealed("artifact", made.content, other))
    forged[21:53] = bytes.fromhex(key.public.partition(":")[2])
    assert isinstance(refused(bytes(forged), trusting(key)), WrongSignature)
    assert isinstance(refused(sealed("artifact", made.content, key), Trust(Path("none"))), UntrustedKey)
    assert isinstance(refused(sealed("tag", made.content, key), trusting(key)), NotSealed)
    assert not trace.exists()


def test_what_was_asked_for_must_come(tmp_path: Path, key: Key) -> None:
    """An older version that is played again, and a name that stands for another, are signed well and refused."""
    old, trace = traced(tmp_path / "p", "1")
    new, _ = traced(tmp_path / "p", "2", 1)
    data = sealed("artifact", old.content, key)
    for wanted in (
        Wanted(name="trace", version="2"),
        Wanted(address=new.address),
        Wanted(name="trance"),
        Wanted(old.address, "trace", "2"),
    ):
        assert isinstance(refused(data, trusting(key), wanted), OtherArtifact)
    assert not trace.exists()
    assert isinstance(opened(data, trusting(key), "it", Wanted(old.address, "trace", "1")), Success)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"python": "3.99"}, OtherPython),
        ({"distributions": {"attrs": "1.0"}}, OtherDistributions),
        ({"distributions": {"no-such-distribution": "1.0"}}, OtherDistributions),
        ({"format": 2}, NotAnArtifact),
        ({"format": 0}, NotAnArtifact),
        ({"format": -1}, NotAnArtifact),
        ({"parent": ""}, NotAnArtifact),
        ({"sources": {"": "", "main.py": ""}, "main": "main.py"}, NotAnArtifact),
        ({"sources": {"\x1b.py": ""}, "main": "\x1b.py"}, NotAnArtifact),
        ({"machines": [["\x1b[2J", None]]}, NotAnArtifact),
        ({"distributions": {"": "1"}}, NotAnArtifact),
        ({"distributions": {"attrs": "\x1b"}}, NotAnArtifact),
        ({"healthy": [["\ud800", None]]}, NotAnArtifact),
        ({"shapes": {"\ud800": 1}}, NotAnArtifact),
        ({"migrations": [{"machine": "m", "old": None, "new": "1", "kernel": None}]}, NotAnArtifact),
        ({"migrations": [{"machine": "m", "old": "\n", "new": "1", "kernel": None}]}, NotAnArtifact),
        ({"migrations": [{"machine": [], "old": "0", "new": "1", "kernel": None}]}, NotAnArtifact),
        ({"main": "../main.py"}, NotAnArtifact),
        ({"sources": {"../main.py": ""}, "main": "../main.py"}, NotAnArtifact),
        ({"sources": {"/main.py": ""}, "main": "/main.py"}, NotAnArtifact),
        ({"sources": {"a//main.py": ""}, "main": "a//main.py"}, NotAnArtifact),
        ({"sources": {}}, NotAnArtifact),
        ({"variable": "os.system"}, NotAnArtifact),
        ({"name": "../../etc"}, NotAnArtifact),
        ({"parent": "x"}, NotAnArtifact),
        ({"machines": []}, NotAnArtifact),
        ({"machines": [["m", None], ["m", None]]}, NotAnArtifact),
        ({"distributions": {"attrs": 1}}, NotAnArtifact),
        ({"more": 1}, NotAnArtifact),
    ],
)
def test_what_is_signed_and_does_not_fit_is_refused(
    change: dict[str, Any], reason: type, tmp_path: Path, key: Key
) -> None:
    made, trace = traced(tmp_path / "p")
    data = sealed("artifact", altered(made, **change), key)
    assert type(refused(data, trusting(key))) is reason
    assert not trace.exists()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"digest": "0" * 64}, LoadsOtherwise),
        ({"edition": "0" * 64}, LoadsOtherwise),
        ({"version": "7"}, OtherArtifact),
        ({"variable": "step"}, CannotLoad),
        ({"variable": "none"}, CannotLoad),
    ],
)
def test_what_turns_out_to_be_another_is_not_used(
    change: dict[str, Any], reason: type, tmp_path: Path, key: Key
) -> None:
    made, _ = traced(tmp_path / "p")
    assert type(refused(sealed("artifact", altered(made, **change), key), trusting(key))) is reason


def test_a_kernel_that_is_none_is_refused(key: Key) -> None:
    made = packed(load(str(EXAMPLES / "counter" / "v1.py")).unwrap()).unwrap()
    kernel = dict(made.told["machines"])["counter"]
    strange: list[Any] = [{**kernel, "term": ["import", "os"]}, {}, [], "os", {**kernel, "format": 99}]
    for wrong in strange:
        data = sealed("artifact", altered(made, machines=[["counter", wrong]]), key)
        assert isinstance(refused(data, trusting(key)), CannotLoad)


@pytest.mark.parametrize(
    "content",
    [b"", b"null", b"[]", b'{"format":1}', b"{" * 100_000, b'{"format": 1}', b'{"a":1,"a":1}', b"\xff"],
)
def test_what_is_no_content_is_refused(content: bytes, key: Key) -> None:
    assert isinstance(refused(sealed("artifact", content, key), trusting(key)), NotAnArtifact)


def test_sizes_are_bounded_before_anything_is_read(key: Key, monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(refused(b"x" * (bounds.MAX_ARTIFACT + 1), None), TooLarge)
    bomb = sealed("artifact", b" " * (bounds.MAX_CONTENT + 1), key)
    assert len(bomb) < 1000
    assert isinstance(refused(bomb, trusting(key)), TooLarge)
    made = packed(load(str(EXAMPLES / "counter" / "v1.py")).unwrap()).unwrap()
    monkeypatch.setattr(bounds, "MAX_CONTENT", 1000)
    assert isinstance(pack(load(str(EXAMPLES / "counter" / "v1.py")).unwrap()).failure(), TooLarge)
    assert read(made.content, "it").unwrap() == made


# Keys and trust lists


def test_a_private_key_is_its_owners(tmp_path: Path) -> None:
    file = tmp_path / "a" / "key.pem"
    made = new_key(file).unwrap()
    assert file.stat().st_mode & 0o777 == 0o600
    assert read_key(file).unwrap().public == made.public
    assert isinstance(new_key(file).failure(), KeyExists)
    file.chmod(0o640)
    assert "other users" in read_key(file).failure().message
    for text in (b"", b"no", file.read_bytes()[:60]):
        other = tmp_path / "other.pem"
        other.write_bytes(text)
        other.chmod(0o600)
        assert isinstance(read_key(other).failure(), BadKey)
    assert isinstance(read_key(tmp_path / "none").failure(), BadKey)


def test_a_trust_list_is_lines(tmp_path: Path, key: Key) -> None:
    file = tmp_path / "trusted"
    assert trust(file).unwrap().keys == {}
    changed(file, {key.public: "ann"}).unwrap()
    assert file.read_text() == f"{key.public} ann\n"
    other = new_key(tmp_path / "other.pem").unwrap()
    changed(file, {other.public: ""}).unwrap()
    assert key.public in trust(file).unwrap()
    assert changed(file, {}, key.public).unwrap().keys == {other.public: ""}
    file.write_text(f"# ours\n\n{key.public}\nnonsense\n")
    wrong = trust(file).failure()
    assert isinstance(wrong, BadTrustList)
    assert wrong.line == 4
    file.write_text(f"{key.public}\n")
    file.chmod(0o664)
    assert "other users may write" in trust(file).failure().message


def test_what_is_told_is_json(key: Key) -> None:
    json.dumps(refused(b"no", trusting(key)).to_plain())


def test_the_refusals_are_told_without_the_library(
    tmp_path: Path, key: Key, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "cryptography.exceptions", None)
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.asymmetric.ed25519", None)
    made = packed(load(str(EXAMPLES / "counter" / "v1.py")).unwrap()).unwrap()
    calls: list[Callable[[], Any]] = [
        lambda: read_key(tmp_path / "key.pem"),
        lambda: new_key(tmp_path / "new.pem"),
        lambda: opened(sealed("artifact", made.content, key), None, "it"),
    ]
    for call in calls:
        assert call().failure().message == "this needs cryptography: pip install 'midflight[registry]'"
