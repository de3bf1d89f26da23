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

A `perform` ends a segment: the function returns there, with the cells as they are, the open rows stored, and
what waits on the wires around the place. What is left of the tree is written as a function of its own, which
begins by reading the cells afresh. What was emitted is one more symbol that stands among the cells.

Every generated line keeps the place its arrow came from. Where a `@proc` was read, that place is the code itself:
then the functions are compiled with the user's file and lines, and what Python shows of them (tracebacks, `pdb`,
`coverage`, profiles) is what the user wrote; they run the lines that the undecorated function would, in the same
order (`arrows.lines` tells how). A machine without `@proc` keeps its generated lines, which `linecache` gives to
tracebacks for as long as the function exists; each that can raise ends in a comment with the place where its arrow
was built. Either way `Program.source` is the generated text.
"""

from __future__ import annotations

import builtins
import itertools
import linecache
import types
import weakref
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Generic, TypeVar, cast

import attrs

from arrows.cells import Layout, Slot, Values, initial, layout
from arrows.continuation import Continuation, continuations, effects, find
from arrows.effect import Done, End, Suspended
from arrows.emission import Emitter
from arrows.evaluate import has_effects
from arrows.inference import Inputs
from arrows.lines import functions, sites
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

    A machine that performs or emits is stepped with `begin` and `resume`, and `step` raises TypeError.
    `continuations` has what may wait for an answer, by digest.
    """

    term: Node
    slots: tuple[Slot, ...]
    takes: Shape
    gives: Shape
    source: str
    step: Callable[[Values, A], tuple[Values, B]] = attrs.field(eq=False, repr=False)
    begin: Callable[[Values, A], tuple[Values, End[B], tuple[Any, ...]]] = attrs.field(eq=False, repr=False)
    continuations: Mapping[str, Continuation] = attrs.field(eq=False, repr=False)
    _resume: Mapping[str, Callable[..., tuple[Values, End[B], tuple[Any, ...]]]] = attrs.field(
        eq=False, repr=False
    )

    def initial(self) -> Values:
        """The state before the first step."""
        return initial(self.slots)

    def resume(
        self, state: Values, suspended: Suspended, answer: Any
    ) -> tuple[Values, End[B], tuple[Any, ...]]:
        """Go on with a suspended step, over the state as it is now.

        Returns, as `begin` does, the new state, `Done(output)` or the next `Suspended`, and what was emitted
        since. Raises UnknownContinuation for a suspension that is not of this machine, BadAnswer for an
        answer of another type, and what the machine raises.
        """
        found = find(self.continuations, suspended)
        return self._resume[found.digest](state, answer, found.resumed(suspended, answer))


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
    behind = continuations(term, plan)
    outward = any(effects(term))
    emitter = Emitter(plan, behind, sites(term), effects=outward)
    source = emitter.functions(term)
    namespace = emitter.names
    file = f"<midflight step {next(_numbers)}>"
    if any(each.file for each in emitter.shown):
        for name, code in functions(emitter.placed(), emitter.shown, file):
            namespace[name] = types.FunctionType(code, namespace)
    else:
        exec(builtins.compile(source, file, "exec", dont_inherit=True), namespace)  # noqa: S102 - our own text
    step = namespace["step"]
    if not all(each.file for each in emitter.shown):
        _show(step, file, source)
    resume = {each.digest: namespace[f"resume_{number}"] for number, each in enumerate(behind.values(), 1)}
    taken = accepts(term)
    return Program(
        term,
        plan.slots,
        taken,
        gives(term, taken),
        source,
        _outward(term) if outward else step,
        step if outward else _begin(step),
        {each.digest: each for each in behind.values()},
        resume,
    )


def _outward(term: Node) -> Callable[[Values, Any], Any]:
    def step(state: Values, x: Any) -> Any:
        raise has_effects(term)

    return step


def _begin(step: Callable[[Values, Any], tuple[Values, Any]]) -> Callable[[Values, Any], Any]:
    def begin(state: Values, x: Any) -> tuple[Values, Done[Any], tuple[Any, ...]]:
        after, output = step(state, x)
        return after, Done(output), ()

    return begin


_numbers = itertools.count(1)


def _show(step: Callable[..., Any], file: str, source: str) -> None:
    """Let tracebacks show the lines of a step for as long as it exists."""
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    weakref.finalize(step, linecache.cache.pop, file, None).atexit = False


def run(arrow: Arrow[A, B], inputs: Inputs[A], answer: Callable[[Any], Any] | None = None) -> list[B]:
    """Step a machine over inputs from its first state and return its outputs.

    `answer` gives the answer to each effect that is performed, at once; without it a machine that performs
    is a TypeError. What is emitted is left out: `Program.begin` gives it.

    >>> from arrows import identity
    >>> run(identity(), [1, 2])
    [1, 2]
    """
    program = compile(arrow)
    state, outputs = program.initial(), []
    for value in cast("Iterable[A]", inputs):
        state, end, _ = program.begin(state, value)
        while isinstance(end, Suspended):
            if answer is None:
                what = type(end.effect).__qualname__
                raise TypeError(
                    f"the machine performs {what}: give run(..., answer=) a function from effect to answer"
                )
            state, end, _ = program.resume(state, end, answer(end.effect))
        outputs.append(end.output)
    return outputs
