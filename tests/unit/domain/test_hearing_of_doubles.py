"""A word that names no instance, while the instance is missing: its double may have said it."""

from dataclasses import replace

import pytest

from gpu_shopper.domain.hearing import (
    answered,
    hear,
    is_not_found,
    is_overheard,
    overheard,
)
from gpu_shopper.domain.ids import InstanceId
from gpu_shopper.testing.builders import HOUR, MINUTE, NOON, SECOND, a_report, an_attempt, heard

ITSELF = InstanceId("i-1")
SINCE = NOON + MINUTE
MISSING = an_attempt(missing_since=SINCE, missing_listings=2, missing_reads=3)


@pytest.mark.parametrize(
    ("reads", "said", "expected"),
    [(0, None, False), (1, None, True), (2, None, True), (1, ITSELF, False), (0, ITSELF, False)],
)
def test_a_word_without_a_name_does_not_speak_for_what_no_read_finds(
    reads: int, said: InstanceId | None, expected: bool
) -> None:
    attempt = an_attempt(missing_reads=reads)

    assert expected is is_not_found(attempt, a_report(instance_id=said))


@pytest.mark.parametrize("as_sold", [False, True])
def test_what_is_overheard_is_not_silent_and_as_missing_as_before(as_sold: bool) -> None:
    report, at = a_report(counter=7, idle_seconds=5.0), NOON + HOUR

    after = overheard(MISSING, report, as_sold=as_sold, at=at)

    assert after.heard == hear(MISSING, report, as_sold=as_sold, at=at).heard
    assert after.heard is not None
    assert (at, 7, as_sold) == (after.heard.at, after.heard.counter, after.heard.as_sold)
    assert replace(after, heard=MISSING.heard, host_key=MISSING.host_key) == MISSING


@pytest.mark.parametrize(
    ("last", "expected"),
    [
        (None, False),
        (heard(SINCE - SECOND), False),
        (heard(SINCE), True),
        (heard(SINCE + SECOND), True),
        (heard(SINCE + SECOND, instance_id=ITSELF), False),
    ],
    ids=["never", "before", "just then", "since", "itself"],
)
def test_only_a_word_without_a_name_since_it_is_missing_was_overheard(last, expected) -> None:
    assert expected is is_overheard(replace(MISSING, heard=last))


def test_what_is_not_missing_is_heard_and_not_overheard() -> None:
    assert not is_overheard(an_attempt(heard=heard()))
    assert not is_overheard(an_attempt(heard=None))


def test_who_answers_at_the_address_of_the_instance_is_no_double_and_not_missing() -> None:
    found = replace(MISSING, missing_since=None, missing_listings=0, missing_reads=0)

    assert found == answered(MISSING)
