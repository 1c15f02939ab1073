"""Asking for a session: refused before anything is written, or written once and answered at once."""

import pytest

from gpu_shopper.domain.errors import (
    Forbidden,
    Invalid,
    KeyReused,
    MarketNotReady,
    NothingMatches,
    OfferUnavailable,
    PriceAboveCap,
    Refusal,
    Unsupported,
)
from gpu_shopper.domain.ids import OfferId
from gpu_shopper.domain.lifecycle import State
from gpu_shopper.domain.money import HourlyRate, rate
from gpu_shopper.domain.offer import Requirements
from gpu_shopper.domain.quirks import Capabilities
from gpu_shopper.domain.session import SessionRequest
from gpu_shopper.domain.workload import LaunchMode, StoragePolicy, Workload, WorkloadType
from gpu_shopper.ports.books import SessionFilter
from gpu_shopper.testing.builders import BOB, GPU, SSH_KEY, a_request, an_offer
from tests.unit.engine.house import AS_ALICE, OPERATOR, House, at_once, housed

CAN_LITTLE = Capabilities(custom_image=False, custom_disk=False, on_start=False)
MINUTES = 60


def written(house: House) -> int:
    return len(house.peek(lambda book: book.sessions.list(SessionFilter())))


async def refused(house: House, **changes: object) -> Refusal:
    with pytest.raises(Refusal) as refusal:
        await house.requested(key="k1", **changes)
    assert 0 == written(house)
    return refusal.value


@housed()
async def test_a_request_becomes_a_pending_session_that_is_due_at_once(house: House) -> None:
    house.sells(an_offer())

    requested = await house.requested()

    session = house.session(requested.session.id)
    assert (State.PENDING, house.now, 0) == (
        session.state, session.next_action_at, session.attempts_made,
    )  # fmt: skip
    assert ["requested"] == house.kinds(session.id)
    assert [] == house.cloud.orders


@housed()
async def test_the_engine_is_woken(house: House) -> None:
    house.sells(an_offer())
    await house.requested()

    await house.wakeup.wait(timeout=60)
    assert 0 == house.clock.monotonic()


@housed()
async def test_before_any_cloud_has_answered_the_caller_is_asked_for_patience(house: House) -> None:
    refusal = await refused(house)

    assert isinstance(refusal, MarketNotReady)
    assert refusal.retryable


@housed()
async def test_a_market_without_a_match_is_told(house: House) -> None:
    house.sells(an_offer())

    wanted = Requirements(gpu_types=frozenset({"H100"}))
    assert isinstance(await refused(house, requirements=wanted), NothingMatches)


@pytest.mark.parametrize("gone", [{"available": False}, None], ids=["sold", "withdrawn"])
@housed()
async def test_an_offer_that_is_gone_is_told(house: House, gone: dict[str, object] | None) -> None:
    offer = an_offer("o2") if gone is None else an_offer(**gone)
    house.sells(offer)

    refusal = await refused(house, offer_id=an_offer().id)
    assert isinstance(refusal, OfferUnavailable)
    assert an_offer().id == refusal.fields["offer_id"]


@housed()
async def test_an_offer_that_another_session_has_just_bought_is_told(house: House) -> None:
    house.sells(an_offer(), an_offer("o2"))
    house.market.take(an_offer())

    refusal = await refused(house, offer_id=an_offer().id)

    assert isinstance(refusal, OfferUnavailable)
    assert an_offer().id == refusal.fields["offer_id"]


@housed()
async def test_a_cap_that_is_not_given_leaves_an_offer_a_tenth_and_a_kind_a_half(
    house: House,
) -> None:
    offer = an_offer(price=rate("0.40"))
    house.sells(offer)

    chosen = await house.requested(offer_id=offer.id, price_cap=None)
    assert rate("0.44") == chosen.session.request.price_cap
    any_such = await house.requested(price_cap=None)
    assert rate("0.60") == any_such.session.request.price_cap


@housed()
async def test_what_may_be_taken_away_is_rented_only_on_the_consumers_word(house: House) -> None:
    house.sells(an_offer(interruptible=True))

    assert isinstance(await refused(house), NothingMatches)
    asked = await house.requested(requirements=Requirements(interruptible=True))
    assert asked.session.request.requirements.interruptible is True


