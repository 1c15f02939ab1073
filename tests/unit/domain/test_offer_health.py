"""What past failures say about offers, and when they stop saying it."""

from datetime import UTC, datetime, timedelta
from random import Random

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
    OfferHealth,
    Outcome,
    Scope,
    place_of,
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


def a_failure(blame: Blame | None, *, at: datetime = NOW, **changes: str) -> Outcome:
    facts: dict[str, str] = {
        "provider": "nimbus", "offer_id": "nimbus:one", "machine_id": "m1", "gpu_type": "RTX 4090",
        "location": "eu-1", "reason": "no CUDA device",
    }  # fmt: skip
    return Outcome(blame=blame, at=at, **{**facts, **changes})  # type: ignore[arg-type]


def health_after(*failures: Outcome, now: datetime = NOW) -> OfferHealth:
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


def test_half_of_a_failure_is_forgotten_per_half_life() -> None:
    failure = a_failure(Blame.MACHINE)
    key = Key(Scope.MACHINE, ProviderName("nimbus"), "m1")

    fresh = health_after(failure).marks[key]
    later = health_after(failure, now=NOW + 6 * HOUR).marks[key]

    assert (1, 1 / 2) == pytest.approx((fresh.weight, fresh.confidence))
    assert (1 / 2, 2 / 3) == pytest.approx((later.weight, later.confidence))


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
    assert health.confidence(an_offer()) == health_after(a_failure(Blame.OFFER)).confidence(
        an_offer()
    )


def test_a_mark_tells_its_newest_reason() -> None:
    older = a_failure(Blame.OFFER, at=NOW - HOUR, reason="sold out")
    mark = health_after(a_failure(Blame.OFFER, reason="wrong GPU"), older).marks[
        Key(Scope.OFFER, ProviderName("nimbus"), "nimbus:one")
    ]

    assert (2, "wrong GPU", NOW) == (mark.failures, mark.last_reason, mark.last_at)


def test_a_failure_dims_what_else_is_in_the_same_place() -> None:
    health = health_after(a_failure(Blame.OFFER))
    neighbour = an_offer("two", machine_id="m2", gpu_type="T4")
    elsewhere = an_offer("three", machine_id="m3", gpu_type="T4", region="eu-2")

    assert health.confidence(neighbour) == pytest.approx(3 / 4)
    assert health.suppressed_until(neighbour) is None
    assert health.confidence(elsewhere) == 1


def test_a_place_is_a_region_or_a_city_or_what_the_cloud_says_in_words() -> None:
    said = {"region": "eu-1", "city": "Oslo", "location": "Oslo, NO"}

    places = []
    for name in said:
        places.append(place_of(an_offer(**said)))
        said = said | {name: ""}

    assert ["eu-1", "Oslo", "Oslo, NO"] == places
    assert "" == place_of(an_offer(**said))


def test_a_failure_dims_that_kind_of_gpu_in_other_places_of_its_cloud() -> None:
    health = health_after(a_failure(Blame.OFFER))
    same_kind = an_offer("two", machine_id="m2", region="eu-2")

    assert health.confidence(same_kind) == pytest.approx(6 / 7)
    assert health.suppressed_until(same_kind) is None


NIMBUS = ProviderName("nimbus")
IN_COMMON = {Key(Scope.LOCATION, NIMBUS, "eu-1"), Key(Scope.GPU, NIMBUS, "RTX 4090")}


@pytest.mark.parametrize(
    ("blame", "against"),
    [
        (Blame.OFFER, {Key(Scope.OFFER, NIMBUS, "nimbus:one"), *IN_COMMON}),
        (Blame.MACHINE, {Key(Scope.MACHINE, NIMBUS, "m1"), *IN_COMMON}),
        (Blame.CLOUD, {Key(Scope.PROVIDER, NIMBUS, "")}),
    ],
)
def test_a_launch_that_worked_speaks_for_all_that_an_earlier_one_spoke_against(
    blame: Blame, against: set[Key]
) -> None:
    failure, worked = a_failure(blame, at=NOW - MINUTE), a_failure(None, reason="")

    before, after = health_after(failure).marks, health_after(failure, worked).marks

    assert against == before.keys() == after.keys()
    assert {1} == {mark.successes for mark in after.values()}
    halves = {key: mark.weight / 2 for key, mark in before.items()}
    assert halves == pytest.approx({key: mark.weight for key, mark in after.items()})


