"""Times in the book are the same everywhere and in every season: there is no local time."""

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from gpu_shopper.stores.moments import micros, moment

# Minutes before clocks go forward, and back, in New York and in Berlin.
CHANGES = (
    datetime(2026, 3, 8, 6, 59, tzinfo=UTC),
    datetime(2026, 11, 1, 5, 59, tzinfo=UTC),
    datetime(2026, 3, 29, 0, 59, tzinfo=UTC),
    datetime(2026, 10, 25, 0, 59, tzinfo=UTC),
)
_TELL = """
from datetime import timedelta
from gpu_shopper.domain.deadlines import Limits
from gpu_shopper.runtime.clock import RealClock
from gpu_shopper.stores.moments import micros, moment
now = RealClock().now()
assert abs(moment(micros(now)) - now) < timedelta(microseconds=1), now
assert now.utcoffset() == timedelta(0), now
for number in NUMBERS:
    print((moment(number) + timedelta(hours=2)).isoformat(), micros(moment(number) + Limits().lease))
"""


@pytest.mark.parametrize("before", CHANGES)
def test_an_hour_is_an_hour_where_clocks_are_changed(before: datetime) -> None:
    later = before + timedelta(hours=1)

    assert 3600 * 1_000_000 == micros(later) - micros(before)
    assert [before, later] == [moment(micros(before)), moment(micros(later))]
    assert micros(before) < micros(later)


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(TypeError):
        micros(datetime(2026, 3, 29, 2, 30))  # noqa: DTZ001 - that is the point


def test_a_server_tells_the_same_times_wherever_it_stands() -> None:
    told = {_told_in(zone) for zone in ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata")}

    assert 1 == len(told)


def _told_in(zone: str) -> str:
    code = _TELL.replace("NUMBERS", repr([micros(before) for before in CHANGES]))
    environment = {**os.environ, "TZ": zone}
    said = subprocess.run(
        [sys.executable, "-c", code], env=environment, check=True, capture_output=True, text=True
    )
    assert 4 == len(said.stdout.splitlines())
    return said.stdout
