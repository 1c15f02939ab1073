"""Who is taken for whom: tokens, and the server without any."""

from datetime import timedelta

import pytest

from tests.api.asgi import Browser
from tests.api.house import ORDER, a_house

SESSIONS = "/api/v1/sessions"


def test_without_any_token_this_machine_is_served_as_the_operator() -> None:
    house = a_house()

    assert 200 == house.browser().get("/api/v1/tokens").status
    assert 200 == house.browser(peer="::1").get("/api/v1/tokens").status
    assert 200 == house.browser(peer="::ffff:127.0.0.1").get("/api/v1/tokens").status


@pytest.mark.parametrize("peer", ["192.0.2.7", "10.0.0.1", "::2", "", "a-socket"])
def test_without_any_token_no_other_machine_is_served(peer: str) -> None:
    assert 401 == a_house().browser(peer=peer).get(SESSIONS).status


def test_once_a_token_exists_this_machine_needs_one_too() -> None:
    house = a_house()
    token = house.token()

    assert 401 == house.browser().get(SESSIONS).status
    assert 200 == house.browser(token).get(SESSIONS).status


@pytest.mark.parametrize("name", ["Forwarded", "X-Forwarded-For", "X-Real-IP"])
def test_what_came_through_a_proxy_is_not_taken_for_this_machine(name: str) -> None:
    browser = Browser(a_house().app, headers={name: "127.0.0.1"})

    assert 401 == browser.get(SESSIONS).status


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8080", "127.0.0.1.evil.example", ""]
)
def test_a_foreign_name_for_this_machine_is_not_served(host: str) -> None:
    answer = a_house().browser().get(SESSIONS, Host=host)

    assert (403, "forbidden") == (answer.status, answer.json["code"])


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:8080", "[::1]:8080", "LocalHost:80"])
def test_this_machine_may_be_called_by_its_own_names(host: str) -> None:
    assert 200 == a_house().browser().get(SESSIONS, Host=host).status


def test_a_configured_name_is_served_too() -> None:
    house = a_house(public_hosts=frozenset({"gpu.example"}))

    assert 200 == house.browser().get(SESSIONS, Host="gpu.example:443").status


@pytest.mark.parametrize("origin", ["https://evil.example", "http://localhost:3000", "null"])
def test_a_page_of_another_site_is_not_served(origin: str) -> None:
    house = a_house()

    answer = house.browser().post("/api/v1/operations/sweep", Origin=origin)

    assert (403, []) == (answer.status, house.sweeps)


def test_our_own_page_is_served() -> None:
    answer = a_house().browser().post(SESSIONS, ORDER, Origin="http://localhost:8080")

    assert 201 == answer.status


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", "Basic YTpi", "Bearer " + "x" * 600, "Bearer \xe9"]
)
def test_a_header_that_is_no_token_is_refused_even_here(header: str) -> None:
    assert 401 == Browser(a_house().app, headers={"Authorization": header}).get(SESSIONS).status


def test_the_scheme_may_be_written_in_any_case() -> None:
    house = a_house()
    browser = Browser(house.app, headers={"Authorization": f"bearer {house.token()}"})

    assert 200 == browser.get(SESSIONS).status


def test_an_expired_token_is_refused() -> None:
    house = a_house()
    token = house.token(lifetime=timedelta(days=1))
    house.clock.forward(days=1)

    assert 401 == house.browser(token).get(SESSIONS).status


def test_a_revoked_token_is_refused_at_once() -> None:
    house = a_house()
    admin, token = house.browser(house.token()), house.token("alice")
    (of_alice,) = [t for t in admin.get("/api/v1/tokens").json["tokens"] if t["name"] == "alice"]
    assert 200 == admin.delete(f"/api/v1/tokens/{of_alice['id']}").status

    assert 401 == house.browser(token).get(SESSIONS).status


def test_metrics_are_open_on_this_machine_and_need_an_admin_elsewhere() -> None:
    house = a_house()
    token = house.token()

    assert 200 == house.browser().get("/metrics").status
    assert 401 == house.browser(peer="192.0.2.7").get("/metrics").status
    assert 200 == house.browser(token, peer="192.0.2.7").get("/metrics").status
    assert 403 == house.browser().get("/metrics", Host="evil.example").status


def test_the_docs_can_be_closed() -> None:
    house = a_house(public_docs=False)
    token = house.token("alice")

    assert 401 == house.browser().get("/docs").status
    assert 200 == house.browser(token).get("/openapi.json").status
