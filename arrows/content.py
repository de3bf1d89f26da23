"""What a function or class is, by content: the graph of what it reaches, as canonical bytes.

A user's function is its normalised tree (no comments, docstrings, places or formatting), its defaults,
its closure and, each in turn, the functions, classes and values it reads. Library code is a name: the
distribution, its version, module and qualified name; Python's own has no version. What cannot be
identified is an error, never a guess.
"""

from __future__ import annotations

import enum
import functools
import hashlib
import importlib.metadata
import sys
import sysconfig
import types
import typing
from typing import Any

import attrs

from arrows import record
from arrows.canonical import NotData, Packer, dump
from arrows.effect import Effect
from arrows.origin import BuildError, Origin
from arrows.reach import Reached, reached
from arrows.source import SOURCE, normal

_OURS = frozenset({"arrows", "migrations", "runtime", "midflight"})
_STANDARD = sysconfig.get_path("stdlib")
_GENERATED = ("<attrs generated", "<string>")
_MAKERS = ("attr._make", "dataclasses", "reprlib")
"""Modules that put functions of their own into the classes they make, such as `__replace__` since Python 3.13."""


def function_digest(function: Any, where: Origin | None = None) -> str:
    """The digest of a function, used at a place: 64 hex digits.

    Raises BuildError, naming place and remedy, for what cannot be identified: hidden state, no source.
    """
    return _Graph().digest(function, where)


def class_digest(cls: type) -> str:
    """The digest of a record or enum class: its shape, defaults, and methods."""
    return _Graph().digest_class(cls)


def class_code(cls: type) -> str | None:
    """The digest of what a class has beyond fields and defaults, or None for plain data."""
    return class_digest(cls) if _Graph().code(cls) is not None else None


class _Graph:
    """What was reached so far: a description for each function and class, in the order of discovery."""

    def __init__(self) -> None:
        self.described: list[Any] = []
        self.places: dict[int, int] = {}
        self.alive: list[Any] = []
        self.packer = Packer(self.code)

    def digest(self, thing: Any, where: Origin | None) -> str:
        return self.hash(self.ref(thing, where))

    def digest_class(self, cls: type) -> str:
        try:
            return self.hash(self.packer.place(cls))
        except NotData as wrong:
            raise BuildError(f"{cls.__qualname__} cannot be identified: {wrong}") from None

    def hash(self, root: Any) -> str:
        return hashlib.sha256(dump([root, self.described, self.packer.classes])).hexdigest()

    def ref(self, thing: Any, where: Origin | None) -> Any:
        """How one thing that is reached is written down."""
        if isinstance(thing, functools.partial):
            inner = [self.ref(each, where) for each in (thing.func, *thing.args, *thing.keywords.values())]
            return ["partial", list(thing.keywords), inner]
        if isinstance(thing, types.MethodType):
            return ["method", self.ref(thing.__self__, where), self.ref(thing.__func__, where)]
        library = _library(thing)
        if library is not None:
            return library
        if isinstance(thing, types.FunctionType):
            return ["function", self.place(thing, lambda: self.function(thing))]
        if isinstance(thing, type):
            if issubclass(thing, enum.Enum) or record.is_frozen_record(thing):
                return ["data class", self.packer.place(thing)]
            return ["class", self.place(thing, lambda: self.members(thing))]
        held = getattr(thing, "__self__", None)
        if isinstance(thing, types.BuiltinFunctionType) and held is not None:
            return ["method", self.ref(held, where), thing.__name__]
        try:
            return ["value", self.packer.value(thing)]
        except NotData:
            return self.object(thing, where)

    def place(self, thing: Any, describe: Any) -> int:
        known = self.places.get(id(thing))
        if known is None:
            known = self.places[id(thing)] = len(self.described)
            self.alive.append(thing)
            self.described.append(None)
            self.described[known] = describe()
        return known

    def object(self, thing: Any, where: Origin | None) -> Any:
        """An instance of a library's own class, such as an attrs validator, by its fields; an arrow by its tree."""
        from arrows.term import Arrow  # noqa: PLC0415 - functions may read arrows, and arrows hold functions

        if isinstance(thing, Arrow) or (attrs.has(type(thing)) and _library(type(thing)) is not None):
            held = [each for each in attrs.fields(type(thing)) if each.eq]
            return ["object", _library(type(thing)), [self.ref(getattr(thing, f.name), where) for f in held]]
        if type(thing) is tuple:
            return ["tuple", [self.ref(each, where) for each in thing]]
        raise BuildError(
            f"{type(thing).__qualname__} object {thing!r:.60} is read by a function and cannot be identified",
            where=where,
            remedy="Let the function read only plain data, functions and classes, or pass the value as an input.",
        )

    def function(self, function: types.FunctionType) -> Any:
        where = Origin(function.__code__.co_filename, function.__code__.co_firstlineno)
        tree = normal(function)
        found: Reached = reached(function, where)
        return [
            tree,
            [self.ref(each, where) for each in function.__defaults__ or ()],
            [[name, self.ref(each, where)] for name, each in sorted((function.__kwdefaults__ or {}).items())],
            [[name, self.ref(each, where)] for name, each in sorted(found.items())],
        ]

    def code(self, cls: type) -> Any:
        """What a data class has beyond its data, or None: methods, user-written bases, validators."""
        if _library(cls) is not None:
            return _library(cls)
        members = self.members(cls)
        return members if any(members) else None

    def members(self, cls: type) -> list[Any]:
        """The user's bases, members and field hooks of a class."""
        where = Origin(cls.__module__, 0)
        bases = [self.ref(base, where) for base in cls.__bases__ if not _is_plain_base(base)]
        data = issubclass(cls, enum.Enum) or record.is_frozen_record(cls)
        own = [
            [name, self.member(value, where)]
            for name, value in sorted(cls.__dict__.items())
            if _written(value)
        ]
        plain = [] if data else self.plain_members(cls, where)
        return [bases, own, plain, self.hooks(cls, where)]

    def member(self, value: Any, where: Origin) -> Any:
        if isinstance(value, staticmethod | classmethod):
            return [type(value).__name__, self.ref(value.__func__, where)]
        if isinstance(value, property):
            parts = (value.fget, value.fset, value.fdel)
            return ["property", *(None if each is None else self.ref(each, where) for each in parts)]
        return self.ref(value, where)

    def plain_members(self, cls: type, where: Origin) -> list[Any]:
        """The class-level values of an ordinary class."""
        shown = {k: v for k, v in cls.__dict__.items() if not k.startswith("__") and not _written(v)}
        return [
            [name, self.ref(value, where)]
            for name, value in sorted(shown.items())
            if not hasattr(value, "__get__")
        ]

    def hooks(self, cls: type, where: Origin) -> list[Any]:
        """What runs when an instance is made, and how instances are compared."""
        if not record.is_frozen_record(cls):
            return []
        hooks = [
            [f.name, f.default] for f in record.fields(cls) if f.default and not record.is_data(f.default)
        ]
        if attrs.has(cls):
            hooks += [
                [f.name, f.validator, f.converter] for f in attrs.fields(cls) if f.validator or f.converter
            ]
        written = [
            [name, *(None if h is None else self.ref(h, where) for h in both)] for name, *both in hooks
        ]
        return [*written, *record.options(cls)]


