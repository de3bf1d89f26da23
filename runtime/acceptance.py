"""Which messages a machine takes: told of one message, and of all that another version takes."""

from __future__ import annotations

from typing import Any, assert_never

import attrs

from arrows import record
from arrows.fit import Misfit, adopt, misfit
from arrows.plain import describe
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
    options,
    parts,
)
from migrations.chain import Route
from migrations.messages import Messages, messages
from runtime import bounds
from runtime.together import Together


class _Every(frozenset[type]):
    """The classes that `Anything` accepts."""

    def __contains__(self, _: object) -> bool:
        return True


def classes(shape: Shape) -> frozenset[type]:
    """The classes whose instances need no second look: those that are a form of their own in `shape`."""
    if isinstance(shape, Anything):
        return _Every()
    found: set[type] = set()
    for option in options(shape):
        match option:
            case Record(cls=cls) | Enumeration(cls=cls) | Scalar(type=cls):
                found.add(cls)
            case Anything() | Many() | Product() | Mapping() | OneOf():
                pass
            case _:
                assert_never(option)
    return frozenset(found)


def check(shape: Shape) -> None:
    """Read every record class that a shape names, at any depth. Raises BuildError for one that is not data."""
    todo, seen = [shape], set[type]()
    while todo:
        each = todo.pop()
        todo.extend(parts(each))
        if isinstance(each, Record) and each.cls not in seen:
            seen.add(each.cls)
            todo.extend(field.shape for field in record.fields(each.cls))


@attrs.frozen
class Older:
    """The version before, as its clients speak it: what it takes and gives, and the way to what runs."""

    version: str
    takes: Shape
    gives: Shape
    inputs: Messages
    replies: Messages
    classes: frozenset[type]

    @classmethod
    def of(cls, route: Route) -> Older:
        """Read how the version where a route begins speaks. Raises Stop for lenses that cannot be meant."""
        (label, old), (_, new) = route.ends
        told = classes(old.takes) - classes(new.takes)
        return cls(label, old.takes, old.gives, route.inputs(), route.replies(), told)


def fitted(message: Any, shape: Shape, older: Older | None = None) -> tuple[Any, Misfit | None]:
    """Return the message with the classes that `shape` names, and where the two part (else None).

    A message of the class of another version becomes one of the class of its name, where structure says how; one of
    the version before, which `older` knows, as its migration says.
    """
    if type(message) is Together:
        return _all_fitted(message, shape, older)
    try:
        if older is not None and type(message) in older.classes:
            return older.inputs.up(message), None
        adopted = adopt(message, shape)
        wrong = misfit(adopted, shape)
        if wrong is not None and record.is_frozen_record(type(message)):
            own = Record(type(message))
            found = messages(own, shape)
            if not found.gone and misfit(message, own) is None:
                adopted = found.up(message)
                wrong = misfit(adopted, shape)
        return adopted, wrong
    except Exception as error:
        return message, Misfit("", " | ".join(describe(shape)), f"{type(error).__name__}: {error}")


def _all_fitted(several: Together, shape: Shape, older: Older | None) -> tuple[Together, Misfit | None]:
    if len(several.messages) > bounds.TOGETHER:
        return several, Misfit("", f"at most {bounds.TOGETHER} messages", str(len(several.messages)))
    accepted, found = classes(shape), []
    for at, each in enumerate(several.messages):
        one, wrong = (each, None) if type(each) in accepted else fitted(each, shape, older)
        if wrong is not None:
            return several, attrs.evolve(wrong, path=f"[{at}].{wrong.path}".rstrip("."))
        found.append(one)
    return Together(tuple(found)), None
