"""The Python of the documents is typed: all blocks of a page make one program, which `mypy --strict` accepts."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
EXAMPLES = "".join(path.read_text() for path in (ROOT / "examples").rglob("*.py"))
ALLOWED = [
    "--disable-error-code=no-redef"
]  # a page tells a story: a name may mean something else further down


def program(page: str) -> str:
    """The Python of a page, each line where it stands there; what stands in an example is looked at there."""
    lines = page.splitlines()
    kept = [""] * len(lines)
    for block in re.finditer(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL):
        start = page.count("\n", 0, block.start(1))
        typed = ">>> " in block[1]
        if typed or block[1].strip() not in EXAMPLES:
            for at, line in enumerate(block[1].splitlines(), start):
                shown = re.match(r"(?:>>>|\.\.\.)(?: (.*))?$", line)
                kept[at] = ((shown and shown[1]) or "") if typed else line
    return "\n".join(kept) + "\n"


def test_every_block_is_typed(tmp_path: Path) -> None:
    written = []
    for page in PAGES:
        text = program(page.read_text())
        if text.strip():
            written.append(tmp_path / f"{page.stem.lower()}_page.py")
            written[-1].write_text(text)
    assert {"readme_page.py", "language_page.py", "tutorial_page.py"} <= {path.name for path in written}
    command = [sys.executable, "-m", "mypy", "--strict", *ALLOWED, *map(str, written)]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_a_program_keeps_the_lines_of_its_page() -> None:
    page = "A\n\n```python\n>>> if a:\n...     b\n\n1\n```\n```python\nc = 1\n```\n```sh\nls\n```\n"
    assert program(page).splitlines() == [
        "",
        "",
        "",
        "if a:",
        "    b",
        "",
        "",
        "",
        "",
        "c = 1",
        "",
        "",
        "",
        "",
    ]
