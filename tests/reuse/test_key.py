"""The key of a job: what makes two jobs the same, and what does not."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflows.bvbrc import app_table
from workflows.reuse.comparison import first_difference, nearest, tell_difference
from workflows.reuse.inputs import (
    File,
    NoIdentity,
    file_identity,
    folder_identity,
    input_paths,
    is_path,
)
from workflows.reuse.key import Facts, key_of, key_parts, specification_digest
from workflows.reuse.results import Listed, first_change, place_of, written_by
from workflows.spec.catalogue import catalogue

APPS = catalogue(app_table.load(), app_table.load()).apps
FACTS = Facts(APPS["GenomeAssembly2"], "digest")
READS = "/u@bvbrc/home/in/reads.fq"
PARAMS: Mapping[str, Any] = {
    "recipe": "auto",
    "single_end_libs": [{"read": READS}],
    "output_path": "/u@bvbrc/home/run",
    "output_file": "asm",
}


def key(params: Mapping[str, Any], facts: Facts = FACTS, **file: Any) -> str:
    seen = {
        path: file_identity(File(path, file.get("uuid", "U1"), file.get("size", 9)))
        for path in input_paths(params)
    }
    return key_of(key_parts(facts, params, seen))


def reads_at(path: str) -> dict[str, Any]:
    return {**PARAMS, "single_end_libs": [{"read": path}]}


SAME = {
    "another place of the results": {
        **PARAMS,
        "output_path": "/u@bvbrc/home/x",
        "output_file": "b",
    },
    "the file was moved": reads_at("/u@bvbrc/home/else/reads.fq"),
    "a repeated slash": reads_at("/u@bvbrc//home/in/reads.fq"),
    "a default made explicit": {**PARAMS, "trim": False},
    "auto, the default, left out": {name: PARAMS[name] for name in PARAMS if name != "recipe"},
    "the order of names": dict(reversed(list(PARAMS.items()))),
}
OTHER = {
    "another base name": reads_at("/u@bvbrc/home/in/r.fq"),
    "another value": {**PARAMS, "recipe": "unicycler"},
    "a number as text": {**PARAMS, "min_contig_len": "301"},
    "a number": {**PARAMS, "min_contig_len": 301},
    "a float": {**PARAMS, "min_contig_len": 301.0},
    "a further parameter": {**PARAMS, "racon_iter": 7},
    "a name that repeats output_file": {**PARAMS, "x": "asm"},
    "another unicode form of the name": reads_at("/u@bvbrc/home/in/re\u0301ads.fq"),
    "one unicode form of the name": reads_at("/u@bvbrc/home/in/r\u00e9ads.fq"),
    "the order of a list": {**PARAMS, "srr_ids": ["SRR1", "SRR2"]},
    "the other order of a list": {**PARAMS, "srr_ids": ["SRR2", "SRR1"]},
}


@pytest.mark.parametrize("params", SAME.values(), ids=SAME)
def test_the_same_key(params: Mapping[str, Any]) -> None:
    assert key(params) == key(PARAMS)


def test_apps_with_other_results_each_time_or_beyond_bvbrc_are_never_reused() -> None:
    never = {app.id for app in APPS.values() if app.volatile}

    assert never == {"Date", "Sleep", "SequenceSubmission"}
    assert not {"SimilarGenomeFinder", "CreateGroup"} & {app.id for app in APPS.values()}, (
        "the engine runs them itself, and what it runs is never reused"
    )


def test_another_key() -> None:
    keys = [key(PARAMS), *map(key, OTHER.values())]
    keys += [key(PARAMS, uuid="U2"), key(PARAMS, size=10)]
    keys += [key(PARAMS, Facts(FACTS.app, "other")), key(PARAMS, Facts(FACTS.app, "digest", "2"))]
    keys += [key(PARAMS, Facts(APPS["GenomeAssembly"], "digest"))]

    assert len(set(keys)) == len(keys)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(),
                    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))  # fmt: skip
def test_every_json_value_has_a_key_of_its_own(value: Any) -> None:
    try:
        made = key({**PARAMS, "x": value})
    except NoIdentity:
        return
    assert made == key({**PARAMS, "x": value})
    assert made != key({**PARAMS, "x": [value]})


UNCLEAR = (
    "https://example.org/reads.fq",
    "ftp://ftp.ncbi.nlm.nih.gov/a.gz",
    "ws:/u@bvbrc/home/a",
    "/u@bvbrc/home/a.fq,/u@bvbrc/home/b.fq ".strip() + " and more",
    "a,/u@bvbrc/home/b.fq",
)


@pytest.mark.parametrize("text", UNCLEAR[:3] + UNCLEAR[4:])
def test_data_without_identity_is_no_text(text: str) -> None:
    with pytest.raises(NoIdentity, match="parameter x"):
        input_paths({**PARAMS, "x": [text]})


def test_what_may_be_a_path_is_taken_for_one() -> None:
    assert is_path(UNCLEAR[3])  # the Workspace has nothing there, so that it has no identity
    assert is_path("/rast/home")
    assert not is_path("/")
    assert not is_path("a/b/c")


def test_a_folder_is_what_lies_in_it() -> None:
    files = [File("/u/home/d/a", "1", 1), File("/u/home/d/e/b", "2", 2)]
    moved = [File("/u/home/x/d/e/b", "2", 2), File("/u/home/x/d/a", "1", 1)]

    assert folder_identity("/u/home/d", files) == folder_identity("/u/home/x/d", moved)
    for other in (files[:1], [files[0], File("/u/home/d/e/b", "3", 2)]):
        assert folder_identity("/u/home/d", files) != folder_identity("/u/home/d", other)
    with pytest.raises(NoIdentity, match="more than 10,000 files"):
        folder_identity("/d", (File(f"/d/{n}", "1", 1) for n in range(10_001)))


def test_texts_of_a_specification_do_not_count() -> None:
    spec = {"id": "A", "label": "a", "parameters": [{"id": "x", "default": 1, "desc": "text"}]}
    same = {"id": "A", "parameters": [{"id": "x", "default": 1, "desc": "other", "label": "l"}]}
    other = {"id": "A", "parameters": [{"id": "x", "default": 2}]}

    assert specification_digest(spec) == specification_digest(same)
    assert specification_digest(spec) != specification_digest(other)


def parts(params: Mapping[str, Any], facts: Facts = FACTS, uuid: str = "U1") -> Mapping[str, Any]:
    seen = {path: file_identity(File(path, uuid, 9)) for path in input_paths(params)}
    return key_parts(facts, params, seen)


def test_the_first_difference_to_the_most_similar_job_is_told() -> None:
    now = parts(PARAMS, uuid="U2")
    others = [parts({**PARAMS, "recipe": "spades"}), parts(PARAMS)]

    at = nearest(now, others)
    found = first_difference(now, others[at])

    assert at == 1
    assert found is not None
    assert found.part == "params.single_end_libs"
    assert "U1" in found.before
    assert "U2" in found.now
    assert "params.single_end_libs was" in tell_difference(found, "job 7")
    assert first_difference(now, now) is None
    changed = first_difference(parts(PARAMS, Facts(FACTS.app, "new")), parts(PARAMS))
    assert changed is not None
    assert tell_difference(changed, "job 7").startswith("BV-BRC has changed")
    epoch = first_difference(parts(PARAMS, Facts(FACTS.app, "digest", "2")), parts(PARAMS))
    assert epoch is not None
    assert "reuse.epoch" in tell_difference(epoch, "job 7")


def test_only_what_was_made_during_the_run_is_a_result() -> None:
    begun = datetime(2026, 1, 1, 10, tzinfo=UTC)
    ended = begun + timedelta(hours=1)
    times = {"before": begun - timedelta(minutes=1), "own": ended, "after": ended, "no time": None}
    times["after"] = ended + timedelta(minutes=1)
    listing = [Listed(File(f"/r/{name}", name, 1), at) for name, at in times.items()]

    assert written_by(listing, begun, ended) == (File("/r/own", "own", 1),)


def test_a_result_that_changed_or_is_gone_is_named() -> None:
    seen = [File("/r/a", "1", 1), File("/r/b", "2", 1)]

    assert first_change(seen, [*reversed(seen), File("/r/c", "3", 1)]) == ""
    assert first_change(seen, [seen[0], File("/r/b", "3", 1)]) == "/r/b"
    assert first_change(seen, seen[1:]) == "/r/a"


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"output_file": "a"},
        {"output_path": "/a/b", "output_file": "c/d"},
        {"output_path": "/a/b", "output_file": " "},
        {"output_path": "/a/b", "output_file": 7},
        {"output_path": 7, "output_file": "c"},
        {"output_path": "a/b", "output_file": "c"},
        {"output_path": "/a/b", "output_file": "c", "skip_workspace_output": 1},
    ],
)
def test_a_job_without_a_place_of_its_own_is_no_source(params: Mapping[str, Any]) -> None:
    assert place_of(params) is None


def test_a_job_holds_its_result_and_what_is_in_the_folder_beside_it() -> None:
    place = place_of({"output_path": "/a/b", "output_file": "c"})
    assert place is not None

    paths = ("/a/b/c", "/a/b/.c", "/a/b/.c/d", "/a/b/.cd", "/a/b/c/d", "/a/b")
    assert [place.holds(path) for path in paths] == [True, True, True, False, False, False]
