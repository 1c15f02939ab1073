"""Signs of life: what is news, what is as sold, and what a cloud's own word is held against."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from gpu_shopper.domain.hearing import (
    BOOT_IS_OVER,
    GpuSeen,
    Verdict,
    contradicts_another,
    doubted,
    glimpsed,
    hear,
    is_news,
    is_of_another,
    judge,
    may_be_a_double,
    misfit,
    without_anothers_word,
)
from gpu_shopper.domain.ids import InstanceId
from gpu_shopper.domain.launch import Absence, AttemptState, Heard, Proof
from gpu_shopper.domain.money import HourlyRate, rate
from gpu_shopper.testing.builders import (
    GPU_MIB,
    HOST_KEY,
    HOUR,
    MINUTE,
    NOON,
    a_report,
    an_attempt,
    an_instance,
    an_offer,
    heard,
)

CAP = HourlyRate(600_000)


def test_the_first_word_of_a_node_is_news() -> None:
    assert is_news(an_attempt(), a_report(counter=1))


def test_no_node_counts_from_nothing() -> None:
    assert not is_news(an_attempt(), a_report(counter=0))


@pytest.mark.parametrize(("counter", "news"), [(6, False), (7, False), (8, True), (900, True)])
def test_within_a_boot_only_a_higher_counter_is_news(counter: int, news: bool) -> None:
    assert news == is_news(an_attempt(heard=heard(counter=7)), a_report(counter=counter))


def test_a_new_boot_begins_to_count_anew() -> None:
    attempt = an_attempt(heard=heard(counter=7))

    assert is_news(attempt, a_report(boot_id="boot-2", counter=1))


def test_a_node_with_what_was_sold_is_as_sold() -> None:
    assert Verdict.AS_SOLD is judge(an_offer(), a_report())


@pytest.mark.parametrize("gpus", [None, ()])
def test_a_driver_that_is_not_up_yet_speaks_against_nobody(gpus) -> None:
    assert Verdict.NOT_READABLE is judge(an_offer(), a_report(gpus=gpus))


@pytest.mark.parametrize(
    "gpus",
    [
        (GpuSeen("NVIDIA GeForce RTX 3090", GPU_MIB),),
        (GpuSeen("NVIDIA GeForce RTX 4090", GPU_MIB),) * 2,
        (GpuSeen("Tesla T4", 15_360),),
        (GpuSeen("something else", 0),),
    ],
)
def test_a_node_with_anything_else_is_not(gpus) -> None:
    assert Verdict.NOT_AS_SOLD is judge(an_offer(), a_report(gpus=gpus))


def test_every_gpu_of_the_node_is_looked_at() -> None:
    sold = an_offer(gpu_count=2)
    good, bad = GpuSeen("NVIDIA GeForce RTX 4090", GPU_MIB), GpuSeen("Tesla T4", 15_360)

    assert Verdict.AS_SOLD is judge(sold, a_report(gpus=(good, good)))
    assert Verdict.NOT_AS_SOLD is judge(sold, a_report(gpus=(good, bad)))
    assert Verdict.NOT_AS_SOLD is judge(sold, a_report(gpus=(good,)))


def test_a_model_that_we_do_not_know_must_come_back_under_its_own_name() -> None:
    sold = an_offer(gpu_type="Zeta Q9000")

    assert Verdict.AS_SOLD is judge(sold, a_report(gpus=(GpuSeen("NVIDIA ZETA q9000", 0),)))
    assert Verdict.NOT_AS_SOLD is judge(sold, a_report())


def test_the_memory_that_was_sold_tells_which_of_a_family_it_is() -> None:
    larger = an_offer(gpu_type="A100", vram_gb=80)

    assert Verdict.AS_SOLD is judge(larger, a_report(gpus=(GpuSeen("A100-SXM4-80GB", 81_920),)))
    assert Verdict.NOT_AS_SOLD is judge(larger, a_report(gpus=(GpuSeen("A100-SXM4-40GB", 40_960),)))


def test_a_sign_of_life_takes_back_any_suspicion() -> None:
    suspected = an_attempt(missing_since=NOON, missing_listings=3, missing_reads=2)

    attempt = hear(suspected, a_report(), as_sold=True, at=NOON + HOUR)
    assert (None, 0, 0) == (
        attempt.missing_since, attempt.missing_listings, attempt.missing_reads,
    )  # fmt: skip


def test_a_sign_of_life_is_kept_as_it_was_said() -> None:
    report = a_report(boot_id="boot-2", counter=3, idle_seconds=77.0)

    attempt = hear(an_attempt(heard=heard()), report, as_sold=True, at=NOON + HOUR)
    assert attempt.heard == Heard(
        at=NOON + HOUR, boot_id="boot-2", counter=3, idle_seconds=77.0, as_sold=True
    )


@pytest.mark.parametrize("before", [None, heard(as_sold=False)], ids=["unheard", "unchecked"])
def test_a_node_that_was_never_checked_is_not_as_sold(before: Heard | None) -> None:
    attempt = hear(an_attempt(heard=before), a_report(gpus=None), as_sold=False, at=NOON)

    assert attempt.heard is not None
    assert attempt.heard.as_sold is False


def test_a_node_once_checked_stays_checked() -> None:
    attempt = hear(
        an_attempt(heard=heard()), a_report(counter=2, gpus=None), as_sold=False, at=NOON + HOUR
    )

    assert attempt.heard is not None
    assert (True, 2, NOON + HOUR) == (
        attempt.heard.as_sold, attempt.heard.counter, attempt.heard.at,
    )  # fmt: skip


def test_the_first_host_key_is_pinned() -> None:
    first = hear(an_attempt(), a_report(), as_sold=True, at=NOON)

    assert HOST_KEY == first.host_key
    again = hear(first, a_report(host_key="ssh-ed25519 other"), as_sold=True, at=NOON)
    assert HOST_KEY == again.host_key


def test_what_was_granted_as_sold_fits() -> None:
    assert misfit(an_attempt(), an_instance(), price_cap=CAP) is None


def test_what_the_cloud_does_not_tell_is_left_to_the_node() -> None:
    silent = an_instance(gpu_name="", gpu_count=0, gpu_memory_mib=0, rate=None)

    assert misfit(an_attempt(), silent, price_cap=CAP) is None


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"rate": rate("0.600001")}, "above the cap"),
        ({"gpu_count": 2}, "granted 2 GPUs instead of 1"),
        ({"gpu_name": "RTX 3090"}, "granted RTX 3090 instead of RTX 4090"),
    ],
)
def test_what_was_granted_otherwise_is_told_in_words(change, why: str) -> None:
    trouble = misfit(an_attempt(), an_instance(**change), price_cap=CAP)

    assert trouble is not None
    assert why in trouble


def test_a_price_at_the_cap_fits_and_one_without_a_cap_always_does() -> None:
    assert misfit(an_attempt(), an_instance(rate=CAP), price_cap=CAP) is None
    assert misfit(an_attempt(), an_instance(rate=rate(99)), price_cap=None) is None


def test_hearing_changes_nothing_else() -> None:
    attempt = an_attempt(heard=heard(), host_key=HOST_KEY)
    again = hear(attempt, a_report(counter=9), as_sold=True, at=NOON + HOUR)

    assert replace(again, heard=attempt.heard) == attempt


def test_an_instance_without_our_label_does_not_fit_for_no_sweep_would_know_it() -> None:
    trouble = misfit(an_attempt(), an_instance(label="the cloud's own idea"), price_cap=CAP)

    assert "the cloud did not put our label on it, so that no sweep would know it" == trouble


@pytest.mark.parametrize(
    ("state", "first_gone", "boot", "expected"),
    [
        (AttemptState.CLOSED, None, "boot-2", True),
        (AttemptState.CLOSED, None, "boot-1", True),
        (AttemptState.CLOSING, NOON, "boot-2", True),
        (AttemptState.CLOSING, NOON, "boot-1", True),
        (AttemptState.CLOSING, None, "boot-2", False),
        (AttemptState.BOUND, None, "boot-2", False),
    ],
)
def test_no_boot_speaks_for_what_was_read_to_be_gone(
    state: AttemptState, first_gone: datetime | None, boot: str, *, expected: bool
) -> None:
    attempt = an_attempt(
        state,
        heard=heard(boot_id="boot-1"),
        absence=Absence(first_gone_at=first_gone),
        closed_at=NOON if state is AttemptState.CLOSED else None,
    )

    assert expected is may_be_a_double(attempt, a_report(boot_id=boot))


@pytest.mark.parametrize(("boot", "expected"), [("boot-1", False), ("boot-2", True)])
def test_only_a_boot_that_was_heard_speaks_for_what_was_closed_unread(
    boot: str, *, expected: bool
) -> None:
    attempt = an_attempt(AttemptState.CLOSED, heard=heard(boot_id="boot-1"), closed_at=NOON)
    presumed = replace(attempt, proof=Proof.PRESUMED)

    assert expected is may_be_a_double(presumed, a_report(boot_id=boot))


@pytest.mark.parametrize(("seconds", "voids"), [(14, False), (15, True)])
def test_what_speaks_is_not_gone_unless_its_report_was_on_its_way(
    seconds: int, *, voids: bool
) -> None:
    at = NOON + timedelta(seconds=seconds)
    gone = Absence(read_at=NOON, gone_reads=1, first_gone_at=NOON)
    closing = an_attempt(AttemptState.CLOSING, absence=gone, destroy_accepted_at=NOON)

    heard_of = hear(closing, a_report(), as_sold=True, at=at)

    assert heard_of.absence == (Absence(read_at=NOON) if voids else gone)
    assert heard_of.destroy_accepted_at == (None if voids else NOON)


@pytest.mark.parametrize(("seconds", "voids"), [(14, False), (15, True)])
def test_a_word_that_may_be_a_doubles_lets_the_proof_begin_anew_and_the_bill_end_where_it_ended(
    seconds: int, *, voids: bool
) -> None:
    at = NOON + timedelta(seconds=seconds)
    gone = Absence(read_at=NOON, gone_reads=2, gone_listings=1, first_gone_at=NOON)
    closing = an_attempt(AttemptState.CLOSING, absence=gone)

    anew = replace(closing, absence=Absence(read_at=NOON, first_gone_at=NOON))
    assert (anew if voids else closing) == doubted(closing, at=at)


def test_what_is_closed_is_not_proved_anew_by_a_word_that_may_be_a_doubles() -> None:
    gone = Absence(read_at=NOON, gone_reads=2, gone_listings=2, first_gone_at=NOON)
    closed = an_attempt(AttemptState.CLOSED, absence=gone, closed_at=NOON)

    assert closed == doubted(closed, at=NOON + timedelta(hours=1))


def test_a_boot_never_heard_contradicts_the_one_that_fitted_and_was_heard_just_now() -> None:
    fitted = an_attempt(heard=heard(at=NOON, boot_id="boot-1", as_sold=True))
    other, same = a_report(boot_id="boot-2"), a_report(boot_id="boot-1")
    over = NOON + BOOT_IS_OVER

    assert contradicts_another(fitted, other, at=over - timedelta(microseconds=1))
    assert not contradicts_another(fitted, other, at=over)
    assert not contradicts_another(fitted, same, at=NOON)
    assert not contradicts_another(fitted, replace(other, instance_id=fitted.instance_id), at=NOON)
    assert not contradicts_another(an_attempt(), other, at=NOON)
    unchecked = an_attempt(heard=heard(at=NOON, boot_id="boot-1", as_sold=False))
    assert not contradicts_another(unchecked, other, at=NOON)


HELD, OTHER = InstanceId("i-1"), InstanceId("i-2")


@pytest.mark.parametrize(
    ("held", "said", "other"),
    [
        (HELD, OTHER, True), (HELD, HELD, False), (HELD, None, False), (None, OTHER, False),
        (None, None, False),
    ],
)  # fmt: skip
def test_who_names_another_instance_than_the_one_that_is_held_is_its_double(
    held: InstanceId | None, said: InstanceId | None, *, other: bool
) -> None:
    state = AttemptState.UNKNOWN if held is None else AttemptState.BOUND
    attempt = an_attempt(state, instance_id=held)

    assert other is is_of_another(attempt, said)


def test_an_instance_that_names_itself_is_never_taken_for_its_double() -> None:
    closing = an_attempt(
        AttemptState.CLOSING, wanted=False, absence=Absence(read_at=NOON, first_gone_at=NOON)
    )

    assert may_be_a_double(closing, a_report(boot_id="boot-2"))
    assert not may_be_a_double(closing, a_report(boot_id="boot-2", instance_id=HELD))
    assert may_be_a_double(closing, a_report(boot_id="boot-2", instance_id=OTHER))


def test_the_gpus_of_a_double_are_not_those_of_the_instance() -> None:
    unknown = an_attempt(AttemptState.UNKNOWN, instance_id=None)
    double = hear(unknown, a_report(instance_id=OTHER), as_sold=True, at=NOON)

    after = hear(double, a_report(boot_id="boot-2", instance_id=HELD), as_sold=False, at=NOON)

    assert after.heard is not None
    assert (HELD, False) == (after.heard.instance_id, after.heard.as_sold)


@pytest.mark.parametrize(("said", "kept"), [(OTHER, False), (HELD, True), (None, True)])
def test_what_a_double_said_before_the_id_was_known_is_forgotten(
    said: InstanceId | None, *, kept: bool
) -> None:
    attempt = an_attempt(heard=heard(instance_id=said))

    assert (attempt.heard if kept else None) == without_anothers_word(attempt).heard


@pytest.mark.parametrize(
    ("boot", "said", "after", "expected"),
    [
        ("boot-1", 160.0, 60, 160.0),
        ("boot-1", 161.0, 60, 160.0),
        ("boot-1", 5.0, 60, 5.0),
        ("boot-2", 5.0, 60, 5.0),
        ("boot-2", 1800.0, 60, 60.0),
        ("boot-2", 1800.0, -60, 0.0),
    ],
    ids=[
        "idle on",
        "idle for longer than it can be",
        "at work since",
        "booted since",
        "another, idle since before this one was heard",
        "heard by a clock that was set back",
    ],
)
def test_a_node_is_idle_for_no_longer_than_since_another_was_heard(
    boot: str, said: float, after: int, expected: float
) -> None:
    attempt = an_attempt(heard=heard(NOON, idle_seconds=100.0, counter=7))
    report = a_report(boot_id=boot, counter=8, idle_seconds=said)

    now = hear(attempt, report, as_sold=True, at=NOON + timedelta(seconds=after)).heard
    assert now is not None
    assert expected == now.idle_seconds


MISSED = an_attempt(
    AttemptState.CLOSING, last_seen_at=NOON, missing_since=NOON + MINUTE, missing_listings=1
)
LISTED_AT = NOON + 2 * MINUTE


def test_a_listing_that_shows_what_is_to_be_destroyed_is_a_sight_of_it() -> None:
    found = glimpsed(MISSED, listed_at=LISTED_AT)

    assert (LISTED_AT, None, 0) == (
        found.last_seen_at,
        found.missing_since,
        found.missing_listings,
    )


@pytest.mark.parametrize(
    "change",
    [
        {"destroy_called_at": LISTED_AT},
        {"missing_reads": 1},
        {"absence": Absence(first_gone_at=NOON + MINUTE)},
        {"last_seen_at": LISTED_AT},
    ],
)
def test_a_listing_that_lags_is_no_sight(change: dict[str, object]) -> None:
    attempt = replace(MISSED, **change)

    assert attempt == glimpsed(attempt, listed_at=LISTED_AT)
