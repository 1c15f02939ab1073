"""What the simulated RunPod writes down of charges: one record for each pod and hour."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from gpu_shopper.sandbox.ledger import LedgerEntry
from gpu_shopper.sandbox.messages import Json, Row

_HOUR_S = 3_600
_AMOUNTS = ("totalAmount", "gpuAmount", "cpuAmount", "diskAmount")
_CHARGED = frozenset({"totalAmount", "gpuAmount"})


def billed(query: Mapping[str, str], ledger: Sequence[LedgerEntry], *, now: float) -> Row:
    """Return the answer of `GET /v2/billing/pods`; a pod's whole charge stands in the hour in which it was bought."""
    since = _moment(query.get("startTime"), now - 30 * 24 * _HOUR_S)
    wanted = query.get("podId")
    records: list[Json] = [
        _record(entry)
        for entry in ledger
        if entry.billed_from >= since and wanted in {None, entry.id}
    ]
    total = round(
        sum(entry.billed_micros for entry in ledger if wanted in {None, entry.id}) / 1e6, 6
    )
    told: Row = {"startTime": _text(since), "endTime": _text(now), "bucketSize": "hour"}
    return {
        "records": records,
        "metadata": {
            "query": {**told, "podId": wanted} if wanted else told,
            "recordCount": len(records),
            "totals": _amounts(total),
            "uniquePodCount": len(records),
        },
    }


def _record(entry: LedgerEntry) -> Row:
    began = entry.billed_from // _HOUR_S * _HOUR_S
    amounts = _amounts(entry.billed_micros / 1_000_000)
    return {
        "startTime": _text(began),
        "endTime": _text(began + _HOUR_S),
        "podId": entry.id,
        **amounts,
    }


def _amounts(total: float) -> Row:
    return {name: total if name in _CHARGED else 0.0 for name in _AMOUNTS}


def _moment(text: str | None, otherwise: float) -> float:
    return otherwise if text is None else datetime.fromisoformat(text).timestamp()


def _text(moment: float) -> str:
    return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%dT%H:%M:%SZ}"
