"""A secret goes through everything a node does; then every output is searched for it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

from runtime import observe
from runtime.control_client import ask
from runtime.errors import BadMessage, StepFailed
from runtime.loader import load
from runtime.testing import TestNode
from tests.runtime.crash_checker import wait_for
from tests.runtime.crash_story import free_port
from tests.runtime.engines import Power, Simulated

ROOT = Path(__file__).parent.parent.parent
HERE = ROOT / "tests" / "runtime" / "secret"
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}
SECRET = "correct-horse"
LOGIN = {"type": "Login", "user": "ann", "password": SECRET}


def command(*arguments: str) -> str:
    """All that a command prints."""
    ran = subprocess.run(
        [sys.executable, "-m", "midflight", *arguments],
        cwd=ROOT,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )
    return ran.stdout + ran.stderr


def post(port: int, machine: str, message: object) -> tuple[int, str]:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/machines/{machine}", json.dumps(message).encode()
    )
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_no_output_of_a_node_holds_a_secret(tmp_path: Path) -> None:
    data, port = str(tmp_path / "data"), free_port()
    options = ["--data", data, "--listen", f"http://127.0.0.1:{port}"]
    node = subprocess.Popen(
        [sys.executable, "-m", "midflight", "run", str(HERE / "v1.py"), *options],
        cwd=ROOT,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    told = []
    try:
        assert wait_for(port)
        for machine in ("accounts", "users"):
            status, reply = post(port, machine, LOGIN)
            assert (status, SECRET in reply) == (200, True), "a reply is the machine's own"
            for wrong in (
                {"type": "Fail", "login": LOGIN},
                {"type": "Login", "user": [SECRET], "password": SECRET},
                {"type": "Login", "user": "ann", "password": [SECRET]},
                {"type": "Fail", "login": SECRET},
                SECRET,
            ):
                status, reply = post(port, machine, wrong)
                assert status in (422, 500)
                told.append(reply)
            told.append(
                command("call", machine, json.dumps({"type": "Fail", "login": LOGIN}), "--data", data)
            )
            told.append(
                command("call", machine, json.dumps({"type": "Fail", "login": SECRET}), "--data", data)
            )
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/machines/{machine}", timeout=20) as answer:
                told.append(answer.read().decode())
        for arguments in (
            ("status",),
            ("status", "--json"),
            ("export",),
            ("upgrade", str(HERE / "v2.py")),
            ("rollback", "--json"),
            ("export",),
            ("doctor",),
            ("history",),
            ("history", "--json"),
        ):
            told.append(command(*arguments, "--data", data))
        ask(data, {"op": "stop"})
    finally:
        log = node.communicate(timeout=60)[0]
        node.kill()
    told += [log, command("export", "--data", data), command("doctor", "--data", data)]
    assert log.count("ValueError: not Login(user='ann', password=***)") >= 4
    assert '"password": "***"' in told[-2]
    for each in told:
        assert SECRET not in each
    assert any(SECRET.encode() in each.read_bytes() for each in (tmp_path / "data").glob("journal.db*"))
    assert all(each.stat().st_mode & 0o077 == 0 for each in (tmp_path / "data").glob("journal.*"))


def test_no_event_or_error_shows_a_secret() -> None:
    seen: list[observe.Event] = []
    application = load(str(HERE / "v1.py")).unwrap()
    node = TestNode(store=Simulated(Power(), automatic=True), observers=[seen.append])
    node.start(application).unwrap()
    module = sys.modules[type(application.machines["accounts"]).__module__]
    assert module is not None
    shape = node._host.core.machines["accounts"].program.takes
    from arrows.plain import from_plain

    login = from_plain(LOGIN, shape).unwrap()
    node.call("accounts", login)
    errors = []
    for wrong in (from_plain({"type": "Fail", "login": LOGIN}, shape).unwrap(), SECRET, (login, SECRET)):
        try:
            node.call("accounts", wrong)
        except (StepFailed, BadMessage) as error:
            errors.append(f"{error} {error!r} {error.__cause__} {error.to_plain()}")
    assert len(errors) == 3
    kinds = {type(each).__name__ for each in seen}
    assert {"Accepted", "Stepped", "Failed", "Rejected"} <= kinds
    for each in (*map(repr, seen), *errors, repr(node.status())):
        assert SECRET not in each


def test_an_export_without_its_secrets_is_no_state_to_start_with(tmp_path: Path) -> None:
    power = Power()
    node = TestNode(store=Simulated(power, automatic=True))
    application = load(str(HERE / "v1.py")).unwrap()
    node.start(application).unwrap()
    from arrows.plain import from_plain
    from runtime.export import export

    shape = node._host.core.machines["accounts"].program.takes
    node.call("users", from_plain(LOGIN, shape).unwrap())
    for secrets in (False, True):
        lines: list[str] = []
        export(Simulated(power), lambda line, to=lines: to.append(json.dumps(line)), secrets=secrets)  # type: ignore[misc]
        assert any(SECRET in line for line in lines) is secrets
        again = TestNode()
        started = again.start(application, initial=lines)
        if secrets:
            started.unwrap()
            assert again._host.core.machines["users"].state == node._host.core.machines["users"].state
        else:
            assert "Login.password is secret; and this export has no secrets" in str(started.failure())
            assert again.status().applications == ()


def test_a_file_with_secrets_is_for_its_owner_alone(tmp_path: Path) -> None:
    data = tmp_path / "data"
    wrong = command("export", "--with-secrets", "--data", str(data))
    assert "--with-secrets needs --out FILE" in wrong
    assert "holds no data" in command("export", "--data", str(data))
