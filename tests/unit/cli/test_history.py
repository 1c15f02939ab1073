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
        return 200, history_body(family_body((0, 24, 2.0)), **more)

    server.answers[HISTORY] = answer

    told = machine(
        "history", "H100", "L4", "--gpus", "1", "--provider", "a", "--country", "DE", "--on-demand",
        "--limit", "150", "-o", "csv",
    )  # fmt: skip
    machine("history", "--limit", "1")

    first = {
        "gpu_type": ["H100", "L4"], "gpu_count": ["1"], "provider": ["a"], "country": ["DE"],
        "interruptible": ["false"], "hours": ["168"], "limit": ["100"],
    }  # fmt: skip
    assert [first, first | {"cursor": ["more"]}] == asked[:2]
    assert {"hours": ["168"], "limit": ["1"]} == asked[2]
    assert 3 == len(asked)
    assert ["1.5000", "good"] == [rows_of(told.stdout)[1][name] for name in ("now_usd/h", "now_is")]


def test_history_speaks_json(server: FakeServer, machine: Machine) -> None:
    server.answers[HISTORY] = 200, history_body(family_body((0, 24, 2.0)))

    (family,) = json.loads(machine("history", "-o", "json").stdout)

    assert [24] == [point["hours"] for point in family["points"]]


def test_no_price_yet_says_why(server: FakeServer, machine: Machine) -> None:
    server.answers[HISTORY] = 200, history_body()

    told = machine("history", "H100")

    assert (0, "") == (told.exit_code, told.stdout)
    assert "once an hour" in told.stderr
