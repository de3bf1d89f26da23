"""What a web server's access log tells of each client, line by line.

One message is one line as it came: how a line is read is a part of the machine, so that a reader with a fault is
mended like everything else, without losing what was counted.
"""

from __future__ import annotations

import re
from datetime import datetime

import attrs
from messages import Bad, Line, Log, Look, Overview, Seen

from midflight import Application, keyed, proc

LINE = (
    r'(?P<client>\S+) \S+ \S+ \[(?P<time>[^\]]+)\] "(?:[^"\\]|\\.)*" '
    r'(?P<status>\d{3}) (?P<sent>\d+|-) "(?:[^"\\]|\\.)*" "(?P<agent>(?:[^"\\]|\\.)*)"'
)
SESSION = 30 * 60
"""Seconds of log time without a request after which a session is over."""


@attrs.frozen
class Client:
    requests: int
    sent: int
    errors: int
    open_sessions: int


@attrs.frozen
class Request:
    client: str
    agent: str
    time: int
    status: int
    sent: int


@attrs.frozen
class Session:
    agent: str
    last: int


def parse(text: str) -> Request | None:
    """Read a line of the combined log format; None for what is none."""
    found = re.fullmatch(LINE, text)
    if found is None:
        return None
    try:
        time = datetime.strptime(found["time"], "%d/%b/%Y:%H:%M:%S %z")
        sent = 0 if found["sent"] == "-" else int(found["sent"])
    except ValueError:
        return None
    return Request(found["client"], found["agent"], int(time.timestamp()), int(found["status"]), sent)


def still_open(sessions: tuple[Session, ...], now: int) -> tuple[Session, ...]:
    return tuple(each for each in sessions if each.last >= now - SESSION)


def visited(sessions: tuple[Session, ...], request: Request, now: int) -> tuple[Session, ...]:
    """The sessions after a request; those that are over are forgotten."""
    others = tuple(each for each in sessions if each.agent != request.agent)
    last = max((each.last for each in sessions if each.agent == request.agent), default=request.time)
    return still_open((*others, Session(request.agent, max(last, request.time))), now)


@proc
def address(asked: tuple[Request | Look, int]) -> str:
    return asked[0].client


@proc
def client(
    asked: tuple[Request | Look, int],
    *,
    requests: int = 0,
    sent: int = 0,
    errors: int = 0,
    sessions: tuple[Session, ...] = (),
) -> Seen | Client:
    what, now = asked
    match what:
        case Request():
            requests += 1
            sent += what.sent
            if what.status >= 400:
                errors += 1
            sessions = visited(sessions, what, now)
            return Seen(what.client)
        case Look():
            return Client(requests, sent, errors, len(still_open(sessions, now)))


clients = keyed(client, by=address, name="clients")


@proc
def log(
    msg: Line | Look | Overview, *, lines: int = 0, bad: int = 0, latest: int = 0
) -> Seen | Bad | Client | Log:
    match msg:
        case Overview():
            return Log(lines, bad, latest)
        case Look():
            asked: Request | Look = msg
        case Line(text):
            lines += 1
            request = parse(text)
            if request is None:
                bad += 1
                return Bad()
            latest = max(latest, request.time)
            asked = request
    return clients((asked, latest))


app = Application("access_log", version="1", machines={"log": log})
