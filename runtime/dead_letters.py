"""Dead letters: messages that no machine took, kept until somebody replays or drops them.

One that only a version has that went back, and one that was sent to a machine that is not there or does not take it.
A letter is a row of the store's table, `dead/NUMBER`, written in the commit that makes it one, and taken away in the
commit of the step that takes it at last: it is never lost between the two, and never in both. The version that wrote it
is kept for as long as it is there. There are at most `bounds.DEAD` of them, of `bounds.DEAD_BYTES` together; where
there would be more, the oldest are dropped, which the log and the status tell.
"""

from __future__ import annotations

import contextlib
import json
import logging
from collections import Counter, OrderedDict
from collections.abc import Callable, Collection, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import attrs
from returns.result import Failure, Result, Success

from arrows.canonical import NotData
from arrows.received import Bad
from migrations.refusal import Refusal
from runtime import bounds
from runtime.hosted import Compiled
from runtime.journal import version_key
from runtime.packing import parsed
from runtime.status import shown
from runtime.store import Readable
from runtime.together import Together, pack, unpack
from runtime.upgrade import compiled
from runtime.versions import BroughtBack, brought_back

if TYPE_CHECKING:
    from runtime.batch import Batch
    from runtime.outbox import DeadLetter

PREFIX: Final = "dead/"
NUMBER: Final = "dead-last"
"""Where the number of the last one is kept: none is used again."""

logger = logging.getLogger("midflight")


@attrs.frozen(eq=False)
class Letter:
    """A message to `machine` that no machine took, and why.

    `source` is how it came: "send" of another machine, the `sender`; "timer", of the machine itself, which was due at
    `due`; or "cast" from outside. `at` and `due` are in milliseconds since 1970. It was written down by the version
    with this label and digest, and looks as `message` shows, without what is secret.
    """

    number: int
    at: int
    machine: str
    source: str
    sender: str
    why: str
    application: str
    version: str
    digest: str
    edition: str
    message: Any
    due: int | None = None
    packed: str | None = attrs.field(default=None, repr=False)
    """What the journal would have of it; None where it cannot be written down, and in a node in memory."""
    held: Any = attrs.field(default=None, repr=False)
    """The message itself, in a node in memory."""

    def to_plain(self) -> dict[str, Any]:
        """The letter for JSON."""
        hidden = {"edition", "packed", "held"}
        return attrs.asdict(self, recurse=False, filter=lambda field, _: field.name not in hidden)

    def written(self) -> bytes:
        """Its row in the store's table."""
        kept = attrs.asdict(self, recurse=False, filter=lambda field, _: field.name != "held")
        return json.dumps(kept).encode()


def read(store: Readable) -> list[Letter]:
    """The letters that a store keeps, the oldest first."""
    return [Letter(**json.loads(data)) for _, data in store.items(PREFIX)]


def key(number: int) -> str:
    """Where a letter is kept."""
    return f"{PREFIX}{number:020}"


