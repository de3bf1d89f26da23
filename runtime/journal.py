"""What a node writes down: every input before its reply is released, and now and then a snapshot.

An entry of the log is a batch: a JSON array of events, in order. An event is an array whose first item says what
it is:

- `["start", application, edition]`: a version started, or another edition of the version that ran took its place;
  with the number of its parts where it began with a given state
- `["stop", application]`
- `["swap", application, edition, back]`: another version took over; with the editions of those it went through, and
  on what terms, where it is watched or settles by itself
- `["passed", application]`: it is on probation no more
- `["stuck", application, why]`: it should go back and cannot
- `["settle", application]`: the last upgrade cannot be undone any more
- `["release", name, unit]`: what belongs together from here on (see `runtime.unit`), or null where nothing does; behind
  the starts, swaps and ends of the same change, which are in the same entry
- `["now", milliseconds]`: when what follows was stepped, since 1970; each entry begins with it
- `["step", machine, input, check, trace]`: a message was stepped, and the reply has that checksum
- `["raised", machine, input, error, trace]`: a message was stepped and raised; recovery does not step it again

The event of a step whose message another machine sent, or the machine itself for later, has the number of that
message behind it.

An input is a packed message, or `{"together": [packed messages]}` for several that were stepped all or none.
The event of a step whose message was given with an id has the id behind it, and behind that, where it raised, what.

The table holds `version/EDITION`, written with the event that first speaks of it, for as long as the log, the
snapshot or a running application does; `snapshot/LAYER/...`, the parts of the layers that `snapshot` names;
`initial/APPLICATION/...`, the parts of a given state, until a snapshot stands for its start; `log`; `dead/NUMBER`, the
dead letters, and `dead-last`, the number of the last one; `history/...`; and nothing else.
A snapshot stands for the log up to its number. `log` says behind which entry the log begins, and with which versions.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from arrows.canonical import NotData
from runtime.errors import StepFailed
from runtime.instruction import Terms
from runtime.packing import parsed
from runtime.together import pack

if TYPE_CHECKING:
    from runtime.hosted import Compiled, Hosted

Event: TypeAlias = list[Any]

SNAPSHOT: Final = "snapshot"
VERSIONS: Final = "version/"
LOG: Final = "log"


_NONE: Final = Terms(None)
_encoded: Final = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode
"""Packed values are trees."""


def stepped(hosted: Hosted, message: Any, reply: Any, trace: str) -> Event:
    """The event of a step. Raises NotData for a message or a reply that cannot be written down."""
    return ["step", hosted.name, pack(hosted.packing, message), hosted.packing.checksum(reply), trace]


def raised(hosted: Hosted, message: Any, failure: StepFailed, trace: str) -> Event | None:
    """The event of a step that raised; None where the message itself is what cannot be written."""
    try:
        packed = pack(hosted.packing, message)
    except NotData:
        return None
    return ["raised", hosted.name, packed, f"{type(failure.error).__name__} {failure.reference}", trace]


def swapped(new: Compiled, *, back: bool, terms: Terms) -> Event:
    """The event of a change to a version."""
    between = [] if back else [each.edition for each in new.through]
    more = [between, *terms.written()] if terms != _NONE else [between] if between else []
    return ["swap", new.application.name, new.edition, back, *more]


def written(now: int, events: list[Event]) -> bytes:
    """An entry of the log."""
    return _encoded([["now", now], *events]).encode()


def read(data: bytes) -> list[Event]:
    """The events of an entry."""
    found: list[Event] = parsed(data)
    return found


def version_key(edition: str) -> str:
    """Where a version is kept."""
    return f"{VERSIONS}{edition}"


def initial_prefix(application: str) -> str:
    """What the keys begin with under which the state is kept that an application was given to start with."""
    return f"initial/{application}/"


def part_key(layer: int, part: int) -> str:
    """Where a part of a snapshot is kept."""
    return f"snapshot/{layer:020}/{part:010}"


def parts_prefix(layer: int) -> str:
    """What the keys of the parts of a snapshot's layer begin with."""
    return f"snapshot/{layer:020}/"
