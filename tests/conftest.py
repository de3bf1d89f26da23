"""Switches and fixtures for all tests."""

import os
import signal
import tempfile
import threading
from pathlib import Path

import hypothesis
import pytest

hypothesis.settings.register_profile("midflight", deadline=None, print_blob=True)
hypothesis.settings.load_profile("midflight")

ROOT = Path(__file__).parent.parent

# The registry of whoever runs the tests is none of theirs: their nodes would be noted in it. There is no such folder.
os.environ["MIDFLIGHT_HOME"] = str(Path(tempfile.gettempdir()) / f"midflight-tests-{os.getpid()}")
os.environ.pop("MIDFLIGHT_REGISTRY", None)

# Who runs the tests behind `nohup`, or in the background, lets them ignore these; what they start would do so, too.
for number in (signal.SIGINT, signal.SIGHUP):
    if signal.getsignal(number) is signal.SIG_IGN and threading.current_thread() is threading.main_thread():
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="also run what takes minutes")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--long"):
        for item in items:
            if "long" in item.keywords:
                item.add_marker(pytest.mark.skip(reason="takes minutes: run with --long"))


@pytest.fixture(scope="session")
def root() -> Path:
    """The folder of the project."""
    return ROOT


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Real input that is not part of the project; tests that need it skip where it is absent."""
    folder = Path(os.environ.get("MIDFLIGHT_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no real input at {folder}; set MIDFLIGHT_DATA")
    return folder
