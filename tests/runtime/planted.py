"""Mistakes planted into the upgrade code of the runtime, and into the new version of the market and its migration."""

from __future__ import annotations

import contextlib
import importlib
import inspect
import textwrap
from collections.abc import Iterator
from typing import Any

import attrs


@attrs.frozen
class Planted:
    """One mistake in the runtime: a function, and what stands in it instead."""

    name: str
    at: str
    old: str
    new: str

    def source(self) -> str:
        """The function, in which what is to be altered stands once."""
        source = textwrap.dedent(inspect.getsource(self._function()))
        assert source.count(self.old) == 1, f"{self.name}: {source.count(self.old)} times in {self.at}"
        return source

    @contextlib.contextmanager
    def there(self) -> Iterator[None]:
        """Let the function be wrong: its code is another, wherever it was imported to."""
        function, source = self._function(), self.source()
        lines = source.replace(self.old, self.new).splitlines()
        begin = next(at for at, line in enumerate(lines) if line.startswith("def "))
        text = "from __future__ import annotations\n" + "\n".join(lines[begin:])
        made: dict[str, Any] = {}
        exec(compile(text, f"<{self.name}>", "exec"), dict(function.__globals__), made)
        before = function.__code__
        function.__code__ = made[function.__name__].__code__
        try:
            yield
        finally:
            function.__code__ = before

    def _function(self) -> Any:
        module, _, path = self.at.partition(":")
        found: Any = importlib.import_module(module)
        for name in path.split("."):
            found = found.__dict__[name] if isinstance(found, type) else getattr(found, name)
        found = getattr(found, "fget", found)
        return getattr(found, "__func__", found)


