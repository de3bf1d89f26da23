"""A registry over HTTP, with real clients and connections that are cut."""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import httpx
import pytest
import uvicorn
from returns.result import Failure, Success

from arrows.canonical import dump
from runtime import bounds, registry_client
from runtime.admission import OtherArtifact
from runtime.control_token import BadTokenFile
from runtime.keys import Key, home, new_key
from runtime.partial import partial
from runtime.pulling import pulled, registry
from runtime.registry import Registry
from runtime.registry_client import NoRegistry, Remote, remote
from runtime.registry_server import application
from runtime.seal import UntrustedKey, sealed
from runtime.tags import Tag
from runtime.trust import Trust, changed
from tests.runtime.packages import number, signed

TOKEN = "a-token-of-more-than-thirty-two-characters"


@attrs.frozen
class Served:
    url: str
    folder: Registry
    remote: Remote


@pytest.fixture(autouse=True)
def _at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIDFLIGHT_HOME", str(tmp_path / "home"))


@pytest.fixture
def key(tmp_path: Path) -> Key:
    return new_key(tmp_path / "key.pem").unwrap()


@pytest.fixture
def served(tmp_path: Path, key: Key) -> Iterator[Served]:
    """A registry that trusts the key, on a real socket."""
    folder = Registry(tmp_path / "registry")
    changed(folder.path / "trusted", {key.public: "ours"}).unwrap()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        config = uvicorn.Config(
            application(folder, TOKEN.encode()), lifespan="off", ws="none", log_config=None, access_log=False
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        try:
            yield Served(url, folder, Remote(url, TOKEN.encode()))
        finally:
            server.should_exit = True
            thread.join()


def large(key: Key, version: str = "1") -> bytes:
    """An artifact of more than one piece: what cannot be compressed."""
    noise = "".join(hashlib.sha256(str(at).encode()).hexdigest() for at in range(12_000))
    more = {"main": "a.py", "variable": "app", "sources": {"a.py": noise}, "version": version}
    return sealed("artifact", dump({**number("large", version).told, **more}), key)


def reason(result: Any) -> str:
    assert isinstance(result, Failure), result
    found: str = result.failure().reason
    return found


def test_both_ends_do_what_a_folder_does(served: Served, key: Key) -> None:
    one, two = number("shop", "1"), number("shop", "2", 7)
    trusting = Trust(Path("trusted"), {key.public: ""})
    assert served.remote.push(signed(one, key)).unwrap().new
    assert not served.remote.push(signed(one, key)).unwrap().new
    served.remote.push(signed(two, key)).unwrap()
    assert served.remote.entries().unwrap() == served.folder.entries().unwrap()
    for name in ("shop@1", one.address[:8], one.digest):
        assert served.remote.find(name).unwrap() == served.folder.find(name).unwrap()
        assert pulled(served.remote, name, trusting).unwrap()[1] == signed(one, key)
    served.remote.tag(Tag("shop", "stable", two.address, 1).sealed(key)).unwrap()
    assert served.remote.tags().unwrap() == served.folder.tags().unwrap()
    made, _ = pulled(served.remote, "shop@stable", trusting).unwrap()
    assert made.version == "2"
    assert reason(pulled(served.remote, "shop@stable", Trust(Path("none")))) == "UntrustedKey"
    assert reason(served.remote.push(signed(number("shop", "1", 9), key))) == "VersionTaken"
    assert reason(served.remote.push(signed(number("Shop", "1"), key))) == "NameShadows"
    assert reason(served.remote.find("shop")) == "AmbiguousReference"
    assert reason(served.remote.find("shop@9")) == "NotInRegistry"
    assert reason(served.remote.find("../../x")) == "NoReference"
    assert reason(served.remote.read("0" * 64)) == "NotInRegistry"
    assert reason(served.remote.tag(Tag("shop", "stable", one.address, 1).sealed(key))) == "OlderTag"


def test_a_statement_that_is_none_is_refused_and_no_fault_of_the_server(served: Served, key: Key) -> None:
    headers = {"authorization": f"Bearer {TOKEN}"}
    long = Tag("shop", "x" * 101, number("shop", "1").address, 1).sealed(key)
    for data in (long, sealed("tag", b"[" * 100_000, key), b"", b"x" * (bounds.MAX_STATEMENT + 1)):
        answer = httpx.put(f"{served.url}/v1/tags", content=data, headers=headers)
        assert answer.json()["reason"] in ("NotSealed", "TooLarge"), answer
        assert answer.status_code in (400, 413)
    assert httpx.get(f"{served.url}/v1/tags/shop/{'x' * 300}", headers=headers).content == b""
    assert httpx.get(f"{served.url}/v1/find/{'x' * 300}", headers=headers).json()["reason"] == "NoReference"
    assert not (served.folder.path / "tags" / "shop").exists()


def test_who_has_no_token_or_no_trusted_key_changes_nothing(served: Served, key: Key, tmp_path: Path) -> None:
    stranger = Remote(served.url, b"another-token-of-thirty-two-characters")
    data = signed(number("shop", "1"), key)
    for result in (stranger.push(data), stranger.find("shop"), stranger.entries(), stranger.read("0" * 64)):
        assert reason(result) == "WrongRegistryToken"
    for path in ("/v1/entries", "/v1/tags/a/b", f"/v1/artifacts/{'0' * 64}"):
        assert httpx.get(f"{served.url}{path}").status_code == 401
    other = new_key(tmp_path / "other.pem").unwrap()
    assert reason(served.remote.push(signed(number("shop", "1"), other))) == "UntrustedKey"
    served.remote.push(data).unwrap()
    tag = Tag("shop", "stable", number("shop", "1").address, 1)
    assert reason(served.remote.tag(tag.sealed(other))) == "UntrustedKey"
    assert [each.key for each in served.folder.entries().unwrap()] == [key.public]
    assert served.folder.tags().unwrap() == []
    assert not list((served.folder.path / "uploads").iterdir())
    assert reason(remote(served.url, tmp_path / "none")) == BadTokenFile.__name__
    assert reason(remote(served.url, None)) == NoRegistry.__name__
    assert reason(Remote("http://127.0.0.1:1", b"").find("shop")) == NoRegistry.__name__
    assert isinstance(registry(str(tmp_path)).unwrap(), Registry)


class Cutting:
    """Between a client and a server: counts what goes through, and cuts after each so many bytes of a way."""

    def __init__(self, url: str, after: int) -> None:
        self._to = int(url.rpartition(":")[2])
        self._after = after
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listening.getsockname()[1]}"
        self.bytes = [0, 0]
        self.cuts = [0, 0]
        self._sockets: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self.listening.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self._to))
            self._sockets += client, server
            for way, ends in enumerate(((client, server), (server, client))):
                threading.Thread(target=self._pass, args=(way, *ends), daemon=True).start()

    def close(self) -> None:
        for each in (self.listening, *self._sockets):
            each.close()

    def _pass(self, way: int, source: socket.socket, target: socket.socket) -> None:
        try:
            while chunk := source.recv(16_384):
                target.sendall(chunk)
                self.bytes[way] += len(chunk)
                if self.bytes[way] > (self.cuts[way] + 1) * self._after:
                    self.cuts[way] += 1
                    break
        except OSError:
            pass
        for each in (source, target):
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue


