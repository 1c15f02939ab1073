"""Who is served by which route: one table, and it has a line for each operation of the API."""

import pytest

from gpu_shopper.api.table import ROUTES
from tests.api.house import CLOUD, ORDER, a_house

EVERYBODY = (200, 200, 200, 200, 200)
THE_OWNER = (401, 401, 200, 404, 200)
ANY_CALLER = (401, 401, 200, 200, 200)
OPERATORS = (401, 401, 403, 403, 200)

# operation: what to send, then the status for nobody, a bad token, alice (whose session it is), bob, an admin.
TABLE = {
    "get_health": ("/health", None, EVERYBODY),
    "get_readiness": ("/ready", None, EVERYBODY),
    "get_metrics": ("/metrics", None, (401, 401, 403, 403, 200)),
    "get_openapi": ("/openapi.json", None, EVERYBODY),
    "get_docs": ("/docs", None, EVERYBODY),
    "list_offers": ("/api/v1/inventory", None, ANY_CALLER),
    "get_offer": (f"/api/v1/inventory/{CLOUD}:1", None, ANY_CALLER),
    "list_alternatives": (f"/api/v1/inventory/{CLOUD}:1/alternatives", None, ANY_CALLER),
    "list_offer_health": ("/api/v1/offer-health", None, ANY_CALLER),
    "list_price_history": ("/api/v1/inventory/history", None, ANY_CALLER),
    "fit_model": ("/api/v1/fit?model=qwen3-8b", None, ANY_CALLER),
    "request_session": ("/api/v1/sessions", ORDER, (401, 401, 201, 403, 201)),
    "list_sessions": ("/api/v1/sessions", None, ANY_CALLER),
    "get_session": ("/api/v1/sessions/{id}", None, THE_OWNER),
    "end_session": ("/api/v1/sessions/{id}", None, THE_OWNER),
    "finish_session": ("/api/v1/sessions/{id}/done", None, THE_OWNER),
    "extend_session": ("/api/v1/sessions/{id}/extend", {"additional_hours": 1}, THE_OWNER),
    "list_session_events": ("/api/v1/sessions/{id}/events", None, THE_OWNER),
    "diagnose_session": ("/api/v1/sessions/{id}/diagnostics", None, THE_OWNER),
    "get_costs": ("/api/v1/costs?session_id={id}", None, THE_OWNER),
    "get_cost_summary": ("/api/v1/costs/summary", None, ANY_CALLER),
    "list_hourly_costs": ("/api/v1/costs/hourly", None, ANY_CALLER),
    "list_providers": ("/api/v1/providers", None, ANY_CALLER),
    "report_heartbeat": ("/api/v1/agent/heartbeat", {"protocol": 1}, (401, 400, 400, 400, 400)),
    "create_token": ("/api/v1/tokens", {"kind": "admin"}, (401, 401, 403, 403, 201)),
    "list_tokens": ("/api/v1/tokens", None, OPERATORS),
    "revoke_token": ("/api/v1/tokens/tok_aaaaaaaaaaaaaaaa", None, (401, 401, 403, 403, 404)),
    "list_notices": ("/api/v1/notices", None, OPERATORS),
    "request_sweep": ("/api/v1/operations/sweep", None, (401, 401, 403, 403, 202)),
    "list_orphans": ("/api/v1/operations/orphans", None, OPERATORS),
}
CALLERS = ("nobody", "bad token", "alice", "bob", "admin")


def test_the_table_has_a_line_for_each_route() -> None:
    assert {route.name for route in ROUTES} == set(TABLE)


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_a_route_serves_whom_it_should_and_nobody_else(route) -> None:
    path, body, expected = TABLE[route.name]
    house = a_house()
    tokens = {
        "nobody": None,
        "bad token": "cgs_adm_no_such_token",
        "alice": house.token("alice"),
        "bob": house.token("bob"),
        "admin": house.token(),
    }
    found = []
    for caller in CALLERS:
        # One that is not on this machine, so that being here gives nobody any right.
        browser = house.browser(tokens[caller], peer="192.0.2.7")
        where = path.format(id=house.session() if "{id}" in path else "")
        if route.method == "POST":
            found.append(browser.post(where, body).status)
        else:
            found.append(browser.ask(route.method, where).status)

    assert expected == tuple(found)


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_a_route_without_its_token_says_how_to_show_one(route) -> None:
    path, _, expected = TABLE[route.name]
    if expected[0] != 401:
        return
    house = a_house()

    answer = house.browser(peer="192.0.2.7").ask(route.method, path.format(id="ses_x"))

    assert (401, "unauthenticated") == (answer.status, answer.json["code"])
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert "Authorization" in answer.json["hint"]
