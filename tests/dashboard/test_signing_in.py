"""Who may look: whom the API serves, by a key that a browser is given for a token."""

import re
from datetime import timedelta

import pytest

from gpu_shopper.dashboard.links import inside, page_of
from gpu_shopper.dashboard.sign_ins import LASTS_S, SignIns
from gpu_shopper.domain.ids import OfferId
from gpu_shopper.ports.vault import Secret
from gpu_shopper.testing.chance import SeededChance
from tests.api.house import CLOUD, START, HandClock, House, a_house, an_offer
from tests.dashboard.pages import INVENTORY, Visitor, asked, read, visitor

SIGN_IN = "/dashboard/sign-in"
SIGN_OUT = "/dashboard/sign-out"
OFFER = f"{INVENTORY}/cumulus%3A1"
PAGES = (INVENTORY, OFFER, "/dashboard/fit?model=llama-3.1-8b")


def signed_in(house: House, token: str, **headers: str) -> Visitor:
    there = visitor(house)
    answer = there.post(SIGN_IN, {"token": token, "next": OFFER}, **headers)
    assert (303, OFFER) == (answer.status, answer.headers["location"]), answer.body
    return there


def test_a_server_without_tokens_shows_its_pages_to_its_own_machine() -> None:
    there = visitor(a_house())

    for page in PAGES:
        shown = there.page(page)
        assert [] == shown.all("form", action=SIGN_OUT)


@pytest.mark.parametrize(
    ("peer", "headers", "status"),
    [
        ("192.0.2.7", {}, 303),
        ("127.0.0.1", {"X_Forwarded_For": "192.0.2.7"}, 303),
        ("127.0.0.1", {"Host": "rebound.example"}, 403),
    ],
)
def test_whom_the_api_refuses_the_dashboard_refuses(peer, headers, status) -> None:
    there = visitor(a_house(), peer=peer)

    for page in PAGES:
        answer = there.get(page, **headers)
        assert status == answer.status, answer.headers
        assert b"RTX 4090" not in answer.body


def test_once_there_is_a_token_a_page_asks_for_it_and_goes_on_where_it_was() -> None:
    house = a_house()
    token = house.token("alice")
    there = visitor(house)
    sent = there.get(f"{INVENTORY}?q=price%3C3&hours=2")
    assert 303 == sent.status
    form = there.page(sent.headers["location"]).one("form", action=SIGN_IN)

    fields = {each["name"]: each.attributes.get("value") or "" for each in form.all("input")}
    answer = there.post(form["action"], fields | {"token": f" {token} "})

    assert f"{INVENTORY}?q=price%3C3&hours=2" == answer.headers["location"]
    page = there.page(answer.headers["location"])
    assert "price<3" == page.one("input", name="q")["value"]
    assert page.one("form", action=SIGN_OUT, method="post")


@pytest.mark.parametrize("whose", [None, "alice"])
def test_the_browser_is_given_a_key_and_not_the_token(whose: str | None) -> None:
    house = a_house()
    token = house.token(whose)

    answer = visitor(house).post(SIGN_IN, {"token": token})

    kept = answer.headers["set-cookie"]
    assert token not in kept
    pattern = (
        r"gpu-shopper-visit=[\w-]{43}; Path=/dashboard; Max-Age=28800; HttpOnly; SameSite=Strict"
    )
    assert re.fullmatch(pattern, kept)


@pytest.mark.parametrize(
    "told", [{"X-Forwarded-Proto": "https"}, {"Origin": "https://gpu.example"}]
)
def test_over_https_the_key_is_sent_over_nothing_else(told: dict[str, str]) -> None:
    house = a_house()

    answer = visitor(house).post(SIGN_IN, {"token": house.token()}, **told)

    assert answer.headers["set-cookie"].endswith("; Secure")


def test_a_wrong_token_is_told_in_the_words_of_the_api() -> None:
    house = a_house()
    house.token()
    there = visitor(house)

    answer = there.post(SIGN_IN, {"token": "cgs_pat_wrong", "next": OFFER})

    page = read(answer.body)
    assert 401 == answer.status
    assert "this token is not known" == page.one("div", role="alert").text
    assert OFFER == page.one("input", name="next")["value"]
    assert {} == there.cookies


@pytest.mark.parametrize("token", ["", " ", "two words", "ümlaut", "a\nb", "x" * 9_000])
def test_what_is_no_token_signs_nobody_in(token: str) -> None:
    house = a_house()
    house.token()
    there = visitor(house)

    assert 401 == there.post(SIGN_IN, {"token": token}).status
    assert {} == there.cookies


def test_to_sign_out_makes_the_key_worthless() -> None:
    house = a_house()
    there = signed_in(house, house.token())
    stolen = dict(there.cookies)

    answer = there.post(SIGN_OUT, {})

    assert (303, SIGN_IN) == (answer.status, answer.headers["location"])
    assert {} == there.cookies
    assert 303 == Visitor(there.browser, stolen).get(INVENTORY).status