def _is_plain_base(base: type) -> bool:
    """Whether a base adds nothing to frozen data."""
    return base in (object, enum.Enum, typing.Generic, Effect) or base.__module__ == "msgspec"


def _written(value: Any) -> bool:
    """Whether a class member is code that a person wrote."""
    if isinstance(value, staticmethod | classmethod):
        value = value.__func__
    if isinstance(value, property):
        return True
    written = isinstance(value, types.FunctionType) and not value.__code__.co_filename.startswith(_GENERATED)
    return written and value.__globals__.get("__name__") not in _MAKERS and _library(value) is None


def _library(thing: Any) -> Any:
    """The name of a thing that some library or Python itself defines, or None for the user's own."""
    held = getattr(thing, "__self__", None) if isinstance(thing, types.BuiltinFunctionType) else None
    if not isinstance(held, types.ModuleType | type | None):
        return None
    if isinstance(thing, types.ModuleType):
        return _home(thing.__name__, "")
    owner = getattr(thing, "__objclass__", None)
    if owner is not None:
        return _home(owner.__module__, thing.__qualname__)
    if not isinstance(thing, type | types.FunctionType | types.BuiltinFunctionType):
        return None
    module: str | None = held.__module__ if isinstance(held, type) else thing.__module__
    return _home(module or "builtins", thing.__qualname__)


def _home(module: str, name: str) -> Any:
    top = module.partition(".")[0]
    if top in _OURS and _is_ours(top):
        return ["midflight", module, name]
    held = sys.modules.get(module)
    file = getattr(held, "__file__", None) or ""
    if top == "__main__" or hasattr(held, SOURCE):  # the program itself, or a version that was loaded
        return None
    if top in sys.stdlib_module_names and file.startswith(_STANDARD if file else ""):
        return ["python", module, name]
    if "site-packages" in file or "dist-packages" in file:
        distribution = (_distributions().get(top) or [top])[0]
        try:
            return ["library", distribution, importlib.metadata.version(distribution), module, name]
        except importlib.metadata.PackageNotFoundError:
            return ["library", distribution, "", module, name]
    return None


def _is_ours(top: str) -> bool:
    """A project's own `runtime` is not ours."""
    file = getattr(sys.modules.get(top), "__file__", None) or ""
    return file.startswith(__file__.removesuffix("arrows/content.py"))


@functools.cache
def _distributions() -> Any:
    return importlib.metadata.packages_distributions()
