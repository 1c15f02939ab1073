"""Bodies about costs. Money is USD with at most six decimals, made from whole micro-dollars."""

from datetime import datetime

from msgspec import Struct


class SessionCost(Struct, frozen=True, kw_only=True):
    """What one session costs so far, or has cost."""

    session_id: str
    total_cost: float
    currency: str
    settled: bool


class CostSummary(Struct, frozen=True, kw_only=True):
    """What a period cost."""

    total_cost: float
    session_count: int
    hours_used: float
    by_provider: dict[str, float]
    by_gpu_type: dict[str, float]
    by_consumer: dict[str, float]
    by_day: dict[str, float]
    period_start: datetime
    period_end: datetime
    currency: str


class HourlyRecord(Struct, frozen=True, kw_only=True):
    """What one attempt cost in one hour, or in the part of it that it lived."""

    hour: datetime
    begins_at: datetime
    ends_at: datetime
    session_id: str
    consumer_id: str
    provider: str
    gpu_type: str
    price_per_hour: float
    cost: float


class HourlyPage(Struct, frozen=True, kw_only=True):
    """Hourly records by time."""

    records: list[HourlyRecord]
    count: int
    next_cursor: str | None = None