LED, UNDO = "runtime.leading:led", "runtime.undoing:_as_it_is"
COMPUTED, SWAP = "runtime.swapping:computed", "runtime.swapping:Computed.assign"
LAZY, BACK = "migrations.lazy:LazyTable.", "migrations.lazy:LazyTable.back"
RECOVERY = "runtime.recovery:Recovery."
RUNTIME = (
    Planted("the inbox is forgotten", LED, "inbox.append((adopted, *held[1:]))", "pass"),
    Planted("the inbox is turned round", LED, "inbox.append((adopted", "inbox.appendleft((adopted"),
    Planted("what is due is not led", LED, "due[held.number] = adopted", "pass"),
    Planted("what waits is not led", LED, "adopted, wrong = lead(message)", "pass"),
    Planted(
        "sends that wait are dropped",
        LED,
        "if not (isinstance(each[1], Due) and each[1].number in gone)",
        "if not isinstance(each[1], Due)",
    ),
    Planted("the state stays", SWAP, "hosted.state = self._states[machine]", "pass"),
    Planted(
        "the inbox stays",
        SWAP,
        "hosted.inbox, hosted.waits = self._waiting[machine].inbox, self._waiting[machine].waits",
        "hosted.waits = self._waiting[machine].waits",
    ),
    Planted(
        "what is due stays",
        SWAP,
        "hosted.inbox, hosted.waits = self._waiting[machine].inbox, self._waiting[machine].waits",
        "hosted.inbox = self._waiting[machine].inbox",
    ),
    Planted(
        "old clients are forgotten",
        SWAP,
        "hosted.older = None if prepared.back else prepared.older.get(machine)",
        "hosted.older = None",
    ),
    Planted("the old program runs on", SWAP, "hosted.run(new)", "pass"),
    Planted(
        "only one machine swaps",
        SWAP,
        "for machine, hosted in self._taken.items():",
        "for machine, hosted in list(self._taken.items())[:1]:",
    ),
    Planted(
        "the state of before is not kept",
        SWAP,
        "Previous(prepared.against, prepared.routes, self._before)",
        "Previous(prepared.against, prepared.routes, {})",
    ),
    Planted(
        "the first state is kept for that of before",
        COMPUTED,
        "plain(hosted.state) for machine",
        "hosted.program.initial() for machine",
    ),
    Planted(
        "a rollback can be rolled back",
        SWAP,
        "running.previous = None if prepared.back else before",
        "running.previous = before",
    ),
    Planted(
        "a watch outlives a rollback",
        SWAP,
        'running.compiled, running.watch, running.stuck, running.settles = new, None, "", False',
        "running.compiled = new",
    ),
    Planted(
        "answers are not carried",
        SWAP,
        "hosted.run(new)",
        "hosted.run(new); hosted.window = type(hosted.window)()",
    ),
    Planted(
        "what was thrown away is not put back",
        "runtime.swapping:migrated",
        "planned.apply(hosted.state, lost)",
        "planned.apply(hosted.state, {})",
    ),
    Planted(
        "what was thrown away is not told", "runtime.upgrade:_planned", "_thrown(way, states[machine])", "{}"
    ),
    Planted(
        "the way back is the way up",
        "runtime.upgrade:_planned",
        "way.plan(down=back, lost=machine in states)",
        "way.plan()",
    ),
    Planted(
        "a write is not remembered",
        LAZY + "_with",
        "self.written if key in self.written else self.written.set(key, None)",
        "self.written",
    ),
    Planted(
        "a row that is led is counted still",
        LAZY + "_with",
        "self.left - (not self.is_led(key) and key in self.base)",
        "self.left",
    ),
    Planted("the sweep loses a row", LAZY + "swept", "done[key] = row", "pass"),
    Planted(
        "the sweep leads what was written",
        LAZY + "swept",
        "if key in led or key in gone or key in set_aside:",
        "if False:",
    ),
    Planted("the sweep keeps no initial row apart", LAZY + "swept", "absent[key] = None", "pass"),
    Planted(
        "a row is read as it was",
        LAZY + "get",
        "return default if is_initial(led, self.first) else led",
        "return row",
    ),
    Planted(
        "what was written is led again", LAZY + "get", "row = self.done.get(key, _MISSING)", "row = _MISSING"
    ),
    Planted(
        "a row that was deleted comes back", LAZY + "delete", "self.absent.set(key, None)", "self.absent"
    ),
    Planted("a rollback drops what was written", BACK, "for key in self.written:", "for key in ():"),
    Planted("a rollback drops what was thrown away", BACK, "lost = thrown(key)", "lost = None"),
    Planted("a rollback keeps what was deleted", BACK, "del table[key]", "pass"),
    Planted("a rollback takes rows as they are", BACK, "table[key] = led", "table[key] = row"),
    Planted(
        "the sweep forgets what it led",
        "runtime.sweep:Sweep.lead",
        "led = self.gate(table, keys)",
        "led = self.gate(table, keys[:0])",
    ),
    Planted(
        "the sweep is over too soon", "runtime.sweep:Sweep._some", "and table.left:", "and table.left > 1:"
    ),
    Planted("timers are lost in a restart", "runtime.outbox:Outbox._point", "self._set(hosted, due)", "pass"),
    Planted(
        "sends are lost in a restart",
        "runtime.outbox:Outbox._point",
        'hosted.inbox.append((due.message, due, None, ""))',
        "pass",
    ),
    Planted(
        "the undone state stays",
        UNDO,
        "hosted.state, hosted.inbox = state, deque(inbox)",
        "hosted.inbox = deque(inbox)",
    ),
    Planted(
        "the undone inbox stays",
        UNDO,
        "hosted.state, hosted.inbox = state, deque(inbox)",
        "hosted.state = state",
    ),
    Planted(
        "an undone upgrade can be rolled back",
        UNDO,
        "running.machines, running.compiled, running.previous = machines, compiled, previous",
        "running.machines, running.compiled = machines, compiled",
    ),
    Planted("the undone program runs on", UNDO, "hosted.run(compiled)", "pass"),
    Planted(
        "nobody is awake after an undone upgrade",
        "runtime.undoing:as_it_is",
        "each for each in ring if each.inbox and core.machines.get(each.name) is each",
        "()",
    ),
    Planted(
        "the undone way of speaking stays",
        UNDO,
        "hosted.waits, hosted.awake, hosted.older, hosted.open = told[hosted]",
        "pass",
    ),
    Planted("versions are not kept", "runtime.changing:Changing._made", "{**puts, **row}", "row"),
    Planted(
        "a rollback is journaled as an upgrade",
        "runtime.joint:Joint.events",
        "back=each.back",
        "back=False",
    ),
    Planted(
        "the terms are not journaled",
        "runtime.joint:Joint.events",
        "terms=each.terms",
        "terms=journal._NONE",
    ),
    Planted("no sweep begins", "runtime.resuming:Resuming._enter", "self.sweep.begin(running)", "pass"),
    Planted(
        "an upgrade is not journaled",
        "runtime.keeper:Keeper.note",
        "self.batch.events.extend(events)",
        "pass",
    ),
    Planted(
        "steps go on before an upgrade is on disk", "runtime.keeper:Keeper.note", "self.held = True", "pass"
    ),
    Planted(
        "an answer before its commit",
        "runtime.keeper:Keeper.go",
        "self._steps += len(batch.events)",
        "self._release(batch)",
    ),
    Planted(
        "a held node never goes on",
        "runtime.keeper:Keeper._settled",
        "self.held = bool(self._undoing)",
        "pass",
    ),
    Planted(
        "a refused commit undoes nothing",
        "runtime.keeper:Keeper._rejected",
        "for _, undo in reversed(self._undoing):\n        undo()",
        "pass",
    ),
    Planted(
        "a step that fails on probation is answered so",
        "runtime.probation:fails",
        "if why is None:",
        "if True:",
    ),
    Planted(
        "the trial always fails",
        "runtime.probation:answered_before",
        "led = plan.apply(state, lost)",
        "return False",
    ),
    Planted(
        "the trial leaves what it tells",
        "runtime.probation:_tried",
        "core.outbox.checked(hosted, hosted.emitted)",
        "core.outbox.apply(core.machines[hosted.name], core.outbox.checked(hosted, hosted.emitted), core.now)",
    ),
    Planted(
        "the trial leaves its state",
        "runtime.probation:answered_before",
        "reply = _tried(core, trial, led.unwrap(), other)",
        "reply = _tried(core, trial, led.unwrap(), other); hosted.window = type(hosted.window)(); core.now += 1",
    ),
    Planted(
        "the message that failed is lost",
        "runtime.core:Core.step",
        "waiting, error):\n                inbox.appendleft(waiting)",
        "waiting, error):\n                pass",
    ),
    Planted(
        "the message that failed waits last",
        "runtime.core:Core.step",
        "waiting, error):\n                inbox.appendleft(waiting)",
        "waiting, error):\n                inbox.append(waiting)",
    ),
    Planted(
        "who is named is not remembered",
        "runtime.core:Core.step",
        "ticket.stepped(self.now, message, reply, None, event)",
        "pass",
    ),
    Planted(
        "an unclean end is not seen",
        "runtime.aftermath:Aftermath.again",
        "if cut_short:",
        "if False:",
    ),
    Planted(
        "a clean end is taken for another",
        "runtime.aftermath:Aftermath.opened",
        "if keeper.history.unclean:",
        "if True:",
    ),
    Planted("a failing version goes on", "runtime.aftermath:Aftermath.look", "self._back(each)", "pass"),
    Planted("no probation passes", "runtime.aftermath:Aftermath.look", "self._passed(group)", "pass"),
    Planted(
        "that it passed is not journaled",
        "runtime.aftermath:Aftermath._passed",
        "keeper.note(events, None, undo, puts)",
        "pass",
    ),
    Planted("a probation is not written", "runtime.probation:standing", "if watch is not None:", "if False:"),
    Planted("a probation is not read", "runtime.probation:stand", 'if "watch" in told:', "if False:"),
    Planted(
        "another edition has no state of before",
        "runtime.replacing:replace",
        "running.back_to(previous.compiled, previous.states)",
        "running.back_to(previous.compiled, {})",
    ),
    Planted(
        "another edition has no way back",
        "runtime.replacing:replace",
        "if previous is not None:",
        "if False:",
    ),
    Planted("another edition is not settled", "runtime.replacing:replace", "running.settle()", "pass"),
    Planted(
        "another edition has nothing due",
        "runtime.replacing:replace",
        "hosted.state, hosted.waits = states[machine]",
        "hosted.state, hosted.waits = states[machine][0], Waits()",
    ),
    Planted("recovery ignores the terms", RECOVERY + "swap", "on = Terms.read(*terms)", "on = Terms(None)"),
    Planted(
        "recovery takes a rollback for an upgrade",
        RECOVERY + "swap",
        "prepare_back(running, drops=True) if back else self.core.prepare(new, None)",
        "self.core.prepare(new, None)",
    ),
    Planted("recovery skips an upgrade", RECOVERY + "event", "self.swap(name, *rest)", "pass"),
    Planted("recovery does not settle", RECOVERY + "event", "self.core.applications[name].settle()", "pass"),
    Planted(
        "recovery passes no probation",
        RECOVERY + "event",
        "self.core.applications[name].watched(None)",
        "pass",
    ),
    Planted("recovery has no time", RECOVERY + "event", "self.core.now = name", "pass"),
    Planted("recovery sends nothing", RECOVERY + "step", "outbox.apply(hosted, told, self.core.now)", "pass"),
    Planted("recovery takes nothing", RECOVERY + "took", "self.core.outbox.take(hosted, waiting)", "pass"),
    Planted(
        "recovery knows no answer",
        RECOVERY + "marked",
        "hosted.window = hosted.window.having(Answered(*asked, reply, raised, hosted.digest))",
        "pass",
    ),
    Planted(
        "a snapshot has no answers",
        RECOVERY + "snapshot",
        "hosted.window = filling.window(name, machine)",
        "pass",
    ),
    Planted(
        "a snapshot has nothing due",
        RECOVERY + "snapshot",
        "hosted.waits = filling.waits(name, machine)",
        "pass",
    ),
    Planted("a snapshot is not settled", RECOVERY + "snapshot", 'if each.get("settled"):', "if False:"),
    Planted("a snapshot is on no probation", RECOVERY + "snapshot", "stand(running, each)", "pass"),
    Planted("a snapshot has no state of before", RECOVERY + "snapshot", "filling.before(name))", "{})"),
    Planted(
        "a snapshot writes no state of before", "runtime.snapshot:_before", "if previous is None:", "if True:"
    ),
    Planted(
        "a snapshot counts from nothing",
        RECOVERY + "snapshot",
        "self.core.outbox.numbers = (told[0], told[1])",
        "pass",
    ),
    Planted(
        "a settled upgrade can be undone",
        "runtime.hosted:Running.settle",
        "states={}, settled=True",
        "states={}, settled=False",
    ),
    Planted(
        "settling is not written",
        "runtime.settling:settle",
        "host.keeper.note(events, ticket, undo, puts)",
        "pass",
    ),
    Planted(
        "old words are not led",
        "runtime.acceptance:fitted",
        "return older.inputs.up(message), None",
        "return message, None",
    ),
    Planted(
        "after a restart nobody speaks as before",
        "runtime.hosted:Running.back_to",
        "hosted.older = self.previous.older(name)",
        "pass",
    ),
    Planted("an id is not written", "runtime.requests:Request.stepped", "if event is not None:", "if False:"),
    Planted(
        "old words are another request",
        "runtime.requests:_is_same",
        "known.payload == payload or known.payload == _before(hosted, message)",
        "known.payload == payload",
    ),
    Planted(
        "a request is another one after a rollback",
        "runtime.requests:_is_same",
        "not any(each.startswith(known.by) for each in spoken)",
        "False",
    ),
)

