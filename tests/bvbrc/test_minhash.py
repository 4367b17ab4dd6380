"""Similar genomes come at once, in the order of the service."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest

from tests.bvbrc import tokens
from tests.bvbrc.answers import Service
from tests.bvbrc.loopback import answering, serving
from workflows.bvbrc.minhash import Hit, Minhash, Search
from workflows.bvbrc.rpc import Rpc
from workflows.bvbrc.wire import Wire
from workflows.model.errors import ServiceAway

TOKEN = tokens.sign(tokens.claims())
BY_GENOME = "compute_genome_distance_for_genome2"
BY_FASTA = "compute_genome_distance_for_fasta2"


@contextmanager
def minhash(**methods: Callable[..., list[Any]]) -> Iterator[tuple[Minhash, Service]]:
    answers = Service(methods)
    with serving(answering(answers)) as server:
        yield Minhash(Rpc(Wire()), server.url, timeout=timedelta(seconds=30)), answers


def found(*_: Any) -> list[Any]:
    return [[["83332.12", 0.001, "1e-200", "950/1000"], ["1.1", "0.5", 0, "2/1000"]]]


@pytest.mark.parametrize(
    ("search", "method", "params"),
    [
        (Search(genome_id="83332.12"), BY_GENOME, ["83332.12", 1.0, 0.01, 50, 1, 1, 1, 0]),
        (
            Search(fasta_path="/a@b/x.fa", max_hits=5, bacterial=False, viral=True),
            BY_FASTA,
            ["/a@b/x.fa", 1.0, 0.01, 5, 1, 1, 0, 1],
        ),
    ],
)
def test_a_search_is_asked_for_by_position(search: Search, method: str, params: list[Any]) -> None:
    with minhash(**{method: found}) as (client, answers):
        hits = client.similar(TOKEN, search)
    assert hits == (
        Hit("83332.12", 0.001, 1e-200, "950/1000"),
        Hit("1.1", 0.5, 0.0, "2/1000"),
    )
    assert answers.params(method) == [params]


def test_nothing_like_it_is_an_answer() -> None:
    with minhash(**{BY_GENOME: lambda *_: [[]]}) as (client, _):
        assert client.similar(TOKEN, Search(genome_id="1.1")) == ()


@pytest.mark.parametrize(
    "result", [[], [None], [{}], [[None]], [[[]]], [[["1.1", "near", 0, ""]]], [[{"id": 1}]], [[5]]]
)
def test_an_answer_in_another_shape_is_no_answer(result: list[Any]) -> None:
    with minhash(**{BY_GENOME: lambda *_: result}) as (client, _), pytest.raises(ServiceAway):
        client.similar(TOKEN, Search(genome_id="1.1"))
