"""What is only ever added to: costs and events."""

import pytest

from gpu_shopper.domain.ids import ConsumerId, ProviderName
from gpu_shopper.domain.money import Money
from gpu_shopper.ports.books import (
    CostFilter,
    SessionEvent,
)
from tests.unit.stores import shelves
from tests.unit.stores.arrange import (
    HOUR,
    NOON,
    a_session,
    an_attempt,
    an_entry,
)
from tests.unit.stores.shelves import owe, put

ANN, BOB = ConsumerId("ann"), ConsumerId("bob")


@pytest.fixture(params=shelves.KINDS)
def shelf(request, tmp_path):
    with shelves.opened(request.param, tmp_path) as found:
        yield found


def book_costs(shelf, *entries):
    shelf.write(lambda book: book.costs.add(iter(entries)))


@pytest.fixture
def with_costs(shelf):
    put(shelf, a_session(1), a_session(2, consumer_id=BOB), a_session(3))
    owe(shelf, an_attempt(1, 1), an_attempt(1, 2, consumer_id=BOB))
    other = an_entry(
        attempt_id=an_attempt(1, 2).id,
        session_id=a_session(2).id,
        consumer_id=BOB,
        provider=ProviderName("nimbus"),
        gpu_type="L4",
        amount=Money(7),
    )
    book_costs(shelf, an_entry(NOON + HOUR, NOON + 2 * HOUR), an_entry(NOON, NOON + HOUR), other)
    return shelf


def cost(shelf, **wanted):
    found = shelf.read(lambda book: book.costs.entries(CostFilter(**wanted)))
    return [entry.amount.micros for entry in found]


def test_entries_come_back_by_time(with_costs):
    found = with_costs.read(lambda book: book.costs.entries(CostFilter(consumer_id=ANN)))

    assert [an_entry(NOON, NOON + HOUR), an_entry(NOON + HOUR, NOON + 2 * HOUR)] == found


def test_entries_are_filtered(with_costs):
    assert [440_000, 7, 440_000] == cost(with_costs)
    assert [7] == cost(with_costs, consumer_id=BOB)
    assert [7] == cost(with_costs, session_id=a_session(2).id)
    assert [7] == cost(with_costs, provider=ProviderName("nimbus"))
    assert [7] == cost(with_costs, gpu_type="L4")
    assert [440_000] == cost(with_costs, since=NOON + HOUR)
    assert [440_000, 7] == cost(with_costs, until=NOON + HOUR)
    assert [] == cost(with_costs, consumer_id=BOB, since=NOON + HOUR)


def test_totals_are_per_session_and_leave_out_those_without_entries(with_costs):
    keys = [a_session(number).id for number in (1, 2, 3)]

    assert {keys[0]: 880_000, keys[1]: 7} == with_costs.read(lambda book: book.costs.totals(keys))
    assert {} == with_costs.read(lambda book: book.costs.totals([]))


def test_adding_no_entries_is_fine(shelf):
    book_costs(shelf)

    assert [] == cost(shelf)


def tell(shelf, number, kind):
    shelf.write(
        lambda book: book.events.add(
            a_session(number).id, at=NOON, kind=kind, actor="engine", details={"b": "2", "a": "ü"}
        )
    )


def test_events_are_numbered_per_session_without_gaps(shelf):
    put(shelf, a_session(1), a_session(2))
    for number, kind in ((1, "asked"), (2, "asked"), (1, "bought")):
        tell(shelf, number, kind)

    found = shelf.read(lambda book: book.events.of_session(a_session(1).id))

    assert [(1, "asked"), (2, "bought")] == [(event.sequence, event.kind) for event in found]
    assert found[1] == SessionEvent(
        session_id=a_session(1).id,
        sequence=2,
        at=NOON,
        kind="bought",
        actor="engine",
        details={"a": "ü", "b": "2"},
    )


def test_a_failed_work_leaves_no_gap_in_the_events(shelf):
    put(shelf, a_session())

    def work(book):
        book.events.add(a_session().id, at=NOON, kind="lost", actor="engine", details={})
        raise KeyError("on purpose")

    with pytest.raises(KeyError):
        shelf.write(work)
    tell(shelf, 1, "kept")

    found = shelf.read(lambda book: book.events.of_session(a_session().id))
    assert [(1, "kept")] == [(event.sequence, event.kind) for event in found]


def test_events_are_read_in_pages(shelf):
    put(shelf, a_session())
    for number in range(5):
        tell(shelf, 1, f"e{number}")

    found = shelf.read(lambda book: book.events.of_session(a_session().id, after=2, limit=2))

    assert [3, 4] == [event.sequence for event in found]