def test_offers_whose_cloud_names_no_place_have_none_in_common() -> None:
    health = health_after(a_failure(Blame.OFFER, location=""))

    assert [Scope.OFFER, Scope.GPU] == [key.scope for key in health.marks]


def test_a_launch_that_worked_halves_what_failed_before_it_and_ends_the_pause() -> None:
    failures = [a_failure(Blame.MACHINE, at=NOW - minutes * MINUTE) for minutes in (30, 20)]
    worked = a_failure(None, at=NOW - 10 * MINUTE, reason="")
    key = Key(Scope.MACHINE, ProviderName("nimbus"), "m1")

    before, after = health_after(*failures), health_after(*failures, worked)

    assert before.suppressed_until(an_offer()) is not None
    assert after.suppressed_until(an_offer()) is None
    assert after.marks[key].weight == pytest.approx(before.marks[key].weight / 2)
    assert (2, 1) == (after.marks[key].failures, after.marks[key].successes)


def test_what_worked_before_a_failure_does_not_excuse_it() -> None:
    failure = a_failure(Blame.MACHINE)
    worked = a_failure(None, at=NOW - MINUTE, reason="")

    assert health_after(worked, failure) == health_after(failure)


def test_what_only_worked_leaves_no_mark() -> None:
    assert {} == health_after(a_failure(None)).marks


AGES = st.integers(0, 1_500)
OUTCOMES = st.lists(
    st.builds(
        lambda blame, age, place: a_failure(blame, at=NOW - age * MINUTE, **place),
        st.none() | st.sampled_from(Blame),
        AGES,
        st.sampled_from([{}, {"machine_id": ""}, {"location": ""}, {"offer_id": "nimbus:two"}]),
    ),
    max_size=10,
)


@given(outcomes=OUTCOMES, wait=st.integers(1, 2_000))
def test_time_only_heals(outcomes: list[Outcome], wait: int) -> None:
    early, late = health_after(*outcomes), health_after(*outcomes, now=NOW + wait * MINUTE)
    pause, rest = early.suppressed_until(an_offer()), late.suppressed_until(an_offer())

    assert (
        0 < early.confidence(an_offer()) <= late.confidence(an_offer()) * (1 + 1e-12) <= 1 + 1e-12
    )
    assert rest is None or (pause is not None and rest <= pause)


@given(outcomes=OUTCOMES, blame=st.sampled_from(Blame), age=AGES)
def test_another_failure_never_raises_confidence_nor_shortens_a_pause(
    outcomes: list[Outcome], blame: Blame, age: int
) -> None:
    another = a_failure(blame, at=NOW - age * MINUTE)

    before, after = health_after(*outcomes), health_after(*outcomes, another)

    assert after.confidence(an_offer()) <= before.confidence(an_offer())
    pause = before.suppressed_until(an_offer())
    longer = after.suppressed_until(an_offer())
    assert pause is None or (longer is not None and longer >= pause)
    if blame in {Blame.OURS, Blame.ACCOUNT}:
        assert before == after


@given(outcomes=OUTCOMES, age=AGES)
def test_another_launch_that_worked_never_lowers_confidence_nor_prolongs_a_pause(
    outcomes: list[Outcome], age: int
) -> None:
    worked = a_failure(None, at=NOW - age * MINUTE)

    before, after = health_after(*outcomes), health_after(*outcomes, worked)

    assert after.confidence(an_offer()) >= before.confidence(an_offer())
    pause = before.suppressed_until(an_offer())
    shorter = after.suppressed_until(an_offer())
    assert shorter is None or (pause is not None and shorter <= pause)


@given(outcomes=OUTCOMES, chance=st.randoms(use_true_random=False))
def test_the_order_of_evidence_does_not_matter(outcomes: list[Outcome], chance: Random) -> None:
    shuffled = list(outcomes)
    chance.shuffle(shuffled)

    assert health_after(*outcomes) == health_after(*shuffled)
