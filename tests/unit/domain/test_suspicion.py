"""Suspicion: what may be ours is named, what cannot be is not, and nothing follows from it but a word to an operator."""

from datetime import datetime

import pytest

from gpu_shopper.domain.ids import ProviderName
from gpu_shopper.domain.instance import Instance
from gpu_shopper.domain.launch import AttemptState, LaunchAttempt, Proof
from gpu_shopper.domain.quirks import Quirks
from gpu_shopper.domain.suspicion import (
    CLOCKS_DIFFER,
    Appeared,
    appeared,
    looked_for_in_vain,
    suspected_of,
)
from gpu_shopper.testing.builders import (
    MINUTE,
    NOON,
    SECOND,
    a_label,
    a_session,
    an_attempt,
    an_instance,
)

QUIRKS = Quirks(quarantine=30 * MINUTE, adoption_looks=(SECOND, 2 * SECOND))
SENT = an_attempt(AttemptState.UNKNOWN)
LATEST = SENT.call_deadline + QUIRKS.quarantine
PRESUMED = {"proof": Proof.PRESUMED, "instance_id": None}


@pytest.mark.parametrize(
    ("attempt", "at", "in_vain"),
    [
        (an_attempt(AttemptState.UNKNOWN, looks=2), NOON + MINUTE, True),
        (an_attempt(AttemptState.SENT, looks=2), NOON + MINUTE, True),
        (an_attempt(AttemptState.UNKNOWN, looks=1), NOON + MINUTE, False),
        (an_attempt(AttemptState.UNKNOWN, looks=2), NOON + MINUTE - SECOND, False),
        (an_attempt(AttemptState.CLOSED, **PRESUMED), NOON, True),
        (an_attempt(AttemptState.CLOSED, looks=2), NOON + MINUTE, False),
        (an_attempt(AttemptState.REJECTED, looks=2), NOON + MINUTE, False),
        (an_attempt(AttemptState.BOUND, looks=2), NOON + MINUTE, False),
    ],
)
def test_what_was_never_answered_is_looked_for_as_planned_first(
    attempt: LaunchAttempt, at: datetime, in_vain: bool
) -> None:
    assert in_vain == looked_for_in_vain(attempt, QUIRKS, at)


def test_when_an_instance_appeared_is_the_clouds_word_before_it_is_ours() -> None:
    told = appeared(an_instance(), lacked_at=NOON + MINUTE, seen_at=NOON + 2 * MINUTE)
    untold = appeared(
        an_instance(billed_from=None), lacked_at=NOON + MINUTE, seen_at=NOON + 2 * MINUTE
    )

    assert Appeared(after=NOON - CLOCKS_DIFFER, by=NOON + CLOCKS_DIFFER) == told
    assert Appeared(after=NOON + MINUTE, by=NOON + 2 * MINUTE) == untold


@pytest.mark.parametrize(
    ("when", "suspected"),
    [
        (Appeared(after=NOON, by=NOON), True),
        (Appeared(after=NOON - MINUTE, by=NOON), True),
        (Appeared(after=NOON - MINUTE, by=NOON - SECOND), False),
        (Appeared(after=None, by=NOON - SECOND), False),
        (Appeared(after=None, by=LATEST + MINUTE), True),
        (Appeared(after=LATEST, by=LATEST + MINUTE), True),
        (Appeared(after=LATEST + SECOND, by=LATEST + MINUTE), False),
    ],
)
def test_only_what_appeared_while_the_create_may_have_taken_effect_is_suspected(
    when: Appeared, suspected: bool
) -> None:
    found = suspected_of(an_instance(label=""), when, attempts=[SENT], quirks=QUIRKS)

    assert (SENT if suspected else None) == found


@pytest.mark.parametrize(
    ("instance", "suspected"),
    [
        (an_instance(label=""), True),
        (an_instance(label="web-1"), True),
        (an_instance(label=SENT.label[:39]), True),
        (an_instance(label="", gpu_name="", gpu_count=0), True),
        (an_instance(label="", gpu_name="H100"), False),
        (an_instance(label="", gpu_count=2), False),
        (an_instance(label="", provider=ProviderName("nimbus")), False),
        (an_instance(label=a_label(attempt=2)[:50]), False),
        (an_instance(label="gs1-aaaaaaaaaaaaaaaa-bbbb"), False),
        (an_instance(label="", mark="gs1-aaaaaaaaaaaaaaaa-bbbb"), False),
    ],
)
def test_only_what_nothing_speaks_against_is_suspected(instance: Instance, suspected: bool) -> None:
    when = Appeared(after=NOON, by=NOON)

    found = suspected_of(instance, when, attempts=[SENT], quirks=QUIRKS)

    assert (SENT if suspected else None) == found


def test_of_several_the_newest_is_named() -> None:
    later = an_attempt(AttemptState.UNKNOWN, session=a_session(number=2), sent_at=NOON + SECOND)
    when = Appeared(after=NOON + MINUTE, by=NOON + MINUTE)

    for attempts in ([SENT, later], [later, SENT]):
        found = suspected_of(an_instance(label=""), when, attempts=attempts, quirks=QUIRKS)
        assert later == found
