"""A migration written into the file that makes the application, where nothing else is altered.

It goes among the migrations that are given there. One between the same two versions, which has led already and is past,
makes room for it.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

from arrows.parse import parse
from migrations.repeated import is_past
from runtime.application import Application
from runtime.loss import Loss, functions_of

Edit: TypeAlias = tuple[int, int, str]
"""What stands in a text between two places, and what is to stand there."""

FROM_US = ("DROP", "Migration", "arr", "lens")


def inserted(
    text: str, variable: str, lost: Sequence[Loss], application: Application, running: Application
) -> tuple[Edit, ...] | None:
    """What to edit in the main file of an application, or None where it is not clear where its migrations go.

    `running` is the version that would lose something.
    """
    tree = parse(text)
    found = next(((each, made) for each in tree.body if (made := _made(each, variable))), None)
    if found is None:
        return None
    statement, made = found
    names, missing = _names(tree, statement, lost)
    known = {(each.machine, each.old, each.new): each for each in application.migrations}
    had = {(each.machine, each.old, each.new): each for each in running.migrations}
    fresh, calls = [], []
    for each in lost:
        ends = each.machine, each.old, each.new
        if ends not in known:
            fresh.append(each.skeleton(names))
        elif each.old == each.new and ends in had and is_past(known[ends], had[ends]):
            calls.append((_standing(made, ends), each.skeleton(names)))
        else:
            return None
    edits = [_import(text, tree, statement, missing)] if missing else []
    functions = "".join(each.functions(names) for each in lost).lstrip("\n")
    before = _offset(text, statement.lineno, 0)
    edits += [(before, before, f"{functions}\n\n")] if functions else []
    edits += [(*_span(text, call), written) for call, written in calls if call is not None]
    edits += _among(text, made, fresh)
    return tuple(edits) if _are_there(applied(text, edits), variable, application, len(fresh)) else None


def applied(text: str, edits: Sequence[Edit]) -> str:
    r"""A text with all edits made; their places count each end of a line as one.

    >>> applied("a\r\nb\nc", [(2, 3, "x\ny")])
    'a\r\nx\r\ny\nc'
    """
    ends = re.findall("\r\n|\r|\n", text)
    places = [*(found.start() for found in re.finditer("\r\n|.", text, re.DOTALL)), len(text)]
    parts, at = [], 0
    for begin, end, given in sorted(edits, key=lambda each: each[0]):
        parts += [text[at : places[begin]], given.replace("\n", ends[0] if ends else "\n")]
        at = places[end]
    return "".join([*parts, text[at:]])


def write(main: Path, text: str, edits: Sequence[Edit]) -> str:
    """Edit a file that still says this, as editors do; return what is wrong."""
    aside = main.with_name(f".{main.name}.midflight")
    try:
        data = main.read_bytes()
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        held = data.decode(encoding)
        if re.sub("\r\n?", "\n", held) != text:
            return "it was saved meanwhile"
        aside.write_bytes(applied(held, edits).encode(encoding))
        aside.chmod(main.stat().st_mode)
        aside.replace(main)
    except OSError as error:
        return error.strerror or str(error)
    except UnicodeEncodeError:
        return f"its encoding, {encoding}, has no letters for this"
    return ""


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


def _given(made: ast.Call) -> ast.expr | None:
    """The migrations that are given."""
    return next((each.value for each in made.keywords if each.arg == "migrations"), None)


def _standing(made: ast.Call, ends: tuple[str, str, str]) -> ast.Call | None:
    """The migration between two versions, where it is made among those that are given."""
    given = _given(made)
    for each in given.elts if isinstance(given, ast.List | ast.Tuple) else ():
        if isinstance(each, ast.Call):
            words = {word.arg: word.value for word in each.keywords}
            values = [*each.args[:1], *(words[word] for word in ("machine", "old", "new") if word in words)]
            if tuple(value.value for value in values if isinstance(value, ast.Constant)) == ends:
                return each
    return None


def _among(text: str, made: ast.Call, fresh: Sequence[str]) -> list[Edit]:
    """Put migrations behind those that are given, or behind the last argument."""
    given = _given(made)
    more = ", ".join(fresh)
    last: ast.expr | ast.keyword
    match given:
        case _ if not fresh:
            return []
        case None if made.keywords and all(each.arg is not None for each in made.keywords):
            last, more = made.keywords[-1], f"migrations=[{more}]"
        case ast.List(elts=[]) | ast.Tuple(elts=[]):
            return [(*_span(text, given), f"[{more}]")]
        case ast.List(elts=[*_, last]) | ast.Tuple(elts=[*_, last]):
            pass
        case _:
            return []
    begin, end = _span(text, last)
    indent = text[_offset(text, last.lineno, 0) : begin]
    return [(end, end, f"{', ' if indent.strip() else f',{chr(10)}{indent}'}{more}")]


def _are_there(text: str, variable: str, application: Application, fresh: int) -> bool:
    """Whether the text has as many migrations as it must, if it is a text of Python at all."""
    try:
        made = next(filter(None, (_made(each, variable) for each in parse(text).body)))
    except SyntaxError:
        return False
    given = _given(made)
    return isinstance(given, ast.List | ast.Tuple) and len(given.elts) == len(application.migrations) + fresh


# Names


def _names(
    tree: ast.Module, statement: ast.stmt, lost: Sequence[Loss]
) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """How what is written is called in this file, and what of it is still to be imported."""
    bound = Counter(_bound(tree))
    imports = (each for each in tree.body if isinstance(each, ast.ImportFrom))
    ours = {
        alias.name: alias.asname or alias.name
        for each in imports
        if each.module == "midflight" and each.lineno < statement.lineno
        for alias in each.names
    }
    needed = {
        "DROP": any(each.cells for each in lost),
        "Migration": True,
        "arr": any(each.altered for each in lost),
        "lens": any(each.messages for each in lost),
    }
    names = {name: ours.get(name, name) for name, is_needed in needed.items() if is_needed}
    missing = {
        name: _free(name, bound) for name, held in names.items() if bound[held] != 1 or name not in ours
    }
    functions = {name: _free(name, bound) for each in lost for name in functions_of(each)}
    return {**names, **missing, **functions}, missing


def _bound(tree: ast.Module) -> Iterator[str]:
    """All names that are bound anywhere in a file, as often as they are."""
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
                yield name
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name
            case ast.alias(name=name, asname=other):
                yield other or name.partition(".")[0]
            case ast.arg(arg=name) | ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)):
                yield name
            case _:
                pass


def _free(name: str, bound: Mapping[str, int]) -> str:
    """A name that means nothing else yet."""
    while bound.get(name):
        name += "_"
    return name


def _import(text: str, tree: ast.Module, statement: ast.stmt, missing: Mapping[str, str]) -> Edit:
    imports = [each for each in tree.body if isinstance(each, ast.Import | ast.ImportFrom)]
    before = [each.end_lineno or 0 for each in imports if each.lineno < statement.lineno]
    at = _offset(text, before[-1] + 1 if before else statement.lineno, 0)
    parts = [name if name == held else f"{name} as {held}" for name, held in missing.items()]
    return at, at, f"from midflight import {', '.join(parts)}\n"


# Places


def _span(text: str, part: ast.expr | ast.keyword) -> tuple[int, int]:
    ends = part.end_lineno or 0, part.end_col_offset or 0
    return _offset(text, part.lineno, part.col_offset), _offset(text, *ends)


def _offset(text: str, line: int, column: int) -> int:
    """Where in a text a line and a column in bytes are."""
    lines = text.split("\n")
    return sum(len(each) + 1 for each in lines[: line - 1]) + len(lines[line - 1].encode()[:column].decode())
