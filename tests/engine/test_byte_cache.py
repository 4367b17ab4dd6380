"""Caches are bounded by what they hold, and forget what was asked for longest ago."""

from __future__ import annotations

from collections.abc import Callable

from tests.engine.conftest import Engine, document
from workflows.store.byte_cache import ByteCache
from workflows.store.workflows import specs, stored

MEGABYTE = 1024 * 1024


def counting(weight: Callable[[str], int]) -> tuple[ByteCache[str], list[str]]:
    loaded: list[str] = []

    def load(key: str) -> tuple[str, int]:
        loaded.append(key)
        return key, weight(key)

    return ByteCache(load, 10), loaded


def test_what_is_kept_is_loaded_once() -> None:
    cache, loaded = counting(lambda _: 5)

    assert [cache(key) for key in "abab"] == ["a", "b", "a", "b"]
    assert loaded == ["a", "b"]


def test_what_was_asked_for_longest_ago_goes_first() -> None:
    cache, loaded = counting(lambda _: 4)

    for key in "abacab":
        cache(key)

    assert loaded == ["a", "b", "c", "b"]
    assert cache.bytes == 8


def test_what_is_too_heavy_is_not_kept_and_moves_nothing_out() -> None:
    cache, loaded = counting(lambda key: 11 if key == "x" else 5)

    for key in "axxa":
        cache(key)

    assert loaded == ["a", "x", "x"]


def test_what_is_forgotten_is_loaded_again() -> None:
    cache, loaded = counting(lambda _: 5)
    cache("a")

    cache.forget("a")
    cache.forget("never there")

    assert cache.bytes == 0
    cache("a")
    assert loaded == ["a", "a"]


def test_specs_of_many_megabytes_do_not_add_up(engine: Engine) -> None:
    for number in range(8):
        large = document("")
        large["base_context"] |= {f"text{place}": "x" * MEGABYTE for place in range(5)}
        large["workflow_name"] = f"large {number}"
        workflow = engine.submit(large)
        assert specs.get(stored.get(workflow).spec_id).spec.name == f"large {number}"

    assert specs._kept.bytes <= specs.KEPT_BYTES
