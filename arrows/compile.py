"""One Python function for each machine.

The tree is run once, at compile time, on symbols instead of values. A symbol is an expression of the
generated function, a tuple of symbols, or a choice between sides that is decided but not yet built. So
the pairs that arrows plumb their values through exist at compile time only: `copy`, `pick` and
`Parallel` move symbols about and write no code. What remains is straight-line code over local variables.

Cells are symbols as well. Their values are read from the state once, at the top; a `Put` only changes
which symbol the cell stands for; and the new state is built where the function returns. A step that
raises has therefore altered nothing. Where branches meet again, what differs between them (their
outputs, the cells) is assigned to a common variable at the end of each branch. A branch in tail
position does not meet anything: it returns.
"""

from __future__ import annotations

import builtins
import itertools
import linecache
import weakref
from collections.abc import Callable, Iterable
from typing import Any, Generic, TypeVar

import attrs

from arrows.cells import Layout, Slot, Values, initial, layout
from arrows.emission import Emitter
from arrows.origin import BuildError
from arrows.shape import Shape
from arrows.signature import accepts, gives
from arrows.term import Arrow, Node, node

A = TypeVar("A")
B = TypeVar("B")


@attrs.frozen
class Program(Generic[A, B]):
    """A compiled machine.

    `step(state, input)` returns the new state and the output, or raises what the machine raises; the state
    given is never altered. `slots` tell what the state holds, `takes` and `gives` what goes in and out.
    """

    term: Node
    slots: tuple[Slot, ...]
    takes: Shape
    gives: Shape
    source: str
    step: Callable[[Values, A], tuple[Values, B]] = attrs.field(eq=False, repr=False)

    def initial(self) -> Values:
        """The state before the first step."""
        return initial(self.slots)


def compile(arrow: Arrow[A, B]) -> Program[A, B]:  # noqa: A001 - the word of the field
    """Turn a machine into a Python function.

    Raises BuildError where the tree is not a machine (a `get` without its cell).

    >>> from arrows import loop
    >>> program = compile(loop(lambda x, total: (x + total, x + total), init=0, name="total"))
    >>> program.step(program.initial(), 5)
    ((5,), 5)
    """
    term = node(arrow)
    try:
        return _compile(term)
    except (RecursionError, SyntaxError):
        raise BuildError(
            "this machine is nested too deeply to compile",
            where=term.origin,
            remedy="Let one function of an arr(...) do what the innermost part does.",
        ) from None


def _compile(term: Node) -> Program[Any, Any]:
    plan: Layout = layout(term)
    emitter = Emitter(plan)
    source = emitter.function(term)
    namespace = emitter.names
    file = f"<midflight step {next(_numbers)}>"
    exec(builtins.compile(source, file, "exec"), namespace)  # noqa: S102 - our own text
    _show(namespace["step"], file, source)
    taken = accepts(term)
    return Program(term, plan.slots, taken, gives(term, taken), source, namespace["step"])


_numbers = itertools.count(1)


def _show(step: Callable[..., Any], file: str, source: str) -> None:
    """Let tracebacks show the lines of a step for as long as it exists."""
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    weakref.finalize(step, linecache.cache.pop, file, None).atexit = False


def run(arrow: Arrow[A, B], inputs: Iterable[A]) -> list[B]:
    """Step a machine over inputs from its first state and return its outputs.

    >>> from arrows import identity
    >>> run(identity(), [1, 2])
    [1, 2]
    """
    program = compile(arrow)
    state, outputs = program.initial(), []
    for value in inputs:
        state, output = program.step(state, value)
        outputs.append(output)
    return outputs
