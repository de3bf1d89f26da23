"""The other end of a registry that is served over HTTP (`runtime.registry_server`): the same methods as in a folder.

What the server says is checked by who asks: an artifact by its signature and address, a tag by its statement. Only the
bytes that are missing are sent, in either direction, when a connection was cut.
"""

from __future__ import annotations

import functools
import hashlib
import os
import time
from functools import cached_property
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, TypeVar

import attrs
from returns.result import Failure, Result, Success

from migrations.refusal import Refusal
from runtime import bounds
from runtime.admission import OtherArtifact, opened
from runtime.application import is_digest
from runtime.artifact import Artifact
from runtime.control_token import read as read_token
from runtime.control_token import usable
from runtime.entry import Entry, NoReference, NotInRegistry, is_reference
from runtime.errors import shown
from runtime.extra import NeedsExtra
from runtime.partial import partial
from runtime.refusal import short
from runtime.registry import Pushed
from runtime.registry_reply import RegistryRefused, document
from runtime.seal import TooLarge
from runtime.tags import Tag, tag

if TYPE_CHECKING:
    import httpx

T = TypeVar("T", Entry, Tag)

TOKEN: Final = "MIDFLIGHT_REGISTRY_TOKEN"  # noqa: S105 - its name
CHUNK: Final = 256 * 1024
"""Bytes that are sent at once."""

TRIES: Final = 5
"""How often a transfer that was cut is taken up again without a byte more coming through."""

PAUSES: Final = (0.1, 0.2, 0.4, 0.8)
"""Seconds before it is taken up again, while no byte comes through."""


@attrs.frozen
class NoRegistry(Refusal):
    """A registry over HTTP does not answer as one."""

    url: str
    problem: str

    @property
    def happened(self) -> str:
        return f"the registry {self.url} does not answer: {self.problem}."

    @property
    def remedy(self) -> str:
        return (
            "Give the URL that `midflight registry serve` shows, and its token with --registry-token FILE or as "
            + (f"{TOKEN}.")
        )


def remote(url: str, token_file: Path | None) -> Result[Remote, Refusal]:
    """The registry at a URL, with the token in a file or in the environment.

    Returns Failure(NoRegistry | BadTokenFile | NeedsExtra).
    """
    said = os.environ.get(TOKEN)
    found: Result[bytes, Refusal]
    if token_file is None and said is not None:
        found = usable(said.strip().encode(errors="replace")).alt(lambda problem: NoRegistry(url, problem))
    elif token_file is None:
        return Failure(NoRegistry(url, "no token is given"))
    else:
        found = read_token(token_file)
    try:
        import httpx  # noqa: PLC0415 - an extra
    except ImportError:
        return Failure(NeedsExtra("httpx", "registry"))
    try:
        httpx.URL(url).raw_host.decode().encode("idna")
    except (httpx.InvalidURL, UnicodeError) as error:
        return Failure(NoRegistry(shown(url), f"that is no URL: {error}"))
    return found.map(lambda token: Remote(url.rstrip("/"), token))


def _or(found: Any, otherwise: Refusal) -> Result[Any, Refusal]:
    return Failure(otherwise) if found is None else Success(found)


