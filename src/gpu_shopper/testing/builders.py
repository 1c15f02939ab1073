"""Ready-made values for tests: each is valid as it comes, and each field can be changed by name.

Promises: what a builder returns keeps every rule of the schema, whatever state it is asked for, so that it can be
written into a book as it is. Nothing is drawn: the same call returns the same value.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from gpu_shopper.domain.deadlines import label_expiry
from gpu_shopper.domain.hearing import GpuSeen, NodeReport
from gpu_shopper.domain.ids import (
    ConsumerId,
    InstanceId,
    OfferId,
    ProviderName,
    attempt_id,
    deployment_id,
    session_id,
)
from gpu_shopper.domain.instance import Endpoint, Instance, InstanceStatus, Listing
from gpu_shopper.domain.label import Label, LabelFacts, write_label
from gpu_shopper.domain.launch import AttemptState, Blame, Heard, LaunchAttempt, Proof
from gpu_shopper.domain.lifecycle import ENDING, FINAL, State
from gpu_shopper.domain.money import HourlyRate
from gpu_shopper.domain.offer import Offer, Requirements
from gpu_shopper.domain.session import Session, SessionRequest, StopReason
from gpu_shopper.domain.workload import Workload, WorkloadType
from gpu_shopper.wire.agent import GpuReading, Heartbeat
from gpu_shopper.wire.agent import Workload as WorkloadReading

NOON: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)
SECOND: Final = timedelta(seconds=1)
MINUTE: Final = timedelta(minutes=1)
HOUR: Final = timedelta(hours=1)

CUMULUS: Final = ProviderName("cumulus")
NIMBUS: Final = ProviderName("nimbus")
ALICE: Final = ConsumerId("alice")
BOB: Final = ConsumerId("bob")
DEPLOYMENT: Final = deployment_id(0xD0)
LABEL_KEY: Final = bytes(range(32))
GPU: Final = "RTX 4090"
GPU_AS_THE_DRIVER_SAYS: Final = "NVIDIA GeForce RTX 4090"
GPU_MIB: Final = 24_564
SSH_KEY: Final = (
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl alice"
)
HOST_KEY: Final = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILM+rvN+ot98qgEN796jTiQfZfG1KaT0PtFDJ/XFSqti"

_HOLDS_AN_INSTANCE = frozenset({AttemptState.BOUND, AttemptState.CLOSING, AttemptState.CLOSED})
_OVER = (AttemptState.CLOSED, AttemptState.REJECTED)


def an_offer(name: str = "o1", **changes: Any) -> Offer:
    """Return an offer of one RTX 4090 at 0.40 USD/h; its id and machine follow from its name and provider."""
    provider = changes.get("provider", CUMULUS)
    offer = Offer(
        id=OfferId(f"{provider}:{name}"),
        provider=provider,
        provider_id=name,
        machine_id=f"m-{name}",
        gpu_type=GPU,
        gpu_count=1,
        vram_gb=24,
        price=HourlyRate(400_000),
        country="NO",
        region="eu-north",
        location="Oslo, NO",
        reliability=0.99,
        fetched_at=NOON,
        cuda_version="12.8",
        vcpus=16,
        ram_gb=64,
        disk_gb=500,
        inet_down_mbps=900,
        inet_up_mbps=450,
    )
    return replace(offer, **changes)


def a_request(**changes: Any) -> SessionRequest:
    """Return a request by requirements for two hours of any single RTX 4090, at most 0.60 USD/h."""
    request = SessionRequest(
        consumer_id=ALICE,
        workload=Workload(kind=WorkloadType.INTERACTIVE),
        reservation_hours=2,
        offer_id=None,
        requirements=Requirements(gpu_types=frozenset({GPU}), gpu_count=1),
        price_cap=HourlyRate(600_000),
        ssh_public_keys=(SSH_KEY,),
    )
    return replace(request, **changes)


def a_session(state: State = State.PENDING, *, number: int = 1, **changes: Any) -> Session:
    """Return a session in `state`, asked for at noon and running since one minute later if it ever ran."""
    request = changes.pop("request", None) or a_request()
    session = Session(
        id=session_id(number),
        consumer_id=request.consumer_id,
        request=request,
        state=state,
        created_at=NOON,
        state_since=NOON,
        reserved_hours=request.reservation_hours,
        gpu_type=GPU,
        next_action_at=None if state in FINAL else NOON,
    )
    if state is not State.PENDING:
        session = replace(session, attempts_made=1)
    if state in {State.PROVISIONING, State.RUNNING}:
        session = replace(session, launch=1)
    if state not in {State.PENDING, State.PROVISIONING}:
        session = replace(session, running_at=NOON + MINUTE)
    if state in ENDING:
        reason = StopReason.LOST if state is State.FAILED else StopReason.DONE
        session = replace(session, stop_reason=reason, stop_actor="alice")
    if state in FINAL:
        session = replace(session, stopped_at=NOON + HOUR)
    return replace(session, **changes)


def a_label(
    session: Session | None = None,
    *,
    attempt: int = 1,
    expires_at: datetime | None = None,
    key: bytes = LABEL_KEY,
) -> Label:
    """Return the genuine label of a session's attempt."""
    session = session or a_session()
    facts = LabelFacts(
        deployment=DEPLOYMENT,
        session=session.id,
        number=attempt,
        expires_at=expires_at or label_expiry(session),
    )
    return write_label(facts, key=key)


