"""The files of a save: what was there and what was not, and whether git is at them."""

from __future__ import annotations

import os
import time
from pathlib import Path

from runtime import bounds
from runtime.loader import load
from runtime.save import Save, git_writes


def test_a_name_that_comes_into_being_is_a_change(tmp_path: Path) -> None:
    """A package beside a module of its name is what an import means then."""
    (tmp_path / "words.py").write_text("WORD = 'a'\n")
    (tmp_path / "app.py").write_text("import words\n")
    save = Save()
    load(str(tmp_path / "app.py"), save)
    assert not save.changed()
    assert {each.name for each in save.read} == {"app.py", "words.py"}
    (tmp_path / "other.py").write_text("")
    assert not save.changed(), "nobody asked for it"
    (tmp_path / "words").mkdir()
    (tmp_path / "words" / "__init__.py").write_text("WORD = 'b'\n")
    assert save.changed()


def test_what_was_read_is_read_once(tmp_path: Path) -> None:
    file = tmp_path / "app.py"
    file.write_text("one\ntwo\n")
    save = Save()
    assert save.text(file) == "one\ntwo\n"
    file.write_text("three\n")
    assert save.text(file) == "one\ntwo\n"
    assert save.line(file, 2) == "two"
    assert [save.line(file, number) for number in (0, 3)] == ["", ""]
    file.write_text("a\x0cb\u2028c\nd\n", encoding="utf-8")
    other = Save()
    other.text(file)
    assert other.line(file, 2) == "d", "as Python counts"
    assert save.changed()
    again = Save()
    again.text(file)
    assert save.differing(again) == (file,)
    file.unlink()
    assert again.changed()


def test_git_writes_while_it_holds_its_lock(tmp_path: Path) -> None:
    inside = tmp_path / "project" / "package"
    inside.mkdir(parents=True)
    assert not git_writes(inside)
    kept = tmp_path / "main" / ".git" / "worktrees" / "project"
    kept.mkdir(parents=True)
    (tmp_path / "project" / ".git").write_text(f"gitdir: {kept}\n")
    assert not git_writes(inside)
    lock = kept / "index.lock"
    lock.touch()
    assert git_writes(inside)
    old = time.time() - bounds.GIT - 1
    os.utime(lock, (old, old))
    assert not git_writes(inside), "it was left over"
