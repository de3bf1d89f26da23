"""`docs/errors.md` tells of every refusal that the code has, as the code tells it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from migrations.refusal import Refusal
from runtime.errors import CallError
from tests.errors_page import ERRORS, PAGE, REFUSALS, defined, page


@pytest.mark.parametrize(("base", "examples"), [(Refusal, REFUSALS), (CallError, ERRORS)])
def test_every_class_has_one_example(base: type, examples: Sequence[object]) -> None:
    shown = [type(each) for each in examples]
    assert len(shown) == len(set(shown))
    missing = sorted(cls.__name__ for cls in defined(base) - set(shown))
    assert not missing, f"give an example of each in tests/errors_page.py: {missing}"


def test_the_page_is_what_the_code_says() -> None:
    assert PAGE.read_text() == page(), "run python -m tests.errors_page"


@pytest.mark.parametrize("each", REFUSALS, ids=lambda each: type(each).__name__)
def test_a_message_is_what_happened_and_the_remedy(each: Refusal) -> None:
    assert each.message == f"{each.happened} {each.remedy}".strip()
    assert each.message[0] != " "


@pytest.mark.parametrize("each", ERRORS, ids=lambda each: type(each).__name__)
def test_a_call_error_has_a_remedy(each: CallError) -> None:
    assert each.remedy
