"""What offers have cost, on the command line."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from gpu_shopper.cli.sparkline import sparkline
from gpu_shopper.wire.history import PricePoint
from tests.unit.cli.machine import Machine, rows_of
from tests.unit.client.fake_server import FakeServer, family_body, history_body

HISTORY = ("GET", "/api/v1/inventory/history")
FIRST = datetime(2026, 3, 13, 12, tzinfo=UTC)


def points(*given: tuple[int, int, float]) -> list[PricePoint]:
    return [
        PricePoint(
            at=FIRST + timedelta(hours=begin), hours=hours, lowest=price, median=price, offers=1
        )
        for begin, hours, price in given
    ]


@pytest.mark.parametrize(
    ("given", "hours", "width", "line"),
    [
        pytest.param([(0, 4, 1.0), (4, 4, 8.0)], 8, 8, "▁▁▁▁████", id="a bar an hour"),
        pytest.param([(n, 1, float(n)) for n in range(8)], 8, 8, "▁▂▃▄▅▆▇█", id="all heights"),
        pytest.param([(0, 8, 3.0)], 8, 4, "▄▄▄▄", id="always the same"),
        pytest.param([(0, 2, 3.0), (6, 2, 4.0)], 8, 4, "▁··█", id="nothing known in between"),
        pytest.param([(0, 1, 1.0), (1, 7, 2.0)], 8, 2, "▁█", id="the lowest of a part"),
        pytest.param([(0, 3, 1.0)], 3, 28, "▄▄▄", id="fewer hours than bars"),
        pytest.param([(-5, 6, 1.0), (1, 100, 2.0)], 4, 4, "▁███", id="more than was asked for"),
        pytest.param([], 4, 4, "····", id="nothing known"),
    ],
)
def test_a_line_of_bars(given, hours, width, line) -> None:
    assert line == sparkline(points(*given), since=FIRST, hours=hours, width=width)


def test_history_shows_a_line_and_the_verdict_for_each_family_the_cheapest_per_gpu_first(
    server: FakeServer, machine: Machine
) -> None:
    server.answers[HISTORY] = (
        200,
        history_body(
            family_body((0, 24, 2.0), provider="gone", now=None),
            family_body((0, 12, 1.0), (12, 12, 3.0), provider="dear", now=2.5),
            family_body((0, 24, 2.0), provider="part", gpu_fraction=0.5, interruptible=True),
            family_body((0, 24, 2.0), provider="eight", gpu_count=8, now=4.0),
        ),
    )

    told = machine("history", "H100", "--hours", "24")

    shown = [" ".join(line.split()) for line in told.stdout.splitlines()]
    assert [
        "GPU N Kind Cloud Country Now USD/h Lowest Median Highest Hours 24 hours Now is",
        f"H100 SXM 8 eight DE 4.0000 1.0000 2.0000 3.0000 24 {'▄' * 24} good",
        f"H100 SXM 1 dear DE 2.5000 1.0000 2.0000 3.0000 24 {'▁' * 12}{'█' * 12} good",
        f"H100 SXM 1 spot, 0.5 of one part DE 1.5000 1.0000 2.0000 3.0000 24 {'▄' * 24} good",
        f"H100 SXM 1 gone DE 1.0000 2.0000 3.0000 24 {'▄' * 24} good",
    ] == shown
    assert 0 == told.exit_code


def test_one_family_is_told_in_words_too(server: FakeServer, machine: Machine) -> None:
    server.answers[HISTORY] = 200, history_body(family_body((0, 24, 2.0)))

    assert "a good time to rent" in machine("history", "H100").stderr


def test_history_asks_what_was_given_page_by_page(server: FakeServer, machine: Machine) -> None:
    asked = []

    def answer(query):
        asked.append(query)
        more = {} if "cursor" in query else {"next_cursor": "more"}
        now = 1.25 if "cursor" in query else 1.5
        return 200, history_body(family_body((0, 24, 2.0), now=now), **more)

    server.answers[HISTORY] = answer

    told = machine(
        "history", "H100", "L4", "--gpus", "1", "--provider", "a", "--country", "DE", "--on-demand",
        "--limit", "1", "-o", "csv",
    )  # fmt: skip

    first = {
        "gpu_type": ["H100", "L4"], "gpu_count": ["1"], "provider": ["a"], "country": ["DE"],
        "interruptible": ["false"], "hours": ["168"], "limit": ["100"],
    }  # fmt: skip
    assert [first, first | {"cursor": ["more"]}] == asked
    (row,) = rows_of(told.stdout)
    assert ("1.2500", "good") == (row["now_usd/h"], row["now_is"])


def test_the_cheapest_are_listed_wherever_they_stand(server: FakeServer, machine: Machine) -> None:
    families = [family_body((0, 24, 2.0), country=f"{n}", now=3.0 - n) for n in range(3)]
    server.answers[HISTORY] = 200, history_body(*families)

    told = machine("history", "--limit", "2")

    assert ["2", "1"] == [line.split()[4] for line in told.stdout.splitlines()[1:]]
    assert "2 of 3 families" in told.stderr


def test_somebody_who_asks_for_everything_is_told_where_it_ended(
    server: FakeServer, machine: Machine
) -> None:
    many = [family_body((0, 1, 1.0), country=f"{n}") for n in range(100)]
    server.answers[HISTORY] = 200, history_body(*many, next_cursor="more")

    told = machine("history")

    assert "only 1000 families were looked at" in told.stderr
    assert 10 == server.times(*HISTORY)


def test_history_speaks_json(server: FakeServer, machine: Machine) -> None:
    server.answers[HISTORY] = 200, history_body(family_body((0, 24, 2.0)))

    (family,) = json.loads(machine("history", "-o", "json").stdout)

    assert [24] == [point["hours"] for point in family["points"]]


def test_no_price_yet_says_why(server: FakeServer, machine: Machine) -> None:
    server.answers[HISTORY] = 200, history_body()

    told = machine("history", "H100")

    assert (0, "") == (told.exit_code, told.stdout)
    assert "once an hour" in told.stderr
