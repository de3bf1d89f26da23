"""Values drawn from shapes, and states from the cells of a machine: Hypothesis strategies, for trials of all kinds.

Hypothesis is needed (`pip install midflight[check]`). Every value that is drawn equals itself, so there is no NaN.
"""

from __future__ import annotations

from typing import Any, assert_never

from hypothesis import strategies as st
from immutables import Map

from arrows import record
from arrows.cells import Cell, Slot, Values, initial
from arrows.keys import is_initial, key_of
from arrows.shape import (
    Anything,
    Enumeration,
    Many,
    Mapping,
    OneOf,
    Product,
    Record,
    Scalar,
    Shape,
)

_SCALARS: dict[type, st.SearchStrategy[Any]] = {
    bool: st.booleans(),
    bytes: st.binary(max_size=8),
    float: st.floats(allow_nan=False),
    int: st.integers(),
    str: st.text(max_size=8),
    type(None): st.none(),
}
MOST = 4
"""Items in a container that is drawn."""


def values(shape: Shape) -> st.SearchStrategy[Any]:
    """Values of a shape. A record's constructor may refuse some of what its fields' types allow: those are left out."""
    return _Drawn().values(shape)


def states(slots: tuple[Slot, ...]) -> st.SearchStrategy[Values]:
    """States that a machine with these slots may have."""
    return _Drawn().states(slots)


class _Drawn:
    def __init__(self) -> None:
        self._records: dict[type, st.SearchStrategy[Any]] = {}

    def values(self, shape: Shape) -> st.SearchStrategy[Any]:
        match shape:
            case Scalar(type=cls):
                return _SCALARS[cls]
            case Enumeration(cls=cls):
                return st.sampled_from(list(cls))
            case Many(container=container, item=item):
                return st.lists(self.values(item), max_size=MOST).map(container)
            case Product(items=items):
                return st.tuples(*map(self.values, items))
            case Mapping(key=key, value=value):
                return st.dictionaries(self.values(key), self.values(value), max_size=MOST)
            case OneOf(options=several):
                return st.one_of(*map(self.values, several))
            case Record(cls=cls):
                return self.record(cls)
            case Anything():
                return st.none() | st.booleans() | st.integers() | st.text(max_size=8)
            case _:
                assert_never(shape)

    def record(self, cls: type) -> st.SearchStrategy[Any]:
        if cls not in self._records:  # a class may hold itself
            self._records[cls] = st.deferred(lambda: made)
            given = {field.name: self.values(field.shape) for field in record.fields(cls)}
            made = st.fixed_dictionaries(given).map(lambda found: _made(cls, found)).filter(_is_there)
        return self._records[cls]

    def states(self, slots: tuple[Slot, ...]) -> st.SearchStrategy[Values]:
        return st.tuples(*map(self.slot, slots))

    def slot(self, slot: Slot) -> st.SearchStrategy[Any]:
        if isinstance(slot, Cell):
            return self.values(slot.shape)
        first = initial(slot.slots)
        rows = st.dictionaries(self.values(slot.key).map(key_of), self.states(slot.slots), max_size=MOST)
        return rows.map(lambda found: Map({k: row for k, row in found.items() if not is_initial(row, first)}))


def _made(cls: type, given: dict[str, Any]) -> Any:
    try:
        return cls(**given)
    except (TypeError, ValueError, ArithmeticError, LookupError):
        return None


def _is_there(value: Any) -> bool:
    return value is not None
