"""`encode` and `decode`: machines as bytes.

The bytes are a small kernel of tagged JSON: a format number, the table of classes, the tree. Decoding
goes through the closed table below, imports nothing and runs nothing; a class is the one in use with the
same content, or a new one made of the field names. A `Function` leaf is code and is not encoded.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any, Final, NoReturn, assert_never

import attrs
from returns.result import Failure, Result, Success

from arrows.canonical import NamesOnly, NotData, Packer, dump
from arrows.content import class_code
from arrows.interning import by_content
from arrows.limits import FORMAT, MAX_BYTES, MAX_CLASSES, MAX_DEPTH, MAX_FIELDS, MAX_PARTS
from arrows.origin import BuildError, Origin
from arrows.primitive import PRIMITIVES
from arrows.received import Bad, bad
from arrows.shape import Shape
from arrows.term import (
    Arrow,
    Attempt,
    Compose,
    Constant,
    Emit,
    Function,
    Get,
    Identity,
    Keyed,
    Named,
    Node,
    Parallel,
    Perform,
    Primitive,
    Put,
    State,
    Switch,
    node,
)
from arrows.unpacking import Malformed, unpack

_KEYS: Final = 3
"""Keys of the largest object in an encoding."""

_LONGEST: Final = len(str(-(2**63)))
"""Signs of the longest integer that goes without a tag."""


@attrs.frozen
class NotEncodable:
    """A machine holds something that is not data: what, and where it was written."""

    what: str
    where: Origin | None

    def __str__(self) -> str:
        return f"{self.where}: {self.what}" if self.where else self.what


class _Opaque(Exception):
    def __init__(self, reason: NotEncodable) -> None:
        self.reason = reason


def encode(arrow: Arrow[Any, Any]) -> Result[bytes, NotEncodable]:
    """Return Success(bytes) of a machine, or Failure(NotEncodable) naming what in it is code.

    >>> from arrows import constant
    >>> encode(constant(1)).unwrap()
    b'{"classes":[],"format":1,"term":["constant",1]}'
    """

    def refuse(leaf: Function) -> Any:
        name = getattr(leaf.function, "__qualname__", leaf.function)
        what = f"the function {name} is code, not data. Write it with @proc to make it data."
        raise _Opaque(NotEncodable(what, leaf.origin))

    try:
        data = kernel(node(arrow), refuse, plain_classes=False)
    except _Opaque as opaque:
        return Failure(opaque.reason)
    except NotData as wrong:
        return Failure(NotEncodable(str(wrong), arrow.origin))
    except BuildError as wrong:
        return Failure(NotEncodable(wrong.what, wrong.where or arrow.origin))
    large = _too_large(data)
    return Failure(NotEncodable(large, arrow.origin)) if large else Success(data)


def decode(data: bytes, classes: Iterable[type] = ()) -> Result[Arrow[Any, Any], Malformed]:
    """Return Success(arrow) of what `encode` wrote, or Failure(Malformed) for any other bytes.

    The machine takes and gives instances of `classes` where their content is that of the classes it was
    made with; else of any class in use of the same content; else of a new one.

    >>> decode(b"no").failure().what
    'not an encoded machine: Expecting value at 0'
    """
    large = _too_large(data)
    if large:
        return Failure(Malformed(large))
    try:
        document = json.loads(
            data.decode(),
            object_pairs_hook=_object,
            parse_int=_integer,
            parse_float=_no_float,
            parse_constant=_no_float,
        )
    except json.JSONDecodeError as wrong:
        return Failure(Malformed(f"not an encoded machine: {wrong.msg} at {wrong.pos}"))
    except Bad as wrong:
        return Failure(Malformed(f"not an encoded machine: {wrong}"))
    except (UnicodeDecodeError, RecursionError, ValueError) as wrong:
        return Failure(Malformed(f"not an encoded machine: {type(wrong).__name__}"))
    return unpack(document, by_content(classes))


def _too_large(data: bytes) -> str:
    """What is beyond the limits, if anything is."""
    if len(data) > MAX_BYTES:
        return f"{len(data)} bytes, more than {MAX_BYTES}"
    parts = sum(data.count(sign) for sign in (b"[", b"{", b","))
    return f"{parts} parts, more than {MAX_PARTS}" if parts > MAX_PARTS else ""


def _object(pairs: list[tuple[str, Any]]) -> Any:
    """What is read for an object: a pair where it has one key, as every tagged value does, else a dict."""
    if len(pairs) > _KEYS:
        bad("an object of many keys")
    found = dict(pairs)
    if len(found) < len(pairs):
        bad("a key twice")
    return pairs[0] if len(pairs) == 1 else found


def _integer(digits: str) -> int:
    return int(digits) if len(digits) <= _LONGEST else bad("an integer too long")


def _no_float(text: str) -> NoReturn:
    bad(f"{text:.60} is not a value")


def kernel(
    term: Node, leaf: Callable[[Function], Any], *, plain_classes: bool = True, by_name: bool = False
) -> bytes:
    """The bytes of a tree, with `leaf` saying what stands for each function in it.

    With `by_name`, classes count by their names and methods alone.

    Raises NotData for what is not data; a class that is not is let pass with `plain_classes`.
    """
    packer = NamesOnly() if by_name else Packer(class_code)
    packed = _pack(term, packer, leaf)
    if not plain_classes:
        _check_classes(packer.classes)
    return dump({"format": FORMAT, "classes": packer.classes, "term": packed})


def _check_classes(table: list[Any]) -> None:
    """Refuse classes that `decode` would not make."""
    plain = [entry[1] for entry in table if entry[0] == "plain"]
    if plain:
        raise NotData(f"the class {plain[0]!r} is neither a frozen record nor an enum")
    if len(table) > MAX_CLASSES:
        raise NotData(f"{len(table)} classes, more than {MAX_CLASSES}")
    fields = sum(len(entry[2]) for entry in table)
    if fields > MAX_FIELDS:
        raise NotData(f"{fields} fields in classes, more than {MAX_FIELDS}")


def classes_of(terms: Iterable[Node]) -> tuple[type, ...]:
    """The record and enum classes that trees speak of, and those in their fields, in an order the trees fix."""
    packer = Packer()
    for term in terms:
        _pack(term, packer, lambda leaf: None)
    return packer.placed()


def _pack(term: Node, to: Packer, leaf: Callable[[Function], Any], depth: int = 0) -> list[Any]:
    if depth > MAX_DEPTH:
        raise NotData(f"this tree is nested deeper than {MAX_DEPTH} levels")
    depth += 1
    match term:
        case Identity():
            return ["identity"]
        case Constant(value=value):
            return ["constant", to.value(value)]
        case Primitive(name=name, args=args):
            return ["primitive", name, *_args(name, args, to)]
        case Function(spread=spread):
            return ["function", leaf(term), None if spread is None else list(spread)]
        case Compose(steps=steps):
            return ["compose", *(_pack(step, to, leaf, depth) for step in steps)]
        case Parallel(left=left, right=right):
            return ["parallel", _pack(left, to, leaf, depth), _pack(right, to, leaf, depth)]
        case Switch(cases=cases):
            return ["switch", *([to.cls(cls), _pack(body, to, leaf, depth)] for cls, body in cases)]
        case State(name=name, init=init, body=body, of=of):
            return ["state", name, to.value(init), to.shape(of), _pack(body, to, leaf, depth)]
        case Get(name=name):
            return ["get", name]
        case Put(name=name):
            return ["put", name]
        case Keyed(body=body, by=by, name=name):
            return ["keyed", name, _pack(by, to, leaf, depth), _pack(body, to, leaf, depth)]
        case Perform(effect=effect, of=of):
            return ["perform", to.cls(effect), to.shape(of)]
        case Emit(effect=effect):
            return ["emit", to.cls(effect)]
        case Attempt(body=body):
            return ["attempt", _pack(body, to, leaf, depth)]
        case Named(name=name, body=body):
            return ["named", name, _pack(body, to, leaf, depth)]
        case _:
            assert_never(term)


def _args(name: str, args: tuple[Any, ...], to: Packer) -> list[Any]:
    """The arguments of an operation, each by its kind."""
    kinds = PRIMITIVES[name].kinds
    if kinds == ("class", "..."):
        return [to.cls(cls) for cls in args]
    return [_arg(kind, each, to) for kind, each in zip(kinds, args, strict=True)]


def _arg(kind: str, value: Any, to: Packer) -> Any:
    match kind:
        case "class":
            return to.cls(value)
        case "shape":
            shape: Shape = value
            return to.shape(shape)
        case "path" | "names" | "signs":
            return list(value)
        case _:
            return value
