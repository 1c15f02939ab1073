"""The census: every instance in exactly one part, strays untouched, and no wanted instance mistaken for a duplicate."""

from dataclasses import replace
from itertools import chain
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpu_shopper.domain.census import Census, Unreadable, speaks_of_absence, take_census
from gpu_shopper.domain.ids import InstanceId, ProviderName, deployment_id
from gpu_shopper.domain.instance import Instance
from gpu_shopper.domain.launch import Absence, AttemptState, LaunchAttempt, Proof
from gpu_shopper.testing.builders import (
    DEPLOYMENT,
    HOUR,
    LABEL_KEY,
    NOON,
    SECOND,
    a_label,
    a_listing,
    a_session,
    an_attempt,
    an_instance,
)

RANDOMS = st.randoms(use_true_random=False)


def census(
    instances: list[Instance], attempts: list[LaunchAttempt], deployment=DEPLOYMENT
) -> Census:
    return take_census(
        a_listing(instances), attempts=attempts, deployment=deployment, key=LABEL_KEY
    )


def parts(taken: Census) -> dict[str, list[InstanceId]]:
    sightings = {
        name: [sighting.instance.id for sighting in getattr(taken, name)]
        for name in ("refreshed", "adopted", "duplicates", "reappeared", "orphans")
    }
    unsighted = {
        name: [instance.id for instance in getattr(taken, name)]
        for name in ("strays", "unreadable")
    }
    return sightings | unsighted


def a_world(random: Random) -> tuple[list[Instance], list[LaunchAttempt]]:
    """Some attempts in any state, and a listing in which each may stand not at all, once or several times."""
    instances: list[Instance] = []
    attempts: list[LaunchAttempt] = []
    for number in range(random.randrange(6)):
        attempt = an_attempt(random.choice(list(AttemptState)), session=a_session(number=number))
        if attempt.instance_id is not None:
            attempt = replace(attempt, instance_id=InstanceId(f"i-{number}"))
        if random.random() < 0.8:
            attempts.append(attempt)
        ids = random.sample([f"i-{number}", f"x-{number}", f"y-{number}"], k=random.randrange(4))
        for name in ids:
            instances += [an_instance(attempt, id=InstanceId(name))] * random.choice((1, 1, 1, 2))
    for number in range(random.randrange(3)):
        label = random.choice(("", "web-1", a_label(key=b"another's"), "gs1-a-b-c-d-e"))
        instances.append(an_instance(id=InstanceId(f"s-{number}"), label=label))
    random.shuffle(instances)
    return instances, attempts


@given(RANDOMS)
def test_every_instance_is_in_exactly_one_part(random: Random) -> None:
    instances, attempts = a_world(random)

    found = sorted(chain.from_iterable(parts(census(instances, attempts)).values()))
    assert sorted({instance.id for instance in instances}) == found


@given(RANDOMS)
def test_what_we_hold_is_never_taken_for_a_duplicate(random: Random) -> None:
    instances, attempts = a_world(random)

    held = {attempt.instance_id for attempt in attempts if attempt.state is AttemptState.BOUND}
    assert set() == held & set(parts(census(instances, attempts))["duplicates"])


@given(RANDOMS)
def test_each_attempt_has_at_most_one_instance_that_stays_or_reopens_it(random: Random) -> None:
    taken = census(*a_world(random))

    kept = [
        sighting.attempt.label for sighting in taken.refreshed + taken.adopted + taken.reappeared
    ]
    assert len(set(kept)) == len(kept)


@given(RANDOMS)
def test_nothing_without_our_valid_label_is_ever_more_than_a_stray(random: Random) -> None:
    instances, attempts = a_world(random)
    taken = census(instances, attempts)

    assert {one.id for one in instances if one.id.startswith("s-")} == set(parts(taken)["strays"])


