"""Registries that lie, over HTTP and in a folder: nothing is signed, printed or ended as they want it."""

from __future__ import annotations

import contextlib
import http.server
import json
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest
from returns.result import Failure
from typer.testing import CliRunner, Result

from runtime import registry_client
from runtime.admission import packed
from runtime.artifact import Artifact
from runtime.cli import app
from runtime.entry import Entry
from runtime.keys import Key, new_key
from runtime.loader import load
from runtime.pulling import registry
from runtime.registry import Registry
from runtime.registry_client import NoRegistry, Remote
from runtime.seal import sealed
from runtime.tags import Tag, tag
from runtime.trust import changed
from tests.runtime.packages import number, signed

TOKEN = "a-token-of-more-than-thirty-two-characters"
COUNTER = Path(__file__).parents[2] / "examples" / "counter"

Answer = Callable[[str, str, bytes], tuple[int, bytes]]
"""From method, path and body to status and body."""


@pytest.fixture
def key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Key:
    monkeypatch.setenv("MIDFLIGHT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MIDFLIGHT_REGISTRY_TOKEN", TOKEN)
    monkeypatch.delenv("MIDFLIGHT_REGISTRY", raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(registry_client, "PAUSES", (0.0,))
    made = new_key(tmp_path / "home" / "key.pem").unwrap()
    changed(tmp_path / "home" / "trusted", {made.public: ""}).unwrap()
    return made


@attrs.define
class Liar:
    """A server that answers what a test tells it to, and keeps what it was sent."""

    url: str
    answer: Answer
    sent: list[tuple[str, str, bytes]] = attrs.field(factory=list)


@pytest.fixture
def liar() -> Iterator[Liar]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            told.sent.append((self.command, self.path, body))
            status, content = told.answer(self.command, self.path, body)
            self.send_response(status)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_PUT = do_GET  # noqa: N815 - its name there

        def log_message(self, *_: object) -> None:
            return

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        told = Liar(f"http://127.0.0.1:{server.server_address[1]}", lambda *_: (404, b""))
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield told
        server.shutdown()
        thread.join()


def midflight(*words: object, code: int | None = None) -> Result:
    """A command that raises nothing, and prints nothing that a terminal acts on."""
    ran = CliRunner().invoke(app, [*map(str, words)])
    assert ran.exception is None or isinstance(ran.exception, SystemExit), ran.exc_info
    assert all(each.isprintable() or each == "\n" for each in ran.output), ran.output
    assert code is None or ran.exit_code == code, ran.output
    return ran


def entry(artifact: Artifact, signer: Key, /, **other: Any) -> dict[str, Any]:
    """What a server says of an artifact."""
    return {**attrs.asdict(Entry.of(attrs.evolve(artifact, key=signer.public), 100, 1)), **other}


def tells(**documents: Any) -> Answer:
    """Answers by the first word of the path behind `/v1`."""

    def answer(method: str, path: str, body: bytes) -> tuple[int, bytes]:
        found = documents.get(path.split("/")[2].partition("?")[0])
        if isinstance(found, bytes):
            return 200, found
        return (404, b"") if found is None else (200, json.dumps(found).encode())

    return answer


# What is signed


def test_a_tag_is_of_what_was_asked_for_whatever_an_index_says(key: Key, tmp_path: Path) -> None:
    folder = Registry(tmp_path / "home" / "registry")
    one, two = number("shop", "1"), number("shop", "2", 7)
    for each in (one, two):
        folder.push(signed(each, key)).unwrap()
    with contextlib.closing(sqlite3.connect(folder.path / "index.db")) as index:
        index.execute("update artifact set version = '9' where address = ?", (two.address,))
        index.execute("update artifact set version = '2' where address = ?", (one.address,))
        index.commit()
    refused = midflight("tag", "shop@2", "stable", code=1)
    assert "shop@1" in refused.output
    assert folder.tags().unwrap() == []


def test_a_tag_is_of_what_was_asked_for_whatever_a_server_says(liar: Liar, key: Key) -> None:
    one, two = number("shop", "1"), number("shop", "2", 7)
    files = {each.address: signed(each, key) for each in (one, two)}
    lies = (
        entry(two, key, address=one.address),
        entry(one, key, version="2"),
        entry(one, key),
        entry(two, key),
    )
    for said, right in zip(lies, (False, False, False, True), strict=True):

        def answer(method: str, path: str, body: bytes, said: Any = said) -> tuple[int, bytes]:
            if path.startswith("/v1/artifacts/"):
                return 200, files[path.rpartition("/")[2]]
            return tells(find={"entry": said}, tags=b"" if method == "GET" else {"tag": {}})(
                method, path, body
            )

        liar.sent.clear()
        liar.answer = answer
        midflight("tag", "shop@2", "stable", "--registry", liar.url, code=0 if right else 1)
        stated = [body for method, _, body in liar.sent if method == "PUT"]
        assert len(stated) == right
        for each in stated:
            assert tag(each, "it").unwrap().address == two.address


def test_no_time_is_signed_that_a_server_makes_up(liar: Liar, key: Key, tmp_path: Path) -> None:
    one, other = number("shop", "1"), new_key(tmp_path / "other.pem").unwrap()
    far = Tag("shop", "stable", one.address, 200_000_000_000_000)
    strangers, ours = far.sealed(other), attrs.evolve(far, at=9_999_999_999_999).sealed(key)
    for stated, at_least in ((strangers, 0), (ours, 10_000_000_000_000)):

        def answer(method: str, path: str, body: bytes, stated: bytes = stated) -> tuple[int, bytes]:
            found = {"find": {"entry": entry(one, key)}, "artifacts": signed(one, key), "tags": stated}
            return tells(**found)(method, path, body)

        liar.sent.clear()
        liar.answer = answer
        midflight("tag", "shop@1", "stable", "--registry", liar.url, code=0)
        (put,) = [body for method, _, body in liar.sent if method == "PUT"]
        assert at_least <= tag(put, "it").unwrap().at < 100_000_000_000_000


def test_a_push_is_of_what_was_made(liar: Liar, key: Key) -> None:
    """Neither an entry that is another's is believed, nor one word of it told that is not the artifact's."""
    made = packed(load(str(COUNTER / "v1.py")).unwrap()).unwrap()
    for change in ({"address": "0" * 64}, {"name": "till"}, {"version": "9"}):
        liar.answer = tells(uploads={"entry": entry(made, key, **change), "new": True})
        refused = midflight("push", COUNTER / "v1.py", "--registry", liar.url, "--json", code=1)
        assert json.loads(refused.stdout)["reason"] == "OtherArtifact"
    liar.answer = tells(
        uploads={"entry": entry(made, key, digest="0" * 64, key=f"ed25519:{'0' * 64}"), "new": True}
    )
    told = json.loads(midflight("push", COUNTER / "v1.py", "--registry", liar.url, "--json", code=0).stdout)
    assert (told["artifact"], told["digest"], told["key"]) == (made.address, made.digest, key.public)


def test_a_release_is_signed_with_the_applications_that_were_made_or_asked_for(
    liar: Liar, key: Key, tmp_path: Path
) -> None:
    (tmp_path / "v1.py").write_text((COUNTER / "v1.py").read_text())
    other = number("counter", "1", 7)
    (tmp_path / "shop.toml").write_text('name = "shop"\nversion = "1"\napplications = ["v1.py"]\n')
    liar.answer = tells(uploads={"entry": entry(other, key), "new": True})
    refused = midflight("push", "shop.toml", "--registry", liar.url, "--json", code=1)
    assert json.loads(refused.stdout)["reason"] == "OtherArtifact"
    (tmp_path / "shop.toml").write_text('name = "shop"\nversion = "1"\napplications = ["counter@1"]\n')
    liar.answer = tells(find={"entry": entry(other, key)}, artifacts=signed(number("counter", "2"), key))
    refused = midflight("push", "shop.toml", "--registry", liar.url, "--json", code=1)
    assert json.loads(refused.stdout)["reason"] == "OtherArtifact"
    assert not [body for method, _, body in liar.sent if method == "PUT"]


def test_a_parent_is_what_was_asked_for(liar: Liar, key: Key) -> None:
    liar.answer = tells(
        find={"entry": entry(number("counter", "1"), key)}, artifacts=signed(number("a", "1"), key)
    )
    words = ("push", COUNTER / "v2.py", "--parent", "counter@1", "--registry", liar.url, "--json")
    assert json.loads(midflight(*words, code=1).stdout)["reason"] == "OtherArtifact"
    assert not [body for method, _, body in liar.sent if method == "PUT"]


# What is told


@pytest.mark.parametrize(
    "said",
    [
        b"[" * 200_000,
        b'{"entry": ' + b"[" * 200_000,
        b'{"reason": 1, "message": 2}',
        b'{"reason": "\\ud800", "message": ""}',
        b'{"reason": "UndeclaredLoss", "message": "a \\u001b[2J\\nlie \\u202e"}',
        b'{"reason": "Undefined", "message": ["no text"]}',
        b'{"reason": "UntrustedKey", "message": "", "key": "\\u001b"}',
        b"\xff",
        b"",
    ],
)
def test_what_is_refused_is_text_and_ends_with_1(said: bytes, liar: Liar, key: Key) -> None:
    for status in (200, 400, 500):
        liar.answer = lambda *_, status=status: (status, said)
        for words in (
            ("list",),
            ("show", "shop@1"),
            ("push", COUNTER / "v1.py"),
            ("tag", "shop@1", "stable"),
        ):
            midflight(*words, "--registry", liar.url, code=1)
            json.loads(midflight(*words, "--registry", liar.url, "--json", code=1).stdout)


@pytest.mark.parametrize(
    "change",
    [
        *({"at": value} for value in (10**20, -1, True, "x", None)),
        *({"size": value} for value in (-1, 1.5, None)),
        *({"name": value} for value in ("\x1b[2J", "", "a b", "x" * 300, 1)),
        *(
            {"version": "\x1b"},
            {"digest": "x"},
            {"edition": ""},
            {"parent": "x"},
            {"key": "ed25519:x"},
            {"address": "."},
        ),
        {"more": 1},
    ],
)
def test_an_entry_is_taken_field_by_field(change: dict[str, Any], liar: Liar, key: Key) -> None:
    made = number("shop", "1")
    liar.answer = tells(
        entries={"entries": [entry(made, key, **change)]},
        tags={"tags": []},
        find={"entry": entry(made, key, **change)},
    )
    for words in (("list",), ("show", "shop@1")):
        assert "is not what a registry does" in midflight(*words, "--registry", liar.url, code=1).output


@pytest.mark.parametrize(
    "change", [{"at": 10**20}, {"at": -1}, {"name": "\x1b"}, {"tag": ""}, {"address": "x"}]
)
def test_a_tag_is_taken_field_by_field(change: dict[str, Any], liar: Liar, key: Key) -> None:
    said = {**attrs.asdict(Tag("shop", "stable", "0" * 64, 1, key.public)), **change}
    liar.answer = tells(entries={"entries": []}, tags={"tags": [said]})
    midflight("list", "--registry", liar.url, code=1)


def test_an_index_that_says_what_no_entry_does_is_told(key: Key, tmp_path: Path) -> None:
    folder = Registry(tmp_path / "home" / "registry")
    folder.push(signed(number("shop", "1"), key)).unwrap()
    for column, value in (("at", 2**62), ("name", "\x1b[2J"), ("size", "much"), ("digest", "")):
        folder.rebuild().unwrap()
        with contextlib.closing(sqlite3.connect(folder.path / "index.db")) as index:
            index.execute(f"update artifact set {column} = ?", (value,))
            index.commit()
        assert "verify --rebuild" in midflight("list", code=1).output
    assert midflight("verify", "--rebuild", code=0)
    assert midflight("list", code=0)


def test_an_untrusted_key_is_told_as_the_servers_matter(liar: Liar, key: Key) -> None:
    refusal = {
        "reason": "UntrustedKey",
        "message": "is not on the trust list /srv/trusted",
        "key": key.public,
    }
    liar.answer = lambda *_: (403, json.dumps(refusal).encode())
    said = midflight("push", COUNTER / "v1.py", "--registry", liar.url, code=1).output
    assert "not on its own trust list" in said
    assert "trust add KEY --in DIR" in said
    assert "/srv/trusted" not in said


def test_a_statement_that_is_none_is_refused(key: Key, tmp_path: Path) -> None:
    folder = Registry(tmp_path / "shelf")
    long = "x" * 101
    for content in (b"[" * 100_000, b"[]", b"1", b"{}", b'{"name":1}'):
        assert folder.tag(sealed("tag", content, key)).failure().reason == "NotSealed"
    for each in (Tag("shop", long, None, 1), Tag(long, "a", None, 1), Tag("shop", "a", None, -1)):
        assert folder.tag(each.sealed(key)).failure().reason == "NotSealed"
    assert folder.statement("shop", "x" * 300).unwrap() is None


@pytest.mark.parametrize("host", ["x" * 100, "-..", "xn--\u0000", "xn--a", "[", "a b", "\u00ad", "\udcff"])
def test_a_url_that_is_none_is_told(host: str, key: Key) -> None:
    for words in (("list",), ("show", "shop@1"), ("push", COUNTER / "v1.py")):
        midflight(*words, "--registry", f"http://{host}", code=1)
    found = registry(f"http://{host}").bind(lambda of: of.find("shop"))
    assert isinstance(found, Failure)
    assert isinstance(found.failure(), NoRegistry)
    assert isinstance(Remote(f"http://{host}", TOKEN.encode()).find("shop").failure(), NoRegistry)
