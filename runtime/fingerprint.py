"""What stands for a message under its id: the same for equal messages, whichever version has their classes."""

from __future__ import annotations

import hashlib
from operator import itemgetter
from typing import Any

from arrows import record
from arrows.canonical import Packer, dump


def fingerprint(message: Any) -> str:
    """What equal messages share, in every version that takes them. Raises NotData.

    >>> fingerprint((1, "a")) == fingerprint((1.0, "a")), fingerprint(1) == fingerprint(2)
    (True, False)
    """
    return hashlib.sha256(dump(_Alike().value(message))).hexdigest()[:32]


class _Alike(Packer):
    """Packs alike what an upgrade may take for the other: classes of one name, fields in any order, 1 and 1.0.

    A field that is what it is when left out is left out, so that a class may gain one.
    """

    def value(self, value: Any, depth: int = 0) -> Any:
        whole = type(value) is float and value.is_integer()
        return super().value(int(value) if whole else value, depth)

    def _container(self, value: Any, cls: type, depth: int) -> Any:
        if not record.is_frozen_record(cls):
            return super()._container(value, cls, depth)
        given = []
        for field, each in zip(record.fields(cls), record.values(value), strict=True):
            packed = self.value(each, depth)
            default = field.default if field.default and record.is_data(field.default) else None
            if default is None or dump(packed) != dump(self.value(default(), depth)):
                given.append([field.name, packed])
        return {"r": [cls.__name__, sorted(given, key=itemgetter(0))]}

    def place(self, cls: type) -> Any:
        return cls.__name__
