"""Probation: a new version is watched, and undone where it fails what the version before does not.

While it is on probation, a step that raises is tried once more: by the version before, on the state led back, with
nothing kept of it. Where that one raises too, it is an ordinary error, and so it is where that one does not have the
message. Where it does not raise, the new version is to blame: the message goes back to the head of its inbox, the
application to the version before, and that answers it. A reply that cannot be written down is to blame in any case.

Without a second try the upgrade fails by what the version before cannot do: a migration that raises on a row that is
touched for the first time, a step over its budget, a reply of which the application's `healthy` arrow says no, and
the unclean end of the process.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import attrs
from returns.result import Failure, Success

from arrows.cells import Values
from arrows.compile import compile
from arrows.representation import represent
from migrations.lazy import Unled
from migrations.plan import Lost, Plan
from migrations.refusal import Refusal
from runtime import quarantine
from runtime.errors import OverBudget, cut
from runtime.hosted import Hosted, Running, Waiting
from runtime.instruction import Probation
from runtime.journal import stepped
from runtime.leading import leads
from runtime.loader import innermost
from runtime.on_the_way import read_back
from runtime.together import Together

if TYPE_CHECKING:
    from runtime.core import Core


@attrs.frozen
class NewVersionRaised(Refusal):
    """The new version raises on a message that the version before answers."""

    machine: str
    form: str
    error: str
    place: str = ""

    @property
    def happened(self) -> str:
        error = f"{self.error} at {self.place}" if self.place else self.error
        return (
            f"{self.machine}: the new version raises {error} on {self.form}, and the version before does not."
        )

    @property
    def remedy(self) -> str:
        return "Mend the new version and upgrade again; `midflight explore` finds such messages in a trace."


@attrs.frozen
class TooSlow(Refusal):
    """A step of the new version was over its budget."""

    machine: str
    error: str

    @property
    def happened(self) -> str:
        return f"{self.machine}: {self.error}."

    @property
    def remedy(self) -> str:
        return "Mend the new version and upgrade again, or give its steps more time: run --budget SECONDS."


@attrs.frozen
class Unhealthy(Refusal):
    """The application's own look at the replies of the new version says that it is not well."""

    machine: str
    problem: str

    @property
    def happened(self) -> str:
        return f"{self.machine}: the new version is not healthy: {self.problem}."

    @property
    def remedy(self) -> str:
        return "Look at its replies; what it takes to be healthy stands in the application, under `healthy`."


@attrs.frozen
class EndedUncleanly(Refusal):
    """The process ended without saying so while a new version was on probation."""

    application: str
    version: str

    @property
    def happened(self) -> str:
        return (
            f"{self.application}: the process ended uncleanly while version {self.version} was on probation."
        )

    @property
    def remedy(self) -> str:
        return (
            "Look at the log for why (it may have been killed, or out of memory), and upgrade again; with "
            "--probation 0 no such end goes back."
        )


@attrs.frozen(eq=False)
class Failing:
    """An application that is to go back to the version before: why, and the message at the head of an inbox."""

    application: str
    why: Refusal
    hosted: Hosted | None = None
    waiting: Waiting | None = None


class NotHealthy(Exception):
    """Raised in a step of which `healthy` says no."""

    def __init__(self, refusal: Unhealthy) -> None:
        super().__init__(str(refusal))
        self.refusal = refusal


@attrs.define(eq=False)
class Watch:
    """A probation that is under way: since when (milliseconds), and how many messages there were before it."""

    limit: Probation
    since: int
    did: int
    _health: dict[str, tuple[Any, Values]] = attrs.field(factory=dict)
    _back: dict[str, tuple[Plan, Lost] | None] = attrs.field(factory=dict)

    def fresh(self) -> Watch:
        """The same, with nothing remembered of the versions."""
        return Watch(self.limit, self.since, self.did)

    def messages(self, running: Running) -> int:
        """How many messages the new version has stepped."""
        return did(running) - self.did

    @property
    def until(self) -> int:
        """When it is over, in milliseconds."""
        return self.since + round(self.limit.seconds * 1000)

    def passed(self, running: Running, now: int) -> bool:
        """Whether it is over."""
        return now >= self.until or self.messages(running) >= self.limit.messages

    def look(self, hosted: Hosted, message: Any, reply: Any) -> None:
        """Let the application's arrow see a message and its reply. Raises NotHealthy."""
        arrow = hosted.application.healthy.get(hosted.name)
        if arrow is None:
            return
        if hosted.name not in self._health:
            program = compile(arrow)
            self._health[hosted.name] = program.step, program.initial()
        step, state = self._health[hosted.name]
        pairs = zip(message.messages, reply, strict=True) if type(message) is Together else [(message, reply)]
        for pair in pairs:
            try:
                state, fine = step(state, pair)
            except Exception as error:
                problem = f"its arrow raises {type(error).__name__}: {cut(str(error))}"
                raise NotHealthy(Unhealthy(hosted.name, problem)) from error
            if fine is not True:
                given, replied = (cut(represent(each)) for each in pair)
                problem = f"its arrow gives {cut(represent(fine))} on {given} and the reply {replied}"
                raise NotHealthy(Unhealthy(hosted.name, problem))
        self._health[hosted.name] = step, state

    def back(self, running: Running, hosted: Hosted) -> tuple[Plan, Lost] | None:
        """The way back of a machine's state, and what the way up threw away; None where there is none."""
        if hosted.name not in self._back:
            self._back[hosted.name] = _way_back(running, hosted.name)
        return self._back[hosted.name]