class Letters:
    """The letters of a node. `lost` is how many were dropped for want of room since it was started.

    `write` makes letters of what a batch has turned away, which become known, and others forgotten, when it is
    `released`. `leaving` are those with which something is under way.
    """

    def __init__(self, *, durable: bool) -> None:
        self.lost = 0
        self._durable = durable
        self.leaving: set[int] = set()
        self._letters: OrderedDict[int, Letter] = OrderedDict()
        self._sizes: dict[int, int] = {}
        self._versions: dict[str, Compiled | bytes] = {}
        self._used: Counter[str] = Counter()
        self._number = 0

    def __len__(self) -> int:
        return len(self._letters)

    def __iter__(self) -> Iterator[Letter]:
        return iter(self._letters.values())

    def get(self, number: int) -> Letter | None:
        """The letter of that number."""
        return self._letters.get(number)

    @property
    def editions(self) -> Collection[str]:
        """The versions that letters were written by."""
        return self._used.keys()

    def open(self, store: Readable) -> None:
        """Know what a store keeps, with the texts of the versions that it needs."""
        for letter in read(store):
            self._add(letter)
        self._number = max([self._number, *(int(data) for _, data in store.items(NUMBER))])
        for edition in self._used:
            found = dict(store.items(version_key(edition)))
            if version_key(edition) in found:
                self._versions[edition] = found[version_key(edition)]

    def write(self, batch: Batch, now: int) -> None:
        """Let what a batch has turned away be written down in its commit."""
        room, space = bounds.DEAD - len(self), bounds.DEAD_BYTES - sum(self._sizes.values())
        for each in batch.dead:
            letter = self._letter(each, now)
            row = letter.written()
            batch.letters.append((letter, each.by))
            if self._durable:
                batch.puts |= {key(letter.number): row, NUMBER: str(letter.number).encode()}
            room, space = room - 1, space - len(row)
        batch.dead = []
        oldest = iter([*self._sizes.items(), *((one.number, len(one.written())) for one, _ in batch.letters)])
        while room < 0 or space < 0:
            number, size = next(oldest)
            batch.gone.add(key(number))
            batch.puts.pop(key(number), None)
            room, space = room + 1, space + size

    def released(self, batch: Batch) -> None:
        """A batch was committed: know its letters, and forget those that it takes away."""
        for letter, by in batch.letters:
            self._versions[letter.edition] = by
            self._add(letter)
        for letter, _ in batch.letters[: bounds.LOGGED_LETTERS]:
            logger.error(
                "dead letter %d: %s, which did not take it: %s", letter.number, _way(letter), letter.why
            )
        if len(batch.letters) > bounds.LOGGED_LETTERS:
            logger.error("and %d more dead letters", len(batch.letters) - bounds.LOGGED_LETTERS)
        for gone in batch.gone:
            self._forget(int(gone.removeprefix(PREFIX)))

    def message(self, letter: Letter, known: Collection[Compiled]) -> Result[Any, Refusal]:
        """The message of a letter, of the version that wrote it: one of the `known`, or brought back.

        Runs that version's code where it was not loaded yet. Returns Failure(NotReadable | CannotLoad).
        """
        if letter.held is not None:
            return Success(letter.held)
        if letter.packed is None:
            return Failure(NotReadable(letter.number, "it could not be written down"))
        version: Result[Compiled, Refusal] = self._version(letter, known)
        return version.bind(partial(_unpacked, letter))

    def _version(self, letter: Letter, known: Collection[Compiled]) -> Result[Compiled, Refusal]:
        found = next((each for each in known if each.edition == letter.edition), None)
        held = self._versions.get(letter.edition)
        if found is not None:
            return Success(found)
        if isinstance(held, Compiled):
            return Success(held)
        if held is None:
            return Failure(
                NotReadable(letter.number, f"version {letter.version}, which wrote it, is not kept")
            )
        back: Result[BroughtBack, Refusal] = brought_back(held)
        made: Result[Compiled, Refusal] = back.bind(lambda one: compiled(one.application))
        if isinstance(made, Success):
            self._versions[letter.edition] = made.unwrap()
        return made

    def _letter(self, dead: DeadLetter, now: int) -> Letter:
        self._number += 1
        version = dead.by.application
        message, packed = dead.message, None
        with contextlib.suppress(NotData):
            packed = json.dumps(pack(dead.by.packing, message)) if self._durable else None
        return Letter(
            number=self._number,
            at=now,
            machine=dead.to,
            source=dead.source,
            sender=dead.sender,
            why=dead.why,
            application=version.name,
            version=version.version,
            digest=dead.by.digest,
            edition=dead.by.edition,
            message=[shown(each) for each in message.messages]
            if type(message) is Together
            else shown(message),
            due=dead.due,
            packed=packed,
            held=None if self._durable else message,
        )

    def _add(self, letter: Letter) -> None:
        self._number = max(self._number, letter.number)
        self._letters[letter.number] = letter
        self._sizes[letter.number] = len(letter.written())
        self._used[letter.edition] += 1

    def _forget(self, number: int) -> None:
        letter = self._letters.pop(number, None)
        if letter is None:
            return
        del self._sizes[number]
        self._used[letter.edition] -= 1
        if not self._used[letter.edition]:
            del self._used[letter.edition]
            self._versions.pop(letter.edition, None)
        if number not in self.leaving:
            self.lost += 1
            said = (letter.number, letter.machine, letter.version)
            logger.error("dead letter %d, to %s, of version %s, was dropped: there were too many", *said)


@attrs.frozen
class NotReadable(Refusal):
    """The message of a dead letter cannot be had."""

    number: int
    problem: str

    @property
    def happened(self) -> str:
        return f"dead letter {self.number} cannot be read: {self.problem}."

    @property
    def remedy(self) -> str:
        return f"Send what it says by hand, and drop it: midflight dead-letters drop {self.number}."


def _way(letter: Letter) -> str:
    if letter.source == "send":
        return f"{letter.sender} sent to {letter.machine}"
    return (
        f"a {letter.source} of {letter.machine}"
        if letter.source == "timer"
        else f"a cast to {letter.machine}"
    )


def _unpacked(letter: Letter, version: Compiled) -> Result[Any, Refusal]:
    assert letter.packed is not None
    try:
        return Success(unpack(version.packing, parsed(letter.packed.encode())))
    except Bad as wrong:
        return Failure(NotReadable(letter.number, str(wrong)))


class Told:
    """The ticket of what is done with a letter: with its answer nothing is under way any more."""

    def __init__(self, ticket: Any, over: Callable[[], None], undone: Callable[[], None]) -> None:
        self._ticket = ticket
        self._over = over
        self._undone = undone

    def done(self) -> bool:
        """Never before it is answered."""
        return False

    def set_result(self, result: Any, /) -> None:
        """It was done."""
        self._over()
        if not self._ticket.done():
            self._ticket.set_result(result)

    def set_exception(self, error: BaseException, /) -> None:
        """It was not done."""
        self._over()
        self._undone()
        if not self._ticket.done():
            self._ticket.set_exception(error)