@housed()
async def test_the_cap_is_taken_from_an_offer_that_nobody_of_ours_is_buying(house: House) -> None:
    cheap, next_one = an_offer(price=rate("0.10")), an_offer("o2", price=rate("0.40"))
    house.sells(cheap, next_one)
    house.market.take(cheap)

    asked = await house.requested(price_cap=None)

    assert rate("0.60") == asked.session.request.price_cap


@housed()
async def test_an_offer_above_the_cap_is_refused_and_one_at_it_is_not(house: House) -> None:
    offer = an_offer(price=rate("0.40"))
    house.sells(offer)

    below = HourlyRate(offer.price.micros - 1)
    assert isinstance(await refused(house, offer_id=offer.id, price_cap=below), PriceAboveCap)
    asked = await house.requested(offer_id=offer.id, price_cap=offer.price)
    assert offer.price == asked.session.request.price_cap


@housed()
async def test_a_cap_holds_with_the_disk_that_is_asked_for(house: House) -> None:
    offer = an_offer(price=rate("0.50"), disk_gb=1000, storage_price_per_gb_month=0.146)
    await house.open_shop(offer)
    workload = Workload(kind=WorkloadType.BATCH, disk_gb=500)

    refusal = await refused(house, offer_id=offer.id, workload=workload, price_cap=rate("0.55"))
    asked = await house.requested(offer_id=offer.id, workload=workload, price_cap=None)

    assert rate("0.66") == asked.session.request.price_cap
    assert isinstance(refusal, PriceAboveCap)
    assert "with 500 GB of disk" in refusal.message


@housed()
async def test_by_requirements_nothing_above_the_cap_is_even_looked_at(house: House) -> None:
    house.sells(an_offer(price=rate("0.40")))

    assert isinstance(await refused(house, price_cap=rate("0.39")), NothingMatches)


@housed()
async def test_an_offer_that_ends_too_soon_is_refused(house: House) -> None:
    house.sells(an_offer(max_duration_hours=1))

    assert isinstance(await refused(house, offer_id=an_offer().id), Unsupported)
    assert isinstance(await refused(house), NothingMatches)


@housed()
async def test_a_disk_larger_than_the_offers_is_refused(house: House) -> None:
    house.sells(an_offer(disk_gb=100))
    big = Workload(kind=WorkloadType.BATCH, disk_gb=101)

    assert isinstance(await refused(house, offer_id=an_offer().id, workload=big), Unsupported)
    assert isinstance(await refused(house, workload=big), NothingMatches)


@housed()
async def test_a_disk_is_had_where_the_cloud_names_no_most(house: House) -> None:
    house.sells(an_offer(disk_gb=0))

    await house.requested(workload=Workload(kind=WorkloadType.BATCH, disk_gb=101))

    assert 1 == written(house)


@pytest.mark.parametrize(
    ("field", "asked"),
    [
        ("docker_image", {"image": "pytorch:2"}),
        ("disk_gb", {"disk_gb": 50}),
        ("on_start_cmd", {"on_start": "echo hello"}),
        ("exposed_ports", {"exposed_ports": (8080,)}),
        ("launch_mode", {"launch_mode": LaunchMode.ENTRYPOINT}),
        ("storage_policy", {"storage_policy": StoragePolicy.PRESERVE}),
    ],
)
@housed(can=CAN_LITTLE)
async def test_what_the_cloud_cannot_do_is_refused_by_name(
    house: House, field: str, asked: dict[str, object]
) -> None:
    house.sells(an_offer())

    refusal = await refused(house, workload=Workload(kind=WorkloadType.BATCH, **asked))
    assert isinstance(refusal, Unsupported)
    assert field == refusal.fields["field"]


@pytest.mark.parametrize(
    "key",
    [
        "",
        "not a key",
        "ssh-ed25519",
        "AAAAC3NzaC1lZDI1NTE5AAAAIOMqq alice",
        f"{SSH_KEY}\n{SSH_KEY}",
        "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmU=\n",
        "ssh-ed25519 PRIVATE KEY",
    ],
)
@housed()
async def test_a_bad_public_key_is_refused_and_never_repeated(house: House, key: str) -> None:
    house.sells(an_offer())

    refusal = await refused(house, ssh_public_keys=(key,))
    assert isinstance(refusal, Invalid)
    assert "$.ssh_public_key" == refusal.path
    assert not key or key not in str(refusal)


@housed()
async def test_the_callers_own_key_makes_no_second_one(house: House) -> None:
    house.sells(an_offer())

    requested = await house.requested(ssh_public_keys=(SSH_KEY,))
    assert requested.private_key is None
    assert (SSH_KEY,) == requested.session.request.ssh_public_keys


