"""What past failures say about offers, and when they stop saying it."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpu_shopper.domain.ids import OfferId, ProviderName
from gpu_shopper.domain.launch import Blame
from gpu_shopper.domain.money import rate
from gpu_shopper.domain.offer import Offer
from gpu_shopper.domain.offer_health import (
    LONGEST_SUPPRESSION,
    REMEMBERED,
    Key,
    OfferFailure,
    OfferHealth,
    Scope,
    read_health,
)

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


def an_offer(name: str = "one", **changes: object) -> Offer:
    provider = changes.get("provider", "nimbus")
    facts: dict[str, object] = {
        "id": OfferId(f"{provider}:{name}"), "provider": ProviderName("nimbus"), "provider_id": name,
        "machine_id": "m1", "gpu_type": "RTX 4090", "gpu_count": 1, "vram_gb": 24,
        "price": rate("0.40"), "country": "DE", "region": "eu-1", "location": "Berlin",
        "reliability": 0.99, "fetched_at": NOW,
    }  # fmt: skip
    return Offer(**{**facts, **changes})  # type: ignore[arg-type]


def a_failure(blame: Blame, *, at: datetime = NOW, **changes: str) -> OfferFailure:
    facts: dict[str, str] = {
        "provider": "nimbus", "offer_id": "nimbus:one", "machine_id": "m1", "gpu_type": "RTX 4090",
        "reason": "no CUDA device",
    }  # fmt: skip
    return OfferFailure(blame=blame, at=at, **{**facts, **changes})  # type: ignore[arg-type]


def health_after(*failures: OfferFailure, now: datetime = NOW) -> OfferHealth:
    return read_health(failures, now=now)


def test_nothing_speaks_against_an_offer_without_failures() -> None:
    health = health_after()

    assert (1.0, None) == (health.confidence(an_offer()), health.suppressed_until(an_offer()))


@pytest.mark.parametrize("blame", [Blame.OURS, Blame.ACCOUNT])
def test_what_is_our_own_fault_darkens_no_offer(blame: Blame) -> None:
    health = health_after(*[a_failure(blame)] * 50)

    assert (1.0, None) == (health.confidence(an_offer()), health.suppressed_until(an_offer()))
    assert {} == health.marks


def test_an_offers_failure_suppresses_it_and_only_dims_its_kind() -> None:
    health = health_after(a_failure(Blame.OFFER))
    sibling = an_offer("two", machine_id="m2")

    assert health.suppressed_until(an_offer()) == NOW + 10 * MINUTE
    assert health.suppressed_until(sibling) is None
    assert health.confidence(an_offer()) < 0.5 < health.confidence(sibling) < 1


def test_a_machines_failure_suppresses_every_offer_on_it() -> None:
    health = health_after(a_failure(Blame.MACHINE))

    assert health.suppressed_until(an_offer("two")) == NOW + HOUR
    assert health.suppressed_until(an_offer("two", machine_id="m2")) is None


def test_machines_of_different_clouds_may_share_a_name() -> None:
    health = health_after(a_failure(Blame.MACHINE))
    namesake = an_offer("two", provider=ProviderName("cirrus"))

    assert (1.0, None) == (health.confidence(namesake), health.suppressed_until(namesake))


def test_where_machines_have_no_names_the_offer_takes_the_blame() -> None:
    health = health_after(a_failure(Blame.MACHINE, machine_id=""))

    assert health.suppressed_until(an_offer(machine_id="")) is not None
    assert health.suppressed_until(an_offer("two", machine_id="")) is None


def test_a_clouds_failure_dims_all_its_offers_and_suppresses_none() -> None:
    health = health_after(a_failure(Blame.CLOUD))
    other_kind = an_offer("two", machine_id="m2", gpu_type="T4")
    elsewhere = an_offer("three", provider=ProviderName("cirrus"))

    assert health.confidence(other_kind) < 1
    assert health.suppressed_until(other_kind) is None
    assert health.confidence(elsewhere) == 1


def test_confidence_comes_back_by_half_per_half_life() -> None:
    failure = a_failure(Blame.MACHINE)
    key = Key(Scope.MACHINE, ProviderName("nimbus"), "m1")

    fresh = health_after(failure).marks[key].confidence
    later = health_after(failure, now=NOW + 6 * HOUR).marks[key].confidence

    assert fresh == pytest.approx(0.5)
    assert later == pytest.approx(0.5**0.5)


def test_suppression_doubles_with_each_failure_and_ends() -> None:
    failures = [a_failure(Blame.OFFER, at=NOW - minutes * MINUTE) for minutes in (90, 60, 0)]

    assert health_after(*failures).suppressed_until(an_offer()) == NOW + 40 * MINUTE
    after = health_after(*failures, now=NOW + 40 * MINUTE)
    assert after.suppressed_until(an_offer()) is None


def test_nothing_is_condemned_for_longer_than_a_day() -> None:
    health = health_after(*[a_failure(Blame.MACHINE)] * 5_000)

    assert health.suppressed_until(an_offer()) == NOW + LONGEST_SUPPRESSION


def test_what_is_older_than_a_day_is_forgotten() -> None:
    health = health_after(a_failure(Blame.MACHINE, at=NOW - REMEMBERED))

    assert {} == health.marks


def test_a_failure_of_the_future_counts_as_one_of_now() -> None:
    health = health_after(a_failure(Blame.OFFER, at=NOW + 5 * HOUR))

    assert health.suppressed_until(an_offer()) == NOW + 10 * MINUTE
    assert health.confidence(an_offer()) > 0.4


def test_a_mark_tells_its_newest_reason() -> None:
    older = a_failure(Blame.OFFER, at=NOW - HOUR, reason="sold out")
    mark = health_after(a_failure(Blame.OFFER, reason="wrong GPU"), older).marks[
        Key(Scope.OFFER, ProviderName("nimbus"), "nimbus:one")
    ]

    assert (2, "wrong GPU", NOW) == (mark.failures, mark.last_reason, mark.last_at)


@given(
    ages=st.lists(st.integers(0, 1_500), max_size=8),
    blames=st.lists(st.sampled_from(Blame), min_size=8, max_size=8),
    wait=st.integers(1, 2_000),
)
def test_confidence_is_a_share_and_only_grows_while_nothing_fails(
    ages: list[int], blames: list[Blame], wait: int
) -> None:
    failures = [
        a_failure(blame, at=NOW - age * MINUTE) for age, blame in zip(ages, blames, strict=False)
    ]

    early = health_after(*failures).confidence(an_offer())
    late = health_after(*failures, now=NOW + wait * MINUTE).confidence(an_offer())

    assert 0 < early <= late <= 1
    assert health_after(*reversed(failures)).confidence(an_offer()) == pytest.approx(early)