@given(RANDOMS)
def test_an_attempt_is_missing_exactly_if_it_is_bound_and_not_listed(random: Random) -> None:
    instances, attempts = a_world(random)
    listed = {instance.id for instance in instances}

    assert {
        attempt.id
        for attempt in attempts
        if attempt.state is AttemptState.BOUND and attempt.instance_id not in listed
    } == {attempt.id for attempt in census(instances, attempts).missing}


@given(RANDOMS)
def test_the_order_of_a_listing_decides_nothing_about_what_we_hold(random: Random) -> None:
    instances, attempts = a_world(random)
    one, other = census(instances, attempts), census(instances[::-1], attempts)

    assert sorted(parts(one)["refreshed"]) == sorted(parts(other)["refreshed"])
    assert sorted(parts(one)["strays"]) == sorted(parts(other)["strays"])


def test_the_instance_that_we_hold_stays_when_its_double_is_listed_first() -> None:
    attempt = an_attempt()
    double = an_instance(attempt, id=InstanceId("i-2"))

    taken = parts(census([double, an_instance(attempt)], [attempt]))
    assert (["i-1"], ["i-2"]) == (taken["refreshed"], taken["duplicates"])


def test_the_instance_that_we_hold_is_missing_when_only_its_double_is_listed() -> None:
    attempt = an_attempt()
    taken = census([an_instance(attempt, id=InstanceId("i-2"))], [attempt])

    assert ((attempt,), ["i-2"]) == (taken.missing, parts(taken)["duplicates"])


def test_an_instance_that_two_pages_show_is_no_double() -> None:
    attempt = an_attempt(AttemptState.UNKNOWN)

    taken = parts(census([an_instance(attempt)] * 2, [attempt]))
    assert (["i-1"], []) == (taken["adopted"], taken["duplicates"])


def test_a_second_late_arrival_of_one_label_is_a_duplicate() -> None:
    attempt = an_attempt(AttemptState.CLOSED)
    listed = [an_instance(attempt), an_instance(attempt, id=InstanceId("i-2"))]

    taken = parts(census(listed, [attempt]))
    assert (["i-1"], ["i-2"]) == (taken["reappeared"], taken["duplicates"])


def test_the_orphan_says_in_its_label_whose_it_was() -> None:
    session = a_session(number=77)
    (orphan,) = census([an_instance(label=a_label(session, attempt=3))], []).orphans

    assert (session.id, 3) == (orphan.facts.session, orphan.facts.number)


def test_another_deployment_with_our_key_is_still_another() -> None:
    elsewhere = an_instance(id=InstanceId("i-elsewhere"))

    taken = census([elsewhere], [an_attempt()], deployment=deployment_id(99))

    assert ["i-elsewhere"] == parts(taken)["strays"]


def test_what_we_bought_is_known_by_its_id_where_the_cloud_lost_our_label() -> None:
    taken = census([an_instance(label="something else")], [an_attempt()])

    assert (["i-1"], []) == (parts(taken)["refreshed"], parts(taken)["strays"])


@pytest.mark.parametrize(
    ("left_of_the_label", "part"), [(0, "reappeared"), (20, "reappeared"), (None, "strays")]
)
def test_what_was_ours_and_closed_is_known_by_its_id_and_what_is_left_of_our_label(
    left_of_the_label: int | None, part: str
) -> None:
    closed = an_attempt(state=AttemptState.CLOSED, wanted=False)
    label = "another's" if left_of_the_label is None else closed.label[:left_of_the_label]

    assert ["i-1"] == parts(census([an_instance(label=label)], [closed]))[part]


CUT = 50
NOT_KNOWN_BY_ID = {"instance_id": None}


