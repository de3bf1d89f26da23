"""Which messages a machine takes: told of one message, and of all that another version takes."""

from __future__ import annotations

from typing import Any, Literal, assert_never

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
from migrations.infer import Inferred, infer
from runtime import bounds
from runtime.together import Together


@attrs.frozen
class Form:
    """A form of message and what becomes of it: `kept`, `converted`, `new`, or `gone`, which refuses the new version.

    `how` names the rules by which one that waits is converted.
    """

    form: str
    label: Literal["kept", "converted", "new", "gone"]
    how: str = ""


def forms(old: Shape, new: Shape) -> tuple[Form, ...]:
    """Every form of message of two versions.

    >>> from arrows.shape import shape_of
    >>> [(each.form, each.label) for each in forms(shape_of(int | bytes), shape_of(int | str))]
    [('int', 'kept'), ('base64 text', 'gone'), ('str', 'new')]
    """
    found: dict[str, Form] = {}
    for option in options(old):
        form = describe(option)[0]
        if _taken(option, new, frozenset()):
            found[form] = Form(form, "kept")
            continue
        way = _way(option, new)
        how = f"inferred ({', '.join(way.rules)})" if way else ""
        found[form] = Form(form, "converted" if way else "gone", how)
    for option in options(new):
        found.setdefault(describe(option)[0], Form(describe(option)[0], "new"))
    return tuple(found.values())


def _way(old: Shape, new: Shape) -> Inferred | None:
    """The way of a message class of an older version to the one of its name, where structure decides it."""
    if not isinstance(old, Record):
        return None
    named = [
        each for each in options(new) if isinstance(each, Record) and each.cls.__name__ == old.cls.__name__
    ]
    return infer(old, named[0]).value_or(None) if len(named) == 1 else None


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


def fitted(message: Any, shape: Shape) -> tuple[Any, Misfit | None]:
    """Return the message with the classes that `shape` names, and where the two part (else None).

    A message of an older version's class becomes one of the class of its name, where structure says how.
    """
    if type(message) is Together:
        return _all_fitted(message, shape)
    try:
        adopted = adopt(message, shape)
        wrong = misfit(adopted, shape)
        if wrong is not None and record.is_frozen_record(type(message)):
            way = _way(Record(type(message)), shape)
            if way is not None:
                adopted = way.up(message)
                wrong = misfit(adopted, shape)
        return adopted, wrong
    except Exception as error:
        return message, Misfit("", " | ".join(describe(shape)), f"{type(error).__name__}: {error}")


def _all_fitted(several: Together, shape: Shape) -> tuple[Together, Misfit | None]:
    if len(several.messages) > bounds.TOGETHER:
        return several, Misfit("", f"at most {bounds.TOGETHER} messages", str(len(several.messages)))
    accepted, found = classes(shape), []
    for at, each in enumerate(several.messages):
        one, wrong = (each, None) if type(each) in accepted else fitted(each, shape)
        if wrong is not None:
            return several, attrs.evolve(wrong, path=f"[{at}].{wrong.path}".rstrip("."))
        found.append(one)
    return Together(tuple(found)), None


def uncovered(old: Shape, new: Shape) -> Shape | None:
    """The first form that `old` has and `new` does not take, or None where it takes all.

    What counts is what `adopt` can bring over (records of equal name and field names whose fields are taken
    in turn, int for float, enums that kept their members), and records of equal name between which `infer` finds a way.

    >>> from arrows.shape import shape_of
    >>> print(uncovered(shape_of(int | bytes), shape_of(float | str)))
    bytes
    """
    lost = (option for option in options(old) if not _taken(option, new, frozenset()))
    return next((option for option in lost if _way(option, new) is None), None)


def _taken(old: Shape, new: Shape, seen: frozenset[tuple[type, type]]) -> bool:
    """Whether every value of `old` can be brought to `new`; `seen` are classes that hold themselves."""
    match old:
        case OneOf(options=several):
            return all(_taken(option, new, seen) for option in several)
        case Anything():
            return isinstance(new, Anything)
        case Scalar() | Many() | Product() | Mapping() | Record() | Enumeration():
            return any(_form(old, option, seen) for option in options(new))
        case _:
            assert_never(old)


def _form(old: Shape, new: Shape, seen: frozenset[tuple[type, type]]) -> bool:
    if isinstance(new, Anything) or old == new:
        return True
    if isinstance(old, Scalar) and isinstance(new, Scalar):
        return old.type is int and new.type is float
    if isinstance(old, Many) and isinstance(new, Many):
        return old.container is new.container and _taken(old.item, new.item, seen)
    if isinstance(old, Product) and isinstance(new, Product):
        same = len(old.items) == len(new.items)
        return same and all(_taken(a, b, seen) for a, b in zip(old.items, new.items, strict=True))
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        return _taken(old.key, new.key, seen) and _taken(old.value, new.value, seen)
    if isinstance(old, Enumeration) and isinstance(new, Enumeration):
        return old.cls.__name__ == new.cls.__name__ and set(old.cls.__members__) <= set(new.cls.__members__)
    if isinstance(old, Record) and isinstance(new, Record):
        return _record(old.cls, new.cls, seen)
    return False


def _record(old: type, new: type, seen: frozenset[tuple[type, type]]) -> bool:
    if (old, new) in seen:
        return True
    before, after = record.fields(old), record.fields(new)
    if old.__name__ != new.__name__ or [field.name for field in before] != [field.name for field in after]:
        return False
    within = seen | {(old, new)}
    return all(_taken(a.shape, b.shape, within) for a, b in zip(before, after, strict=True))