def test_what_was_sent_is_not_sent_again_after_a_cut(
    served: Served, key: Key, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry_client, "CHUNK", 60_000)
    data = large(key)
    assert len(data) > 300_000
    cutting = Cutting(served.url, 150_000)
    between = Remote(cutting.url, TOKEN.encode())
    with contextlib.closing(cutting):
        entry = between.push(data).unwrap().entry
        assert cutting.bytes[0] < len(data) + 60_000 * (cutting.cuts[0] + 1), (
            "no more than a piece for each cut"
        )
        assert between.read(entry.address).unwrap() == data
        assert min(cutting.cuts) > 1
        assert cutting.bytes[1] < len(data) + 50_000, "each byte came about once"
        sent = cutting.bytes[0]
        assert not between.push(data).unwrap().new
        assert cutting.bytes[0] < sent + 2000, "what is there is not sent at all"


def test_an_upload_goes_on_with_another_client(served: Served, key: Key) -> None:
    data = large(key)
    whole = hashlib.sha256(data).hexdigest()
    headers = {"authorization": f"Bearer {TOKEN}"}

    def piece(start: int, end: int, total: int = len(data)) -> dict[str, Any]:
        said = {**headers, "content-range": f"bytes {start}-*/{total}"}
        answer = httpx.put(f"{served.url}/v1/uploads/{whole}", content=data[start:end], headers=said)
        found: dict[str, Any] = answer.json()
        return found

    assert piece(0, 1000) == {"offset": 1000}
    assert piece(0, 1000) == {"offset": 1000}, "what is there is not taken twice"
    assert piece(5000, 6000) == {"offset": 1000}, "a gap is not taken"
    assert piece(1000, 2000, 100)["reason"] == "TooLarge"
    assert piece(1000, 2000, bounds.MAX_ARTIFACT + 1)["reason"] == "TooLarge"
    assert httpx.put(f"{served.url}/v1/uploads/{whole}", headers=headers).json()["reason"] == "NotSealed"
    assert served.folder.entries().unwrap() == []
    assert served.remote.push(data).unwrap().new
    bad = hashlib.sha256(b"bad").hexdigest()
    said = {**headers, "content-range": "bytes 0-*/4"}
    assert httpx.put(f"{served.url}/v1/uploads/{bad}", content=b"evil", headers=said).status_code == 400
    for name in ("..%2f..%2fx", "x"):
        answer = httpx.put(f"{served.url}/v1/uploads/{name}", content=b"evil", headers=said)
        assert answer.status_code in (400, 404)
    assert not list((served.folder.path / "uploads").iterdir())