@pytest.mark.parametrize("length", [40, CUT, 57])
@pytest.mark.parametrize(
    ("attempt", "part"),
    [
        (an_attempt(AttemptState.SENT), "adopted"),
        (an_attempt(AttemptState.UNKNOWN), "adopted"),
        (an_attempt(AttemptState.REJECTED), "reappeared"),
        (an_attempt(AttemptState.CLOSED, proof=Proof.PRESUMED, **NOT_KNOWN_BY_ID), "reappeared"),
        (an_attempt(AttemptState.BOUND, instance_id=InstanceId("i-9")), "duplicates"),
        (an_attempt(AttemptState.CLOSING, instance_id=InstanceId("i-9")), "duplicates"),
    ],
)
def test_what_still_names_one_attempt_of_the_book_is_its_instance(
    attempt: LaunchAttempt, part: str, length: int
) -> None:
    cut = an_instance(attempt, id=InstanceId("i-1"), label=attempt.label[:length])

    taken = census([cut], [attempt])

    assert ["i-1"] == parts(taken)[part]
    assert () == taken.strays


@pytest.mark.parametrize(
    "label",
    [
        a_label()[:39],
        a_label()[:20],
        "gs1",
        "",
        a_label(attempt=2)[:CUT],
        a_label(a_session(number=2))[:CUT],
        a_label()[: CUT - 1] + "x",
        a_label()[1:],
        a_label(key=b"another's"),
    ],
)
def test_a_beginning_that_names_no_attempt_proves_nothing(label: str) -> None:
    attempt = an_attempt(AttemptState.UNKNOWN)

    assert ["i-1"] == parts(census([an_instance(attempt, label=label)], [attempt]))["strays"]


def test_a_beginning_that_two_attempts_share_proves_nothing() -> None:
    # A book that was put back may give a number once more, with another end.
    one = an_attempt(AttemptState.UNKNOWN)
    other = replace(one, label=a_label(expires_at=NOON + 9 * HOUR))
    shared, told_apart = one.label[:40], one.label[:CUT]

    assert ["i-1"] == parts(census([an_instance(label=shared)], [one, other]))["strays"]
    assert ["i-1"] == parts(census([an_instance(label=told_apart)], [one, other]))["adopted"]


def test_a_beginning_that_an_attempt_elsewhere_has_proves_nothing() -> None:
    elsewhere = an_attempt(AttemptState.UNKNOWN, provider=ProviderName("nimbus"))

    cut = an_instance(label=elsewhere.label[:CUT])

    assert ["i-1"] == parts(census([cut], [elsewhere]))["strays"]


def test_of_two_with_one_beginning_the_second_is_a_double() -> None:
    attempt = an_attempt(AttemptState.UNKNOWN)
    listed = [an_instance(id=InstanceId(name), label=attempt.label[:CUT]) for name in ("a", "b")]

    taken = parts(census(listed, [attempt]))

    assert (["a"], ["b"]) == (taken["adopted"], taken["duplicates"])


def unreadable(**changes: object) -> Unreadable:
    attempt = an_attempt()
    of_attempt = {
        "id": attempt.id,
        "session_id": attempt.session_id,
        "provider": attempt.provider,
        "label": attempt.label,
        "instance_id": attempt.instance_id,
        "because": "it is broken",
    }
    return Unreadable(**(of_attempt | changes))


@pytest.mark.parametrize(
    ("instance", "known", "elsewhere"),
    [
        (an_instance(), {}, "orphans"),
        (an_instance(), {"instance_id": None}, "orphans"),
        (an_instance(label=""), {}, "strays"),
        (an_instance(label="cut"), {"label": "gs1-another"}, "strays"),
        (an_instance(label=a_label()[:CUT]), {"instance_id": None}, "strays"),
    ],
)
def test_an_instance_of_what_cannot_be_read_is_known_and_nothing_is_said_of_it(
    instance: Instance, known: dict[str, object], elsewhere: str
) -> None:
    other = an_attempt(session=a_session(number=9), instance_id=InstanceId("i-9"))
    listing = a_listing([instance, an_instance(other, id=InstanceId("i-9"))])

    def taken(*rows: Unreadable) -> dict[str, list[InstanceId]]:
        found = take_census(
            listing, attempts=[other], unreadable=rows, deployment=DEPLOYMENT, key=LABEL_KEY
        )
        return {name: ids for name, ids in parts(found).items() if ids}

    assert {"refreshed": ["i-9"], "unreadable": ["i-1"]} == taken(unreadable(**known))
    assert {"refreshed": ["i-9"], elsewhere: ["i-1"]} == taken()