def test_a_new_key_makes_the_old_one_worthless() -> None:
    house = a_house()
    token = house.token()
    there = signed_in(house, token)
    old = dict(there.cookies)

    there.post(SIGN_IN, {"token": token})

    assert 303 == Visitor(there.browser, old).get(INVENTORY).status
    assert 200 == there.get(INVENTORY).status


def test_a_key_ends_after_eight_hours() -> None:
    house = a_house()
    there = signed_in(house, house.token())

    house.clock.forward(seconds=LASTS_S - 1)
    assert 200 == there.get(INVENTORY).status
    house.clock.forward(seconds=1)
    assert 303 == there.get(INVENTORY).status


def test_a_token_that_expires_ends_its_keys() -> None:
    house = a_house()
    there = signed_in(house, house.token(lifetime=timedelta(hours=1)))

    house.clock.forward(minutes=61)

    answer = there.get(f"{INVENTORY}?q=H100")
    assert {"next": f"{INVENTORY}?q=H100"} == asked(answer.headers["location"])


@pytest.mark.parametrize("address", [SIGN_IN, SIGN_OUT])
@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost:8080"},
    ],
)
def test_a_page_of_another_site_signs_nobody_in_or_out(address, headers) -> None:
    house = a_house()
    token = house.token()
    there = signed_in(house, token)
    before = dict(there.cookies)

    answer = there.post(address, {"token": token}, **headers)

    assert 403 == answer.status
    assert before == there.cookies
    assert 200 == there.get(INVENTORY).status


@pytest.mark.parametrize(
    ("origin", "status"),
    [("http://localhost:8080", 303), ("http://evil.example", 403), ("null", 403)],
)
def test_an_older_browser_is_known_by_its_origin(origin: str, status: int) -> None:
    house = a_house()
    fields = f"token={house.token()}".encode()
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Origin": origin}

    answer = visitor(house).browser.ask("POST", SIGN_IN, body=fields, headers=headers)

    assert status == answer.status


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/", "//evil.example/dashboard/", "/dashboard/../api/v1/tokens", "/docs", "",
        "/dashboard/\\evil", "/dashboard/x\r\nSet-Cookie: a=b", "/dashboard/ü",
    ],
)  # fmt: skip
def test_nobody_is_sent_on_to_what_is_no_page_of_the_dashboard(target: str) -> None:
    assert INVENTORY == inside(target)


def test_the_token_of_a_program_is_understood_too() -> None:
    house = a_house()

    assert 200 == visitor(house, token=house.token("alice")).get(OFFER).status
    assert 303 == visitor(house, token="cgs_pat_wrong").get(OFFER).status


def test_only_so_many_keys_are_kept_the_newest_of_all() -> None:
    keys = SignIns(HandClock(), SeededChance(7))

    given = [keys.begin(Secret(f"token {number}")) for number in range(1_001)]

    assert keys.token(given[0]) is None
    assert [f"token {number}" for number in (1, 1_000)] == [
        keys.token(given[number]).text for number in (1, 1_000)
    ]


def test_signing_out_is_never_a_link() -> None:
    house = a_house()
    there = signed_in(house, house.token())

    assert 405 == there.get(SIGN_OUT).status
    assert 200 == there.get(INVENTORY).status


def test_after_signing_in_an_offer_is_shown_whatever_its_id_holds() -> None:
    house = a_house()
    offer = an_offer(1, id=OfferId(f"{CLOUD}:a/b?c#d%2F é"))
    house.market.replace(CLOUD, [offer], START)
    token = house.token()
    there = visitor(house)

    sent = there.get(page_of(offer.id, [("hours", "3")])).headers["location"]
    answer = there.post(SIGN_IN, {"token": token, "next": asked(sent)["next"]})

    page = there.page(answer.headers["location"])
    assert offer.id == page.one("code").text
    assert "3" == page.one("input", name="hours")["value"]


def test_a_token_is_checked_even_before_any_cloud_has_answered() -> None:
    house = a_house(listed=False)
    token = house.token()
    there = visitor(house)

    assert 401 == there.post(SIGN_IN, {"token": "cgs_pat_wrong"}).status
    assert 303 == there.post(SIGN_IN, {"token": token}).status
    assert 503 == there.get(INVENTORY).status


def test_keys_that_have_ended_are_forgotten_when_another_is_given() -> None:
    clock = HandClock()
    keys = SignIns(clock, SeededChance(7))
    given = [keys.begin(Secret("token")) for _ in range(1_000)]

    clock.forward(seconds=LASTS_S)
    newest = keys.begin(Secret("token"))
    others = [keys.begin(Secret("token")) for _ in range(999)]

    # Were the old ones still counted, the newest would have made room for another.
    assert [None] == list({keys.token(key) for key in given})
    assert all(keys.token(key) for key in (newest, *others))