class _Cut(Exception):
    """A transfer that did not come to its end; `refusal` says why."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(str(refusal))
        self.refusal = refusal


def _tried(tries: int) -> int:
    """One try more, after a pause if another follows."""
    if tries + 1 < TRIES:
        time.sleep(PAUSES[min(tries, len(PAUSES) - 1)])
    return tries + 1


def _put(made: Artifact, data: bytes, new: bool, entry: Entry) -> Result[Pushed, Refusal]:
    """What came of a push, if that is what was pushed: of what the server says only the time is taken."""
    if (entry.address, entry.name, entry.version) != (made.address, made.name, made.version):
        return Failure(OtherArtifact(f"{made} ({short(made.address)})", str(entry)))
    return Success(Pushed(Entry.of(made, len(data), entry.at), new))


class Remote:
    """A registry over HTTP. Each method may be refused NoRegistry, or what the server refuses."""

    def __init__(self, url: str, token: bytes) -> None:
        self._url, self._token = url, token

    def __str__(self) -> str:
        return self._url

    def find(self, reference: str) -> Result[Entry, Refusal]:
        """As `Registry.find`."""
        if not is_reference(reference):
            return Failure(NoReference(reference))
        found = self._plain("GET", f"/v1/find/{reference}")
        return found.bind(lambda plain: self._made(Entry, plain.get("entry")))

    def entries(self) -> Result[list[Entry], Refusal]:
        """As `Registry.entries`."""
        return self._several(Entry, "entries")

    def tags(self) -> Result[list[Tag], Refusal]:
        """As `Registry.tags`."""
        return self._several(Tag, "tags")

    def statement(self, name: str, label: str) -> Result[bytes | None, Refusal]:
        """As `Registry.statement`."""
        found = self._asked("GET", f"/v1/tags/{name}/{label}")
        return found.map(lambda answer: answer.content or None)

    def tag(self, data: bytes) -> Result[Tag, Refusal]:
        """As `Registry.tag`; the server decides whose statements count."""
        return self._asked("PUT", "/v1/tags", content=data).bind(
            lambda _: tag(data, "the statement of a tag")
        )

    def read(self, address: str) -> Result[bytes, Refusal]:
        """As `Registry.read`; a transfer that was cut is taken up where it was, also by another process."""
        if not is_digest(address):
            return Failure(NotInRegistry(address, str(self), ()))
        try:
            with partial(address) as held:
                return Success(self._received(address, held))
        except _Cut as cut:
            return Failure(cut.refusal)
        except OSError as error:
            return Failure(NoRegistry(self._url, f"what comes cannot be kept: {error}"))

    def _received(self, address: str, held: IO[bytes]) -> bytes:
        """All of an artifact, of which a file holds what has come before. Raises _Cut."""
        import httpx  # noqa: PLC0415 - an extra

        problem, etag, tries, most = "", "", 0, 0
        while tries < TRIES:
            there = held.seek(0, os.SEEK_END)
            headers = {"range": f"bytes={there}-"} if there else {}
            headers |= {"if-range": etag} if there and etag else {}
            try:
                with self._client.stream("GET", f"/v1/artifacts/{address}", headers=headers) as answer:
                    if answer.status_code not in (200, 206, 416):
                        answer.read()
                        raise _Cut(self._refused(answer))
                    if answer.status_code != 206:
                        held.truncate(0)
                    if answer.status_code == 416:  # there is not more than that, or another file
                        tries += 1
                        continue
                    etag = answer.headers.get("etag", "")
                    etag = etag if etag.isascii() else ""
                    for chunk in answer.iter_raw():
                        held.write(chunk)
                        if held.tell() > bounds.MAX_ARTIFACT:
                            held.truncate(0)
                            raise _Cut(TooLarge(address, bounds.MAX_ARTIFACT + 1, bounds.MAX_ARTIFACT))
                held.seek(0)
                return held.read()
            except httpx.HTTPError as error:
                problem = f"{type(error).__name__}: {error}".rstrip(": ")
                there = held.seek(0, os.SEEK_END)
                tries, most = (0, there) if there > most else (_tried(tries), most)
        raise _Cut(NoRegistry(self._url, problem))

    def push(self, data: bytes) -> Result[Pushed, Refusal]:
        """As `Registry.push`; what the server has of it already is not sent again."""
        made = opened(data, None, "what is pushed")
        if isinstance(made, Failure):
            return Failure(made.failure())
        path = f"/v1/uploads/{hashlib.sha256(data).hexdigest()}"
        tries, last, most = 0, -1, -1
        asked = self._plain("GET", path, params={"address": made.unwrap().address})
        while True:
            plain = asked.value_or({})
            if "entry" in plain:
                put = functools.partial(_put, made.unwrap(), data, plain.get("new") is True)
                return self._made(Entry, plain["entry"]).bind(put)
            start = plain.get("offset")
            if isinstance(asked, Failure) and not isinstance(asked.failure(), NoRegistry):
                return Failure(asked.failure())
            if type(start) is int and last < start <= len(data):
                last, piece = start, data[start : start + CHUNK]
                tries, most = (0, start) if start > most else (tries, most)
                head = {"content-range": f"bytes {start}-*/{len(data)}"}
                asked = self._plain("PUT", path, content=piece, headers=head)
                continue
            tries, last = _tried(tries), -1
            if tries >= TRIES:
                return Failure(asked.failure() if isinstance(asked, Failure) else self._strange())
            asked = self._plain("GET", path, params={"address": made.unwrap().address})

    # Inside

    @cached_property
    def _client(self) -> httpx.Client:
        """One, as it is slow to make; it keeps no connection open that somebody would have to close."""
        import httpx  # noqa: PLC0415 - an extra

        headers = {"authorization": f"Bearer {self._token.decode()}", "accept-encoding": "identity"}
        limits = httpx.Limits(max_keepalive_connections=0)
        return httpx.Client(base_url=self._url, headers=headers, timeout=30, limits=limits)

    def _asked(self, method: str, path: str, **given: Any) -> Result[httpx.Response, Refusal]:
        import httpx  # noqa: PLC0415 - an extra

        try:
            answer = self._client.request(method, path, **given)
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
            return Failure(NoRegistry(self._url, f"{type(error).__name__}: {error}".rstrip(": ")))
        return Success(answer) if answer.status_code == 200 else Failure(self._refused(answer))

    def _plain(self, method: str, path: str, **given: Any) -> Result[dict[str, Any], Refusal]:
        answer = self._asked(method, path, **given)
        return answer.bind(lambda found: _or(document(found.content), self._strange()))

    def _strange(self) -> NoRegistry:
        return NoRegistry(self._url, "what it answers is not what a registry does")

    def _several(self, cls: type[T], field: str) -> Result[list[T], Refusal]:
        found = self._plain("GET", f"/v1/{field}")
        if isinstance(found, Failure):
            return Failure(found.failure())
        listed = found.unwrap().get(field)
        made = [self._made(cls, each) for each in (listed if isinstance(listed, list) else [None])]
        wrong = next((each for each in made if isinstance(each, Failure)), None)
        return Success([each.unwrap() for each in made]) if wrong is None else Failure(wrong.failure())

    def _made(self, cls: type[T], plain: Any) -> Result[T, Refusal]:
        """An entry or a tag, if every field is what it has to be."""
        return _or(cls.read(plain), self._strange())

    def _refused(self, answer: httpx.Response) -> Refusal:
        found = document(answer.content) or {}
        if isinstance(found.get("reason"), str) and isinstance(found.get("message"), str):
            return RegistryRefused(found)
        return NoRegistry(self._url, f"it answers {answer.status_code}")