def test_there_are_never_many_uploads(
    served: Served, key: Key, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounds, "UPLOADS", 3)
    first = signed(number("shop", "1"), key)[:60]
    headers = {"authorization": f"Bearer {TOKEN}", "content-range": "bytes 0-*/100"}
    for at in range(6):
        name = hashlib.sha256(str(at).encode()).hexdigest()
        httpx.put(f"{served.url}/v1/uploads/{name}", content=first, headers=headers)
    there = sorted((served.folder.path / "uploads").iterdir())
    assert len(there) == 3
    other = signed(number("shop", "1"), new_key(tmp_path / "other.pem").unwrap())[:60]
    for at, content in ((10, other), (11, b"evil"), (12, b"")):
        name = hashlib.sha256(str(at).encode()).hexdigest()
        answer = httpx.put(f"{served.url}/v1/uploads/{name}", content=content, headers=headers)
        assert answer.json()["reason"] == ("UntrustedKey" if content == other else "NotSealed")
    assert sorted((served.folder.path / "uploads").iterdir()) == there, "nobody else's is let go of for those"


class Lying(Registry):
    """A registry that gives an artifact for another."""

    def __init__(self, path: Path, instead: str) -> None:
        super().__init__(path)
        self.instead = instead

    def find(self, reference: str) -> Any:
        """Another one."""
        return super().find(self.instead)


def test_a_registry_that_lies_is_found_out(served: Served, key: Key) -> None:
    """An old version for a new one, one application for another: both are signed well."""
    made = {
        f"{name}@{version}": served.folder.push(signed(number(name, version), key)).unwrap().entry
        for name, version in (("shop", "1"), ("shop", "2"), ("till", "1"))
    }
    trusting = Trust(Path("trusted"), {key.public: ""})
    stable = Tag("shop", "stable", made["shop@2"].address, 5).sealed(key)
    served.folder.tag(stable).unwrap()
    for wanted, given in (
        ("shop@2", "shop@1"),
        ("shop@1", "till@1"),
        ("till", "shop@1"),
        ("shop@stable", "shop@1"),
        (made["shop@2"].address[:12], "shop@1"),
    ):
        found = pulled(Lying(served.folder.path, given), wanted, trusting)
        assert isinstance(found, Failure), wanted
        assert isinstance(found.failure(), OtherArtifact), found
    other = Trust(Path("trusted"))
    assert isinstance(pulled(served.folder, "shop@2", other).failure(), UntrustedKey)


def test_another_process_takes_up_what_one_has_got(
    served: Served, key: Key, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = large(key)
    address = served.folder.push(data).unwrap().entry.address
    left = home() / "partial" / address
    monkeypatch.setattr(registry_client, "TRIES", 0)
    assert reason(served.remote.read(address)) == NoRegistry.__name__
    left.write_bytes(data[:-1000])
    monkeypatch.setattr(registry_client, "TRIES", 5)
    cutting = Cutting(served.url, 10**9)
    with contextlib.closing(cutting):
        assert Remote(cutting.url, TOKEN.encode()).read(address).unwrap() == data
        assert cutting.bytes[1] < 3000
    assert not left.exists()
    left.write_bytes(data + b"more than there is")
    assert served.remote.read(address).unwrap() == data
    with partial(address) as held:
        held.write(b"another process is at it")
        assert served.remote.read(address).unwrap() == data


def test_curl_takes_up_where_it_was(served: Served, key: Key, tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("there is no curl")
    data = large(key)
    entry = served.folder.push(data).unwrap().entry
    out = tmp_path / "part"
    out.write_bytes(data[:1000])
    command = ["curl", "-sS", "-C", "-", "-o", str(out), "-H", f"authorization: Bearer {TOKEN}", "-w"]
    command += ["%{http_code} %{size_download}", f"{served.url}/v1/artifacts/{entry.address}"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert said == f"206 {len(data) - 1000}"
    assert out.read_bytes() == data


@pytest.mark.parametrize("answer", [b"[]", b"{}", b"no", b'{"entry": {"address": 1}}', b'{"entries": 1}'])
def test_what_is_no_registry_is_told(answer: bytes, key: Key) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            while True:
                try:
                    client, _ = listening.accept()
                except OSError:
                    return
                with client:
                    client.recv(65_536)
                    head = f"HTTP/1.1 200 OK\r\ncontent-length: {len(answer)}\r\nconnection: close\r\n\r\n"
                    client.sendall(head.encode() + answer)

        threading.Thread(target=serve, daemon=True).start()
        strange = Remote(f"http://127.0.0.1:{listening.getsockname()[1]}", TOKEN.encode())
        results: tuple[Any, ...] = (strange.find("shop"), strange.push(signed(number("a", "1"), key)))
        assert [reason(each) for each in results] == [NoRegistry.__name__] * 2
        assert isinstance(strange.entries(), Failure)
        assert isinstance(strange.read("0" * 64), Success), "bytes, which whoever reads them looks at"
        listening.shutdown(socket.SHUT_RDWR)


def test_what_is_refused_is_json(served: Served) -> None:
    answer = httpx.get(f"{served.url}/v1/find/x", headers={"authorization": f"Bearer {TOKEN}"})
    assert (answer.status_code, json.loads(answer.content)["reason"]) == (404, "NotInRegistry")
