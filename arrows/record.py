"""Message and state classes: their fields as shapes, and one class for each content.

A record class is a frozen attrs class, frozen dataclass or frozen `msgspec.Struct`. What is read from a
class is kept in it: a class that nothing else holds is collected.
"""

from __future__ import annotations

import dataclasses
import enum
import inspect
import linecache
import types
import typing
import weakref
from collections import abc
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import attrs

from arrows import secret
from arrows.origin import BuildError
from arrows.shape import Many, Mapping, OneOf, Product, Record, Shape, shape_of


@attrs.frozen
class Field:
    """A field of a record."""

    name: str
    shape: Shape
    default: Callable[[], Any] | None = None
    """What makes it when it is left out; None: nothing does."""
    by_name: bool = False
    """Whether the constructor takes it by name only."""
    secret: bool = False
    """Whether its value must not be seen; see `arrows.secret`."""

    @property
    def required(self) -> bool:
        """Whether a record cannot be made without this field."""
        return self.default is None


@attrs.frozen
class Always:
    """What makes a field that is the same each time."""

    value: Any

    def __call__(self) -> Any:
        return self.value


_EMPTY = (dict, frozenset, list, tuple)


def is_data(default: Callable[[], Any]) -> bool:
    """Whether a default is a value, and not code that makes one."""
    return isinstance(default, Always) or default in _EMPTY


_FACTORY: Any = attrs.Factory

_FIELDS = "__midflight_fields__"
"""Where a class keeps what was read from it: elsewhere, a class that holds itself would be kept alive."""

USED: weakref.WeakSet[type] = weakref.WeakSet()
"""The record and enum classes that shapes and switches speak of."""


MADE: weakref.WeakSet[type] = weakref.WeakSet()
"""The classes that `make` made: fields and nothing else."""


def use(cls: type) -> None:
    """Remember that an arrow speaks of a class."""
    if issubclass(cls, enum.Enum) or is_frozen_record(cls):
        USED.add(cls)


def is_frozen_record(cls: type) -> bool:
    """Whether a class is frozen data with named fields; `fields` reads them."""
    if attrs.has(cls):
        return attrs.inspect(cls).is_frozen
    if dataclasses.is_dataclass(cls):
        return bool(cls.__dataclass_params__.frozen)  # type: ignore[attr-defined]
    config = getattr(cls, "__struct_config__", None)
    return config is not None and bool(config.frozen)


def fields(cls: type) -> tuple[Field, ...]:
    """The fields of a record class in the order of its constructor, read once."""
    known: tuple[Field, ...] | None = vars(cls).get(_FIELDS)
    if known is None:
        named = {p.name for p in inspect.signature(cls).parameters.values() if p.kind is p.KEYWORD_ONLY}
        known = tuple(attrs.evolve(field, by_name=field.name in named) for field in _read(cls))
        if any(field.name == "type" for field in known):
            raise BuildError(
                f"{cls.__qualname__} has a field called 'type', which names the class in JSON",
                remedy="Give the field another name, for example 'kind'.",
            )
        define(cls, known)
    return known


def make(name: str, names: abc.Mapping[str, tuple[bool, bool]]) -> type:
    """Return a new frozen class with these fields, each by name only or not, and optional or not.

    `define` then tells what they hold.
    """
    made: list[type] = []

    def left_out(name: str) -> Any:
        return next(field.default() for field in fields(made[0]) if field.name == name and field.default)

    spec = {
        each: attrs.field(
            alias=each,
            kw_only=by_name,
            default=_FACTORY(partial(left_out, each)) if optional else attrs.NOTHING,
        )
        for each, (by_name, optional) in names.items()
    }
    made.append(attrs.make_class(name, spec, frozen=True, order=False))
    made[0].__module__ = "received"
    MADE.add(made[0])
    for each in vars(made[0]).values():
        if isinstance(
            each, types.FunctionType
        ):  # what was generated for a class that others can make any number of
            linecache.cache.pop(each.__code__.co_filename, None)
    return made[0]


def define(cls: type, spec: tuple[Field, ...]) -> None:
    """Tell the fields of a class."""
    setattr(cls, _FIELDS, spec)
    if any(field.secret for field in spec):
        secret.hide(cls, [(field.name, _attribute(cls, field.name), field.secret) for field in spec])


