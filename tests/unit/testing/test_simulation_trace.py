"""The trace and its hash."""

import pytest

from gpu_shopper.testing.trace import Trace


def traced(*fields: dict[str, object]) -> str:
    trace = Trace()
    for at, each in enumerate(fields):
        trace.append(at, "server", "event", **each)
    return trace.hash()


def test_equal_lines_have_an_equal_hash_whatever_the_order_of_their_fields() -> None:
    assert traced({"a": 1, "b": "x"}) == traced({"b": "x", "a": 1})


@pytest.mark.parametrize(
    "other", [[], [{"a": 2}], [{"a": "1"}], [{"b": 1}], [{"a": 1}, {}], [{"a": 1.0}]]
)
def test_any_difference_changes_the_hash(other: list[dict[str, object]]) -> None:
    assert traced({"a": 1}) != traced(*other)


def test_a_field_cannot_pass_for_a_line_of_its_own() -> None:
    trace = Trace()
    trace.append(0, "server", "event", text="x\n1.000000 server event {}")

    assert len(trace.tail()[0].splitlines()) == 1


def test_the_tail_is_bounded_and_the_count_and_the_sink_are_not() -> None:
    lines: list[str] = []
    trace = Trace(tail=2, sink=lines.append)
    for at in range(5):
        trace.append(at, "server", "tick", number=at)

    assert [
        '3.000000 server tick {"number":3}',
        '4.000000 server tick {"number":4}',
    ] == trace.tail()
    assert trace.tail(1) == trace.tail()[-1:]
    assert [] == trace.tail(0)
    assert (5, 5) == (trace.count, len(lines))
