"""What needs no router is answered as the router would: the menu is asked so often that it goes a shorter way."""

from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpu_shopper.api.app import _Delivery
from gpu_shopper.api.parsing import pairs_of
from gpu_shopper.api.table import ROUTES
from tests.api.asgi import Browser
from tests.api.house import CLOUD, House, a_house

INVENTORY = "/api/v1/inventory"
PATHS = [
    *(route.path for route in ROUTES if route.method == "GET" and "{" not in route.path),
    f"{INVENTORY}?gpu_type=NVIDIA+GeForce%20RTX%204090&max_price=0.45&&x",
    f"{INVENTORY}?gpu_type=4090&limit=1&facets=gpu,country&hours=2",
    f"{INVENTORY}?gpu_type=4090&gpu_type=nothing",
    f"{INVENTORY}?limit=1&limit=2&bogus=%C3%A9",
    f"{INVENTORY}?max_price=inf",
    f"{INVENTORY}?q=vrm%3E1",
    f"{INVENTORY}?format=csv&limit=2",
    f"{INVENTORY}?fields=id",
]
SENT: list[dict[str, str]] = [
    {},
    {"Authorization": "Bearer wrong"},
    {"Authorization": "Basic x"},
    {"X-Forwarded-For": "127.0.0.1"},
    {"Origin": "https://elsewhere.test"},
    {"Host": "elsewhere.test"},
    {"Idempotency-Key": ""},
]
# Counters of this process are other ones a moment later; the router says the alphabet of a text twice.
OTHERWISE = {"/metrics": ("content-length", "content-type"), "/docs": ("content-type",)}


def routed(house: House) -> Browser:
    """Return who asks the same house through the router, whatever the path."""
    envelope = house.app

    async def app(scope, receive, send) -> None:
        request_id = envelope._request_id(scope)
        delivery = _Delivery(send, request_id=request_id, bodiless=scope["method"] == "HEAD")
        await envelope._inner(envelope._inner_scope(scope, request_id), receive, delivery)

    return Browser(app)


@pytest.mark.parametrize("path", PATHS)
def test_the_short_way_and_the_router_answer_alike(path: str) -> None:
    house = a_house()
    for sent in SENT:
        for method in ("GET", "HEAD"):
            headers = {"X-Request-ID": "the-same", **sent}
            short = house.browser().ask(method, path, headers=headers)
            long = routed(house).ask(method, path, headers=headers)

            otherwise = OTHERWISE.get(path, ())
            shown = [
                {name: text for name, text in answer.headers.items() if name not in otherwise}
                for answer in (short, long)
            ]
            assert (short.status, shown[0]) == (long.status, shown[1])
            assert "content-length" in otherwise or short.body == long.body


@given(
    st.one_of(
        st.binary(max_size=40),
        st.text(alphabet="ab=&+%;2fcC3é \t", max_size=30).map(lambda text: text.encode("latin-1")),
    )
)
def test_parameters_are_read_as_forms_write_them(query: bytes) -> None:
    assert parse_qsl(query.decode("latin-1"), keep_blank_values=True) == list(pairs_of(query))


def test_a_refusal_names_the_path_that_was_asked_for() -> None:
    path = f"{INVENTORY}/{CLOUD}:99/alternatives"

    assert path == a_house().browser().get(path).json["instance"]


def test_the_type_of_a_text_names_its_alphabet_once() -> None:
    browser = a_house().browser()

    for path in ("/docs", "/metrics", f"{INVENTORY}?format=csv"):
        assert 1 == browser.get(path).headers["content-type"].count("charset=utf-8"), path
