"""The park of instances: every one that ever was, and the only place that moves one's status.

    creating ─boot─▶ booting ─ready─▶ running
    any of them ─end or stop─▶ stopping ─died─▶ ended, or stopped (the disk is kept, and billed)

An instance whose machine was never started ends at once; any other ends when its machine is known to
be gone, and is billed until then, or where the cloud says so until it is told to end.
"""

import base64
import hashlib
from collections import Counter
from collections.abc import Iterable

import msgspec

from gpu_shopper.sandbox import instances as status
from gpu_shopper.sandbox.agenda import Agenda
from gpu_shopper.sandbox.config import ModelConfig
from gpu_shopper.sandbox.instances import Instance
from gpu_shopper.sandbox.messages import AdmitKey, Effect, StartInstance, StopInstance


class Park:
    """All instances of one cloud."""

    def __init__(
        self, config: ModelConfig, agenda: Agenda, instances: Iterable[Instance] = ()
    ) -> None:
        self._config = config
        self._agenda = agenda
        self._all: dict[str, Instance] = {}
        self._living: dict[str, Instance] = {}
        self._by_key: dict[str, Instance] = {}
        self._taken: Counter[str] = Counter()
        self._settled_micros = 0
        self._effects: list[Effect] = []
        for instance in instances:
            self._enter(instance)

    def add(self, instance: Instance, *, now: float) -> None:
        """Take a new instance in and start its meter, if the time until it is ready is billed."""
        if self._config.bills_boot:
            instance.meter.run(rate_micros=instance.price_micros, now=now)
        self._enter(instance)
        if instance.expires_at is not None and self._config.honours_expiry:
            self._agenda.note(instance.expires_at, "expire", instance.id)

    def get(self, instance_id: str) -> Instance | None:
        """Return an instance, dead or alive."""
        return self._all.get(instance_id)

    def by_key(self, key: str) -> Instance | None:
        """Return the living instance that this key belongs to."""
        return self._by_key.get(_digest(key))

    def named(self, name: str) -> Instance | None:
        """Return the first instance that was ever given this name."""
        return next((each for each in self._all.values() if each.name == name), None)

    def all(self) -> list[Instance]:
        """Return every instance that ever was, oldest first."""
        return list(self._all.values())

    def living(self) -> list[Instance]:
        """Return every instance that is still held and billed, oldest first."""
        return list(self._living.values())

    def is_full(self, offer_id: str) -> bool:
        """Tell whether nobody can take this offer at the moment."""
        return self._taken[offer_id] >= self._config.stock

    def full_offers(self) -> set[str]:
        """Return the offers that nobody can take at the moment."""
        return {offer_id for offer_id, count in self._taken.items() if count >= self._config.stock}

    def billed_micros(self, *, now: float) -> int:
        """Return what all instances together have cost."""
        running = sum(instance.meter.total_micros(now=now) for instance in self._living.values())
        return self._settled_micros + running

    def take_effects(self) -> list[Effect]:
        """Return the effects since the last time."""
        effects, self._effects = self._effects, []
        return effects

    def ready(
        self, instance_id: str, *, ssh_host: str, ssh_port: int, host_key: str, now: float
    ) -> None:
        """Show an instance as running, unless it is being ended; from now on it is billed, if it was not before."""
        instance = self._living.get(instance_id)
        if instance is None or instance.status not in {status.BOOTING, status.RUNNING}:
            return
        instance.ssh_host, instance.ssh_port, instance.host_key = ssh_host, ssh_port, host_key
        instance.status = status.RUNNING
        if instance.meter.since_us is None:
            instance.meter.run(rate_micros=instance.price_micros, now=now)

    def died(self, instance_id: str, *, now: float) -> None:
        """Note that an instance's machine is gone; nothing is told twice."""
        instance = self._living.get(instance_id)
        if instance is None or not instance.hosted:
            return
        instance.hosted = False
        if instance.status == status.STOPPING and instance.keeps_disk:
            self._rest(instance, now=now)
        else:
            self._close(instance, reason=instance.end_reason or "died", now=now)

    def end(self, instance: Instance, *, reason: str, now: float) -> None:
        """End an instance for good; asking twice changes nothing."""
        if not instance.alive or instance.end_reason is not None:
            return
        instance.end_reason = reason
        self._leave_the_bill(instance, now=now)
        if instance.hosted:
            instance.keeps_disk = False
            self._leave(instance, keep_disk=False, now=now)
        else:
            self._close(instance, reason=reason, now=now)

    def end_later(self, instance: Instance, *, reason: str, at: float, now: float) -> None:
        """Show an instance as stopping, and end it at that moment."""
        if not instance.alive:
            return
        self._leave_the_bill(instance, now=now)
        self._show_stopping(instance)
        self._agenda.note(at, f"end:{reason}", instance.id)

    def stop(self, instance: Instance, *, now: float) -> None:
        """Stop an instance's machine and keep, and bill, its disk."""
        if (
            not instance.alive
            or instance.status == status.STOPPED
            or instance.end_reason is not None
        ):
            return
        instance.keeps_disk = True
        if instance.hosted:
            self._leave(instance, keep_disk=True, now=now)
        else:
            self._rest(instance, now=now)

    def admit(self, instance: Instance, ssh_key: str) -> None:
        """Let whoever holds this key log in to an instance: at once, or as soon as it is there."""
        known = instance.spec.ssh_keys
        if not instance.alive or ssh_key in known:
            return
        instance.spec = msgspec.structs.replace(instance.spec, ssh_keys=(*known, ssh_key))
        if instance.hosted:
            self._effects.append(AdmitKey(instance_id=instance.id, ssh_key=ssh_key))

    def do(self, task: str, instance_id: str, *, now: float) -> None:
        """Do what the agenda said."""
        if task == "return":
            self._return(self._all[instance_id], now=now)
            return
        instance = self._living.get(instance_id)
        if instance is None:
            return
        if task == "boot":
            self._boot(instance, now=now)
        elif task == "died":
            self.died(instance_id, now=now)
        else:
            reason = {"expire": "expired", "preempt": "preempted"}.get(
                task, task.removeprefix("end:")
            )
            self.end(instance, reason=reason, now=now)

    def resume(self) -> None:
        """Hand out again what a program that was killed may not have done."""
        for instance in self._living.values():
            if not instance.hosted:
                continue
            if instance.status == status.BOOTING:
                self._effects.append(StartInstance(instance_id=instance.id, spec=instance.spec))
            elif instance.status == status.STOPPING and (
                instance.end_reason or instance.keeps_disk
            ):
                self._effects.append(
                    StopInstance(instance_id=instance.id, keep_disk=instance.keeps_disk)
                )

    def _enter(self, instance: Instance) -> None:
        self._all[instance.id] = instance
        if not instance.alive:
            self._settled_micros += instance.meter.total_micros(now=0.0)
            return
        self._living[instance.id] = instance
        self._by_key[_digest(instance.spec.instance_key)] = instance
        self._taken[instance.offer_id] += 1

    def _return(self, instance: Instance, *, now: float) -> None:
        """Let an instance live again that had ended: its host is back, and knows nothing of an end."""
        if instance.alive:
            return
        self._settled_micros -= instance.meter.total_micros(now=now)
        instance.status, instance.ended_at, instance.end_reason = status.CREATING, None, None
        instance.keeps_disk, instance.returned_at = False, now
        instance.returns += 1
        instance.meter.run(rate_micros=instance.price_micros, now=now)
        self._enter(instance)
        self._living = dict(sorted(self._living.items(), key=lambda one: one[1].sequence))
        self._boot(instance, now=now)

    def _boot(self, instance: Instance, *, now: float) -> None:
        if instance.status != status.CREATING:
            return
        if instance.starts_stopped:
            self._rest(instance, now=now)
            return
        if instance.fails_to_boot:
            instance.status = status.ERROR
            return
        instance.status = status.BOOTING
        if instance.never_boots:
            return
        instance.hosted = True
        self._effects.append(StartInstance(instance_id=instance.id, spec=instance.spec))
        if self._config.hosts_itself:
            self.ready(
                instance.id,
                ssh_host=f"{instance.id}.sandbox.invalid",
                ssh_port=22,
                host_key=_made_up_host_key(instance.id),
                now=now,
            )

    def _leave(self, instance: Instance, *, keep_disk: bool, now: float) -> None:
        self._show_stopping(instance)
        self._effects.append(StopInstance(instance_id=instance.id, keep_disk=keep_disk))
        if self._config.hosts_itself:
            self._agenda.note(now + self._config.destroy_s, "died", instance.id)

    def _rest(self, instance: Instance, *, now: float) -> None:
        instance.status = status.STOPPED
        percent = self._config.stopped_bill_percent
        instance.meter.run(rate_micros=instance.price_micros * percent // 100, now=now)

    def _leave_the_bill(self, instance: Instance, *, now: float) -> None:
        if not self._config.bills_leaving:
            self._end_the_bill(instance, now=now)

    def _end_the_bill(self, instance: Instance, *, now: float) -> None:
        least, step = self._config.least_billed_s, self._config.billing_step_s
        instance.meter.close(now=now, least_s=least, step_s=step)

    def _show_stopping(self, instance: Instance) -> None:
        if instance.status != status.STOPPING:
            instance.last_shown = instance.status
            instance.status = status.STOPPING

    def _close(self, instance: Instance, *, reason: str, now: float) -> None:
        if instance.status != status.STOPPING:
            instance.last_shown = instance.status
        if instance.keeps_disk or instance.status == status.STOPPED:
            self._effects.append(StopInstance(instance_id=instance.id, keep_disk=False))
        self._end_the_bill(instance, now=now)
        instance.status, instance.ended_at, instance.end_reason = status.ENDED, now, reason
        self._settled_micros += instance.meter.total_micros(now=now)
        # Scripts and keys are of no use to the dead, and the state is written whole at each change.
        instance.spec = msgspec.structs.replace(instance.spec, ssh_keys=(), env={}, on_start="")
        del self._living[instance.id], self._by_key[_digest(instance.spec.instance_key)]
        self._taken[instance.offer_id] -= 1


def _made_up_host_key(instance_id: str) -> str:
    """Return a host key in the right form; nobody holds its private half."""
    blob = b"\0\0\0\x0bssh-ed25519\0\0\0\x20" + hashlib.sha256(instance_id.encode()).digest()
    return f"ssh-ed25519 {base64.b64encode(blob).decode()}"


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
