"""Statements that run at every pass find their rows by an index, however long the history grows."""

import pytest

from gpu_shopper.stores import (
    account_book,
    event_book,
    launch_book,
    notice_book,
    price_book,
    session_book,
)
from gpu_shopper.stores.cost_book import _listing as costs_by
from tests.unit.stores import shelves

NO_FILTER = {"of_consumer": False, "in_states": 0, "at_provider": False, "on_next_page": False}
FAST = {
    "sessions_due": session_book._DUE,
    "sessions_claimed": session_book._NEXT,
    "sessions_by_age": session_book._listing(**NO_FILTER | {"on_next_page": True}),
    "sessions_of_consumer": session_book._listing(**NO_FILTER | {"of_consumer": True}),
    "attempts_open": launch_book._OPEN_AT,
    "attempts_unbooked": launch_book._BILLING,
    "attempts_presumed": launch_book._PRESUMED,
    "sqlite_autoindex_attempts_2": launch_book._BY_CUT,
    "sqlite_autoindex_attempts_3": launch_book._OF_SESSION,
    "sqlite_autoindex_attempts_4": launch_book._BY_TOKEN,
    "costs_of_session": costs_by(("session_id",)),
    "costs_of_consumer": costs_by(("consumer_id", "since", "until")),
    "costs_by_time": costs_by(("since", "until")),
    "failures_by_time": account_book._FAILURES,
    "successes_by_time": account_book._SUCCESSES,
    "sweeps_of_provider": account_book._LAST_SWEEP,
    "sweeps_by_completeness": account_book._LAST_COMPLETE,
    "price_families_of_provider": price_book._NEWEST,
    "notices_undelivered": notice_book._UNDELIVERED,
    "PRIMARY KEY": event_book._OF_SESSION,
}


@pytest.mark.parametrize(("index", "statement"), FAST.items())
def test_a_statement_uses_the_index_that_is_there_for_it(tmp_path, index, statement):
    with shelves.opened("memory", tmp_path) as shelf:
        text = statement.text.replace("?", "1")
        plan = " ".join(row[-1] for row in shelf.sql(f"EXPLAIN QUERY PLAN {text}"))

    assert index in plan
    assert "TEMP B-TREE FOR ORDER BY" not in plan
