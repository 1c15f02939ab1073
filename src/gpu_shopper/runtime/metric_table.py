"""Every metric there is: name, type, meaning, labels. The reference page is made from it.

Names are those that `Meter.count` and `Meter.timed` take; on `/metrics` each carries the prefix.
"""

from dataclasses import dataclass
from enum import StrEnum

PREFIX = "gpu_shopper_"
_CALL_SECONDS = (0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 60.0)
_START_SECONDS = (1.0, 2.5, 5.0, 10.0, 20.0, 40.0, 60.0, 120.0, 300.0, 600.0, 1800.0)


class MetricType(StrEnum):
    """What kind of number a metric is."""

    COUNTER = "counter"
    HISTOGRAM = "histogram"
    GAUGE = "gauge"


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One line of the table."""

    name: str
    type: MetricType
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


def _counter(name: str, help: str, *labels: str) -> Metric:  # noqa: A002 - the word of the format
    return Metric(name=name, type=MetricType.COUNTER, help=help, labels=labels)


def _gauge(name: str, help: str, *labels: str) -> Metric:  # noqa: A002 - likewise
    return Metric(name=name, type=MetricType.GAUGE, help=help, labels=labels)


def _histogram(
    name: str,
    help: str,  # noqa: A002 - likewise
    *labels: str,
    buckets: tuple[float, ...] = _CALL_SECONDS,
) -> Metric:
    return Metric(name=name, type=MetricType.HISTOGRAM, help=help, labels=labels, buckets=buckets)


METRICS: tuple[Metric, ...] = (
    _counter("sessions_started_total", "Sessions that were asked for."),
    _counter(
        "sessions_ended_total", "Sessions whose absence was proved, by why they ended.", "reason"
    ),
    _counter("steps_total", "Steps of the engine, by what came of them.", "step", "outcome"),
    _counter("launches_total", "Create calls, by how they were answered.", "provider", "outcome"),
    _counter(
        "late_arrivals_total", "Instances found after their attempt was given up.", "provider"
    ),
    _counter("duplicates_total", "Second instances of a session; each was destroyed."),
    _counter(
        "orphans_destroyed_total",
        "Instances of ours without an entitled session that were destroyed.",
    ),
    _counter("destroy_failures_total", "Destroy calls that the cloud did not take.", "provider"),
    _counter("provider_calls_total", "Calls to a cloud.", "provider", "call"),
    _counter(
        "provider_errors_total",
        "Calls that a cloud did not fulfil, by kind of error.",
        "provider",
        "kind",
    ),
    _counter(
        "sweeps_total",
        "Looks at a whole account, by whether they were complete.",
        "provider",
        "outcome",
    ),
    _counter("offers_rejected_total", "Rows of a menu that could not be read.", "provider"),
    _counter("menus_unchanged_total", "Menus that a cloud said were as before.", "provider"),
    _counter("heartbeats_total", "Heartbeats of agents, by what came of them.", "outcome"),
    _counter("probes_total", "Agents read over SSH, by what came of it.", "outcome"),
    _counter(
        "deliveries_total", "Agents brought to nodes over SSH, by what came of it.", "outcome"
    ),
    _counter("notices_total", "Notices to the operator, by whether they arrived.", "outcome"),
    _histogram("provider_call_seconds", "How long a cloud took to answer.", "provider", "call"),
    _histogram("step_seconds", "How long a step of the engine took.", "step"),
    _histogram("sweep_seconds", "How long a look at a whole account took.", "provider"),
    _histogram(
        "ending_seconds",
        "From the wish to end to the proof of absence.",
        "provider",
        buckets=_START_SECONDS,
    ),
    _gauge("sessions", "Sessions, by state, from the book.", "state"),
    _gauge(
        "open_obligations",
        "What we owe an end or our care: open attempts, doubles and overdue orphans.",
    ),
    _gauge("unattended", "Instances that may live and that nobody wants any more."),
    _gauge("unattended_seconds", "For how long the oldest of these has been unwanted."),
    _gauge("unanswered_attempts", "Create calls whose answer is still unknown."),
    _gauge("destroy_tries", "Most destroy calls that any open obligation has needed so far."),
    _gauge("overdue_seconds", "For how long the oldest due session has waited for the engine."),
    _gauge("notices_undelivered", "Notices that have not arrived yet."),
    _gauge("sweep_age_seconds", "Since the last complete look at an account.", "provider"),
    _gauge("account_instances", "Instances at the last look, anybody's.", "provider"),
    _gauge("account_strays", "Instances that are not ours, at the last look.", "provider"),
    _gauge("account_orphans", "Instances of ours without a session, at the last look.", "provider"),
    _gauge("account_missing", "Instances that the last look lacked.", "provider"),
    _gauge("account_frozen", "1 where inferred destruction is frozen.", "provider"),
    _gauge("account_unauthorized", "1 where our key is refused.", "provider"),
    _gauge("offers", "Offers on the market.", "provider"),
    _gauge("market_age_seconds", "Since a cloud's menu was last read.", "provider"),
)
