"""What an upgrade would lose that nobody declared, and how it is declared: for once, or in the file.

Declared for once, the version is its file and a line more, in memory: it is kept and journaled as any other, and the
next save begins from the file again. In the file, the migration is written where the application is made.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Final

import attrs

from migrations.refusal import Refusal, UndeclaredLoss, Undefined
from runtime.refusal import MessageNotAccepted


@attrs.frozen
class Loss:
    """What one machine would lose between two versions.

    `cells` are dropped, `altered` ones lead to another type and nobody says how, `messages` are no longer taken.
    """

    machine: str
    old: str
    new: str
    cells: tuple[str, ...] = ()
    altered: tuple[Undefined, ...] = ()
    messages: tuple[str, ...] = ()

    def dropped(self, of: str = "") -> str:
        """The migration that lets all of it go, as an expression; its names are those `of` a module.

        >>> Loss("cart", "1", "1", cells=("seen",)).dropped()
        'Migration("cart", old="1", new="1", up={"seen": DROP})'
        """
        parts = [_text(self.machine), f"old={_text(self.old)}", f"new={_text(self.new)}", *self._dropping(of)]
        return f"{of}Migration({', '.join(parts)})"

    def dropped_besides(self) -> str:
        """What lets all of it go in a migration between these versions that is there.

        >>> Loss("cart", "1", "1", cells=("seen",)).dropped_besides()
        'up={"seen": DROP}'
        """
        return ", ".join(self._dropping())

    def skeleton(self, names: Mapping[str, str]) -> str:
        """The migration to be written into the file, as an expression; `functions` are what it speaks of.

        `names` are those under which the file has what both speak of.
        """
        arr = names.get("arr", "arr")
        up, down = (
            {each.address: f"{arr}({names[_function(each, word)]})" for each in self.altered}
            for word in ("up", "down")
        )
        up = dict.fromkeys(self.cells, names.get("DROP", "DROP")) | up
        parts = [_text(self.machine), f"old={_text(self.old)}", f"new={_text(self.new)}"]
        parts += [f"{word}={_dict(ways)}" for word, ways in (("up", up), ("down", down)) if ways]
        parts += self._inputs(names.get("lens", "lens"))
        return f"{names['Migration']}({', '.join(parts)})"

    def functions(self, names: Mapping[str, str]) -> str:
        """Functions to be filled in, for the cells of another type."""
        return "".join(
            f"\n\ndef {names[_function(each, word)]}(value):  # {way}\n"
            f"    raise NotImplementedError({_text(f'what the cell {each.address} becomes')})\n"
            for each in self.altered
            for word, way in (("up", f"{each.old} -> {each.new}"), ("down", f"{each.new} -> {each.old}"))
        )

    def _dropping(self, of: str = "") -> list[str]:
        cells = (*self.cells, *(each.address for each in self.altered))
        ways = [f"up={_dict(dict.fromkeys(cells, f'{of}DROP'))}"] if cells else []
        return [*ways, *self._inputs(f"{of}lens")]

    def _inputs(self, lens: str) -> list[str]:
        if not self.messages:
            return []
        return [f"inputs=[{', '.join(f'{lens}.drop({_text(each)})' for each in self.messages)}]"]


def functions_of(lost: Loss) -> list[str]:
    """The names of the functions that the migration of a loss speaks of."""
    return [_function(each, word) for each in lost.altered for word in ("up", "down")]


def _text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _dict(ways: Mapping[str, str]) -> str:
    return "{" + ", ".join(f"{_text(address)}: {way}" for address, way in ways.items()) + "}"


def _function(altered: Undefined, word: str) -> str:
    return re.sub(r"\W+", "_", f"{altered.machine}_{altered.address}_{word}")


def loss(machine: str, old: str, new: str, refused: Iterable[Refusal]) -> Loss | None:
    """What a machine would lose, if that is all that is refused of it."""
    cells, altered, messages = [], [], []
    for each in refused:
        match each:
            case UndeclaredLoss(direction="up"):
                cells.append(each.address)
            case Undefined(direction="up"):
                altered.append(each)
            case MessageNotAccepted() if each.named:
                messages.append(each.named)
            case _:
                return None
    return Loss(machine, old, new, tuple(cells), tuple(altered), tuple(messages))


ONCE: Final = "\n\n# declared for one upgrade, when it was asked for\n"
"""What begins the lines that a version has behind its main file, and its developer never wrote."""


def undeclared(text: str) -> str:
    """The text of a file without what was declared for one upgrade."""
    return text.partition(ONCE)[0]


def declared_once(text: str, variable: str, lost: Iterable[Loss]) -> str:
    """The text of a version's main file with what lets the losses go behind it; no line moves."""
    given = ", ".join(each.dropped("_midflight.") for each in lost)
    return (
        f"{text.rstrip()}{ONCE}import midflight as _midflight\n{variable} = {variable}.declaring({given})\n"
    )
