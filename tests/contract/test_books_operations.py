"""Keys, tokens, accounts and notices."""

from dataclasses import replace
from datetime import timedelta

import pytest

from gpu_shopper.domain.ids import ConsumerId, ProviderName, TokenId
from gpu_shopper.domain.launch import Blame
from gpu_shopper.domain.offer_health import Outcome
from gpu_shopper.ports.books import (
    AccountState,
    IdempotencyRecord,
    Notice,
    SweepRecord,
    TokenKind,
    TokenRecord,
)
from gpu_shopper.stores.account_book import SWEEPS_KEPT
from tests.unit.stores import shelves
from tests.unit.stores.arrange import (
    CLOUD,
    HOUR,
    MINUTE,
    NOON,
    SECOND,
    a_session,
)
from tests.unit.stores.shelves import put

ANN, BOB = ConsumerId("ann"), ConsumerId("bob")


@pytest.fixture(params=shelves.KINDS)
def shelf(request, tmp_path):
    with shelves.opened(request.param, tmp_path) as found:
        yield found


def a_record(**changes):
    record = IdempotencyRecord(
        consumer_id=ANN,
        route="POST /sessions",
        key="k1",
        digest="d",
        session_id=a_session().id,
        created_at=NOON,
        sealed_reply=b"\x00secret",
        sealed_until=NOON + 10 * MINUTE,
    )
    return replace(record, **changes)


def key_of(shelf, consumer=ANN, route="POST /sessions", key="k1"):
    return shelf.read(lambda book: book.keys.get(consumer, route=route, key=key))


def test_a_key_stands_for_what_it_stood_for_within_consumer_and_route(shelf):
    put(shelf, a_session())

    shelf.write(lambda book: book.keys.add(a_record()))

    assert a_record() == key_of(shelf)
    assert key_of(shelf, consumer=BOB) is None
    assert key_of(shelf, route="POST /other") is None
    assert key_of(shelf, key="k2") is None


def test_sealed_replies_are_wiped_when_their_time_is_over(shelf):
    put(shelf, a_session())
    later = a_record(key="k2", sealed_until=NOON + HOUR)
    shelf.write(lambda book: [book.keys.add(record) for record in (a_record(), later)])

    def wipe(at):
        return shelf.write(lambda book: book.keys.wipe_sealed(now=at))

    assert (0, 1, 0) == (
        wipe(NOON + 10 * MINUTE - SECOND),
        wipe(NOON + 10 * MINUTE),
        wipe(NOON + 10 * MINUTE),
    )
    assert key_of(shelf).sealed_reply is None
    assert later == key_of(shelf, key="k2")


def a_token(number=1, **changes):
    token = TokenRecord(
        id=TokenId(f"tok_{number}"),
        kind=TokenKind.CONSUMER,
        consumer_id=ANN,
        name="laptop",
        secret_hash=f"h{number}",
        created_at=NOON + number * SECOND,
        expires_at=NOON + HOUR,
    )
    return replace(token, **changes)


def test_tokens_are_found_by_hash_and_listed_newest_first(shelf):
    admin = a_token(2, kind=TokenKind.ADMIN, consumer_id=None, expires_at=None)
    shelf.write(lambda book: [book.tokens.add(token) for token in (a_token(), admin)])

    assert [admin, a_token()] == shelf.read(lambda book: book.tokens.list())
    assert admin == shelf.read(lambda book: book.tokens.by_hash("h2"))
    assert shelf.read(lambda book: book.tokens.by_hash("h3")) is None


def test_a_live_token_is_revoked_once(shelf):
    shelf.write(lambda book: book.tokens.add(a_token()))

    def revoke(key, at):
        return shelf.write(lambda book: book.tokens.revoke(TokenId(key), at=at))

    assert not revoke("tok_1", NOON + HOUR)  # It ran out by itself.
    assert revoke("tok_1", NOON)
    assert not revoke("tok_1", NOON + MINUTE)
    assert not revoke("tok_9", NOON)
    assert NOON == shelf.read(lambda book: book.tokens.by_hash("h1")).revoked_at


def a_sweep(number=1, **changes):
    began = NOON + number * SECOND
    sweep = SweepRecord(provider=CLOUD, began_at=began, ended_at=began + SECOND, complete=True)
    return replace(sweep, **changes)


def last(shelf, *, complete):
    return shelf.read(lambda book: book.accounts.last_sweep(CLOUD, complete=complete))


