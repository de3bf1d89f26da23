"""The codec of `docs/protocols.md`, run as the page says."""

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

PAGE = "docs/protocols.md"


def test_the_till_answers_as_the_page_says(root: Path, tmp_path: Path) -> None:
    page = (root / PAGE).read_text()
    (code,) = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    said, heard = re.findall(r"^```text\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    (tmp_path / "till.py").write_text(code)
    command = [sys.executable, "-m", "midflight", "run", "till.py", "--listen", "lines://127.0.0.1:0"]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as node:
        assert node.stdout
        told = next(line for line in node.stdout if "listens" in line)
        with socket.create_connection(("127.0.0.1", int(told.rpartition(":")[2])), timeout=30) as client:
            client.sendall(said.encode())
            assert client.makefile().read() == heard
        node.send_signal(signal.SIGTERM)
        rest = node.stdout.read()
    assert node.returncode == 0
    assert "try  " not in rest
    assert "stopped after 3 messages" in rest
