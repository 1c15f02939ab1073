"""Making the order of a launch: everything that the create call carries."""

import hashlib
from datetime import datetime, timedelta

from gpu_shopper.domain.agent_way import AgentWay
from gpu_shopper.domain.launch import LaunchAttempt
from gpu_shopper.domain.offer import Offer
from gpu_shopper.domain.session import Session
from gpu_shopper.engine.cloud import Cloud
from gpu_shopper.ports.boot import BootOrder, BootScripts
from gpu_shopper.ports.provider import LaunchOrder
from gpu_shopper.ports.vault import Vault


def launch_order(
    session: Session, attempt: LaunchAttempt, *, vault: Vault, scripts: BootScripts, now: datetime
) -> LaunchOrder:
    """Return the order of one attempt. All secrets in it come out of the label, so that nothing need be kept."""
    workload, keys = session.request.workload, session.request.ssh_public_keys
    cap = session.request.price_cap
    assert cap is not None, session.id
    carried = attempt.agent_way is AgentWay.IN_ORDER
    if not carried:
        # Bound to nothing, unlike in the script: it is by this login that the script is brought, so where a cloud takes
        # one key, it is this one.
        keys = (vault.probe_key(attempt.label).public, *keys)
    return LaunchOrder(
        offer=attempt.offer,
        label=attempt.label,
        ends_by=attempt.expires_at,
        price_cap=cap,
        image=workload.image,
        disk_gb=workload.disk_gb,
        ssh_public_keys=keys,
        env=scripts.environment(attempt.provider),
        on_start=start_script(session, attempt, vault=vault, scripts=scripts, now=now)
        if carried
        else "",
        exposed_ports=workload.exposed_ports,
    )


def start_script(
    session: Session, attempt: LaunchAttempt, *, vault: Vault, scripts: BootScripts, now: datetime
) -> str:
    """Return the start-up script of one attempt as it is at `now`: the agent, and what the consumer wants run."""
    boot = BootOrder(
        provider=attempt.provider,
        label=attempt.label,
        token=vault.agent_token(attempt.label),
        stop_in=max(timedelta(0), attempt.expires_at - now),
        probe_key=vault.probe_key(attempt.label).public,
        user_script=session.request.workload.on_start,
        login_keys=()
        if attempt.agent_way is AgentWay.IN_ORDER
        else tuple(session.request.ssh_public_keys),
    )
    return scripts.script(boot)


def way_of_agent(session: Session, cloud: Cloud, *, scripts: BootScripts) -> AgentWay:
    """Return whether the cloud takes a start-up script as large as this session's."""
    limit, user_script = cloud.quirks.start_script_limit, session.request.workload.on_start
    fits = limit > 0 and scripts.size_bytes(cloud.name, user_script) <= limit
    return AgentWay.IN_ORDER if fits else AgentWay.OVER_SSH


def request_digest(session: Session, offer: Offer) -> str:
    """Return a digest of what was ordered, to be held against what a cloud says it was asked."""
    workload = session.request.workload
    parts = (
        session.id,
        offer.id,
        str(offer.price.micros),
        workload.image or "",
        str(workload.disk_gb),
    )
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
