"""What the tests of the book write into it, and the clock that they open it with."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from gpu_shopper.domain.cost import CostEntry
from gpu_shopper.domain.ids import (
    AttemptId,
    ConsumerId,
    InstanceId,
    OfferId,
    ProviderName,
    SessionId,
    deployment_id,
)
from gpu_shopper.domain.instance import Endpoint
from gpu_shopper.domain.label import Label
from gpu_shopper.domain.launch import Absence, AttemptState, Heard, LaunchAttempt, Proof
from gpu_shopper.domain.lifecycle import State
from gpu_shopper.domain.money import HourlyRate, Money
from gpu_shopper.domain.offer import Offer, Requirements
from gpu_shopper.domain.session import Session, SessionRequest, StopReason
from gpu_shopper.domain.workload import Workload, WorkloadType

NOON = datetime(2026, 3, 1, 12, 0, 0, 123_456, tzinfo=UTC)
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
CLOUD = ProviderName("cumulus")
US = deployment_id(1)


class StoppedClock:
    def __init__(self, at: datetime = NOON) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        raise AssertionError(f"nothing here sleeps ({seconds})")


def an_offer(number: int = 1, **changes) -> Offer:
    offer = Offer(
        id=OfferId(f"cumulus:{number}"),
        provider=CLOUD,
        provider_id=str(number),
        machine_id=f"m{number}",
        gpu_type="RTX 4090",
        gpu_count=2,
        vram_gb=24,
        price=HourlyRate(440_000),
        country="NO",
        region="eu-north",
        location="Oslo",
        reliability=0.987,
        fetched_at=NOON,
    )
    return replace(offer, **changes)


def a_request(consumer: str = "ann", **changes) -> SessionRequest:
    request = SessionRequest(
        consumer_id=ConsumerId(consumer),
        workload=Workload(kind=WorkloadType.TRAINING, exposed_ports=(8080, 22)),
        reservation_hours=2,
        offer_id=None,
        requirements=Requirements(gpu_types=frozenset({"RTX 4090", "A100 80GB", "H100 SXM"})),
        price_cap=HourlyRate(500_000),
        ssh_public_keys=("ssh-ed25519 AAAA one", "ssh-ed25519 BBBB two"),
        idle_threshold=30 * MINUTE,
    )
    return replace(request, **changes)


def a_session(number: int = 1, /, **changes) -> Session:
    consumer = changes.get("consumer_id", ConsumerId("ann"))
    session = Session(
        id=SessionId(f"ses_{number:016}"),
        consumer_id=consumer,
        request=a_request(consumer),
        state=State.PENDING,
        created_at=NOON,
        state_since=NOON,
        reserved_hours=2,
        next_action_at=NOON,
    )
    return replace(session, **changes)


PROVISIONING = {"state": State.PROVISIONING, "launch": 1}
RUNNING = {"state": State.RUNNING, "launch": 1, "running_at": NOON}
STOPPING = {"state": State.STOPPING, "stop_reason": StopReason.DONE, "stop_actor": "ann"}
STOPPED = STOPPING | {"state": State.STOPPED, "stopped_at": NOON}
FAILED = STOPPED | {"state": State.FAILED, "stop_reason": StopReason.LOST}


def an_attempt(number: int = 1, session: int = 1, /, **changes) -> LaunchAttempt:
    attempt = LaunchAttempt(
        id=AttemptId(f"att_{session}_{number}"),
        session_id=SessionId(f"ses_{session:016}"),
        consumer_id=ConsumerId("ann"),
        number=number,
        label=Label(f"gs1-{session}-{number}"),
        provider=CLOUD,
        offer=an_offer(number),
        state=AttemptState.SENT,
        wanted=True,
        sent_at=NOON,
        call_deadline=NOON + MINUTE,
        expires_at=NOON + 13 * HOUR,
        token_hash=f"hash-{session}-{number}",
        request_digest="digest",
        rate=HourlyRate(440_000),
        next_action_at=NOON + MINUTE,
    )
    return replace(attempt, **changes)


BOUND = {
    "state": AttemptState.BOUND,
    "instance_id": InstanceId("i-1"),
    "billed_from": NOON,
    "rate_since": NOON,
    "accrued_to": NOON,
}
CLOSING = BOUND | {"state": AttemptState.CLOSING, "wanted": False, "closing_since": NOON}
CLOSED = CLOSING | {
    "state": AttemptState.CLOSED,
    "closed_at": NOON,
    "proof": Proof.PROVED,
    "next_action_at": None,
    "billing_ended_at": NOON,
}
PRESUMED = {
    "state": AttemptState.CLOSED,
    "wanted": False,
    "closed_at": NOON,
    "proof": Proof.PRESUMED,
    "next_action_at": None,
}
REJECTED = {
    "state": AttemptState.REJECTED,
    "wanted": False,
    "closed_at": NOON,
    "next_action_at": None,
}
EVERYTHING = BOUND | {
    "endpoint": Endpoint(host="10.0.0.1", port=2222, user="root"),
    "host_key": "ssh-ed25519 CCCC",
    "read_back_at": NOON + SECOND,
    "looks": 3,
    "last_seen_at": NOON + 2 * SECOND,
    "heard": Heard(at=NOON, boot_id="b", counter=7, idle_seconds=1.5, as_sold=True),
    "missing_since": NOON,
    "missing_listings": 1,
    "missing_reads": 2,
    "destroy_tries": 4,
    "destroy_called_at": NOON,
    "destroy_answered_at": NOON + SECOND,
    "destroy_accepted_at": NOON + SECOND,
    "absence": Absence(read_at=NOON, gone_reads=1, gone_listings=2),
    "alerted_at": NOON,
}


def an_entry(begin: datetime = NOON, end: datetime = NOON + HOUR, **changes) -> CostEntry:
    entry = CostEntry(
        attempt_id=AttemptId("att_1_1"),
        session_id=SessionId("ses_0000000000000001"),
        consumer_id=ConsumerId("ann"),
        provider=CLOUD,
        gpu_type="RTX 4090",
        begins_at=begin,
        ends_at=end,
        rate=HourlyRate(440_000),
        amount=Money(440_000),
    )
    return replace(entry, **changes)
