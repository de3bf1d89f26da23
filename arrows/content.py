"""What a function or class is, by content: the graph of what it reaches, as canonical bytes.

A user's function is its normalised tree (no comments, docstrings, places or formatting), its defaults,
its closure and, each in turn, the functions, classes and values it reads. Library code is a name. What
cannot be identified is an error, never a guess.
"""

from __future__ import annotations

import enum
import functools
import hashlib
import operator
import re
import sys
import types
from collections import deque
from collections.abc import Callable
from typing import Any

import attrs

from arrows import members, record
from arrows.canonical import NamesOnly, NotData, Packer, dump
from arrows.library import library_name, maker
from arrows.origin import BuildError, Origin
from arrows.reach import reached, refuse_shared
from arrows.source import normal, untyped
from arrows.unrepeatable import is_unrepeatable, refused

_BY_REPR = frozenset(
    {"builtins.complex", "builtins.range", "decimal.Decimal", "fractions.Fraction", "uuid.UUID"}
    | {f"datetime.{name}" for name in ("date", "datetime", "time", "timedelta", "timezone")}
)
"""Python's own immutable values, which their repr tells in full."""

_GETTERS = (operator.attrgetter, operator.itemgetter, operator.methodcaller)


def function_digest(
    function: Any, where: Origin | None = None, *, by_name: bool = False, repeated: bool = True
) -> str:
    """The digest of a function, used at a place: 64 hex digits.

    With `by_name`, annotations do not count, and data classes by their names and methods alone. Raises BuildError,
    naming place and remedy, for what cannot be identified: hidden state, no source; and where what it does is
    `repeated`, as steps are, for what gives something else each time.
    """
    graph = _Graph(NamesOnly if by_name else Packer)
    if not repeated:
        graph.once.add(id(function))
    return graph.hash(lambda: graph.ref(function, where), getattr(function, "__qualname__", "a function"))


def class_digest(cls: type) -> str:
    """The digest of a record or enum class: its shape, defaults, and methods."""
    graph = _Graph()
    return graph.hash(lambda: graph.packer.place(cls), cls.__qualname__)


def class_code(cls: type) -> str | None:
    """The digest of what a class has beyond fields and defaults, or None for plain data."""
    if _Graph().code(cls) is not None or (issubclass(cls, enum.Enum) and _holds_records(cls)):
        return class_digest(cls)
    return None


def _holds_records(cls: type[enum.Enum]) -> bool:
    """Whether the values of an enum are records: then it is not made of names and plain values alone."""
    packer = Packer()
    for each in cls.__members__.values():
        packer.value(each.value)
    return bool(packer.classes)