def holds_secrets(shape: Shape) -> bool:
    """Whether a value of a shape may have a secret field somewhere."""
    todo, seen = [shape], set[type]()
    while todo:
        match todo.pop():
            case Many(item=item):
                todo.append(item)
            case Product(items=items):
                todo.extend(items)
            case Mapping(key=key, value=value):
                todo.extend((key, value))
            case OneOf(options=each):
                todo.extend(each)
            case Record(cls=cls) if cls not in seen:
                seen.add(cls)
                if any(field.secret for field in fields(cls)):
                    return True
                todo.extend(field.shape for field in fields(cls))
            case _:
                pass
    return False


def options(cls: type) -> list[str]:
    """What was asked of a record class beyond fields: that it is ordered, or not compared by value."""
    found = {}
    if attrs.has(cls):
        found = {"eq": attrs.inspect(cls).added_eq, "order": attrs.inspect(cls).added_ordering}
        found |= {f"eq {each.alias}": bool(each.eq) for each in attrs.fields(cls)}
    elif dataclasses.is_dataclass(cls):
        asked = cls.__dataclass_params__  # type: ignore[attr-defined]
        found = {"eq": asked.eq, "order": asked.order}
        found |= {f"eq {each.name}": each.compare for each in dataclasses.fields(cls)}
    elif is_frozen_record(cls):
        asked = cls.__struct_config__  # type: ignore[attr-defined]
        found = {"eq": asked.eq, "order": asked.order}
    return sorted(name for name, chosen in found.items() if chosen != (name != "order"))


def _read(cls: type) -> Iterator[Field]:
    hints = _hints(cls)
    if attrs.has(cls):
        for each in attrs.fields(cls):
            if each.init:
                yield _field(each.alias or each.name, hints.get(each.name, Any), _attrs_default(cls, each))
    elif dataclasses.is_dataclass(cls):
        for item in dataclasses.fields(cls):
            if item.init:
                default = _default(item.default, item.default_factory, dataclasses.MISSING)
                yield _field(item.name, hints.get(item.name, Any), default)
    else:
        import msgspec  # noqa: PLC0415 - there is a Struct, so its library is there

        for one in msgspec.structs.fields(cls):
            default = _default(one.default, one.default_factory, msgspec.NODEFAULT)
            yield _field(one.name, hints.get(one.name, Any), default)


def _field(name: str, hint: Any, default: Callable[[], Any] | None) -> Field:
    marked = secret.is_marked(hint)
    return Field(name, shape_of(typing.get_args(hint)[0] if marked else hint), default, secret=marked)


def _attrs_default(cls: type, field: Any) -> Callable[[], Any] | None:
    if not isinstance(field.default, _FACTORY):
        return _default(field.default, attrs.NOTHING, attrs.NOTHING)
    if field.default.takes_self:
        raise BuildError(
            f"{cls.__qualname__}.{field.name} has a default made from the other fields",
            remedy="Give it a default that stands alone, or none.",
        )
    return _default(attrs.NOTHING, field.default.factory, attrs.NOTHING)


def _default(value: Any, factory: Any, missing: Any) -> Callable[[], Any] | None:
    """What makes a field, of a library that marks what is not there with `missing`."""
    if value is not missing:
        return Always(value)
    made: Callable[[], Any] | None = None if factory is missing else factory
    return made


def _hints(cls: type) -> dict[str, Any]:
    """Resolve annotations; a class made inside a function may name its neighbours only there."""
    try:
        return typing.get_type_hints(cls, localns={cls.__name__: cls}, include_extras=True)
    except NameError as missing:
        raise BuildError(
            f"{cls.__qualname__}: the annotation {missing.name!r} names nothing where the class was defined",
            remedy="Define message classes at the top level of a module.",
        ) from None


def values(record: Any) -> tuple[Any, ...]:
    """The values of a record's fields, in the order of `fields`."""
    return tuple(getattr(record, name) for name in attributes(type(record)))


def attributes(cls: type) -> tuple[str, ...]:
    """The names under which a record's fields are read, in the order of `fields`."""
    return tuple(_attribute(cls, field.name) for field in fields(cls))


def _attribute(cls: type, name: str) -> str:
    """An attrs field `_x` is constructed as `x` and read as `_x`."""
    return name if not attrs.has(cls) or hasattr(cls, name) or not hasattr(cls, "_" + name) else "_" + name