def _way_back(running: Running, machine: str) -> tuple[Plan, Lost] | None:
    previous = running.previous
    route = None if previous is None else previous.routes.get(machine)
    if previous is None or not isinstance(route, Success) or machine not in previous.states:
        return None
    way = route.unwrap().dropping()
    lost = way.plan().bind(lambda up: up.lost(previous.states[machine]))
    plan = way.plan(down=True, lost=True)
    if isinstance(lost, Failure) or isinstance(plan, Failure):
        return None
    return plan.unwrap(), lost.unwrap()


def standing(running: Running) -> dict[str, Any]:
    """How the last upgrade of an application stands, to be kept; see `stand`."""
    watch = running.watch
    told: dict[str, Any] = {}
    if watch is not None:
        told["watch"] = [watch.limit.messages, watch.limit.seconds, watch.since, watch.did]
    if running.settles:
        told["settles"] = True
    if running.stuck:
        told["stuck"] = running.stuck
    aside = quarantine.written(running)
    return {**told, "aside": aside} if aside else told


def stand(running: Running, told: Mapping[str, Any]) -> None:
    """Let the last upgrade of an application stand as it did."""
    if "watch" in told:
        messages, seconds, since, before = told["watch"]
        running.watched(Watch(Probation(messages, seconds), since, before))
    running.settles, running.stuck = told.get("settles", False), told.get("stuck", "")
    read_back(running, told.get("aside", {}))


def did(running: Running) -> int:
    """How many messages an application's machines have stepped."""
    return sum(hosted.stepped + hosted.failed for hosted in running.machines.values())


def fails(
    core: Core, hosted: Hosted, state: Values, message: Any, waiting: Waiting, error: BaseException
) -> bool:
    """Whether a step that raised makes the version on probation go back; then that is among the core's `failing`."""
    why = _blamed(core, hosted, state, message, error)
    if why is None:
        return False
    core.failing.append(Failing(hosted.application.name, why, hosted, waiting))
    return True


def _blamed(core: Core, hosted: Hosted, state: Values, message: Any, error: BaseException) -> Refusal | None:
    """Why the new version is to blame for a step that raised; None where that is ordinary."""
    running = core.applications.get(hosted.application.name)
    if running is None or not running.is_open or running.stuck:
        return None
    if type(error) is Unled:
        return None if error.is_aside else error.refusal
    if hosted.watch is None:
        return None
    if type(error) is NotHealthy:
        return error.refusal
    if isinstance(error, OverBudget):
        return TooSlow(hosted.name, str(error))
    if not answered_before(core, running, hosted, state, message):
        return None
    sources = hosted.application.sources
    place = "" if sources is None else innermost(sources.version.texts, error)
    return NewVersionRaised(
        hosted.name, cut(represent(message)), cut(f"{type(error).__name__}: {error}"), place
    )


def answered_before(core: Core, running: Running, hosted: Hosted, state: Values, message: Any) -> bool:
    """Whether the version before answers a message, on the state led back. Nothing is kept of it.

    Where the state cannot be led back it cannot be known; then it is to be tried, and told. Of a message that it does
    not have, whether the new version's step comes to its end: then it is the reply that cannot be given.
    """
    assert hosted.watch is not None
    previous, way = running.previous, hosted.watch.back(running, hosted)
    if previous is None or way is None:
        return False
    plan, lost = way
    try:
        led = plan.apply(state, lost)
        if isinstance(led, Failure):
            return True
        other, wrong = leads(previous.compiled.programs[hosted.name].takes, hosted.older, back=True)(message)
        if wrong is not None:
            _tried(core, Hosted(hosted.name, hosted.compiled), state, message)
            return True
        trial = Hosted(hosted.name, previous.compiled)
        reply = _tried(core, trial, led.unwrap(), other)
        if core.journaled:
            stepped(trial, other, reply, "")
    except KeyboardInterrupt:
        raise
    except BaseException:
        return False
    return True


def _tried(core: Core, hosted: Hosted, state: Values, message: Any) -> Any:
    """The reply of a step of which nothing is kept. Raises what it raises, and for what it tells that is refused."""
    _, reply = core.tried(hosted, state, message)
    if hosted.emitted:
        core.outbox.checked(hosted, hosted.emitted)
    return reply
