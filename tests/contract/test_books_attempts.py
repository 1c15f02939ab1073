"""The ledger of obligations: what was bought, what is owed, what bills."""

import pytest

from gpu_shopper.domain.ids import InstanceId, ProviderName, SessionId
from gpu_shopper.domain.launch import AttemptState, Blame
from tests.unit.stores import arrange, shelves
from tests.unit.stores.arrange import (
    CLOUD,
    HOUR,
    MINUTE,
    NOON,
    a_session,
    an_attempt,
)
from tests.unit.stores.shelves import owe, put


@pytest.fixture(params=shelves.KINDS)
def shelf(request, tmp_path):
    with shelves.opened(request.param, tmp_path) as found:
        yield found


@pytest.mark.parametrize(
    "state",
    [
        {},
        {"state": AttemptState.UNKNOWN, "looks": 2},
        arrange.BOUND,
        arrange.EVERYTHING,
        arrange.CLOSING,
        arrange.CLOSED,
        arrange.PRESUMED,
        arrange.REJECTED | {"blame": Blame.MACHINE, "unwanted_because": "no"},
    ],
)
def test_an_attempt_comes_back_as_it_was_written_and_as_it_was_saved(shelf, state):
    attempt = an_attempt(**state)
    put(shelf, a_session())

    owe(shelf, attempt)
    shelf.write(lambda book: book.launches.save(attempt))

    assert attempt == shelf.read(lambda book: book.launches.get(attempt.id))


def test_every_field_of_an_attempt_is_saved(shelf):
    put(shelf, a_session())
    owe(shelf, an_attempt())

    shelf.write(lambda book: book.launches.save(an_attempt(**arrange.EVERYTHING)))

    found = shelf.read(lambda book: book.launches.get(an_attempt().id))
    assert an_attempt(**arrange.EVERYTHING) == found


def test_saving_an_attempt_that_was_never_added_is_a_bug(shelf):
    with pytest.raises(AssertionError, match="never added"):
        shelf.write(lambda book: book.launches.save(an_attempt()))


def test_attempts_are_found_by_session_and_token(shelf):
    put(shelf, a_session(1), a_session(2), a_session(3))
    owe(shelf, an_attempt(2, 1), an_attempt(1, 1), an_attempt(1, 2))
    first, second = a_session(1).id, a_session(2).id

    assert [1, 2] == [a.number for a in shelf.read(lambda book: book.launches.of_session(first))]
    several = shelf.read(
        lambda book: book.launches.of_sessions([first, second, a_session(3).id, SessionId("no")])
    )
    assert {first: [1, 2], second: [1]} == {
        key: [a.number for a in found] for key, found in several.items()
    }
    found = shelf.read(lambda book: book.launches.by_token_hash("hash-1-2"))
    assert an_attempt(2, 1) == found
    assert shelf.read(lambda book: book.launches.by_token_hash("other")) is None


def test_more_sessions_may_be_asked_for_than_fit_into_one_statement(shelf):
    put(shelf, a_session(1))
    owe(shelf, an_attempt())
    keys = [SessionId(f"no{number}") for number in range(40_000)]

    found = shelf.read(lambda book: book.launches.of_sessions([*keys, a_session(1).id]))

    assert [a_session(1).id] == list(found)


def test_the_census_gets_what_is_open_here_and_whatever_bears_a_label(shelf):
    put(shelf, *(a_session(number) for number in range(1, 6)))
    elsewhere = ProviderName("nimbus")
    owe(
        shelf,
        an_attempt(1, 1),
        an_attempt(1, 2, **arrange.CLOSED),
        an_attempt(1, 3, **arrange.CLOSED),
        an_attempt(1, 4, provider=elsewhere),
        an_attempt(1, 5, provider=elsewhere, **arrange.CLOSED),
    )

    found = shelf.read(
        lambda book: book.launches.for_census(
            CLOUD, iter(["gs1-3-1", "gs1-5-1", "gs1-1-1", "unheard-of"])
        )
    )

    assert ["gs1-1-1", "gs1-3-1", "gs1-5-1"] == [attempt.label for attempt in found.attempts]


