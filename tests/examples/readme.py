"""What a README shows in its `console` blocks, and a curl that is there on every machine."""

import json
import re
import shlex
from pathlib import Path

import httpx


def shown(readme: Path) -> list[tuple[str, str]]:
    """Each command with the output shown below it, without what `...` leaves out."""
    found: list[tuple[str, str]] = []
    for block in re.findall(r"^```console\n(.*?)^```", readme.read_text(), re.DOTALL | re.MULTILINE):
        for line in block.splitlines():
            if line.startswith("$ "):
                found.append((line[2:], ""))
            else:
                command, output = found[-1]
                found[-1] = command, output + line + "\n"
    return found


def curl(command: str, client: httpx.Client, shown_at: str) -> httpx.Response:
    """Send what a curl command would; the address shown in it stands for the client's."""
    words = iter(shlex.split(command)[1:])
    method, headers, body, url = "GET", {}, None, ""
    for word in words:
        match word:
            case "--json" | "-d":
                method, body = "POST", next(words)
                headers["content-type"] = "application/json" if word == "--json" else "text/plain"
            case "-H":
                name, value = next(words).split(": ", 1)
                headers[name] = value
            case "-X":
                method = next(words)
            case "-s" | "-i":
                pass
            case _:
                assert word.startswith(shown_at), word
                url = word.removeprefix(shown_at)
    return client.request(method, url, content=body, headers=headers)


def same(output: str, text: str) -> bool:
    """Whether a text is what is shown: as JSON, or up to the `...`."""
    if "..." in output:
        return text.startswith(output.partition("...")[0])
    return bool(json.loads(output) == json.loads(text))