class _Graph:
    """What was reached so far: a description for each function and class, in the order of discovery."""

    def __init__(self, packer: type[Packer] = Packer) -> None:
        self.typed = packer is Packer
        self.described: list[Any] = []
        self.places: dict[int, int] = {}
        self.alive: list[Any] = []
        self.waiting: deque[tuple[int, Callable[[], Any]]] = deque()
        self.open: list[int] = []
        self.once: set[int] = set()
        """What is not repeated, by identity: what makes the defaults of fields, and what is said to be so."""
        self.packer = packer(self.code)

    def hash(self, start: Callable[[], Any], name: str) -> str:
        """The digest of all that is reached from a start."""
        try:
            root = start()
            while self.waiting:
                at, describe = self.waiting.popleft()
                self.described[at] = describe()
            return hashlib.sha256(dump([root, self.described, self.packer.classes])).hexdigest()
        except NotData as wrong:
            raise BuildError(f"{name} cannot be identified: {wrong}") from None
        except RecursionError:
            raise BuildError(
                f"{name} cannot be identified: it reaches what is nested too deeply",
                remedy="Split its longest expression, or its deepest value.",
            ) from None

    def ref(self, thing: Any, where: Origin | None) -> Any:
        """How one thing that is reached is written down."""
        if isinstance(thing, functools.partial):
            self.alike(thing, thing.func)
            inner = [self.ref(each, where) for each in (thing.func, *thing.args, *thing.keywords.values())]
            return ["partial", list(thing.keywords), inner]
        if isinstance(thing, types.MethodType):
            self.alike(thing, thing.__func__)
            return ["method", self.ref(thing.__self__, where), self.ref(thing.__func__, where)]
        library = library_name(thing)
        if library is not None:
            if is_unrepeatable(thing) and id(thing) not in self.once:
                raise refused(f"{thing.__module__}.{thing.__name__}", where)
            return library
        if isinstance(thing, types.FunctionType):
            made = maker(thing)
            if made is None:
                return ["function", self.place(thing, lambda: self.function(thing))]
            return ["made by", made, self.place(thing, lambda: self.held(thing, where))]
        if isinstance(thing, type):
            if members.is_data(thing):
                return ["data class", self.packer.place(thing)]
            return ["class", self.place(thing, lambda: self.members(thing))]
        held = getattr(thing, "__self__", None)
        if isinstance(thing, types.BuiltinFunctionType) and held is not None:
            return ["method", self.ref(held, where), thing.__name__]
        try:
            return ["value", self.packer.value(thing)]
        except NotData:
            return self.object(thing, where)

    def alike(self, thing: Any, *others: Any) -> None:
        """What is not repeated repeats nothing that it is made of, or reads."""
        if id(thing) in self.once:
            self.once.update(map(id, others))

    def place(self, thing: Any, describe: Callable[[], Any]) -> int:
        known = self.places.get(id(thing))
        if known is None:
            known = self.places[id(thing)] = len(self.described)
            self.alive.append(thing)
            self.described.append(None)
            self.waiting.append((known, describe))
        return known

    def object(self, thing: Any, where: Origin | None) -> Any:
        """What is neither plain data nor code: containers of code, and some immutable objects of libraries."""
        from arrows.term import Arrow  # noqa: PLC0415 - functions may read arrows, and arrows hold functions

        cls = type(thing)
        home = library_name(cls)
        if thing is NotImplemented or thing is Ellipsis:
            return ["python", "builtins", repr(thing)]
        if cls in (tuple, list, dict) and id(thing) not in self.open:
            return self.container(thing, where)
        if cls is set:
            return ["set", self.ref(frozenset(thing), where)]
        if cls is re.Pattern:
            return ["pattern", self.packer.value(thing.pattern), thing.flags]
        if f"{cls.__module__}.{cls.__qualname__}" in _BY_REPR:
            return ["python", home, repr(thing)]
        if cls in _GETTERS:
            made, args = thing.__reduce__()
            return ["made", self.ref(made, where), [self.ref(each, where) for each in args]]
        if isinstance(thing, Arrow) or (attrs.has(cls) and home is not None):
            held = [each for each in attrs.fields(cls) if each.eq]
            return ["object", home, [self.ref(getattr(thing, f.name), where) for f in held]]
        raise BuildError(
            f"{cls.__qualname__} object {thing!r:.60} is read by a function and cannot be identified",
            where=where,
            remedy="Let the function read only plain data, functions and classes, or pass the value as an input.",
        )

    def container(self, thing: Any, where: Origin | None) -> Any:
        self.open.append(id(thing))
        items = [each for pair in thing.items() for each in pair] if type(thing) is dict else thing
        packed = [type(thing).__name__, [self.ref(each, where) for each in items]]
        self.open.pop()
        return packed

    def function(self, function: types.FunctionType) -> Any:
        """A function of the user's."""
        where = Origin(function.__code__.co_filename, function.__code__.co_firstlineno)
        found = reached(function, where, repeated=id(function) not in self.once)
        self.alike(function, *found.values())
        return [
            normal(function) if self.typed else untyped(normal(function)),
            *self.defaults(function, where),
            [[name, self.ref(each, where)] for name, each in sorted(found.items())],
        ]

    def held(self, function: types.FunctionType, where: Origin | None) -> Any:
        """A function that a library made: what it holds."""
        tree = normal(function) if function.__code__.co_name == "<lambda>" else None
        cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
        closure = [[name, self.ref(cell.cell_contents, where)] for name, cell in cells]
        return [tree, *self.defaults(function, where), closure]

    def defaults(self, function: types.FunctionType, where: Origin | None) -> list[Any]:
        named = sorted((function.__kwdefaults__ or {}).items())
        return [
            [self.ref(each, where) for each in function.__defaults__ or ()],
            [[name, self.ref(each, where)] for name, each in named],
        ]

    def code(self, cls: type) -> Any:
        """What a data class has beyond its data, or None: methods, user-written bases, validators."""
        if cls in record.MADE:
            return None
        library = library_name(cls)
        if library is not None:
            return library
        found = self.members(cls)
        return found if any(found) else None

    def members(self, cls: type) -> list[Any]:
        """The user's bases, members and field hooks of a class."""
        refuse_shared(cls, members.methods(cls))
        where = Origin(getattr(sys.modules.get(cls.__module__), "__file__", None) or cls.__module__, 1)

        def ref(thing: Any) -> Any:
            return self.ref(thing, where)

        code: list[Any] = []
        values: list[Any] = []
        for name, value in members.written(cls):
            (code if members.is_code(value) else values).append([name, members.member(value, ref)])

        def once(thing: Any) -> Any:
            self.once.add(id(thing))
            return ref(thing)

        return [[ref(base) for base in members.bases(cls)], code, values, members.hooks(cls, ref, once)]