def an_attempt(
    state: AttemptState = AttemptState.BOUND,
    *,
    session: Session | None = None,
    number: int = 1,
    **changes: Any,
) -> LaunchAttempt:
    """Return an attempt in `state`, sent at noon; one that holds an instance was seen ten seconds later."""
    session = session or a_session(State.PROVISIONING)
    offer = changes.pop("offer", None) or an_offer(f"o{number}")
    wanted = changes.pop("wanted", state is AttemptState.BOUND or session.launch == number)
    attempt = LaunchAttempt(
        id=attempt_id(int.from_bytes(session.id[-4:].encode()) << 16 | number),
        session_id=session.id,
        consumer_id=session.consumer_id,
        number=number,
        label=a_label(session, attempt=number),
        provider=offer.provider,
        offer=offer,
        state=state,
        wanted=wanted and state not in {AttemptState.CLOSING, *_OVER},
        sent_at=NOON,
        call_deadline=NOON + MINUTE,
        expires_at=label_expiry(session),
        token_hash=f"hash-of-{session.id}-{number}",
        request_digest="0" * 64,
        rate=offer.price,
        next_action_at=None if state in _OVER else NOON,
    )
    if state in _HOLDS_AN_INSTANCE:
        attempt = _with_instance(attempt)
    if state in _OVER:
        attempt = replace(attempt, closed_at=NOON + HOUR)
    if state is AttemptState.REJECTED:
        attempt = replace(attempt, blame=Blame.OFFER, unwanted_because="sold out")
    if state is AttemptState.CLOSING:
        attempt = replace(attempt, closing_since=NOON + MINUTE, unwanted_because="done")
    if state is AttemptState.CLOSED:
        attempt = replace(attempt, proof=Proof.PROVED, billing_ended_at=NOON + HOUR)
    return replace(attempt, **changes)


def _with_instance(attempt: LaunchAttempt) -> LaunchAttempt:
    return replace(
        attempt,
        instance_id=InstanceId(f"i-{attempt.number}"),
        endpoint=an_endpoint(),
        read_back_at=NOON + 10 * SECOND,
        billed_from=NOON,
        rate_since=NOON,
        accrued_to=NOON,
        last_seen_at=NOON + 10 * SECOND,
    )


def an_endpoint(**changes: Any) -> Endpoint:
    """Return where SSH answers."""
    return replace(Endpoint(host="192.0.2.7", port=22, user="gpu"), **changes)


def an_instance(attempt: LaunchAttempt | None = None, **changes: Any) -> Instance:
    """Return the running instance of an attempt, as sold; without one, that of the first attempt."""
    attempt = attempt or an_attempt()
    instance = Instance(
        id=attempt.instance_id or InstanceId(f"i-{attempt.number}"),
        provider=attempt.provider,
        label=attempt.label,
        status=InstanceStatus.RUNNING,
        gpu_name=attempt.offer.gpu_type,
        gpu_count=attempt.offer.gpu_count,
        gpu_memory_mib=GPU_MIB,
        rate=attempt.offer.price,
        endpoint=an_endpoint(),
        billed_from=NOON,
    )
    return replace(instance, **changes)


def a_listing(instances: Iterable[Instance] = (), **changes: Any) -> Listing:
    """Return a complete listing that began at noon."""
    return replace(Listing(instances=tuple(instances), began_at=NOON, complete=True), **changes)


def heard(at: datetime = NOON + MINUTE, **changes: Any) -> Heard:
    """Return a sign of life from a node that has what was sold."""
    sign = Heard(at=at, boot_id="boot-1", counter=1, idle_seconds=0.0, as_sold=True)
    return replace(sign, **changes)


def a_report(**changes: Any) -> NodeReport:
    """Return what a node with one RTX 4090 says of itself."""
    report = NodeReport(
        boot_id="boot-1",
        counter=1,
        gpus=(GpuSeen(GPU_AS_THE_DRIVER_SAYS, GPU_MIB),),
        idle_seconds=0.0,
        host_key=HOST_KEY,
    )
    return replace(report, **changes)


def a_heartbeat(label: str, **changes: Any) -> Heartbeat:
    """Return the body that the agent of a node with one RTX 4090 sends."""
    heartbeat = Heartbeat(
        label=label,
        boot_id="boot-1",
        counter=1,
        agent_version="0.1.0",
        sent_at="2026-03-01T12:01:00Z",
        gpus=(a_gpu_reading(),),
        gpu_error=None,
        driver_version="570.172.08",
        cuda_version="12.8",
        disk_total_gb=500.0,
        disk_free_gb=400.0,
        ram_total_gb=64.0,
        cpu_count=16,
        idle_seconds=0.0,
        ssh_sessions=1,
        uptime_seconds=60.0,
        host_key=HOST_KEY,
        workload=WorkloadReading(state="none"),
    )
    return replace(heartbeat, **changes)


def a_gpu_reading(name: str = GPU_AS_THE_DRIVER_SAYS, memory_mib: int = GPU_MIB) -> GpuReading:
    """Return one GPU as the node's own tool shows it."""
    return GpuReading(
        name=name,
        memory_mib=memory_mib,
        uuid="GPU-1",
        utilization_percent=0.0,
        memory_used_mib=0,
    )
