from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest
from prometheus_client.parser import text_string_to_metric_families

from gpu_shopper.runtime.metric_table import METRICS, PREFIX, MetricType
from gpu_shopper.runtime.metrics import PrometheusMeter


@dataclass(frozen=True)
class Reading:
    name: str
    value: float
    labels: Mapping[str, str] = field(default_factory=dict)


def values(page: bytes) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(page.decode())
        for sample in family.samples
    }


def test_every_metric_of_the_table_can_be_used_and_is_shown_under_its_name() -> None:
    meter = PrometheusMeter()
    readings = []
    for metric in METRICS:
        labels = dict.fromkeys(metric.labels, "x")
        if metric.type is MetricType.COUNTER:
            meter.count(metric.name, **labels)
        elif metric.type is MetricType.HISTOGRAM:
            meter.timed(metric.name, 0.3, **labels)
        else:
            readings.append(Reading(metric.name, 7.0, labels))

    seen = values(meter.render(readings))

    for metric in METRICS:
        labels = tuple((name, "x") for name in sorted(metric.labels))
        if metric.type is MetricType.HISTOGRAM:
            assert (1.0, 0.3) == (
                seen[(f"{PREFIX}{metric.name}_count", labels)], seen[(f"{PREFIX}{metric.name}_sum", labels)],
            )  # fmt: skip
        else:
            expected = 7.0 if metric.type is MetricType.GAUGE else 1.0
            assert expected == seen[(PREFIX + metric.name, labels)], metric.name


def test_gauges_are_those_of_the_last_asking_only() -> None:
    meter = PrometheusMeter()
    meter.render([Reading("sessions", 3, {"state": "running"})])

    page = values(meter.render([Reading("sessions", 2, {"state": "stopping"})]))

    assert {(("state", "stopping"),): 2.0} == {
        labels: value for (name, labels), value in page.items() if name == f"{PREFIX}sessions"
    }


def test_two_meters_share_nothing() -> None:
    first, second = PrometheusMeter(), PrometheusMeter()
    first.count("duplicates_total")

    assert values(second.render([]))[(f"{PREFIX}duplicates_total", ())] == 0


@pytest.mark.parametrize(
    "act",
    [
        lambda meter: meter.count("nonsense_total"),
        lambda meter: meter.count("destroy_failures_total"),
        lambda meter: meter.count("destroy_failures_total", provider="x", other="y"),
        lambda meter: meter.count("sessions"),
        lambda meter: meter.timed("duplicates_total", 1.0),
        lambda meter: meter.render([Reading("duplicates_total", 1.0)]),
    ],
)
def test_what_is_not_in_the_table_is_a_bug(act) -> None:
    with pytest.raises(AssertionError):
        act(PrometheusMeter())


def test_names_are_unique_and_told() -> None:
    assert len({metric.name for metric in METRICS}) == len(METRICS)
    assert all(metric.help.endswith(".") for metric in METRICS)
    assert all(
        metric.name.endswith("_total") == (metric.type is MetricType.COUNTER) for metric in METRICS
    )
