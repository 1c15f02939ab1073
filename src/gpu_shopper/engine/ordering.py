"""Making the order of a launch: everything that the create call carries."""

import hashlib
from datetime import datetime, timedelta

from gpu_shopper.domain.launch import LaunchAttempt
from gpu_shopper.domain.offer import Offer
from gpu_shopper.domain.session import Session
from gpu_shopper.ports.boot import BootOrder, BootScripts
from gpu_shopper.ports.provider import LaunchOrder
from gpu_shopper.ports.vault import Vault


def launch_order(
    session: Session, attempt: LaunchAttempt, *, vault: Vault, scripts: BootScripts, now: datetime
) -> LaunchOrder:
    """Return the order of one attempt. All secrets in it come out of the label, so that nothing need be kept."""
    workload = session.request.workload
    cap = session.request.price_cap
    assert cap is not None, session.id
    boot = BootOrder(
        provider=attempt.provider,
        label=attempt.label,
        token=vault.agent_token(attempt.label),
        stop_in=max(timedelta(0), attempt.expires_at - now),
        probe_key=vault.probe_key(attempt.label).public,
        user_script=workload.on_start,
    )
    return LaunchOrder(
        offer=attempt.offer,
        label=attempt.label,
        ends_by=attempt.expires_at,
        price_cap=cap,
        image=workload.image,
        disk_gb=workload.disk_gb,
        ssh_public_keys=session.request.ssh_public_keys,
        env=scripts.environment(attempt.provider),
        on_start=scripts.script(boot),
        exposed_ports=workload.exposed_ports,
    )


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
