"""What a person wrote into a class: methods, descriptors, values, what its fields do; not what was generated."""

from __future__ import annotations

import dataclasses
import enum
import types
import typing
from collections.abc import Callable, Iterator
from typing import Any, Final, TypeAlias

import attrs

from arrows import record
from arrows.effect import Effect
from arrows.library import library_name, maker

Ref: TypeAlias = Callable[[Any], Any]
"""How a thing that is reached is written down."""

_MAKERS: Final = ("attr._make", "dataclasses", "reprlib", "arrows.secret")
"""Modules that put functions of their own into the classes they make, such as `__replace__` since Python 3.13."""

_DATACLASS: Final = frozenset(
    {"__init__", "__repr__", "__eq__", "__lt__", "__le__", "__gt__", "__ge__", "__hash__"}
    | {"__setattr__", "__delattr__", "__replace__", "__getstate__", "__setstate__"}
)
"""What `dataclass` compiles from a string."""

_ATTRS: Final = "<attrs generated"
_MACHINERY: Final = frozenset({"_abc_impl", "_is_protocol", "_is_runtime_protocol"})
_TUPLES: Final = frozenset({"_make", "_replace", "_asdict", "__replace__"})
_ANNOTATIONS: Final = frozenset({"__annotate__", "__annotate_func__"})
_SLOTS: Final = (types.MemberDescriptorType, types.GetSetDescriptorType)


def is_data(cls: type) -> bool:
    """Whether instances of a class are plain data."""
    return issubclass(cls, enum.Enum) or record.is_frozen_record(cls)


def bases(cls: type) -> list[type]:
    """The bases and metaclass that add something."""
    own = [base for base in cls.__bases__ if not _is_plain_base(base)]
    return own if library_name(type(cls)) is not None else [*own, type(cls)]


def _is_plain_base(base: type) -> bool:
    """Whether a base adds nothing to frozen data."""
    return base in (object, enum.Enum, typing.Generic, Effect) or base.__module__ == "msgspec"


def written(cls: type) -> Iterator[tuple[str, Any]]:
    """The members that count, by name, in the order of their names."""
    declared = {each.name for each in (*_attrs_fields(cls), *_dataclass_fields(cls))}
    if issubclass(cls, enum.Enum):
        declared |= set(cls.__members__)
    for name, value in sorted(vars(cls).items(), key=lambda both: both[0]):
        if name not in declared and not _is_machinery(cls, name, value):
            yield name, value


def _is_machinery(cls: type, name: str, value: Any) -> bool:
    if isinstance(value, _SLOTS) or name in _MACHINERY or type(value).__name__ == "_tuplegetter":
        return True
    if name in _ANNOTATIONS or (name in _TUPLES and issubclass(cls, tuple) and hasattr(cls, "_fields")):
        return True
    function = value.__func__ if isinstance(value, staticmethod | classmethod) else value
    if isinstance(function, types.FunctionType):
        return _is_generated(cls, name, function)
    if name[:2] == name[-2:] == "__":
        return not (isinstance(function, property | type) or (name == "__match_args__" and not is_data(cls)))
    return name[:1] == name[-1:] == "_" and issubclass(cls, enum.Enum)


def _is_generated(cls: type, name: str, function: types.FunctionType) -> bool:
    home = str(function.__globals__.get("__name__"))
    file = function.__code__.co_filename
    if home in _MAKERS or home.startswith("namedtuple_"):
        return True
    if file.startswith(_ATTRS):
        return "cached_properties" not in function.__globals__
    if file == "<string>" and name in _DATACLASS and dataclasses.is_dataclass(cls):
        return True
    return name[:1] == "_" and library_name(function) is not None  # such as Enum.__new__


def is_code(value: Any) -> bool:
    """Whether a member is a method or property."""
    return isinstance(value, types.FunctionType | staticmethod | classmethod | property)


def methods(cls: type) -> Iterator[types.FunctionType]:
    """The functions of the user's among the members."""
    for _, value in written(cls):
        parts = [value.fget, value.fset, value.fdel] if isinstance(value, property) else [value]
        for part in parts:
            function = part.__func__ if isinstance(part, staticmethod | classmethod) else part
            if not isinstance(function, types.FunctionType) or maker(function) is not None:
                continue
            if not function.__code__.co_filename.startswith(_ATTRS):
                yield function


def member(value: Any, ref: Ref) -> Any:
    """How a member is written down."""
    if isinstance(value, staticmethod | classmethod):
        return [type(value).__name__, ref(value.__func__)]
    if isinstance(value, property | types.DynamicClassAttribute):
        parts = (value.fget, value.fset, value.fdel)
        return ["property", *(None if each is None else ref(each) for each in parts)]
    if type(value).__name__ == "cached_property" and hasattr(value, "func"):
        return ["cached_property", ref(value.func)]
    if type(value).__name__ == "partialmethod" and hasattr(value, "func"):
        inner = [ref(each) for each in (value.func, *value.args, *value.keywords.values())]
        return ["partialmethod", list(value.keywords), inner]
    if isinstance(value, types.FunctionType) and value.__code__.co_filename.startswith(_ATTRS):
        held = value.__globals__[
            "cached_properties"
        ]  # attrs moves what `cached_property` held in a slotted class
        return ["cached properties", [[name, ref(held[name])] for name in sorted(held)]]
    return ref(value)


def hooks(cls: type, ref: Ref, once: Ref) -> list[Any]:
    """What runs when an instance is made, `once` for what makes a default, and how instances are compared."""
    fields = (*_attrs_fields(cls), *_dataclass_fields(cls))
    if not record.is_frozen_record(cls):
        return [*(_declared(each, ref, once) for each in fields), *record.options(cls)]
    made = [
        [f.name, once(f.default), None]
        for f in record.fields(cls)
        if f.default and not record.is_data(f.default)
    ]
    hooks = [(f.name, f.validator, f.converter) for f in _attrs_fields(cls) if f.validator or f.converter]
    written = [[name, *(None if h is None else ref(h) for h in both)] for name, *both in hooks]
    inside = [_declared(f, ref, once) for f in fields if not f.init]
    return [*made, *written, *inside, *record.options(cls)]


def _attrs_fields(cls: type) -> tuple[Any, ...]:
    return tuple(attrs.fields(cls)) if attrs.has(cls) else ()


def _dataclass_fields(cls: type) -> tuple[Any, ...]:
    return dataclasses.fields(cls) if dataclasses.is_dataclass(cls) else ()


def _declared(field: Any, ref: Ref, once: Ref) -> list[Any]:
    """A field of a class that is not frozen data."""
    said = [field.name, bool(field.init), bool(field.kw_only)]
    if isinstance(field, dataclasses.Field):
        either = (field.default, field.default_factory)
        return [*said, field.compare, [once(each) for each in either if each is not dataclasses.MISSING]]
    default = field.default
    made = isinstance(default, attrs.Factory)  # type: ignore[arg-type]
    held = [default.factory, default.takes_self] if made else [] if default is attrs.NOTHING else [default]
    runs = [each for each in (field.validator, field.converter, field.on_setattr) if each is not None]
    hooks = [*map(once, held), *map(ref, runs)]
    return [*said, field.alias, bool(field.eq), bool(field.order), made, hooks]
