"""A migration as an arrow, so that every reader of arrows reads it: encoded, identified, compared, drawn.

The arrow is not there to be stepped. Each value becomes a pair of a constant that tells what it is and what it holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import attrs
from returns.result import Failure, Result, Success

from arrows import arr, constant, identity, parallel
from arrows.origin import BuildError
from arrows.term import Arrow, Constant, Parallel, node
from migrations.lens import LENSES, Missing
from migrations.migration import Drop, Migration
from migrations.rule import Rule

_CLASSES: Final = {cls.__name__: cls for cls in (*LENSES, Missing, Drop, Migration)}


def as_arrow(migration: Migration) -> Arrow[Any, Any]:
    """The migration as an arrow, for `encode`, `digest`, `diff` and the like.

    >>> from arrows import diff, encode, decode
    >>> from migrations import lens
    >>> to_2 = Migration("users", old="1", new="2", lenses=[lens.rename("seen", "visits")])
    >>> from_arrow(decode(encode(as_arrow(to_2)).unwrap()).unwrap()).unwrap() == to_2
    True
    """
    return _written(migration)


def part_as_arrow(part: Any) -> Arrow[Any, Any]:
    """The same of a part of a migration: a lens, an arrow, `DROP`."""
    return _written(part)


def from_arrow(arrow: Arrow[Any, Any]) -> Result[Migration, str]:
    """The migration that an arrow stands for: Success(Migration), or Failure(what is wrong with it)."""
    try:
        found = _read(arrow)
    except (BuildError, TypeError, ValueError, KeyError) as error:
        return Failure(f"not a migration: {error}")
    return Success(found) if isinstance(found, Migration) else Failure("not a migration")


def _written(value: Any) -> Arrow[Any, Any]:
    if isinstance(value, Arrow):
        return parallel(constant("arrow"), value)
    if isinstance(value, Rule):
        return parallel(constant("rule"), arr(value.way))  # type: ignore[arg-type]
    if type(value).__name__ in _CLASSES and attrs.has(type(value)):
        parts = [getattr(value, field.name) for field in attrs.fields(type(value))]
        return parallel(constant(("class", type(value).__name__)), _several(parts))
    if isinstance(value, Mapping):
        return parallel(constant("mapping"), _several([_pair(*item) for item in sorted(value.items())]))
    if type(value) is tuple:
        return parallel(constant("tuple"), _several(value))
    return parallel(constant("data"), constant(value))


def _pair(key: str, value: Any) -> tuple[str, Any]:
    return key, value


def _several(values: Iterable[Any]) -> Arrow[Any, Any]:
    made: Arrow[Any, Any] = identity()
    for value in reversed(list(values)):
        made = parallel(_written(value), made)
    return made


def _read(arrow: Arrow[Any, Any]) -> Any:
    kind, rest = _halves(arrow)
    told = node(kind)
    if not isinstance(told, Constant):
        raise TypeError("a part does not say what it is")
    match told.value:
        case "arrow":
            return rest
        case "data" if isinstance(rest, Constant):
            return rest.value
        case "tuple":
            return tuple(_parts(rest))
        case "mapping":
            return dict(_parts(rest))
        case ("class", str(name)):
            cls: Any = _CLASSES[name]
            fields = [field.alias for field in attrs.fields(cls)]
            return cls(**dict(zip(fields, _parts(rest), strict=True)))
        case other:
            raise ValueError(f"nothing is called {other!r:.50}")


def _halves(arrow: Arrow[Any, Any]) -> tuple[Arrow[Any, Any], Arrow[Any, Any]]:
    if not isinstance(arrow, Parallel):
        raise TypeError("a part is not a pair")
    return arrow.left, arrow.right


def _parts(arrow: Arrow[Any, Any]) -> list[Any]:
    found = []
    while isinstance(arrow, Parallel):
        found.append(_read(arrow.left))
        arrow = arrow.right
    return found
