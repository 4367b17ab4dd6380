"""Where the command line finds its token."""

from __future__ import annotations

from pathlib import Path

import pytest

from bvbrc_workflows_client import tokens


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"BVBRC_TOKEN": "un=a", "P3_AUTH_TOKEN": "un=b"}, "$BVBRC_TOKEN"),
        ({"P3_AUTH_TOKEN": "un=b", "KB_AUTH_TOKEN": "un=c"}, "$P3_AUTH_TOKEN"),
        ({"BVBRC_TOKEN": " ", "KB_AUTH_TOKEN": "un=c"}, "$KB_AUTH_TOKEN"),
    ],
)
def test_the_first_variable_that_is_set_counts(
    environment: dict[str, str], expected: str, tmp_path: Path
) -> None:
    (tmp_path / ".patric_token").write_text("un=file\n")

    found = tokens.find(environment, tmp_path)

    assert found is not None
    assert found.source == expected


def test_the_usual_file_serves_where_no_variable_is_set(tmp_path: Path) -> None:
    (tmp_path / ".patric_token").write_text("un=file@bvbrc|expiry=1800000000|sig=0\n")

    found = tokens.find({}, tmp_path)

    assert found is not None
    assert found.text == "un=file@bvbrc|expiry=1800000000|sig=0"
    assert found.user == "file@bvbrc"
    assert f"{found.expires_at}" == "2027-01-15 08:00:00+00:00"


def test_a_token_is_not_shown_by_accident() -> None:
    assert "sig" not in repr(tokens.Token("un=a|sig=00", "$BVBRC_TOKEN"))


def test_without_a_token_there_is_none(tmp_path: Path) -> None:
    assert tokens.find({}, tmp_path) is None