def test_an_id_of_what_cannot_be_read_is_anybodys_at_another_cloud() -> None:
    row = unreadable(provider="nimbus", label="gs1-another")

    found = take_census(
        a_listing([an_instance(label="")]), attempts=[], unreadable=[row],
        deployment=DEPLOYMENT, key=LABEL_KEY,
    )  # fmt: skip

    assert ["i-1"] == parts(found)["strays"]


def test_a_listing_with_a_missing_part_is_never_compared() -> None:
    broken = a_listing(complete=False, trouble="page 2")

    with pytest.raises(AssertionError, match="page 2"):
        take_census(broken, attempts=[], deployment=DEPLOYMENT, key=LABEL_KEY)


GONE = Absence(read_at=NOON, gone_reads=1)


@pytest.mark.parametrize(
    ("change", "speaks"),
    [
        ({}, True),
        ({"destroy_answered_at": None}, False),
        ({"destroy_answered_at": NOON + 2 * SECOND}, False),
        ({"destroy_answered_at": NOON + HOUR}, False),
        ({"absence": Absence(read_at=NOON)}, False),
        ({"absence": Absence()}, False),
    ],
)
def test_a_listing_speaks_of_absence_only_after_the_answer_and_after_a_read(
    change: dict[str, object], speaks: bool
) -> None:
    facts = {"destroy_answered_at": NOON + SECOND, "absence": GONE} | change
    attempt = an_attempt(AttemptState.CLOSING, **facts)

    assert speaks == speaks_of_absence(attempt, began_at=NOON + 2 * SECOND)


@pytest.mark.parametrize("state", sorted(set(AttemptState) - {AttemptState.CLOSING}))
def test_a_listing_never_speaks_of_the_absence_of_what_nobody_destroyed(
    state: AttemptState,
) -> None:
    attempt = an_attempt(state, destroy_answered_at=NOON, absence=GONE)

    assert not speaks_of_absence(attempt, began_at=NOON + HOUR)


@pytest.mark.parametrize(("answered_at", "counts"), [(NOON - SECOND, True), (NOON, False)])
def test_what_is_destroyed_and_not_listed_is_told_if_the_listing_came_after(
    answered_at: object, counts: bool
) -> None:
    closing = an_attempt(AttemptState.CLOSING, destroy_answered_at=answered_at, absence=GONE)

    assert ((closing,) if counts else ()) == census([], [closing]).absent


def test_what_is_listed_without_its_label_is_not_absent() -> None:
    closing = an_attempt(AttemptState.CLOSING, destroy_answered_at=NOON - SECOND, absence=GONE)

    taken = census([an_instance(label="")], [closing])

    assert () == taken.absent
    assert [closing] == [sighting.attempt for sighting in taken.refreshed]


def test_of_one_that_lost_its_label_and_one_that_kept_it_the_second_is_a_double() -> None:
    closed = an_attempt(state=AttemptState.CLOSED, wanted=False)
    both = [an_instance(closed, id=InstanceId("i-9")), an_instance(label="")]

    for first, second in (both, both[::-1]):
        taken = parts(census([first, second], [closed]))
        assert ([first.id], [second.id]) == (taken["reappeared"], taken["duplicates"])


def test_what_is_destroyed_is_absent_beside_its_double() -> None:
    closing = an_attempt(AttemptState.CLOSING, destroy_answered_at=NOON - SECOND, absence=GONE)

    taken = census([an_instance(closing, id="i-9")], [closing])

    assert (closing,) == taken.absent
    assert 1 == len(taken.duplicates)
