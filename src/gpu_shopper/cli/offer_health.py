"""`gpu-shopper offer-health`: how likely offers are to work, and why."""

from typing import TYPE_CHECKING

import click

from gpu_shopper.cli.render import Column, output_option, say, show, show_json
from gpu_shopper.cli.situation import Situation
from gpu_shopper.wire.figures import money

if TYPE_CHECKING:
    from gpu_shopper.wire.offer_health import HealthOfOffer, OddsOfOffer, PartOfOdds

_ENTRIES: tuple[Column["HealthOfOffer"], ...] = (
    Column("Of", lambda entry: entry.scope),
    Column("Name", lambda entry: entry.key),
    Column("Cloud", lambda entry: entry.provider),
    Column("Failed", lambda entry: entry.failures, right=True),
    Column("Worked since", lambda entry: entry.successes, right=True),
    Column("Weight", lambda entry: f"{entry.weight:.2f}", right=True),
    Column("Confidence", lambda entry: f"{entry.confidence:.2f}", right=True),
    Column("Last reason", lambda entry: entry.last_reason),
    Column("Next", lambda entry: entry.next),
)
_PARTS: tuple[Column["PartOfOdds"], ...] = (
    Column("Part", lambda part: part.part),
    Column("Factor", lambda part: f"{part.factor:.4f}", right=True),
    Column("Because", lambda part: part.because),
)


@click.command("offer-health")
@click.argument("offer_id", metavar="[OFFER]", required=False)
@click.option(
    "--hours", type=float, default=1.0, show_default=True,
    help="Hours of work to reckon the cost of; only with an offer.",
)  # fmt: skip
@output_option
@click.pass_obj
def offer_health(
    situation: Situation, /, *, offer_id: str | None, hours: float, output: str
) -> None:
    """Show what is remembered against offers, machines, places, kinds of GPU and clouds; or why an offer has its odds.

    \b
    Examples:
      gpu-shopper offer-health
      gpu-shopper offer-health sandbox:1234 --hours 8
    """
    if offer_id is None:
        entries = situation.shopper.offer_health()
        show(entries, _ENTRIES, output, nothing="nothing failed in the last day")
        return
    found = situation.shopper.offer_odds(offer_id, hours=hours)
    if output == "json":
        show_json(found)
        return
    show(found.parts, _PARTS, output)
    if output == "table":
        _explain(found)


def _explain(found: "OddsOfOffer") -> None:
    say(f"in {found.confidence:.0%} of cases it works at once: the product of these factors")
    say(
        f"{found.hours:g} h of work are expected to cost {money(found.expected_cost)} USD: "
        f"{money(found.bill)} for {found.hours:g} h at {money(found.price_per_hour)}, and {found.failed_starts:.2f} starts that fail "
        f"at {money(found.per_failed_start)} each"
    )
    say(found.next)