@housed()
async def test_without_a_key_a_pair_is_made_and_only_its_public_half_is_kept(house: House) -> None:
    house.sells(an_offer())

    requested = await house.requested(key="k1", ssh_public_keys=())

    assert requested.private_key is not None
    assert "PRIVATE" in requested.private_key.text
    (public,) = house.session(requested.session.id).request.ssh_public_keys
    assert public.startswith("ssh-ed25519 ")
    stored = "\n".join(house.memory.desk.raw.iterdump())
    assert requested.private_key.text.splitlines()[1] not in stored


# ── idempotency ──────────────────────────────────────────────────────────────────────────────────


@housed()
async def test_the_same_key_and_body_give_the_same_session_and_private_key(house: House) -> None:
    house.sells(an_offer())
    first = await house.requested(key="k1", ssh_public_keys=())

    again = await house.requested(key="k1", ssh_public_keys=())

    assert (first.session.id, first.private_key) == (again.session.id, again.private_key)
    assert (False, True, 1) == (first.replayed, again.replayed, written(house))


@housed()
async def test_the_private_key_can_be_read_again_for_ten_minutes(house: House) -> None:
    house.sells(an_offer())
    first = await house.requested(key="k1", ssh_public_keys=())

    await house.clock.sleep(10 * MINUTES - 1)
    assert first.private_key == (await house.requested(key="k1", ssh_public_keys=())).private_key
    await house.clock.sleep(1)
    late = await house.requested(key="k1", ssh_public_keys=())
    assert (first.session.id, None) == (late.session.id, late.private_key)


@housed()
async def test_the_same_key_with_another_body_is_refused(house: House) -> None:
    house.sells(an_offer())
    first = await house.requested(key="k1", digest="d1")

    with pytest.raises(KeyReused) as refusal:
        await house.requested(key="k1", digest="d2", reservation_hours=3)
    assert first.session.id == refusal.value.fields["session_id"]
    assert 1 == written(house)


@housed()
async def test_two_at_once_make_one_session(house: House) -> None:
    house.sells(an_offer())

    asked = await at_once(*(house.requested(key="k1", ssh_public_keys=()) for _ in range(5)))

    assert 1 == len({one.session.id for one in asked})
    assert 1 == len({one.private_key for one in asked})
    assert [False, True, True, True, True] == sorted(one.replayed for one in asked)
    assert 1 == written(house)


@housed()
async def test_two_at_once_with_different_bodies_are_not_both_served(house: House) -> None:
    house.sells(an_offer())

    asked = await at_once(
        house.requested(key="k1", digest="d1"), house.requested(key="k1", digest="d2")
    )
    assert [True, False] == sorted((isinstance(one, KeyReused) for one in asked), reverse=True)
    assert 1 == written(house)


@housed()
async def test_a_replay_is_answered_even_when_the_market_has_changed(house: House) -> None:
    house.sells(an_offer())
    first = await house.requested(key="k1")
    house.sells()

    assert first.session.id == (await house.requested(key="k1")).session.id


@housed()
async def test_without_a_key_every_request_is_new(house: House) -> None:
    house.sells(an_offer())

    await house.requested()
    await house.requested()
    assert 2 == written(house)


@housed()
async def test_another_consumers_key_is_another_key(house: House) -> None:
    house.sells(an_offer())
    mine = await house.requested(key="k1")

    theirs = await house.sessions.request(
        a_request(consumer_id=BOB), by=OPERATOR, idempotency_key="k1", digest="d9"
    )
    assert mine.session.id != theirs.session.id


@housed()
async def test_nobody_asks_in_another_consumers_name(house: House) -> None:
    house.sells(an_offer())

    with pytest.raises(Forbidden):
        await house.sessions.request(
            a_request(consumer_id=BOB), by=AS_ALICE, idempotency_key=None, digest=""
        )
    assert 0 == written(house)


@housed()
async def test_an_offer_that_was_asked_for_says_what_may_stand_in_for_it(house: House) -> None:
    house.sells(an_offer(gpu_count=2), an_offer("o2", interruptible=True))

    asked: SessionRequest = (await house.requested(offer_id=an_offer().id)).session.request
    assert Requirements(min_gpu_count=2, interruptible=False) == asked.requirements
    spot = (await house.requested(offer_id=OfferId("cumulus:o2"))).session.request
    assert Requirements(min_gpu_count=1) == spot.requirements
    assert GPU not in str(spot.requirements)
