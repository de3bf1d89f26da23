"""Every bound of the node, with assertions that relate them."""

from __future__ import annotations

INBOX = 4096
"""Messages that wait at one machine; the next one is answered with `Overloaded`."""

TURN = 32
"""Messages of one machine stepped before the next has its turn, and before the clock is looked at."""

BATCH = 256
"""Messages stepped, committed and released together."""

TOGETHER = 1024
"""Messages that one caller may have stepped all or none."""

NO_ROOM = 0.1
"""Seconds before a file says that it could not write: what is never refused is tried again as soon as it has."""

SLICE = 0.002
"""Seconds of stepping before the event loop's other work is let in; a turn under way is finished."""

BUDGET = 1.0
"""Seconds that a step may take before it is interrupted."""

LOOKS = 4
"""How often it is looked, within a budget, whether a step takes longer."""

GRACE = 4.0
"""Seconds beyond its budget after which a step that cannot be interrupted ends the process of a node with data."""

LET_GO = 0.0001
"""Seconds for which the loop stands still, once in a slice, while a thread prepares a change."""

HANDS = 0.0002
"""Seconds that such a thread has the interpreter before the loop gets it back; Python's own 0.005 is a long pause."""

SNAPSHOT_AFTER = 20_000
"""Steps in the log after which a snapshot is begun, so that recovery never repeats many more."""

PATIENCE = 60.0
"""Seconds that a test's node waits for a store."""

PART = 500
"""Rows or cells in one part of a snapshot, which is packed without a pause."""

PART_OF_ANSWERS = 150
"""The same of answers to named requests, which take longer to pack."""

SEEN = 0.02
"""Seconds after which it is looked again how far an upgrade is that somebody waits for."""

SHOWN_CHANGES = 20
"""Cells, and edits of trees, that the history tells of an upgrade."""

REHEARSED = 1000
"""The latest inputs on which `midflight upgrade` rehearses."""

REHEARSAL = 30.0
"""Seconds that a rehearsal may take."""

REHEARSAL_ENDS = 1.0
"""Seconds in which it is gone once it was killed."""

REHEARSAL_MEMORY = 2 << 30
"""Bytes of data that its process may have."""

REHEARSAL_FILE = 16 << 20
"""Bytes of a file that it may write, such as that of what it says on standard error."""

REHEARSAL_SAID = 4096
"""Bytes of that which are read."""

REHEARSAL_NICE = 10
"""How much that process leaves to the others."""

REHEARSAL_TELLS = 0.5
"""Seconds after which it tells again how far it is."""

REHEARSAL_LINE = 16 << 20
"""Bytes of a line that it tells."""

TOLD_DIFFERING = 1000
"""Differences that a rehearsal tells; it counts no more."""

SHOWN_BEFORE = 20
"""Characters that are shown before the place where two long texts part."""

SHOWN_DIFFERING = 3
"""Differences that the text of a refusal shows."""

EXPLORED = 2000
"""Update points that `midflight explore` tries on a node."""

EXPLORED_SECONDS = 60.0
"""Seconds after which it ends with what it tried."""

SWEEP = 0.0002
"""Seconds for which rows are led between two batches."""

SWEPT = 1024
"""Rows that are led between two batches at most."""

SWEPT_AT_ONCE = 32
"""Rows that are led before the clock is looked at."""

FROZEN = 5000
"""Rows that are led before the collector of cycles is told to leave them alone."""

LOADING = 30.0
"""Seconds that a file may take to be executed, where a node does that."""

TOGETHER_SAVED = 0.4
"""Seconds without a further change after which files that were saved are one save."""

ALONE_SAVED = 0.02
"""The same where a version is one file, so that no other can belong to it."""

LOOKS_FOR_CHANGES = 1.0
"""Seconds after which files under watch are looked at, also where nothing told of a change."""

PATIENCE = 1.0
"""Seconds after which a developer is told what a save waits for."""

GIT = 30.0
"""Seconds after which a lock of git's was left over, and nothing is changing the files any more."""

FROZEN_BEFORE = 5000
"""Objects that are hidden from it before a program hides any itself; some Pythons begin with hundreds."""

IDLE = 10.0
"""Seconds without a message after which it sees them again, and collects."""

HIDDEN = 100
"""Upgrades of large tables after which it does so in any case: of each a version may be left in memory."""

LEADING = 120.0
"""Seconds that migrations may take beside the running machines, before the swap."""

LEADING_MEMORY = 2 << 30
"""Bytes by which the process may grow for them; where it is larger, as many as it has."""

PAUSE = 0.005
"""Seconds for which leading cells may keep callers waiting in a swap, unless more is allowed."""

TRIES = 5
"""How often cells that changed meanwhile are led anew before the upgrade is refused."""

