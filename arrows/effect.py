"""What a machine asks of the outside world and tells it, as data; and how a step ends.

An effect is a request: frozen data of a class derived from `Effect[Answer]`. `emit` tells it, `perform`
asks it and waits for the answer. Who fulfils it is not said here: a machine does no I/O.
"""

from __future__ import annotations

from typing import Any, Generic, TypeAlias, TypeVar, get_args, get_origin

import attrs

from arrows.origin import BuildError, caller
from arrows.record import is_frozen_record
from arrows.shape import Shape, shape_of

B = TypeVar("B")


class Effect(Generic[B]):
    """The base of requests to the outside world that are answered with a `B`.

    Derive frozen data classes from it.

    >>> import attrs
    >>> @attrs.frozen
    ... class Charge(Effect[bool]):
    ...     card: str
    ...     cents: int
    >>> Charge("4711", 250)
    Charge(card='4711', cents=250)
    """

    __slots__ = ()


@attrs.frozen
class Done(Generic[B]):
    """A step that came to its end, and what it gave."""

    output: B


@attrs.frozen
class Suspended:
    """A step that waits for the answer to `effect`: pure data, whichever process goes on with it.

    `continuation` is the digest of what is left to do. `live` has the values that it needs: under the names of
    a `@proc`'s variables, under the address of a `keyed` its key, and under `held` what waits on a wire.
    """

    continuation: str
    effect: Any
    live: dict[str, Any]


End: TypeAlias = Done[B] | Suspended


class BadAnswer(TypeError):
    """An answer that is not of the type that the effect promises."""


class UnknownContinuation(LookupError):
    """A suspension of another machine, or of a version whose rest is another one."""


def effect_class(cls: Any) -> type:
    """The class of an effect, or BuildError for anything else."""
    if isinstance(cls, type) and issubclass(cls, Effect) and is_frozen_record(cls):
        return cls
    raise BuildError(
        f"{getattr(cls, '__qualname__', repr(cls))} is not a class of effects",
        where=caller(),
        remedy="Declare it as frozen data: @attrs.frozen, then class Charge(Effect[Receipt]).",
    )


def answer_shape(cls: type) -> Shape:
    """The shape of the answer that a class of effects promises, or BuildError where it promises none."""
    for base in cls.__mro__:
        for written in base.__dict__.get("__orig_bases__", ()):
            if get_origin(written) is Effect and not isinstance(get_args(written)[0], TypeVar):
                return shape_of(get_args(written)[0])
    raise BuildError(
        f"{cls.__qualname__} does not say how it is answered",
        where=caller(),
        remedy=f"Derive it from Effect[Answer]: class {cls.__name__}(Effect[None]) where there is nothing to tell.",
    )
