"""Selling: whether an order can be had and at what price, and what is handed over in the end."""

from dataclasses import dataclass

import msgspec

from gpu_shopper.sandbox import misbehaviour as op
from gpu_shopper.sandbox.catalogue import Offer, sold_gpus
from gpu_shopper.sandbox.gpu_models import GPU_MODELS, MIG_SLICES
from gpu_shopper.sandbox.instances import Instance
from gpu_shopper.sandbox.messages import InstanceSpec, SoldGpus
from gpu_shopper.sandbox.metering import Meter
from gpu_shopper.sandbox.misbehaviour import Rule
from gpu_shopper.sandbox.orders import Order
from gpu_shopper.sandbox.state import ModelState

# What clouds mean by a month when they bill by the hour.
_MONTH_HOURS = 730


class Refusal(Exception):
    """The cloud does not sell this, and says why."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """An offer that can be had now, and its price per hour."""

    index: int
    offer: Offer
    price_micros: int


def quote(state: ModelState, order: Order, *, now: float) -> Quote:
    """Return what the order would get.

    Raises:
        Refusal: the offer is gone or dearer than allowed, or the order asks for what it lacks.
    """
    index = state.catalogue.index_of(order.offer_id)
    period = state.period(now)
    if index is None or state.park.is_full(order.offer_id):
        raise Refusal(409, "offer_gone", f"offer {order.offer_id} is not for sale")
    if state.catalogue.is_absent(index, period, share=state.config.absent_share):
        raise Refusal(409, "offer_gone", f"offer {order.offer_id} has left the market")
    offer = state.catalogue.offers[index]
    price = state.catalogue.price_micros(index, period) + _disk_micros(offer, order.disk_gb)
    most = order.max_price_per_hour
    if most is not None and price > round(most * 1_000_000):
        raise Refusal(
            409, "price_changed", f"offer {offer.id} costs {price / 1_000_000} an hour now"
        )
    if order.disk_gb > offer.disk_gb:
        raise Refusal(400, "bad_request", f"disk_gb: offer {offer.id} has {offer.disk_gb} GB")
    if order.expires_at_s is not None and order.expires_at_s <= now:
        raise Refusal(400, "bad_request", "expires_at lies in the past")
    _refuse_for_now(state, offer, price, now=now)
    return Quote(index=index, offer=offer, price_micros=price)


def _disk_micros(offer: Offer, disk_gb: int) -> int:
    """Return what the disk costs an hour, where it is not in the price of the offer."""
    return round(disk_gb * offer.storage_price_per_gb_month * 1_000_000 / _MONTH_HOURS)


def _refuse_for_now(state: ModelState, offer: Offer, price: int, *, now: float) -> None:
    left = state.config.balance_micros - state.park.billed_micros(now=now)
    if price > left or state.rules.strikes("no_balance", op.CREATE) is not None:
        raise Refusal(402, "insufficient_balance", "the balance does not cover one hour")
    if state.rules.is_down(offer.region, op.CREATE):
        raise Refusal(503, "region_unavailable", f"region {offer.region} can't be reached just now")
    if state.rules.strikes("no_capacity", op.CREATE) is not None:
        raise Refusal(409, "no_capacity", f"no machine is free for {offer.id} just now")


def sell(state: ModelState, order: Order, bought: Quote, *, now: float) -> Instance:
    """Make the instance that the buyer gets, which is not always what was ordered."""
    rules = state.rules
    wrong_gpu = rules.strikes("wrong_gpu", op.CREATE)
    wrong_price = rules.strikes("wrong_price", op.CREATE)
    offer = bought.offer
    gpus = state.catalogue.gpus_of(bought.index)
    shown = (offer.gpu_name, offer.gpu_count, offer.gpu_memory_mib)
    if wrong_gpu is not None:
        gpus = _other_gpus(wrong_gpu, gpus)
        if wrong_gpu.params["admits"]:
            shown = (gpus.model, gpus.count, gpus.memory_mib)
    price = shown_price = bought.price_micros
    if wrong_price is not None:
        price = round(price * wrong_price.number("factor"))
        if wrong_price.params["admits"]:
            shown_price = price
    reserved, label = rules.strikes("reserved", op.CREATE), rules.strikes("label_lost", op.CREATE)
    instance_id = state.config.id_form.format(state.chance.getrandbits(state.config.id_bits))
    return Instance(
        id=instance_id,
        sequence=state.next_sequence(),
        name=order.name,
        offer_id=offer.id,
        host_id=offer.host_id,
        region=offer.region,
        spec=InstanceSpec(
            instance_id=instance_id,
            name=order.name,
            region=offer.region,
            gpus=gpus,
            disk_gb=order.disk_gb,
            image=order.image,
            ssh_user=state.config.ssh_user,
            ssh_keys=order.ssh_keys,
            env=order.env,
            on_start=order.on_start,
            driver_s=state.config.driver_s,
            instance_key=f"{state.chance.getrandbits(160):040x}",
        ),
        shown_gpu_name=shown[0],
        shown_gpu_count=shown[1],
        shown_gpu_memory_mib=shown[2],
        price_micros=price,
        shown_price_micros=shown_price,
        created_at=now,
        expires_at=order.expires_at_s,
        meter=Meter(),
        never_boots=rules.strikes("never_boot", op.CREATE) is not None,
        fails_to_boot=rules.strikes("boot_fails", op.CREATE) is not None,
        starts_stopped=rules.strikes("starts_stopped", op.CREATE) is not None,
        reserved_until=0.0 if reserved is None else now + reserved.number("seconds"),
        lost_name=None if label is None else order.name[: int(label.number("keep"))],
        tags=order.tags if state.config.shows_tags else {},
    )


def _other_gpus(rule: Rule, gpus: SoldGpus) -> SoldGpus:
    """Return the GPUs that the rule wants; a lesser model if it does not say which."""
    name, count = rule.params["gpu_name"], int(rule.number("gpu_count")) or gpus.count
    model = _MODEL_BY_SPELLING.get(str(name))
    if model is None and count == gpus.count:
        model = next(each for each in _BY_MEMORY if each.spellings[0] != gpus.model)
    if model is None:
        return msgspec.structs.replace(gpus, count=count)
    return sold_gpus(model, count=count, driver=gpus.driver, cuda=gpus.cuda)


_MODEL_BY_SPELLING = {
    spelling: model for model in (*GPU_MODELS, *MIG_SLICES) for spelling in model.spellings
}
_BY_MEMORY = sorted(GPU_MODELS, key=lambda model: model.memory_mib)
