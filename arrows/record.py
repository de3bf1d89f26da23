"""Message and state classes: their fields as shapes, and one class for each content.

A record class is a frozen attrs class, frozen dataclass or frozen `msgspec.Struct`. What is read from a
class is kept beside it, weakly: a class that nothing else holds is collected.
"""

from __future__ import annotations

import dataclasses
import typing
import weakref
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import attrs

from arrows.origin import BuildError
from arrows.shape import Shape, shape_of


@attrs.frozen
class Field:
    """A field of a record: its name, its shape, and what makes it when it is left out (None: nothing does)."""

    name: str
    shape: Shape
    default: Callable[[], Any] | None = None

    @property
    def required(self) -> bool:
        """Whether a record cannot be made without this field."""
        return self.default is None


def always(value: Any) -> Callable[[], Any]:
    """What makes a field that is the same each time."""
    return lambda: value


_FIELDS: weakref.WeakKeyDictionary[type, tuple[Field, ...]] = weakref.WeakKeyDictionary()

USED: weakref.WeakSet[type] = weakref.WeakSet()
"""The record and enum classes that shapes speak of."""


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
    known = _FIELDS.get(cls)
    if known is None:
        known = _FIELDS[cls] = tuple(_read(cls))
        if any(field.name == "type" for field in known):
            raise BuildError(
                f"{cls.__qualname__} has a field called 'type', which names the class in JSON",
                remedy="Give the field another name, for example 'kind'.",
            )
    return known


def make(name: str, names: Mapping[str, bool]) -> type:
    """Return a new frozen class with these fields, each optional or not; `define` then tells what they hold."""
    made: list[type] = []

    def left_out(name: str) -> Any:
        return next(field.default() for field in fields(made[0]) if field.name == name and field.default)

    spec = {
        each: attrs.field(kw_only=True, factory=partial(left_out, each))
        if optional
        else attrs.field(kw_only=True)
        for each, optional in names.items()
    }
    made.append(attrs.make_class(name, spec, frozen=True))
    made[0].__module__ = "received"
    return made[0]


def define(cls: type, spec: tuple[Field, ...]) -> None:
    """Tell the fields of a class made by `make`."""
    _FIELDS[cls] = spec


def _read(cls: type) -> Iterator[Field]:
    hints = _hints(cls)
    if attrs.has(cls):
        for each in attrs.fields(cls):
            if each.init:
                yield Field(
                    each.alias or each.name, shape_of(hints.get(each.name, Any)), _attrs_default(cls, each)
                )
    elif dataclasses.is_dataclass(cls):
        for item in dataclasses.fields(cls):
            if item.init:
                default = _default(item.default, item.default_factory, dataclasses.MISSING)
                yield Field(item.name, shape_of(hints.get(item.name, Any)), default)
    else:
        import msgspec  # noqa: PLC0415 - there is a Struct, so its library is there

        for one in msgspec.structs.fields(cls):
            default = _default(one.default, one.default_factory, msgspec.NODEFAULT)
            yield Field(one.name, shape_of(hints.get(one.name, Any)), default)


def _attrs_default(cls: type, field: Any) -> Callable[[], Any] | None:
    if not isinstance(field.default, attrs.Factory):
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
        return always(value)
    return None if factory is missing else factory  # type: ignore[no-any-return]


def _hints(cls: type) -> dict[str, Any]:
    """Resolve annotations; a class made inside a function may name its neighbours only there."""
    try:
        return typing.get_type_hints(cls)
    except NameError as missing:
        raise BuildError(
            f"{cls.__qualname__}: the annotation {missing.name!r} names nothing where the class was defined",
            remedy="Define message classes at the top level of a module.",
        ) from None


def values(record: Any) -> tuple[Any, ...]:
    """The values of a record's fields, in the order of `fields`."""
    return tuple(getattr(record, _attribute(type(record), field.name)) for field in fields(type(record)))


def _attribute(cls: type, name: str) -> str:
    """An attrs field `_x` is constructed as `x` and read as `_x`."""
    return name if not attrs.has(cls) or hasattr(cls, name) or not hasattr(cls, "_" + name) else "_" + name
