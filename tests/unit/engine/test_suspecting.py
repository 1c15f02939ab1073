"""What may be ours and cannot be proved to be: told once, in words that help, and never touched."""

from datetime import timedelta

import pytest

from gpu_shopper.domain.ids import InstanceId, SessionId
from gpu_shopper.domain.launch import AttemptState, Proof
from gpu_shopper.engine.clearing import note_surplus
from gpu_shopper.engine.sweeping import Sweeping
from gpu_shopper.ports.books import Notice
from gpu_shopper.ports.provider_errors import Ambiguous
from gpu_shopper.testing.builders import an_offer
from tests.unit.engine.house import AS_ALICE, House, housed
from tests.unit.engine.stories import sweep

NAMELESS = {"label": ""}
UNDATED = NAMELESS | {"billed_from": None}


async def unanswered(house: House, **granted: object) -> SessionId:
    """Ask for a session whose create takes effect, and whose answer is lost."""
    await house.open_shop()
    await house.clock.sleep(1)
    session = await house.asked_for()
    house.cloud.launch_answers.append(Ambiguous("500"))
    house.cloud.buys_when_failing, house.cloud.granted = True, granted
    await house.look_after(session)
    # From here on it is honest.
    house.cloud.granted = {}
    return session


def suspects(house: House) -> list[Notice]:
    notices = house.peek(lambda book: book.notices.recent(limit=99))
    return [one for one in notices if one.kind == "suspect"]


@housed()
async def test_an_operator_is_told_once_and_nothing_is_destroyed(house: House) -> None:
    session = await unanswered(house, **NAMELESS)
    await sweep(house)
    assert [] == suspects(house)

    await house.live(session, 4 * 3600, sweeping=True)

    [told] = suspects(house)
    assert "suspect:cumulus:i-1" == told.id
    for word in ("cumulus instance i-1", "0.4000 USD/h", session, "attempt 1", "by hand"):
        assert word in told.text
    assert {
        "provider": "cumulus", "instance": "i-1", "session": session, "attempt": "1",
        "price": "0.4000 USD/h", "label": house.attempt(session, 1).label,
    } == told.details  # fmt: skip
    assert Proof.PRESUMED is house.attempt(session, 1).proof
    assert "i-1" in house.cloud.instances
    assert "i-1" not in house.cloud.destroyed


@housed()
async def test_it_is_told_as_soon_as_all_looks_were_in_vain(house: House) -> None:
    session = await unanswered(house, **NAMELESS)

    await house.live(session, 90)
    await sweep(house)

    assert AttemptState.UNKNOWN is house.attempt(session, 1).state
    assert ["suspect:cumulus:i-1"] == [one.id for one in suspects(house)]


@housed()
async def test_it_is_told_by_a_house_that_finds_it_after_its_attempt_was_closed(
    house: House,
) -> None:
    session = await unanswered(house, **NAMELESS)
    house.cloud.hidden.add(InstanceId("i-1"))
    await house.live(session, 2 * 3600)
    assert Proof.PRESUMED is house.attempt(session, 1).proof
    house.cloud.hidden.clear()

    await sweep(house)

    assert ["suspect:cumulus:i-1"] == [one.id for one in suspects(house)]


@pytest.mark.parametrize(
    "granted",
    [
        {"label": "", "gpu_count": 8},
        {"label": "", "gpu_name": "H100 SXM"},
        {"label": "gs1-aaaaaaaaaaaaaaaa-bbbbbbbbbbbbbbbb-ab-abcdef-aaaaaaaaaa"},
    ],
)
@housed()
async def test_what_cannot_be_ours_is_not_told(house: House, granted: dict[str, object]) -> None:
    session = await unanswered(house, **granted)

    await house.live(session, 2 * 3600, sweeping=True)

    assert [] == suspects(house)


@pytest.mark.parametrize("before", [timedelta(hours=1), timedelta(minutes=3)])
@housed()
async def test_what_was_there_before_the_order_is_not_told(house: House, before: timedelta) -> None:
    house.cloud.add("", billed_from=house.now - before)
    house.cloud.buys_when_failing = False
    await house.open_shop()
    session = await house.asked_for()
    house.cloud.launch_answers.append(Ambiguous("500"))

    await house.live(session, 2 * 3600, sweeping=True)

    assert Proof.PRESUMED is house.attempt(session, 1).proof
    assert [] == suspects(house)


@housed()
async def test_where_the_cloud_tells_no_time_the_listings_do(house: House) -> None:
    house.cloud.add("web-1", billed_from=None)
    session = await unanswered(house, **UNDATED)

    await house.live(session, 90)
    await sweep(house)
    await house.clock.sleep(3 * 3600)
    await sweep(house)
    # The quarantine is over, and so is what the create may have bought.
    house.cloud.add("web-2", billed_from=None)
    await sweep(house)

    assert ["suspect:cumulus:i-2"] == [one.id for one in suspects(house)]


@housed()
async def test_after_a_start_whatever_has_no_time_may_have_come_meanwhile(house: House) -> None:
    session = await unanswered(house, **UNDATED)
    await house.live(session, 90)
    house.sweeping = Sweeping(house.desk)

    await sweep(house)

    assert ["suspect:cumulus:i-1"] == [one.id for one in suspects(house)]


@housed()
async def test_what_is_owed_an_end_already_is_no_suspect(house: House) -> None:
    session = await unanswered(house, **NAMELESS)
    double = house.cloud.instances[InstanceId("i-1")]
    await house.books.write(
        lambda book: note_surplus(book, double, because="it", session_id=session, at=house.now)
    )

    await house.live(session, 90)
    house.cloud.ignores_destroy = True
    await sweep(house)

    assert [] == suspects(house)


@housed()
async def test_what_shows_up_a_day_after_its_attempt_was_closed_is_not_told(house: House) -> None:
    session = await unanswered(house, **NAMELESS)
    house.cloud.hidden.add(InstanceId("i-1"))
    await house.live(session, 2 * 3600)
    await house.clock.sleep(25 * 3600)
    house.cloud.hidden.clear()

    await sweep(house)

    assert [] == suspects(house)


@housed()
async def test_a_cut_label_is_enough_to_be_taken_in_and_ended(house: House) -> None:
    await house.open_shop(an_offer(), an_offer("o2"))
    session = await house.asked_for()
    house.cloud.launch_answers.append(Ambiguous("500"))
    house.cloud.buys_when_failing = True
    await house.look_after(session)
    label = house.attempt(session).label
    house.cloud.instances.clear()
    house.cloud.add(label[:50])
    house.cloud.add(label[:39])

    await sweep(house)
    assert (AttemptState.CLOSING, "i-1") == (
        house.attempt(session, 1).state, house.attempt(session, 1).instance_id,
    )  # fmt: skip
    await house.live(session, 600, sweeping=True)

    assert Proof.PROVED is house.attempt(session, 1).proof
    assert ["i-1"] == [one for one in house.cloud.destroyed if one in {"i-1", "i-2"}]
    assert "i-2" in house.cloud.instances


@housed()
async def test_a_cut_label_of_what_is_wanted_no_more_is_ended(house: House) -> None:
    session = await unanswered(house)
    house.cloud.instances.clear()
    house.cloud.add(house.attempt(session).label[:40])
    await house.sessions.end(session, by=AS_ALICE)

    await sweep(house)
    await house.live(session, 600, sweeping=True)

    assert ["i-1"] == house.cloud.destroyed
    assert {} == house.cloud.instances