def test_the_newest_sweep_and_the_newest_complete_one_are_known(shelf):
    counted = a_sweep(1, instances=4, strays=3, orphans=2, missing=1)
    partial = a_sweep(2, complete=False, trouble="page 3 of 4")
    other = a_sweep(3, provider=ProviderName("nimbus"))

    assert last(shelf, complete=False) is None
    shelf.write(
        lambda book: [book.accounts.add_sweep(sweep) for sweep in (counted, partial, other)]
    )

    assert partial == last(shelf, complete=False)
    assert counted == last(shelf, complete=True)


def test_old_sweeps_are_dropped_but_never_the_last_complete_one(shelf):
    def work(book):
        book.accounts.add_sweep(a_sweep(0))
        book.accounts.add_sweep(a_sweep(1))
        for number in range(2, SWEEPS_KEPT + 50):
            book.accounts.add_sweep(a_sweep(number, complete=False))

    shelf.write(work)

    assert a_sweep(1) == last(shelf, complete=True)
    ((count,),) = shelf.sql("SELECT count(*) FROM sweeps")
    # What is old goes a few at a time.
    assert SWEEPS_KEPT + 1 <= count <= SWEEPS_KEPT + 17


def test_an_account_is_remembered_and_a_new_one_is_fresh(shelf):
    frozen = AccountState(
        provider=CLOUD, frozen_since=NOON, frozen_because="half is gone", unauthorized_since=NOON
    )

    def state():
        return shelf.read(lambda book: book.accounts.state(CLOUD))

    assert AccountState(provider=CLOUD) == state()
    for wanted in (frozen, AccountState(provider=CLOUD)):
        shelf.write(lambda book, wanted=wanted: book.accounts.save_state(wanted))
        assert wanted == state()


def an_outcome(at, blame=Blame.MACHINE):
    return Outcome(
        at=at,
        provider=CLOUD,
        offer_id="o",
        machine_id="m",
        location="eu-1",
        gpu_type="L4",
        blame=blame,
        reason="dead" if blame else "",
    )


def test_how_launches_ended_is_read_by_time(shelf):
    failures = [an_outcome(NOON + hours * HOUR) for hours in (3, 1)]
    too_old = an_outcome(NOON - timedelta(microseconds=1))
    worked = [an_outcome(NOON + hours * HOUR, blame=None) for hours in (0, 2, 4)]
    shelf.write(
        lambda book: [book.accounts.add_outcome(one) for one in (*failures, too_old, *worked)]
    )

    found = shelf.read(lambda book: book.accounts.outcomes(since=NOON))

    # What worked before anything failed heals nothing.
    assert [failures[1], worked[1], failures[0], worked[2]] == found


def test_where_nothing_failed_nothing_is_read(shelf):
    shelf.write(lambda book: book.accounts.add_outcome(an_outcome(NOON, blame=None)))

    assert () == tuple(shelf.read(lambda book: book.accounts.outcomes(since=NOON)))


def a_notice(number=1, **changes):
    notice = Notice(
        id=f"n{number}",
        at=NOON + number * SECOND,
        kind="destroy",
        text="look",
        details={"session": "ses_1"},
    )
    return replace(notice, **changes)


def undelivered(shelf, now=NOON, limit=9):
    found = shelf.read(lambda book: book.notices.undelivered(now=now, limit=limit))
    return [notice.id for notice in found]


def test_a_notice_that_is_repeated_is_one_row(shelf):
    for text in ("look", "look again"):
        shelf.write(lambda book, text=text: book.notices.add(a_notice(text=text)))

    assert [a_notice()] == shelf.read(lambda book: book.notices.recent(limit=9))


def test_notices_are_due_until_they_are_delivered(shelf):
    shelf.write(lambda book: [book.notices.add(a_notice(number)) for number in (1, 2, 3)])
    assert ["n1", "n2", "n3"] == undelivered(shelf)
    assert ["n1", "n2"] == undelivered(shelf, limit=2)

    waiting = a_notice(1, tries=1, next_try_at=NOON + MINUTE)
    done = a_notice(2, tries=1, delivered_at=NOON)
    shelf.write(lambda book: [book.notices.save(notice) for notice in (waiting, done)])

    assert ["n3"] == undelivered(shelf)
    assert ["n1", "n3"] == undelivered(shelf, NOON + MINUTE)
    assert [a_notice(3), done] == shelf.read(lambda book: book.notices.recent(limit=2))


def test_a_notice_that_was_delivered_is_not_told_again(shelf):
    shelf.write(lambda book: book.notices.add(a_notice(delivered_at=NOON)))

    shelf.write(lambda book: book.notices.add(a_notice()))

    assert [] == undelivered(shelf)


def test_saving_a_notice_that_was_never_added_is_a_bug(shelf):
    with pytest.raises(AssertionError, match="never added"):
        shelf.write(lambda book: book.notices.save(a_notice()))
