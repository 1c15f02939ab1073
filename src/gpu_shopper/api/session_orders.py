"""From the body of a create to what the house understands: aliases resolved, amounts exact, texts safe to pass on."""

import re
from collections.abc import Sequence
from datetime import timedelta

from gpu_shopper.domain.errors import Invalid, UnknownGpu
from gpu_shopper.domain.gpu import match_gpus
from gpu_shopper.domain.ids import ConsumerId, OfferId
from gpu_shopper.domain.money import HourlyRate, rate
from gpu_shopper.domain.offer import Requirements, RetryScope
from gpu_shopper.domain.session import SessionRequest
from gpu_shopper.domain.workload import LaunchMode, StoragePolicy, Workload, WorkloadType
from gpu_shopper.wire.sessions import RequirementsBody, SessionOrder

_PUBLIC_KEY = re.compile(
    r"(ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(256|384|521)|sk-ssh-ed25519@openssh\.com"
    r"|sk-ecdsa-sha2-nistp256@openssh\.com) [A-Za-z0-9+/]{32,}={0,2}( [ -~]{0,256})?"
)
_IMAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@+-]*")


def request_of(order: SessionOrder) -> SessionRequest:
    """Return the request that a body means.

    Raises:
        Invalid: a field is wrong in a way that its type alone does not tell.
    """
    if (order.offer_id is None) == (order.requirements is None):
        message = "give either offer_id or requirements, not both and not neither"
        raise Invalid(message, path="$.offer_id")
    wanted = order.requirements or RequirementsBody()
    return SessionRequest(
        consumer_id=ConsumerId(order.consumer_id),
        workload=_workload(order),
        reservation_hours=order.reservation_hours,
        offer_id=None if order.offer_id is None else OfferId(order.offer_id),
        requirements=_requirements(wanted),
        price_cap=_cap(order.max_price_per_hour, wanted.max_price_per_hour),
        auto_retry=order.auto_retry,
        max_retries=order.max_retries,
        retry_scope=RetryScope(order.retry_scope),
        ssh_public_keys=_public_keys(order.ssh_public_key),
        idle_threshold=timedelta(minutes=order.idle_threshold_minutes) or None,
        startup_timeout=_minutes(order.startup_timeout_minutes),
    )


def _minutes(given: int | None) -> timedelta | None:
    return None if given is None else timedelta(minutes=given)


def gpu_names(given: Sequence[str], *, path: str) -> frozenset[str]:
    """Return the canonical names that `given` allow, aliases and families understood.

    Raises:
        UnknownGpu: no model goes by one of them; `path` names the list that it stands in.
    """
    names: set[str] = set()
    for index, name in enumerate(given):
        try:
            names |= match_gpus(name)
        except UnknownGpu as error:
            error.path = f"{path}[{index}]"
            raise
    return frozenset(names)


def _requirements(wanted: RequirementsBody) -> Requirements:
    return Requirements(
        gpu_types=gpu_names(wanted.gpu_types, path="$.requirements.gpu_types"),
        gpu_count=wanted.gpu_count,
        min_vram_gb=wanted.min_vram_gb,
        min_cuda=wanted.min_cuda,
        max_price=_rate(wanted.max_price_per_hour),
        providers=frozenset(wanted.providers),
        regions=frozenset(region.lower() for region in wanted.regions),
        min_reliability=wanted.min_reliability,
        min_availability_confidence=wanted.min_availability_confidence,
        min_disk_gb=wanted.min_disk_gb,
        min_ram_gb=wanted.min_ram_gb,
        min_vcpus=wanted.min_vcpus,
        min_inet_down_mbps=wanted.min_inet_down_mbps,
        interruptible=wanted.interruptible,
    )


def _workload(order: SessionOrder) -> Workload:
    if order.docker_image is not None and _IMAGE.fullmatch(order.docker_image) is None:
        raise Invalid("is not the name of an image", path="$.docker_image")
    if order.on_start_cmd is not None and "\0" in order.on_start_cmd:
        raise Invalid("holds a NUL character", path="$.on_start_cmd")
    return Workload(
        kind=WorkloadType(order.workload_type),
        image=order.docker_image,
        on_start=order.on_start_cmd,
        disk_gb=order.disk_gb,
        exposed_ports=tuple(dict.fromkeys(order.exposed_ports)),
        launch_mode=LaunchMode(order.launch_mode),
        storage_policy=StoragePolicy(order.storage_policy),
    )


def _public_keys(text: str | None) -> tuple[str, ...]:
    if text is None:
        return ()
    line = text.strip()
    # A second line, or options before the type, would be an entry that nobody asked for.
    if _PUBLIC_KEY.fullmatch(line) is None:
        raise Invalid(
            "is not one OpenSSH public key line, such as 'ssh-ed25519 AAAA… name'",
            path="$.ssh_public_key",
            hint="send the content of the .pub file",
        )
    return (line,)


def _rate(dollars: float | None) -> HourlyRate | None:
    return None if dollars is None else rate(dollars)


def _cap(*dollars: float | None) -> HourlyRate | None:
    caps = [rate(amount) for amount in dollars if amount is not None]
    return min(caps, default=None)
