"""The store, counting how often each key was written: who read a version may replace just that one."""

from __future__ import annotations

import attrs

from midflight import Application, Migration, keyed, proc


@attrs.frozen
class Set:
    key: str
    value: str


@attrs.frozen
class Replace:
    """Set, but only where the key still has the version that the caller has seen."""

    key: str
    value: str
    version: int


@attrs.frozen
class Lookup:
    key: str


@attrs.frozen
class Delete:
    key: str


@attrs.frozen
class Stored:
    version: int


@attrs.frozen
class Found:
    value: str
    version: int


@attrs.frozen
class Deleted:
    pass


@attrs.frozen
class Missing:
    pass


@attrs.frozen
class Conflict:
    version: int


@proc
def key(msg: Set | Replace | Lookup | Delete) -> str:
    return msg.key


@proc
def entry(
    msg: Set | Replace | Lookup | Delete, *, value: tuple[str, int] | None = None
) -> Stored | Found | Deleted | Missing | Conflict:
    match msg:
        case Set(value=new):
            written = 1 if value is None else value[1] + 1
            value = (new, written)
            return Stored(written)
        case Replace(value=new, version=seen):
            if value is None:
                return Missing()
            if value[1] != seen:
                return Conflict(value[1])
            value = (new, seen + 1)
            return Stored(seen + 1)
        case Lookup():
            if value is None:
                return Missing()
            return Found(value[0], value[1])
        case Delete():
            if value is None:
                return Missing()
            value = None
            return Deleted()


@proc
def counted(value: str | None) -> tuple[str, int] | None:
    return None if value is None else (value, 1)


@proc
def uncounted(value: tuple[str, int] | None) -> str | None:
    return None if value is None else value[0]


to_2 = Migration("store", old="1", new="2", up={"entries/value": counted}, down={"entries/value": uncounted})

store = keyed(entry, by=key, name="entries")

app = Application("store", version="2", machines={"store": store}, migrations=[to_2])
