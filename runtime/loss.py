"""What an upgrade would lose that nobody declared, and how it is declared: for once, or in the file.

Declared for once, the version is its file and a line more, in memory: it is kept and journaled as any other, and the
next save begins from the file again. In the file, the migration is written where the application is made.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import attrs

from migrations.refusal import Refusal, UndeclaredLoss, Undefined
from runtime.application import Application
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
        cells = (*self.cells, *(each.address for each in self.altered))
        return self._migration(dict.fromkeys(cells, f"{of}DROP"), {}, of)

    def skeleton(self) -> str:
        """The migration to be written into the file, as an expression; `functions` are what it speaks of."""
        up = dict.fromkeys(self.cells, "DROP")
        up |= {each.address: f"arr({_function(each, 'up')})" for each in self.altered}
        return self._migration(up, {each.address: f"arr({_function(each, 'down')})" for each in self.altered})

    def functions(self) -> str:
        """Functions to be filled in, for the cells of another type."""
        return "".join(
            f"\n\ndef {_function(each, word)}(value):  # {way}\n"
            f"    raise NotImplementedError({_text(f'what the cell {each.address} becomes')})\n"
            for each in self.altered
            for word, way in (("up", f"{each.old} -> {each.new}"), ("down", f"{each.new} -> {each.old}"))
        )

    def _migration(self, up: Mapping[str, str], down: Mapping[str, str], of: str = "") -> str:
        parts = [_text(self.machine), f"old={_text(self.old)}", f"new={_text(self.new)}"]
        parts += [f"{word}={_dict(ways)}" for word, ways in (("up", up), ("down", down)) if ways]
        if self.messages:
            parts.append(f"inputs=[{', '.join(f'{of}lens.drop({_text(each)})' for each in self.messages)}]")
        return f"{of}Migration({', '.join(parts)})"


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


def written(text: str, variable: str, lost: Iterable[Loss], application: Application) -> str | None:
    """The text of the main file with the migrations in it, or None where it is not clear where they go."""
    lost = tuple(lost)
    known = {(each.machine, each.old, each.new) for each in application.migrations}
    tree = ast.parse(text)
    found = next(((each, made) for each in tree.body if (made := _made(each, variable))), None)
    if found is None or any((each.machine, each.old, each.new) in known for each in lost):
        return None
    statement, made = found
    last, name = _last(made)
    if last is None:
        return None
    at = _offset(text, last.end_lineno or 0, last.end_col_offset or 0)
    begins = _offset(text, last.lineno, 0), _offset(text, last.lineno, last.col_offset)
    indent = text[slice(*begins)]
    comma = ", " if indent.strip() else f",\n{indent}"
    given = ", ".join(each.skeleton() for each in lost)
    text = f"{text[:at]}{comma}{f'{name}=[{given}]' if name else given}{text[at:]}"
    functions = "".join(each.functions() for each in lost).lstrip("\n")
    before = _offset(text, statement.lineno, 0)
    text = f"{text[:before]}{functions}\n\n{text[before:]}" if functions else text
    return _imported(text, [each for each in tree.body if each.lineno < statement.lineno], lost)


def _made(statement: ast.stmt, variable: str) -> ast.Call | None:
    """The call that makes the application, where a statement is `variable = Application(...)`."""
    targets: Sequence[ast.expr] = statement.targets if isinstance(statement, ast.Assign) else ()
    if isinstance(statement, ast.AnnAssign):
        targets = (statement.target,)
    value = getattr(statement, "value", None)
    named = any(isinstance(each, ast.Name) and each.id == variable for each in targets)
    if not named or not isinstance(value, ast.Call):
        return None
    return value if ast.unparse(value.func).rpartition(".")[2] == "Application" else None


def _last(made: ast.Call) -> tuple[ast.expr | ast.keyword | None, str]:
    """Behind what migrations go, and the name of the argument, where that is not there; None if it is not clear."""
    given = next((each.value for each in made.keywords if each.arg == "migrations"), None)
    if isinstance(given, ast.List) and given.elts:
        return given.elts[-1], ""
    clear = given is None and made.keywords and all(each.arg is not None for each in made.keywords)
    return (made.keywords[-1], "migrations") if clear else (None, "")


def _offset(text: str, line: int, column: int) -> int:
    """Where in a text a line and a column in bytes are."""
    lines = text.split("\n")
    return sum(len(each) + 1 for each in lines[: line - 1]) + len(lines[line - 1].encode()[:column].decode())


def _imported(text: str, before: list[ast.stmt], lost: tuple[Loss, ...]) -> str:
    """The text with an import of the names that are not there yet."""
    imports = [each for each in before if isinstance(each, ast.Import | ast.ImportFrom)]
    froms = (each for each in imports if isinstance(each, ast.ImportFrom))
    held = {alias.asname or alias.name for each in froms for alias in each.names}
    needed = {
        "DROP": any(each.cells for each in lost),
        "Migration": True,
        "arr": any(each.altered for each in lost),
        "lens": any(each.messages for each in lost),
    }
    missing = [name for name, is_needed in needed.items() if is_needed and name not in held]
    if not missing:
        return text
    lines = text.split("\n")
    lines.insert(
        (imports[-1].end_lineno or 0) if imports else 0, f"from midflight import {', '.join(missing)}"
    )
    return "\n".join(lines)
