"""What a cloud cannot do is refused before money is spent, and what it can is taken: each thing, at each cloud there is."""

import pytest

from gpu_shopper.bootstrap.clouds import installed
from gpu_shopper.domain.ids import OfferId, ProviderName
from tests.api.house import ORDER, START, House, a_house, an_offer

MANIFESTS = dict(sorted(installed().items()))
CLOUDS = {name: manifest.capabilities for name, manifest in MANIFESTS.items()}
# The field of a request, what is asked there, and the capability that it needs.
ASKED = {
    "docker_image": ("python:3", "custom_image"),
    "disk_gb": (100, "custom_disk"),
    "on_start_cmd": ("true", "on_start"),
    "exposed_ports": ([8080], "exposed_ports"),
    "launch_mode": ("entrypoint", "entrypoint_mode"),
    "storage_policy": ("preserve", "preserve_storage"),
}


@pytest.fixture(scope="module")
def house() -> House:
    """A house with an offer that lasts at every cloud."""
    house = a_house(capabilities=dict(CLOUDS))
    for name in CLOUDS:
        offers = [
            an_offer(number, id=OfferId(f"{name}:{number}"), provider=name)
            for number in range(len(ASKED))
        ]
        house.market.replace(name, offers, START)
    return house


@pytest.mark.parametrize("field", ASKED)
@pytest.mark.parametrize("cloud", CLOUDS)
def test_what_a_cloud_cannot_do_is_refused_by_name_and_what_it_can_is_taken(
    house: House, cloud: ProviderName, field: str
) -> None:
    asked, needed = ASKED[field]
    offer = f"{cloud}:{list(ASKED).index(field)}"
    order = {**ORDER, "requirements": None, "offer_id": offer, field: asked}
    before = house.read(lambda book: sum(book.sessions.count_by_state().values()))

    answer = house.browser().post("/api/v1/sessions", order)

    grown = house.read(lambda book: sum(book.sessions.count_by_state().values())) - before
    if getattr(CLOUDS[cloud], needed):
        assert (201, 1) == (answer.status, grown), answer.body
    else:
        assert (422, "unsupported", 0) == (answer.status, answer.json["code"], grown)
        assert field in answer.json["detail"]


@pytest.mark.parametrize("cloud", CLOUDS)
def test_offers_that_may_be_taken_back_are_refused_where_none_are_ever_sold(
    house: House, cloud: ProviderName
) -> None:
    wanted = {"providers": [cloud], "interruptible": True}

    answer = house.browser().post("/api/v1/sessions", ORDER | {"requirements": wanted})

    due = (503, "no_offer") if CLOUDS[cloud].interruptible else (422, "unsupported")
    assert due == (answer.status, answer.json["code"])
    assert CLOUDS[cloud].interruptible or "interruptible" in answer.json["detail"]


@pytest.mark.parametrize("cloud", CLOUDS)
def test_the_end_of_the_work_is_not_called_the_end_of_the_bill(
    house: House, cloud: ProviderName
) -> None:
    told = house.browser().get("/api/v1/providers").json["providers"]

    (layers,) = [one["safety_layers"] for one in told if one["name"] == cloud]
    itself = CLOUDS[cloud].node_can_end_itself
    assert (True, itself) == (layers["agent_ends_work"], layers["agent_ends_bill"])
    assert itself <= (MANIFESTS[cloud].end_request is not None), "it needs a way to do so"


def test_a_capability_that_a_request_may_need_is_asked_for_here() -> None:
    of_no_request = {
        "native_ttl", "native_idempotency", "relabel", "interruptible", "node_can_end_itself"
    }  # fmt: skip
    for capabilities in CLOUDS.values():
        names = set(capabilities.__dataclass_fields__)
        assert {needed for _, needed in ASKED.values()} == names - of_no_request
