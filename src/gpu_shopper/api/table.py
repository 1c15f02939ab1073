"""All routes of the API, in one table, and the document that describes them."""

from functools import lru_cache

import msgspec

from gpu_shopper.api import (
    agent,
    costs,
    docs_page,
    fit,
    health,
    history,
    inventory,
    odds,
    operations,
    providers,
    sessions,
    tokens,
)
from gpu_shopper.api.describing import describe
from gpu_shopper.api.routes import Access, Ask, NoQuery, Reply, Route


@lru_cache(maxsize=1)
def document() -> bytes:
    """Return the OpenAPI document, as it is served and as it is kept."""
    return msgspec.json.format(msgspec.json.encode(describe(ROUTES)), indent=2) + b"\n"


async def get_openapi(_ask: Ask[NoQuery, None]) -> Reply:
    """Give this document."""
    return Reply(document())


ROUTES = (
    *health.ROUTES,
    # Before the offers: any word behind /inventory/ could be an offer's id.
    *history.ROUTES,
    *inventory.ROUTES,
    *odds.ROUTES,
    *fit.ROUTES,
    *sessions.ROUTES,
    *costs.ROUTES,
    *providers.ROUTES,
    *agent.ROUTES,
    *tokens.ROUTES,
    *operations.ROUTES,
    Route(
        method="GET",
        path="/openapi.json",
        answer=get_openapi,
        access=Access.READER,
        reply=None,
        tag="docs",
    ),
    *docs_page.ROUTES,
)
