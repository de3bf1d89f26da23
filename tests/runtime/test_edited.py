"""Lines that differ: what is told leads from one text to the other, and in no time, however long the files are."""

from __future__ import annotations

import difflib
import random
import time
from pathlib import Path

import pytest

from runtime import edited
from runtime.edited import changed
from runtime.loader import load
from tests.runtime.test_reload import SHOP


def led(was: str, now: str) -> int:
    """Follow what is told from one text to the other, where no line is empty; return how many lines it speaks of."""
    lines = changed(was, now)
    assert lines is not None
    old, new = was.split("\n"), now.split("\n")
    gone = {number for sign, number, _ in lines if sign == "-"}
    come = {number for sign, number, _ in lines if sign == "+"}
    assert all(text == (old if sign == "-" else new)[number - 1] for sign, number, text in lines)
    kept = [line for at, line in enumerate(old, 1) if at not in gone]
    assert kept == [line for at, line in enumerate(new, 1) if at not in come]
    return len(lines)


def test_it_leads_from_one_to_the_other_in_the_fewest_lines() -> None:
    seed = random.randrange(1 << 30)
    print("seed", seed)
    draw = random.Random(seed)
    for _ in range(1000):
        old = draw.choices("abcd", k=draw.randint(1, 14))
        new = old[:]
        for _ in range(draw.randint(0, 6)):
            at = draw.randint(0, len(new) - 1)
            new[at : at + draw.randint(0, 1)] = draw.choices("abcde", k=draw.randint(1, 2))
        usual = difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
        count = sum(b - a + d - c for word, a, b, c, d in usual if word != "equal")
        assert led("\n".join(old), "\n".join(new)) <= count


def test_lines_that_are_alike() -> None:
    """Twenty thousand of them, of which three are others now, or all."""
    old = ["    n += 1"] * 20_000
    new = [
        f"    n += {number}" if number in (100, 9_000, 19_000) else line for number, line in enumerate(old)
    ]
    began = time.perf_counter()
    found = changed("\n".join(old), "\n".join(new))
    assert found is not None
    assert [line for line in found if line[0] == "+"] == [
        ("+", number + 1, f"    n += {number}") for number in (100, 9_000, 19_000)
    ]
    assert len(found) == 6
    assert changed("\n".join(map(str, range(20_000))), "\n".join(map(str, range(20_000, 0, -1)))) is None
    assert time.perf_counter() - began < 2


def test_only_line_ends_end_a_line() -> None:
    """A form feed does not, nor what Unicode calls a line's end."""
    assert changed("a\x0cb\u2028c\nd", "a\x0cb\u2028c\ne") == [("-", 2, "d"), ("+", 2, "e")]


def test_too_many_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(edited, "MOST", 3)
    file = tmp_path / "app.py"
    file.write_text(SHOP)
    before = load(str(file)).unwrap()
    file.write_text(SHOP.replace("total", "sum"))
    found = edited.edited(before, load(str(file)).unwrap())
    assert found == edited.Edits(((file, ()),), 6)


def test_a_version_of_another_file(tmp_path: Path) -> None:
    """Files are compared by their places beside the main file, wherever that is."""
    folders = [tmp_path / name for name in ("one", "two")]
    for number, folder in enumerate(folders, 1):
        folder.mkdir()
        (folder / "words.py").write_text(f"WORD = {number}\n")
        (folder / "app.py").write_text(f"import words\n{SHOP}")
    before, after = (load(str(folder / "app.py")).unwrap() for folder in folders)
    lines = (("-", 1, "WORD = 1"), ("+", 1, "WORD = 2"))
    assert edited.edited(before, after) == edited.Edits(((folders[1] / "words.py", lines),))
