"""The plan over thousands of made-up facts: what it must never choose, and what it must always choose."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpu_shopper.domain import plan
from gpu_shopper.domain.deadlines import Deadline
from gpu_shopper.domain.launch import (
    UNANSWERED,
    AttemptState,
    Blame,
    LaunchAttempt,
)
from gpu_shopper.domain.lifecycle import ENDING, FINAL, State
from gpu_shopper.domain.plan import (
    Adopt,
    Buy,
    BuyElsewhere,
    Facts,
    GiveUp,
    Observe,
    Presume,
    Rest,
    Retire,
    Retirement,
    Settle,
    Step,
    Stop,
    Wait,
    next_step,
)
from gpu_shopper.domain.quirks import Quirks
from gpu_shopper.domain.session import Session, StopReason
from gpu_shopper.testing.builders import (
    CUMULUS,
    HOUR,
    MINUTE,
    NOON,
    SECOND,
    a_request,
    a_session,
    an_attempt,
)
from tests.unit.domain.facts import has_ended, owed_and_due, some_facts

CASES = 6000
QUIRKS = Quirks()


def is_final(facts: Facts) -> bool:
    return facts.session.state in FINAL


def any_open(facts: Facts) -> bool:
    return any(attempt.open for attempt in facts.attempts)


def is_past_deadline(facts: Facts) -> bool:
    return facts.now >= facts.deadline.at


def never_buys_what_it_has(facts: Facts, step: Step) -> bool:
    return not isinstance(step, Buy) or not any(attempt.wanted for attempt in facts.attempts)


def buys_only_when_pending_and_in_time(facts: Facts, step: Step) -> bool:
    allowed = facts.session.state is State.PENDING and not is_past_deadline(facts)
    return not isinstance(step, Buy) or allowed


def settles_only_with_nothing_open(facts: Facts, step: Step) -> bool:
    allowed = facts.session.state is State.STOPPING and not any_open(facts)
    return isinstance(step, Settle) == allowed


def stops_whatever_is_past_its_deadline(facts: Facts, step: Step) -> bool:
    must = not has_ended(facts) and is_past_deadline(facts)
    return not must or step == Stop(facts.deadline.reason)


def stops_nothing_that_is_ending(facts: Facts, step: Step) -> bool:
    return not isinstance(step, Stop) or not has_ended(facts)


def looks_after_what_is_owed_first(facts: Facts, step: Step) -> bool:
    owed = owed_and_due(facts)
    if not owed or (is_past_deadline(facts) and not has_ended(facts)):
        return True
    return (
        isinstance(step, Retire | Adopt | Presume)
        and step.attempt.next_action_at == owed[0].next_action_at
        and not step.attempt.wanted
    )


def waits_only_for_a_future_moment(facts: Facts, step: Step) -> bool:
    return not isinstance(step, Wait) or step.until > facts.now


def never_sleeps_through_a_deadline(facts: Facts, step: Step) -> bool:
    return not isinstance(step, Wait) or has_ended(facts) or step.until <= facts.deadline.at


def never_sleeps_through_what_it_owes(facts: Facts, step: Step) -> bool:
    future = [
        attempt.next_action_at
        for attempt in facts.attempts
        if attempt.open and attempt.next_action_at and attempt.next_action_at > facts.now
    ]
    return not isinstance(step, Wait) or all(step.until <= at for at in future)


def rests_only_when_all_is_over(facts: Facts, step: Step) -> bool:
    return isinstance(step, Rest) == (is_final(facts) and not any_open(facts))


def watches_only_what_it_holds(facts: Facts, step: Step) -> bool:
    if not isinstance(step, Observe | GiveUp):
        return True
    return step.attempt.state is AttemptState.BOUND and step.attempt.number == facts.session.launch


def gives_up_nothing_that_runs(facts: Facts, step: Step) -> bool:
    return not isinstance(step, GiveUp | BuyElsewhere) or (
        facts.session.state is State.PROVISIONING
    )


def destroys_only_what_is_unwanted(facts: Facts, step: Step) -> bool:
    if not isinstance(step, Retire):
        return True
    return step.attempt.state is AttemptState.CLOSING and not step.attempt.wanted


def looks_only_for_what_was_never_answered(facts: Facts, step: Step) -> bool:
    if not isinstance(step, Adopt | Presume | BuyElsewhere):
        return True
    return step.attempt.state in UNANSWERED


def presumes_only_after_a_long_look(facts: Facts, step: Step) -> bool:
    if not isinstance(step, Presume):
        return True
    quirks = facts.quirks[step.attempt.provider]
    waited = facts.now >= step.attempt.call_deadline + quirks.quarantine
    looked = step.attempt.looks >= quirks.quarantine_listings
    return waited and looked and step.attempt.missing_listings > 0


def gives_up_waiting_only_when_the_call_is_over(facts: Facts, step: Step) -> bool:
    return not isinstance(step, BuyElsewhere) or facts.now >= step.attempt.call_deadline


def acts_only_on_what_is_due(facts: Facts, step: Step) -> bool:
    attempt = getattr(step, "attempt", None)
    if attempt is None:
        return True
    return attempt.next_action_at is not None and attempt.next_action_at <= facts.now


LAWS: tuple[Callable[[Facts, Step], bool], ...] = (
    never_buys_what_it_has,
    buys_only_when_pending_and_in_time,
    stops_whatever_is_past_its_deadline,
    stops_nothing_that_is_ending,
    looks_after_what_is_owed_first,
    waits_only_for_a_future_moment,
    never_sleeps_through_a_deadline,
    never_sleeps_through_what_it_owes,
    rests_only_when_all_is_over,
    settles_only_with_nothing_open,
    watches_only_what_it_holds,
    gives_up_nothing_that_runs,
    destroys_only_what_is_unwanted,
    looks_only_for_what_was_never_answered,
    presumes_only_after_a_long_look,
    gives_up_waiting_only_when_the_call_is_over,
    acts_only_on_what_is_due,
)


@pytest.fixture(scope="module")
def decided() -> list[tuple[Facts, Step]]:
    return [(facts, next_step(facts)) for facts in map(some_facts, map(Random, range(CASES)))]


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_over_thousands_of_facts_the_plan(law, decided: list[tuple[Facts, Step]]) -> None:
    assert [] == [(facts, step) for facts, step in decided if not law(facts, step)][:1]


def test_every_kind_of_step_is_chosen_often_enough_to_be_judged(
    decided: list[tuple[Facts, Step]],
) -> None:
    chosen = Counter(type(step) for _, step in decided)

    assert set() == {kind for kind in plan.Step.__args__ if chosen[kind] < 10}


def test_the_same_facts_give_the_same_step(decided: list[tuple[Facts, Step]]) -> None:
    assert [] == [facts for facts, step in decided[:1000] if next_step(facts) != step]


@given(st.randoms(use_true_random=False))
def test_no_facts_that_can_be_found_break_a_law(random: Random) -> None:
    facts = some_facts(random)
    step = next_step(facts)

    assert [] == [law.__name__ for law in LAWS if not law(facts, step)]


def test_the_order_of_the_attempts_changes_nothing_that_is_owed() -> None:
    for seed in range(500):
        facts = some_facts(Random(seed))
        owed = [attempt.next_action_at for attempt in owed_and_due(facts)]
        if len(set(owed)) == len(owed) and facts.session.state is not State.PENDING:
            backwards = replace(facts, attempts=facts.attempts[::-1])

            assert next_step(facts) == next_step(backwards)


# ── one decision at a time ───────────────────────────────────────────────────────────────────────


def facts(session: Session, *attempts: LaunchAttempt, now=NOON, until=NOON + HOUR) -> Facts:
    return Facts(
        now=now,
        session=session,
        attempts=attempts,
        deadline=Deadline(until, StopReason.EXPIRED),
        quirks={CUMULUS: QUIRKS},
    )


def test_a_new_session_buys() -> None:
    assert Buy() == next_step(facts(a_session()))


def test_tries_are_limited_and_the_last_trouble_is_told() -> None:
    session = a_session(attempts_made=4)
    tried = [
        an_attempt(AttemptState.REJECTED, number=n, unwanted_because="sold out", blame=Blame.OFFER)
        for n in range(1, 5)
    ]

    assert Stop(StopReason.LAUNCH_FAILED, "sold out") == next_step(facts(session, *tried))
    assert Buy() == next_step(facts(replace(session, attempts_made=3), *tried[:3]))


def test_an_attempt_that_the_cloud_never_considered_uses_up_no_try() -> None:
    session = a_session(attempts_made=9)
    put_off = [an_attempt(AttemptState.REJECTED, number=n, blame=None) for n in range(1, 10)]

    assert Buy() == next_step(facts(session, *put_off))


def test_without_retry_there_is_one_try() -> None:
    session = a_session(request=a_request(auto_retry=False), attempts_made=1)
    tried = an_attempt(AttemptState.REJECTED, unwanted_because="sold out", blame=Blame.OFFER)

    assert Stop(StopReason.LAUNCH_FAILED, "sold out") == next_step(facts(session, tried))


def test_what_is_owed_comes_before_what_is_wanted() -> None:
    owed = an_attempt(AttemptState.CLOSING)

    assert Retire(owed, Retirement.DESTROY) == next_step(facts(a_session(attempts_made=1), owed))


def test_while_something_is_owed_but_not_due_the_session_shops_on() -> None:
    owed = an_attempt(AttemptState.CLOSING, next_action_at=NOON + MINUTE)

    assert Buy() == next_step(facts(a_session(attempts_made=1), owed))


PROVISIONING = a_session(State.PROVISIONING)


def test_an_unanswered_call_is_looked_for() -> None:
    sent = an_attempt(AttemptState.SENT, session=PROVISIONING)

    assert Adopt(sent) == next_step(facts(PROVISIONING, sent))


def test_a_session_shops_on_once_the_call_is_over_and_looked_for() -> None:
    looked = an_attempt(AttemptState.UNKNOWN, session=PROVISIONING, looks=5)

    assert Adopt(looked) == next_step(facts(PROVISIONING, looked, now=NOON + 59 * SECOND))
    assert BuyElsewhere(looked) == next_step(facts(PROVISIONING, looked, now=NOON + MINUTE))


@pytest.mark.parametrize(("tried", "step"), [(2, BuyElsewhere), (3, Adopt)])
def test_a_session_shops_on_while_it_has_a_try_left(tried: int, step: type[Step]) -> None:
    session = replace(PROVISIONING, launch=tried + 1)
    spent = [an_attempt(AttemptState.REJECTED, number=n) for n in range(1, tried + 1)]
    looked = an_attempt(AttemptState.UNKNOWN, session=session, number=tried + 1, looks=5)

    chosen = next_step(facts(session, *spent, looked, now=NOON + MINUTE))
    assert isinstance(chosen, step)


def test_what_was_never_seen_is_presumed_absent_after_as_many_looks_as_the_cloud_needs() -> None:
    looked = an_attempt(
        AttemptState.UNKNOWN, session=PROVISIONING, missing_listings=1,
        looks=QUIRKS.quarantine_listings,
    )  # fmt: skip
    over = looked.call_deadline + QUIRKS.quarantine

    assert Presume(looked) == next_step(facts(PROVISIONING, looked, now=over, until=over + HOUR))


def test_the_last_try_is_looked_for_to_the_end() -> None:
    session = replace(PROVISIONING, attempts_made=4, launch=4)
    tried = [an_attempt(AttemptState.REJECTED, number=n, blame=Blame.OFFER) for n in range(1, 4)]
    last = an_attempt(AttemptState.UNKNOWN, session=session, number=4, looks=5)
    since = replace(last, missing_listings=1)
    twice = replace(since, looks=2)
    later = NOON + 31 * MINUTE

    assert Adopt(last) == next_step(facts(session, *tried, last, now=NOON + 2 * MINUTE))
    assert Adopt(last) == next_step(facts(session, *tried, last, now=later))
    assert Presume(since) == next_step(facts(session, *tried, since, now=later))
    assert Adopt(twice) == next_step(facts(session, *tried, twice, now=later))


def test_an_instance_that_does_not_come_up_in_its_time_is_given_up() -> None:
    bound = an_attempt(session=PROVISIONING)
    late = NOON + QUIRKS.boot_grace

    assert Observe(bound) == next_step(facts(PROVISIONING, bound, now=late - SECOND))
    assert GiveUp(bound) == next_step(facts(PROVISIONING, bound, now=late))


def test_what_runs_is_never_given_up_for_booting_slowly() -> None:
    bound = an_attempt()

    assert Observe(bound) == next_step(
        facts(a_session(State.RUNNING), bound, now=NOON + 50 * MINUTE)
    )


@pytest.mark.parametrize("state", sorted(set(State) - ENDING))
def test_the_deadline_is_met_in_every_state(state: State) -> None:
    bound = an_attempt()
    held = (bound,) if state is not State.PENDING else ()

    assert Stop(StopReason.EXPIRED) == next_step(facts(a_session(state), *held, now=NOON + HOUR))
    assert not isinstance(next_step(facts(a_session(state), *held, now=NOON + HOUR - SECOND)), Stop)


@pytest.mark.parametrize("state", sorted(FINAL))
def test_a_session_that_is_over_still_ends_a_late_arrival(state: State) -> None:
    late = an_attempt(AttemptState.CLOSING)

    assert Retire(late, Retirement.DESTROY) == next_step(facts(a_session(state), late))
    assert Rest() == next_step(facts(a_session(state)))


@pytest.mark.parametrize(("due", "until", "expected"), [(7, 9, 7), (9, 7, 7)])
def test_what_has_nothing_to_do_waits_for_what_comes_first(
    due: int, until: int, expected: int
) -> None:
    bound = an_attempt(next_action_at=NOON + due * MINUTE)
    waiting = facts(a_session(State.RUNNING), bound, until=NOON + until * MINUTE)

    assert Wait(NOON + expected * MINUTE) == next_step(waiting)


def test_what_is_ending_waits_for_no_deadline() -> None:
    owed = an_attempt(AttemptState.CLOSING, next_action_at=NOON + 9 * MINUTE)
    waiting = facts(a_session(State.STOPPING), owed, until=NOON + 7 * MINUTE)

    assert Wait(NOON + 9 * MINUTE) == next_step(waiting)


@pytest.mark.parametrize("due_at", [None, NOON])
def test_a_row_that_cannot_be_is_looked_at_again_soon(due_at: datetime | None) -> None:
    wanted_by_nobody = an_attempt(next_action_at=due_at)

    assert Wait(NOON + SECOND) == next_step(facts(a_session(State.STOPPING), wanted_by_nobody))
