"""The engine that `docs/stores.md` shows passes the suite that it is shown with."""

import re
from pathlib import Path

PAGE = Path(__file__).parent.parent.parent / "docs" / "stores.md"

(_block,) = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
exec(compile(_block, str(PAGE), "exec"))  # the tests of `TestInMemory` are collected here
