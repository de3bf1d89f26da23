"""Read the kernel back: a closed table of tags, every part checked, nothing imported and nothing run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import attrs
from returns.result import Failure, Result, Success

from arrows import build
from arrows.dispatch import switch
from arrows.fit import misfit
from arrows.limits import FORMAT, MAX_DEPTH, MAX_DIGITS
from arrows.origin import BuildError, Origin, caller, writing
from arrows.primitive import ERRORS, KINDS, PRIMITIVES
from arrows.received import Bad, Received, array, bad, identifier, names
from arrows.term import (
    Arrow,
    Attempt,
    Constant,
    Emit,
    Identity,
    Node,
    Parallel,
    Perform,
    Primitive,
    State,
    node,
    sequence,
)

_NOWHERE: Final = Origin("<received>", 1)


@attrs.frozen
class Malformed:
    """Bytes that are not an encoded machine: what is wrong with them."""

    what: str

    def __str__(self) -> str:
        return self.what


def unpack(document: Any, preferred: Mapping[str, type]) -> Result[Arrow[Any, Any], Malformed]:
    """Return Success(arrow) of a parsed encoding, or Failure(Malformed)."""
    try:
        if type(document) is not dict or set(document) != {"format", "classes", "term"}:
            bad("not an encoded machine")
        number = document["format"]
        if type(number) is not int or number < 1:
            bad("not an encoded machine: no format number")
        if number > FORMAT:
            bad(
                f"format {number} is newer than {FORMAT}, the newest that this version reads: install a newer one"
            )
        reader = _Unpacker(array(document["classes"], "classes"), preferred)
        with writing(caller() or _NOWHERE):
            return Success(reader.node(document["term"], 0))
    except Bad as wrong:
        return Failure(Malformed(str(wrong)))
    except BuildError as wrong:
        return Failure(Malformed(f"not a machine: {wrong.what}"))
    except RecursionError:
        return Failure(Malformed("nested too deeply to read here"))


class _Unpacker(Received):
    """Reads trees over one table of classes."""

    def node(self, packed: Any, depth: int) -> Node:
        if depth > MAX_DEPTH:
            bad(f"nested deeper than {MAX_DEPTH} levels")
        tag, *parts = array(packed, "a node", 1)
        read = _NODES.get(tag) if type(tag) is str else None
        if read is None:
            bad(f"{tag!r:.60} is not a node")
        count, make = read
        if count is not None and len(parts) != count:
            bad(f"a node {tag!r} has {count} parts, not {len(parts)}")
        return make(self, parts, depth + 1)

    def nodes(self, packed: list[Any], depth: int) -> list[Node]:
        return [self.node(each, depth) for each in packed]

    def primitive(self, parts: list[Any], _: int) -> Node:
        name = parts[0] if parts else None
        if type(name) is not str or name not in PRIMITIVES:
            bad(f"{name!r:.60} is not an operation")
        kinds, given = PRIMITIVES[name].kinds, parts[1:]
        if kinds == ("class", "..."):
            return Primitive(name, tuple(self.cls(each) for each in given))
        if len(kinds) != len(given):
            bad(f"the operation {name!r} takes {len(kinds)} arguments, not {len(given)}")
        args = tuple(self.arg(kind, each) for kind, each in zip(kinds, given, strict=True))
        if name == "display" and not set(args[1]) <= set(("**", ":") if args[0] == "dict" else ("*", "")):
            bad(f"not the signs of a {args[0]}")
        return Primitive(name, args)

    def arg(self, kind: str, packed: Any) -> Any:
        match kind:
            case "class":
                return self.cls(packed)
            case "shape":
                return self.shape(packed, 0)
            case "path":
                items = array(packed, "a path")
                if len(items) > MAX_DEPTH:
                    bad(f"a path of {len(items)} steps, more than {MAX_DEPTH}")
                return tuple(each if type(each) is int and each >= 0 else bad("not a path") for each in items)
            case "signs":
                return tuple(
                    each if each in ("", "*", "**", ":") else bad("not a sign")
                    for each in array(packed, "signs")
                )
            case "names":
                return names(packed)
            case "name":
                return identifier(packed)
            case "count":
                return packed if type(packed) is int and 1 <= packed <= MAX_DIGITS else bad("not a count")
            case "container":
                return packed if type(packed) is str and packed in KINDS else bad("not a container")
            case "error":
                return packed if type(packed) is str and packed in ERRORS else bad("not an error")
        raise AssertionError(kind)

    def switch(self, parts: list[Any], depth: int) -> Node:
        cases = [array(each, "a case", 2) for each in parts]
        return node(switch(*((self.cls(each[0]), self.node(each[1], depth)) for each in cases)))

    def state(self, parts: list[Any], depth: int) -> Node:
        name, init, of = build.checked_name(parts[0]), self.value(parts[1], 0), self.shape(parts[2], 0)
        wrong = misfit(init, of)
        if wrong:
            bad(f"the cell {name!r:.60} is not of its type: {wrong}")
        return State(name, init, self.node(parts[3], depth), of)


_NODES: Final[dict[str, tuple[int | None, Callable[[_Unpacker, list[Any], int], Node]]]] = {
    "identity": (0, lambda to, p, d: Identity()),
    "constant": (1, lambda to, p, d: Constant(to.value(p[0], 0))),
    "primitive": (None, _Unpacker.primitive),
    "compose": (
        None,
        lambda to, p, d: sequence(*to.nodes(p, d)) if len(p) > 1 else bad("nothing to compose"),
    ),
    "parallel": (2, lambda to, p, d: Parallel(*to.nodes(p, d))),
    "switch": (None, _Unpacker.switch),
    "state": (4, _Unpacker.state),
    "get": (1, lambda to, p, d: node(build.get(p[0]))),
    "put": (1, lambda to, p, d: node(build.put(p[0]))),
    "keyed": (3, lambda to, p, d: node(build.keyed(to.node(p[2], d), to.node(p[1], d), p[0]))),
    "perform": (2, lambda to, p, d: Perform(to.effect(p[0]), to.shape(p[1], 0))),
    "emit": (1, lambda to, p, d: Emit(to.effect(p[0]))),
    "attempt": (1, lambda to, p, d: Attempt(to.node(p[0], d))),
    "named": (2, lambda to, p, d: node(build.named(p[0], to.node(p[1], d)))),
}
