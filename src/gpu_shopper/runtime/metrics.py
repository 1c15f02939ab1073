"""Counters and lines of the log behind one port, and the page on which they are read.

Counters live in this process and start at nothing; gauges are not kept at all: whoever asks for the
page brings them, fresh from the book. Names and labels come from one table; another is a bug.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol

import structlog
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from gpu_shopper.runtime.metric_table import METRICS, PREFIX, Metric, MetricType

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_TABLE: Mapping[str, Metric] = {metric.name: metric for metric in METRICS}


class GaugeReading(Protocol):
    """One value that was read from the book; `name` is from the table."""

    @property
    def name(self) -> str:
        """The metric."""
        ...

    @property
    def value(self) -> float:
        """Its value."""
        ...

    @property
    def labels(self) -> Mapping[str, str]:
        """All of its labels."""
        ...


class BookCollector(Collector):
    """Shows the readings that were taken last; a gauge without a reading is not shown at all."""

    def __init__(self) -> None:
        self._readings: tuple[GaugeReading, ...] = ()

    def update(self, readings: Iterable[GaugeReading]) -> None:
        """Replace all readings."""
        readings = tuple(readings)
        for reading in readings:
            _known(reading.name, MetricType.GAUGE, reading.labels)
        self._readings = readings

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Return them by metric, in the order of the table."""
        for metric in METRICS:
            readings = [reading for reading in self._readings if reading.name == metric.name]
            if not readings:
                continue
            family = GaugeMetricFamily(PREFIX + metric.name, metric.help, labels=metric.labels)
            for reading in readings:
                family.add_metric([reading.labels[label] for label in metric.labels], reading.value)
            yield family


class PrometheusMeter:
    """The meter: counts, times, and says what happened through the log."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._log: structlog.typing.FilteringBoundLogger = structlog.get_logger("gpu_shopper")
        self._book = BookCollector()
        self._registry.register(self._book)
        self._counters = {
            metric.name: Counter(
                (PREFIX + metric.name).removesuffix("_total"),
                metric.help,
                metric.labels,
                registry=self._registry,
            )
            for metric in METRICS
            if metric.type is MetricType.COUNTER
        }
        self._histograms = {
            metric.name: Histogram(
                PREFIX + metric.name,
                metric.help,
                metric.labels,
                registry=self._registry,
                buckets=metric.buckets,
            )
            for metric in METRICS
            if metric.type is MetricType.HISTOGRAM
        }

    def event(self, name: str, **fields: object) -> None:
        """Log one event."""
        self._log.info(name, **fields)

    def alarm(self, name: str, **fields: object) -> None:
        """Log one event that somebody must see."""
        self._log.error(name, **{**fields, "alarm": True})

    def count(self, name: str, **labels: str) -> None:
        """Raise a counter by one."""
        _known(name, MetricType.COUNTER, labels)
        counter = self._counters[name]
        (counter.labels(**labels) if labels else counter).inc()

    def timed(self, name: str, seconds: float, **labels: str) -> None:
        """Record a duration."""
        _known(name, MetricType.HISTOGRAM, labels)
        histogram = self._histograms[name]
        (histogram.labels(**labels) if labels else histogram).observe(seconds)

    def render(self, gauges: Iterable[GaugeReading]) -> bytes:
        """Return the page, with these readings as its gauges."""
        self._book.update(gauges)
        return generate_latest(self._registry)


def _known(name: str, kind: MetricType, labels: Mapping[str, str]) -> None:
    metric = _TABLE.get(name)
    assert metric is not None, f"{name} is not in METRICS"
    assert metric.type is kind, f"{name} is a {metric.type}"
    assert set(labels) == set(metric.labels), f"{name} takes {metric.labels}, not {tuple(labels)}"
