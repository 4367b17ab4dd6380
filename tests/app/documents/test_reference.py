"""The reference for language models is what the product does."""

from __future__ import annotations

import json

import pytest

from app.api.mistakes import MISTAKES, Mistake
from app.api.reference import render_reference
from tests.app.conftest import Api
from tests.shared import ROOT
from tests.spec.examples import look, workflow


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.code)
def test_each_mistake_is_found_under_its_code_and_no_other(mistake: Mistake) -> None:
    seen = look(workflow(*mistake.steps()))

    problems = {problem.code for problem in seen.problems}
    warnings = {warning.code for warning in seen.warnings}
    assert problems or warnings == {mistake.code}
    assert problems in ({mistake.code}, set())


def test_there_are_ten_mistakes() -> None:
    assert len(MISTAKES) == len({mistake.title for mistake in MISTAKES}) == 10


def test_the_page_is_served_without_a_token(api: Api) -> None:
    answer = api.client.get("/llms.txt")

    assert answer.status_code == 200
    assert answer.mimetype == "text/plain"
    assert answer.text == render_reference()
    assert "{{" not in answer.text
    assert len(answer.text) < 32_000
    example = answer.text.partition("```json\n")[2].partition("```")[0]
    assert api("POST", "/api/v1/workflows/validate", json=json.loads(example)).status_code == 200


def test_the_page_among_the_documents_is_the_same() -> None:
    assert (ROOT / "docs" / "agents.md").read_text("utf-8") == render_reference()
