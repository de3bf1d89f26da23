"""A key-value store: one cell for each key that is set."""

from __future__ import annotations

import attrs

from midflight import Application, keyed, proc


@attrs.frozen
class Set:
    key: str
    value: str


@attrs.frozen
class Lookup:
    key: str


@attrs.frozen
class Delete:
    key: str


@attrs.frozen
class Stored:
    pass


@attrs.frozen
class Found:
    value: str


@attrs.frozen
class Deleted:
    pass


@attrs.frozen
class Missing:
    pass


@proc
def key(msg: Set | Lookup | Delete) -> str:
    return msg.key


@proc
def entry(msg: Set | Lookup | Delete, *, value: str | None = None) -> Stored | Found | Deleted | Missing:
    match msg:
        case Set(value=new):
            value = new
            return Stored()
        case Lookup():
            if value is None:
                return Missing()
            return Found(value)
        case Delete():
            if value is None:
                return Missing()
            value = None
            return Deleted()


store = keyed(entry, by=key, name="entries")

app = Application("store", version="1", machines={"store": store})
