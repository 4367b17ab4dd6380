"""Bad tokens from the address of a genuine user."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from config.interface_sections import Api
from tests.product import GROUP, Product, product, running_product
from tests.security.attacks import get

__all__ = ["product", "running_product"]
pytestmark = GROUP


def test_no_genuine_token_is_refused_for_somebody_elses_bad_ones(product: Product) -> None:
    path = "/api/v1/workflows"
    most = Api.model_fields["bad_tokens_per_minute"].default

    def code(number: int) -> int:
        return get(product.url, path, Authorization=f"garbage {number}").status_code

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(code, range(3 * most))) == {401, 429}

    fresh = [product.simulator.token(f"user{number}@bvbrc") for number in range(12)]
    assert [get(product.url, path, Authorization=token).status_code for token in fresh] == [
        200
    ] * 12
