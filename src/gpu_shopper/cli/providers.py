"""`gpu-shopper providers`: the clouds, what they can do, and how they have been."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from gpu_shopper.cli.render import Column, output_option, show
from gpu_shopper.cli.situation import Situation
from gpu_shopper.wire.figures import money

if TYPE_CHECKING:
    from gpu_shopper.wire.offers import BillingBody, ProviderBody


def _held(layers: dict[str, bool]) -> str:
    return ", ".join(sorted(name for name, holds in layers.items() if holds)) or "none"


def _trouble(cloud: "ProviderBody") -> str:
    if cloud.frozen_since is not None:
        return f"frozen: {cloud.frozen_because}"
    if cloud.unauthorized_since is not None:
        return "our key is refused"
    return cloud.last_error or ""


def _span(seconds: float) -> str:
    """Return a length of time in the largest unit of which it is a whole number."""
    for size, unit in ((3600, "h"), (60, "min")):
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:g} {unit}"
    return f"{seconds:g} s"


def _billed(terms: "BillingBody") -> Iterator[str]:
    """Yield what a bill has in it that a list price does not tell."""
    yield f"by {_span(terms.increment_s)}" if terms.increment_s > 1 else "by the second"
    if terms.minimum_s:
        yield f"at least {_span(terms.minimum_s)}"
    if terms.billed_start_s:
        yield f"start of {_span(terms.billed_start_s)}"
    if terms.currency != "USD":
        yield f"in {terms.currency}"
    if terms.exchange_fee:
        yield f"exchange {terms.exchange_fee:.1%}"
    if terms.stopped_share:
        yield f"stopped {terms.stopped_share:.0%}"
    if terms.volume_price_per_gb_month:
        yield f"volume {terms.volume_price_per_gb_month:g} USD/GB/month"


_COLUMNS: tuple[Column["ProviderBody"], ...] = (
    Column("Cloud", lambda each: each.name),
    Column("Offers", lambda each: each.offers, right=True),
    Column("Age s", lambda each: None if each.market_age_s is None else round(each.market_age_s), right=True),
    Column("Swept", lambda each: each.last_complete_sweep_at),
    Column("Instances", lambda each: each.instances_seen, right=True),
    Column("Orphans", lambda each: each.orphans_seen, right=True),
    Column("Strays", lambda each: each.strays_seen, right=True),
    Column("Owed", lambda each: each.open_obligations, right=True),
    Column("Balance", lambda each: None if each.balance is None else money(each.balance, digits=2), right=True),
    Column("Bills", lambda each: ", ".join(_billed(each.billing))),
    Column("Safety", lambda each: _held(each.safety_layers)),
    Column("Trouble", _trouble),
)  # fmt: skip


@click.command()
@output_option
@click.pass_obj
def providers(situation: Situation, /, *, output: str) -> None:
    """Show the clouds and how they are.

    \b
    Examples:
      gpu-shopper providers
      gpu-shopper providers -o json
    """
    show(situation.shopper.providers(), _COLUMNS, output, nothing="no cloud is set up")