def test_the_census_gets_whatever_held_one_of_these_instances_here(shelf):
    put(shelf, *(a_session(number) for number in range(1, 4)))
    elsewhere = ProviderName("nimbus")
    owe(
        shelf,
        an_attempt(1, 1, **arrange.CLOSED | {"instance_id": InstanceId("i-old")}),
        an_attempt(
            1, 2, provider=elsewhere, **arrange.CLOSED | {"instance_id": InstanceId("i-old")}
        ),
        an_attempt(1, 3, **arrange.CLOSED | {"instance_id": InstanceId("i-other")}),
    )

    found = shelf.read(
        lambda book: book.launches.for_census(CLOUD, (), ids=iter(["i-old", "i-new"]))
    )

    assert ["gs1-1-1"] == [attempt.label for attempt in found.attempts]


def test_the_census_gets_whatever_has_a_label_here_that_begins_so(shelf):
    put(shelf, *(a_session(number) for number in range(1, 5)))
    elsewhere = ProviderName("nimbus")
    owe(
        shelf,
        an_attempt(1, 1, label="gs1-ab", **arrange.PRESUMED),
        an_attempt(1, 2, label="gs1-abz7-x", **arrange.REJECTED),
        an_attempt(1, 3, label="gs1-b", **arrange.PRESUMED),
        an_attempt(1, 4, label="gs1-abc", provider=elsewhere, **arrange.PRESUMED),
    )

    def found(*cut):
        rows = shelf.read(lambda book: book.launches.for_census(CLOUD, (), cut=iter(cut)))
        return [attempt.label for attempt in rows.attempts]

    assert ["gs1-ab", "gs1-abz7-x"] == found("gs1-ab")
    assert ["gs1-abz7-x"] == found("gs1-abz", "gs1-x")
    assert ["gs1-ab", "gs1-abz7-x", "gs1-b"] == found("gs1-b", "gs1-ab", "gs1-a")
    assert [] == found()


def test_what_was_presumed_absent_is_found_by_cloud_and_time(shelf):
    put(shelf, *(a_session(number) for number in range(1, 6)))
    later = arrange.PRESUMED | {"closed_at": NOON + HOUR}
    owe(
        shelf,
        an_attempt(1, 1, **arrange.PRESUMED),
        an_attempt(1, 2, **later),
        an_attempt(1, 3, provider=ProviderName("nimbus"), **later),
        an_attempt(1, 4, **arrange.CLOSED | {"closed_at": NOON + HOUR}),
        an_attempt(1, 5, **arrange.REJECTED),
    )

    def found(since):
        rows = shelf.read(lambda book: book.launches.presumed(CLOUD, since=since))
        return [attempt.label for attempt in rows.attempts]

    assert ["gs1-1-1", "gs1-2-1"] == found(NOON)
    assert ["gs1-2-1"] == found(NOON + HOUR)


def test_open_is_all_that_is_owed(shelf):
    put(shelf, *(a_session(number) for number in range(1, 8)))
    owe(
        shelf,
        an_attempt(1, 1),
        an_attempt(1, 2, state=AttemptState.UNKNOWN),
        an_attempt(1, 3, **arrange.BOUND),
        an_attempt(1, 4, **arrange.CLOSING),
        an_attempt(1, 5, **arrange.CLOSED),
        an_attempt(1, 6, **arrange.PRESUMED),
        an_attempt(1, 7, **arrange.REJECTED),
    )

    found = shelf.read(lambda book: book.launches.open())

    assert {1, 2, 3, 4} == {int(one.session_id.removeprefix("ses_")) for one in found.attempts}


def test_what_bills_is_what_runs_or_ended_later_than_its_last_entry(shelf):
    put(shelf, *(a_session(number) for number in range(1, 7)))
    ended = {"billing_ended_at": NOON + MINUTE}
    owe(
        shelf,
        an_attempt(1, 1),
        an_attempt(1, 2, **arrange.BOUND),
        an_attempt(1, 3, **arrange.BOUND | {"accrued_to": NOON + HOUR}),
        an_attempt(1, 4, **arrange.CLOSING | ended),
        an_attempt(1, 5, **arrange.CLOSED),
        an_attempt(1, 6, **arrange.CLOSED | ended),
    )

    found = shelf.read(lambda book: book.launches.billing(accrued_before=NOON + HOUR))

    assert [2, 4, 6] == [int(one.session_id.removeprefix("ses_")) for one in found.attempts]
