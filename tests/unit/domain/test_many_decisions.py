"""Decisions by the hundred thousand: whole tables where a domain is small, seeded draws where it is not.

Each test counts its cases and says how many there are at least; together they are more than 200,000. A table is the same
in every run. A seeded test takes its seeds from Hypothesis, which shrinks them, and draws many cases from each:
`HYPOTHESIS_PROFILE=long` draws a thousand times as many.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from fractions import Fraction
from itertools import permutations, product
from random import Random
from string import ascii_lowercase, digits

from hypothesis import given
from hypothesis import strategies as st

from gpu_shopper.domain.cost import accrue, close_bill, reprice, total
from gpu_shopper.domain.deadlines import Deadline, Limits, stop_by
from gpu_shopper.domain.hearing import NodeReport, hear, is_news
from gpu_shopper.domain.ids import InstanceId
from gpu_shopper.domain.instance import InstanceStatus
from gpu_shopper.domain.label import MAX_LENGTH, read_label
from gpu_shopper.domain.launch import OPEN, Absence, AttemptState, LaunchAttempt
from gpu_shopper.domain.lifecycle import ENDING, FINAL, State
from gpu_shopper.domain.money import HourlyRate, charge, charge_between
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
    retirement,
)
from gpu_shopper.domain.quirks import Quirks
from gpu_shopper.domain.session import StopReason
from gpu_shopper.providers.sandbox.api import InstanceRow
from gpu_shopper.providers.sandbox.mapping import instance_of
from gpu_shopper.testing.builders import (
    CUMULUS,
    HOUR,
    LABEL_KEY,
    MINUTE,
    NOON,
    SECOND,
    a_label,
    a_request,
    a_session,
    an_attempt,
    heard,
)
from tests.unit.domain.test_census import a_world, census, parts

LEAST = {
    "plan": 150_000,
    "retirement": 20_000,
    "deadlines": 9_000,
    "label": 40_000,
    "money": 50_000,
    "cost": 12_500,
    "census": 12_500,
    "hearing": 2_000,
    "mapping": 1_700,
}
SEEDS = st.integers(0, 2**64 - 1)
_EACH = 500
_DAY = timedelta(days=1)


def test_there_are_two_hundred_thousand_cases() -> None:
    assert sum(LEAST.values()) >= 200_000


# ── the plan ───────────────────────────────────────────────────────────────────────────────────────


def _rows(number: int, now: datetime) -> tuple[list[LaunchAttempt], list[LaunchAttempt]]:
    """Return every kind of attempt that is not wanted, and every kind that is."""
    kinds = [(s, False) for s in AttemptState if s is not AttemptState.BOUND]
    kinds += [(s, True) for s in (AttemptState.SENT, AttemptState.UNKNOWN, AttemptState.BOUND)]
    unwanted, wanted = [], []
    for (state, is_wanted), due, late in product(kinds, (False, True), (False, True)):
        sent_at = now - (10 * HOUR if late else SECOND)
        attempt = replace(
            an_attempt(state, number=number, sent_at=sent_at, call_deadline=sent_at + MINUTE),
            wanted=is_wanted,
            looks=5 if late else 0,
            next_action_at=(now if due else now + MINUTE) if state in OPEN else None,
        )
        (wanted if is_wanted else unwanted).append(attempt)
    return unwanted, wanted


def _all_facts() -> Iterator[Facts]:
    now = NOON + 12 * HOUR
    rows = [_rows(number, now) for number in (1, 2, 3)]
    for state, retries, overdue in product(State, (0, 3), (False, True)):
        request = a_request(max_retries=retries)
        deadline = Deadline(now if overdue else now + HOUR, StopReason.EXPIRED)
        holds = state in {State.PROVISIONING, State.RUNNING}
        session = a_session(state, request=request, launch=3 if holds else None)
        third = [row for row in rows[2][1] if state is not State.RUNNING or row.endpoint]
        for attempts in product(rows[0][0], rows[1][0], third if holds else rows[2][0]):
            if state is State.RUNNING and attempts[2].state is not AttemptState.BOUND:
                continue
            yield Facts(
                now=now,
                session=session,
                attempts=attempts,
                deadline=deadline,
                quirks={CUMULUS: Quirks()},
            )


def test_the_plan_is_total_and_never_oversteps() -> None:
    cases = 0
    for facts in _all_facts():
        step = next_step(facts)
        cases += 1
        assert _allowed(facts, step), (facts, step)
        if not facts.session.ending and facts.now >= facts.deadline.at:
            assert isinstance(step, Stop), (facts, step)

    assert cases >= LEAST["plan"], cases


def _allowed(facts: Facts, step: Step) -> bool:
    state, any_open = facts.session.state, any(one.open for one in facts.attempts)
    match step:
        case Stop():
            return state not in ENDING
        case Buy():
            return state is State.PENDING and not any(one.wanted for one in facts.attempts)
        case Settle():
            return state is State.STOPPING and not any_open
        case Rest():
            return state in FINAL and not any_open
        case Wait(until=until):
            return until > facts.now
        case _:
            return _may_be_done_to(step.attempt, step)


def _may_be_done_to(attempt: LaunchAttempt, step: Step) -> bool:
    match step:
        case Retire():
            return attempt.state is AttemptState.CLOSING and not attempt.wanted
        case Adopt() | Presume():
            return attempt.unanswered
        case BuyElsewhere():
            return attempt.unanswered and attempt.wanted
        case GiveUp() | Observe():
            return attempt.state is AttemptState.BOUND and attempt.wanted
        case _:
            return False


def test_a_retirement_closes_on_full_proof_only() -> None:
    cases = 0
    base = replace(an_attempt(AttemptState.CLOSING), instance_id=InstanceId("i-1"))
    stages = product((None, -1, 1), range(4), range(4), (0, 1, 5, 9, 30), (1, 2, 3), (1, 2, 3))
    for read, reads, listings, tries, need_reads, need_listings in stages:
        for answered, age in product(
            (False, True), (SECOND, MINUTE, 4 * MINUTE, 6 * MINUTE, 2 * _DAY)
        ):
            now = NOON + age
            attempt = replace(
                base,
                destroy_called_at=NOON if answered else None,
                destroy_answered_at=NOON if answered else None,
                destroy_tries=tries,
                closing_since=NOON,
                absence=Absence(
                    read_at=None if read is None else NOON + read * SECOND,
                    gone_reads=reads,
                    gone_listings=listings,
                ),
            )
            quirks = Quirks(absence_reads=need_reads, absence_listings=need_listings)
            act = retirement(attempt, quirks, now)
            cases += 1
            proved = reads >= need_reads and listings >= need_listings
            if act is Retirement.CLOSE:
                assert answered and read == 1 and proved, attempt  # noqa: PT018 - one proof
            if act is Retirement.LIST:
                assert reads >= need_reads, attempt
            if not answered:
                assert act is Retirement.DESTROY, attempt

    assert cases >= LEAST["retirement"], cases


# ── time ───────────────────────────────────────────────────────────────────────────────────────────


def test_deadlines_are_total_and_more_never_means_earlier() -> None:
    cases, limits = 0, Limits()
    table = product(
        State,
        (1, 2, 12),
        (None, 1, 20),
        (0, 1, 14),
        (None, -90, 0, 700),
        (None, 0, 900),
        (False, True),
    )
    for state, hours, override, label_h, heard_s, listens_s, idles in table:
        session = a_session(
            state,
            request=a_request(idle_threshold=30 * MINUTE if idles else None),
            reserved_hours=hours,
            hard_max_override=None if override is None else NOON + override * HOUR,
        )
        sign = None if heard_s is None else heard(NOON + heard_s * SECOND)
        given_ = {"honoured_until": NOON + label_h * HOUR if label_h else None, "limits": limits}
        since = None if listens_s is None else NOON + listens_s * SECOND
        deadline = stop_by(session, heard=sign, listening_since=since, **given_)
        cases += 1
        if session.running_at is None:
            assert deadline.at == session.startup_deadline
            continue
        if label_h:
            assert deadline.at <= max(NOON + label_h * HOUR, NOON)
        assert deadline.at <= session.hard_max_at
        if deadline.reason is StopReason.SILENT:
            assert since is None or deadline.at >= since + limits.silence
        longer = replace(session, reserved_hours=hours + 1)
        later = stop_by(longer, heard=sign, listening_since=since, **given_)
        assert later.at >= deadline.at
        if sign is not None and not idles:
            newer = replace(sign, at=sign.at + MINUTE)
            assert stop_by(session, heard=newer, listening_since=since, **given_).at >= deadline.at
        cases += 2

    assert cases >= LEAST["deadlines"], cases


def test_only_what_is_newer_within_a_boot_is_news() -> None:
    cases, attempt = 0, an_attempt()
    for boots, old, new in product(product("ab", repeat=2), range(1, 25), range(1, 25)):
        known = _report(boots[0], old)
        told = hear(attempt, known, as_sold=False, at=NOON)
        cases += 1
        assert is_news(attempt, known)
        assert not is_news(told, known)
        assert is_news(told, _report(boots[1], new)) == (boots[0] != boots[1] or new > old)

    assert cases >= LEAST["hearing"], cases


def _report(boot: str, counter: int) -> NodeReport:
    return NodeReport(boot_id=boot, counter=counter, gpus=None, idle_seconds=0.0, host_key=None)


# ── names ──────────────────────────────────────────────────────────────────────────────────────────


def test_no_letter_of_a_label_can_be_changed() -> None:
    cases, alphabet = 0, ascii_lowercase + digits + "-"
    for number in range(1, 21):
        label = a_label(a_session(number=number), attempt=number)
        assert read_label(label, key=LABEL_KEY) is not None
        assert len(label) <= MAX_LENGTH
        assert set(label) <= set(alphabet)
        for place, letter in product(range(len(label)), alphabet):
            if label[place] != letter:
                changed = label[:place] + letter + label[place + 1 :]
                cases += 1
                assert read_label.__wrapped__(changed, key=LABEL_KEY) is None, changed

    assert cases >= LEAST["label"], cases


def test_a_status_that_nobody_knows_is_unknown_and_nothing_else() -> None:
    known = {"creating", "booting", "running", "stopping", "stopped", "error"}
    cases = 0
    for status in known:
        cut = {status[:n] for n in range(len(status))} | {status.upper(), f" {status}"}
        grown = {status[:n] + letter + status[n:] for n in range(9) for letter in ascii_lowercase}
        swapped = {status[:n] + letter + status[n + 1 :] for n in range(9) for letter in digits}
        for other in (cut | grown | swapped) - known:
            cases += 1
            assert instance_of(_row(other)).status is InstanceStatus.UNKNOWN, other
        assert instance_of(_row(status)).status is not InstanceStatus.UNKNOWN

    assert cases >= LEAST["mapping"], cases


def _row(status: str) -> InstanceRow:
    return InstanceRow(
        id="i-1",
        name="x",
        status=status,
        gpu_name="",
        gpu_count=1,
        gpu_memory_mib=1,
        created_at="2026-01-01T00:00:00Z",
    )


# ── drawn: money, bills, the census ────────────────────────────────────────────────────────────────


@given(SEEDS)
def test_a_charge_is_whole_and_loses_nothing(seed: int) -> None:
    random = Random(seed)
    for _ in range(_EACH):
        price = HourlyRate(random.choice((0, 1, random.randrange(10**9), 10**12)))
        begin = timedelta(microseconds=random.randrange(10 ** random.randrange(1, 13)))
        end = begin + timedelta(microseconds=random.randrange(10 ** random.randrange(1, 13)))
        amount = charge(price, end)
        exact = Fraction(price.micros * (end // timedelta(microseconds=1)), 3_600_000_000)
        assert type(amount.micros) is int
        assert abs(amount.micros - exact) <= Fraction(1, 2), (price, end)
        first = charge_between(price, origin=NOON, begin=NOON, end=NOON + begin)
        second = charge_between(price, origin=NOON, begin=NOON + begin, end=NOON + end)
        assert first + second == amount, (price, begin, end)


@given(SEEDS)
def test_each_moment_of_a_bill_is_charged_once(seed: int) -> None:
    random = Random(seed)
    for _ in range(_EACH // 4):
        begun = replace(
            an_attempt(), billed_from=NOON, rate_since=NOON, accrued_to=NOON, read_back_at=NOON
        )
        attempt, entries, now = begun, [], NOON
        for _ in range(random.randrange(6)):
            now += timedelta(seconds=random.randrange(-600, 9000))
            price = HourlyRate(random.choice((attempt.rate.micros, random.randrange(10**7))))
            made = (
                accrue(attempt, to=now)
                if random.random() < 0.5
                else reprice(attempt, price, at=now)
            )
            attempt, entries = made.attempt, entries + list(made.entries)
        end = now + timedelta(seconds=random.randrange(-600, 9000))
        entries += close_bill(replace(attempt, billing_ended_at=end)).entries
        ends = [NOON] + [entry.ends_at for entry in entries]
        assert ends[:-1] == [entry.begins_at for entry in entries]
        assert all(entry.begins_at < entry.ends_at for entry in entries)
        assert total(entries).micros == sum(entry.amount.micros for entry in entries)


@given(SEEDS)
def test_a_census_does_not_depend_on_the_order_of_the_listing(seed: int) -> None:
    random = Random(seed)
    for _ in range(_EACH // 20):
        instances, attempts = a_world(random)
        orders = list(permutations(instances[:4]))
        expected = _sorted_parts(instances, attempts)
        for order in random.sample(orders, k=min(5, len(orders))):
            assert expected == _sorted_parts([*order, *instances[4:]], attempts)
        # A listing without a single instance names nobody, whatever the book holds.
        assert not any(parts(census([], attempts)).values())


def _sorted_parts(instances, attempts) -> dict[str, list[str]]:
    taken = census(instances, attempts)
    found = parts(taken)
    # Of several with one label it is chance which is the first; that they are all looked after is not.
    ours = sorted(found["adopted"] + found["reappeared"] + found["duplicates"])
    fixed = {name: sorted(found[name]) for name in ("refreshed", "orphans", "strays")}
    missing = sorted(one.label for one in (*taken.missing, *taken.absent))
    return fixed | {"ours": ours, "missing": missing}
