"""Bad tokens from the address of a genuine user."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from config.interface_sections import Api
from tests.product import GROUP, Product
from tests.security.attacks import another_api, get

pytestmark = GROUP


def test_no_genuine_token_is_refused_for_somebody_elses_bad_ones(product: Product) -> None:
    path = "/api/v1/workflows"
    most = Api.model_fields["bad_tokens_per_minute"].default

    with another_api(product) as url:  # which alone keeps these tokens in mind

        def code(token: str) -> int:
            return get(url, path, Authorization=token).status_code

        with ThreadPoolExecutor(8) as pool:
            garbage = (f"garbage {number}" for number in range(3 * most))
            assert set(pool.map(code, garbage)) == {401, 429}

        fresh = [product.simulator.token(f"user{number}@bvbrc") for number in range(12)]
        assert [code(token) for token in fresh] == [200] * 12
