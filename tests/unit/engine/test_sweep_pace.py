"""How often an account is swept: often after a start and while something is in doubt, seldom where nothing can be."""

from gpu_shopper.engine.sweep_pace import SweepPace

PEACE_S = 300.0


def pauses(
    count: int, *, complete: bool = True, in_haste: bool = False, holds: bool
) -> list[float]:
    pace = SweepPace(period=PEACE_S)
    return [pace.swept(complete=complete, in_haste=in_haste, holds=holds) for _ in range(count)]


def test_what_the_last_life_left_open_is_looked_for_every_ten_seconds_and_then_every_minute() -> (
    None
):
    assert [10.0] * 20 + [60.0] * 10 + [PEACE_S] == pauses(31, holds=True)


def test_an_account_that_holds_nothing_is_looked_at_less_often_after_a_start() -> None:
    assert [30.0] * 9 + [PEACE_S] == pauses(10, holds=False)


def test_what_only_a_listing_can_show_does_not_wait_for_a_whole_period() -> None:
    assert 60.0 == pauses(40, in_haste=True, holds=False)[-1]


def test_a_listing_that_fails_is_tried_again_soon_for_as_long_as_something_is_held_there() -> None:
    assert 60.0 == pauses(200, complete=False, holds=True)[-1]


def test_a_cloud_that_is_away_for_long_and_holds_nothing_is_asked_less_often() -> None:
    pace = SweepPace(period=PEACE_S)
    for _ in range(30):
        pace.swept(complete=True, in_haste=False, holds=False)

    tried = [pace.swept(complete=False, in_haste=False, holds=False) for _ in range(8)]

    assert [60.0] * 5 + [180.0] * 3 == tried
    assert PEACE_S == pace.swept(complete=True, in_haste=False, holds=False)
    assert 60.0 == pace.swept(complete=False, in_haste=False, holds=False)


def test_no_pause_is_longer_than_the_period() -> None:
    pace = SweepPace(period=5.0)

    assert {5.0} == {
        pace.swept(complete=n % 2 == 0, in_haste=False, holds=n % 3 == 0) for n in range(60)
    }


def test_who_waits_to_buy_has_a_failed_listing_tried_soon_and_then_later_and_later() -> None:
    pace, spared = SweepPace(period=PEACE_S), []
    for _ in range(6):
        pace.swept(complete=False, in_haste=False, holds=False)
        spared.append(pace.least)

    assert [5.0, 10.0, 20.0, 40.0, 60.0, 60.0] == spared


def test_who_waits_hastens_nothing_where_the_account_was_listed_in_full() -> None:
    pace = SweepPace(period=PEACE_S)

    assert pace.swept(complete=True, in_haste=True, holds=True) == pace.least
