"""A user of the client."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from bvbrc_workflows_client import Workflows
from tests.product import Product

USER = "cleo@bvbrc"
Connect = Callable[..., Workflows]


@pytest.fixture
def connect(product: Product) -> Iterator[Connect]:
    """Makes clients, as a user, of the product or of what stands before it."""
    made: list[Workflows] = []

    def make(user: str = USER, url: str = "", **options: float) -> Workflows:
        made.append(Workflows(url or product.url, product.token(user), **options))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture
def workflows(connect: Connect) -> Workflows:
    return connect()