VERSIONS: tuple[tuple[str, str, str], ...] = (
    ("up forgets", "return (sold, 0)", "return (0, 0)"),
    ("up is off by one", "return (sold, 0)", "return (sold + 1, 0)"),
    ("up swaps", "return (sold, 0)", "return (0, sold)"),
    (
        "down swaps",
        "def sold_down(sold: tuple[int, int]) -> int:\n    return sold[0]",
        "def sold_down(sold: tuple[int, int]) -> int:\n    return sold[1]",
    ),
    (
        "down is off by one",
        "def sold_down(sold: tuple[int, int]) -> int:\n    return sold[0]",
        "def sold_down(sold: tuple[int, int]) -> int:\n    return sold[0] + 1",
    ),
    (
        "down forgets",
        "def sold_down(sold: tuple[int, int]) -> int:\n    return sold[0]",
        "def sold_down(sold: tuple[int, int]) -> int:\n    return 0",
    ),
    ("no way down", ', down={"sold": sold_down}', ""),
    ("a cell is dropped", 'up={"sold": sold_up}', 'up={"sold": DROP}'),
    ("a row's up forgets", 'return (n, "")', 'return (0, "")'),
    ("a row's up is off by one", 'return (n, "")', 'return (n + 1, "")'),
    ("a row's up makes something up", 'return (n, "")', 'return (n, "x")'),
    ("a row's up raises", 'return (n, "")', 'return (3 // n * n, "")'),
    (
        "a row's down forgets",
        "def row_down(n: tuple[int, str]) -> int:\n    return n[0]",
        "def row_down(n: tuple[int, str]) -> int:\n    return 0",
    ),
    (
        "a row's down is off by one",
        "def row_down(n: tuple[int, str]) -> int:\n    return n[0]",
        "def row_down(n: tuple[int, str]) -> int:\n    return n[0] - 1",
    ),
    ("a row is dropped", '"rows/n": row_up', '"rows/n": DROP'),
    ("no row way down", 'down={"rows/n": row_down}', "down={}"),
    ("stale first value", "sold: tuple[int, int] = (0, 0)", "sold: tuple[int, int] = (1, 0)"),
    ("stale second first value", "sold: tuple[int, int] = (0, 0)", "sold: tuple[int, int] = (0, 1)"),
    ("stale first row", 'n: tuple[int, str] = (0, "")', 'n: tuple[int, str] = (1, "")'),
    ("no lens", 'inputs=[lens.inside("Entry", lens.rename("n", "amount"))],', ""),
    (
        "a lens drops",
        'lens.inside("Entry", lens.rename("n", "amount"))',
        'lens.inside("Entry", lens.drop("n", 0), lens.add("amount", 0))',
    ),
    (
        "a lens of the wrong class",
        'lens.inside("Entry", lens.rename("n", "amount"))',
        'lens.inside("Look", lens.rename("n", "amount"))',
    ),
    ("Total raises", "case Total():\n            pass", "case Total():\n            checked(-1)"),
    (
        "Total raises late",
        "case Total():\n            pass",
        "case Total():\n            checked(5 - sold[0])",
    ),
    ("Sell raises on two", "sold[0] + checked(n)", "sold[0] + checked(n - 2)"),
    (
        "Hold raises",
        "case Hold(item, n, seconds):",
        "case Hold(item, n, seconds):\n            checked(4 - n)",
    ),
    (
        "Look raises",
        "case Look():\n            return n[0]",
        "case Look():\n            return checked(6 - n[0]) and n[0]",
    ),
    ("a negative one is taken", "if n < 0:", "if n < -9:"),
    (
        "another answer",
        "    return sold[0]\n\n\n@proc\ndef row(msg",
        "    return sold[1]\n\n\n@proc\ndef row(msg",
    ),
    (
        "an answer is off by one",
        "    return sold[0]\n\n\n@proc\ndef row(msg",
        "    return sold[0] + 1\n\n\n@proc\ndef row(msg",
    ),
    (
        "a look is off by one",
        "case Look():\n            return n[0]",
        "case Look():\n            return n[0] + 1",
    ),
    ("an entry answers what it was", "n = (n[0] + by, n[1])", "n = (n[0], n[1] + 'x')"),
    (
        "a send is forgotten",
        '            emit(Publish("sold", n))\n            emit(Send("ledger", Entry(item, n)))',
        '            emit(Publish("sold", n))',
    ),
    (
        "sent twice",
        'emit(Publish("sold", n))',
        'emit(Publish("sold", n))\n            emit(Send("ledger", Entry(item, n)))',
    ),
    (
        "sent to nobody",
        '            emit(Publish("sold", n))\n            emit(Send("ledger"',
        '            emit(Publish("sold", n))\n            emit(Send("legder"',
    ),
    (
        "another amount is sent",
        '            emit(Publish("sold", n))\n            emit(Send("ledger", Entry(item, n)))',
        '            emit(Publish("sold", n))\n            emit(Send("ledger", Entry(item, n + 1)))',
    ),
    ("not published", '            emit(Publish("sold", n))\n', ""),
    ("another topic", 'Publish("sold"', 'Publish("sale"'),
    ("a timer is forgotten", "emit(After(seconds, Held(item, n), name=item))", "pass"),
    ("a timer is late", "After(seconds, Held", "After(seconds + 1, Held"),
    ("a timer has no name", ", name=item)", ")"),
    (
        "two timers",
        "emit(After(seconds, Held(item, n), name=item))",
        "emit(After(seconds, Held(item, n), name=item))\n            emit(After(seconds, Held(item, n)))",
    ),
    ("nothing is cancelled", "emit(Cancel(item))", "pass"),
    ("another is cancelled", "emit(Cancel(item))", 'emit(Cancel(item + "s"))'),
    (
        "what was held is not told",
        'seen = (*seen, item)\n            emit(Send("ledger", Entry(item, n)))',
        "seen = (*seen, item)",
    ),
    ("what was held is not sold", "sold = (sold[0] + n, sold[1] + 1)", "sold = (sold[0], sold[1] + 1)"),
    (
        "what was held is sold twice",
        "sold = (sold[0] + n, sold[1] + 1)",
        "sold = (sold[0] + n + n, sold[1] + 1)",
    ),
    ("what was held is not noted", "seen = (*seen, item)", "pass"),
    ("what was sold is not noted", "last = item  # noqa: F841 - a cell", "pass"),
    ("rows by another key", "    return msg.item\n", "    return msg.item[:1]\n"),
)