HISTORY = 1000
"""Starts, changes and ends that a data directory remembers."""

ASKED = 60 * 60 * 1000
"""Milliseconds in which the same request of one client over TCP is one row of it."""

DEAD = 10_000
"""Dead letters that are kept; where there are more, the oldest are dropped."""

DEAD_BYTES = 64 * 1024 * 1024
"""Bytes of them all, as they are written down."""

SHOWN_SPANS = 100
"""Spans of numbers that a row of the history tells."""

LOGGED_LETTERS = 20
"""Dead letters of one batch that the log tells one by one."""

GREETING = 10.0
"""Seconds in which somebody gives the token of a control over TCP."""

GREETED = 1024
"""Bytes in which it is given."""

STRANGERS = 16
"""Conversations over TCP that have not given it yet; where there would be more, the oldest is let go of."""

SILENCE = 60.0
"""Seconds in which a request comes whole over TCP, and in which a reply is read."""

EVENTS = 1024
"""Published events that wait for one subscriber; it is dropped when another comes."""

HEARTBEAT = 15.0
"""Seconds without an event after which a client of a topic hears that the connection lives."""

UNREAD = 30.0
"""Seconds for which such a client may read nothing before it is cut off."""

LOOK = 60.0
"""Seconds after which the clock is looked at again while a timer is to come, as it may have been put forward."""

GONE = 1000
"""Deadlines of timers that are no longer to come, which are kept until they are half of all."""

LOOKED = 5_000
"""Rows that a snapshot looks at without a pause, where they are as they were in the last one."""

RETAINED_BYTES = 64 * 1024 * 1024
"""Bytes of the log that stay behind a snapshot."""

RETAINED_SECONDS = 7 * 24 * 3600
"""The age of the oldest entry that stays behind a snapshot."""

SEGMENTS = 64
"""In so many pieces the log is taken away, each of that share of the bytes or of the time."""

TOLD_LINES = 100_000
"""Lines of an export between two that tell how far it is."""

RETRY_AFTER = 1.0
"""Seconds after which a caller who was turned away is asked to come back."""

BACKLOG = 2048
"""Clients that wait at an address until they are taken."""

IN_FLIGHT = 256
"""Requests of one client that wait for their answers; no more of it is read meanwhile."""

MAX_REQUEST = 1024 * 1024
"""Bytes of one request of a codec's protocol."""

MAX_BODY = 1024 * 1024
"""Bytes of a request's body."""

MAX_NESTING = 64
"""Arrays and objects inside one another in a request's body."""

REQUESTS = 10_000
"""Named requests whose answers a machine remembers."""

REQUEST_SECONDS = 24 * 60 * 60
"""How long it remembers them; none is forgotten before it is that old or `REQUESTS` others came after it."""

FORGET = 2
"""Answers that have become too old and are let go of with each new one: more than come in, and no pause."""

MAX_ID = 255
"""Characters in the id of a named request."""

SHOWN_ROWS = 20
"""Rows of a table that a status shows; it tells the number of all."""

SHOWN_ITEMS = 1000
"""Values inside one cell that a status shows; a larger one is told by its size."""

SHOWN_TEXT = 500
"""Characters of a text that a status or an error shows."""

MAX_NAME = 100
"""Characters in the name of an application or machine."""

DRAW_SECONDS = 60
"""How long Graphviz may take for one picture."""

MAX_ARTIFACT = 4 * 1024 * 1024
"""Bytes of an artifact as it travels, compressed and signed."""

MAX_CONTENT = 16 * 1024 * 1024
"""Bytes of what is in it."""

MAX_STATEMENT = 4096
"""Bytes of a signed statement of a tag."""

UPLOADS = 64
"""Artifacts that come to a registry over HTTP and are not whole yet; where there would be more, the oldest go."""

FEWEST_DIGITS = 4
"""Digits by which an artifact in a registry may be named, where no other begins with them."""

SHORT_DIGEST = 12
"""Digits of a digest that are shown, and the fewest by which a version may be named."""

assert TURN <= BATCH <= INBOX, "a full inbox is worked off in whole batches, a batch in whole turns"
assert IN_FLIGHT <= BATCH, "one client fills a batch and not an inbox"
assert MAX_NESTING * 3 < 1000, (
    "a reader recursing three frames a level must stay within Python's default limit"
)
assert ALONE_SAVED < TOGETHER_SAVED < GIT
assert LET_GO * 5 < SLICE, "the machines have most of the time while a change is prepared"
assert MAX_NAME < MAX_BODY
assert MAX_ARTIFACT < MAX_CONTENT, "what is compressed is smaller than what comes of it"
assert UPLOADS * MAX_ARTIFACT <= 256 * 1024 * 1024, "what is not whole yet must not fill a disk"
assert FORGET > 1, "what has become too old must leave faster than new answers come"
