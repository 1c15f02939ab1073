"""`gpu-shopper inventory`: what can be rented now."""

from typing import TYPE_CHECKING, Any

import click

from gpu_shopper.cli.render import Column, money, output_option, say, show, show_json
from gpu_shopper.cli.situation import Situation

if TYPE_CHECKING:
    from gpu_shopper.wire.offers import MarketSource, OfferBody

MOST = 100_000
PAGE = 500

COLUMNS: tuple[Column["OfferBody"], ...] = (
    Column("GPU", lambda offer: offer.gpu_type),
    Column("N", lambda offer: offer.gpu_count, right=True),
    Column("VRAM", lambda offer: offer.vram_gb, right=True),
    Column("USD/h", lambda offer: money(offer.price_per_hour), right=True),
    Column("Region", lambda offer: offer.region),
    Column("Place", lambda offer: offer.location),
    Column("Reliable", lambda offer: f"{offer.reliability:.3f}", right=True),
    Column("vCPU", lambda offer: offer.vcpus, right=True),
    Column("RAM", lambda offer: offer.ram_gb, right=True),
    Column("Disk", lambda offer: offer.disk_gb, right=True),
    Column("Cloud", lambda offer: offer.provider),
    Column("Offer", lambda offer: offer.id),
)


@click.command()
@click.option(
    "--gpu", "gpu_type", multiple=True, metavar="NAME", help="GPU model; may be repeated."
)
@click.option("--gpus", "gpu_count", type=int, metavar="N", help="Exactly so many GPUs.")
@click.option("--min-gpus", "min_gpu_count", type=int, metavar="N", help="At least so many GPUs.")
@click.option("--min-vram", type=int, metavar="GB", help="Memory of each GPU.")
@click.option("--max-price", type=float, metavar="USD", help="Price per hour of the whole offer.")
@click.option("--provider", multiple=True, metavar="NAME", help="Cloud; may be repeated.")
@click.option("--region", multiple=True, metavar="NAME", help="Region; may be repeated.")
@click.option("--country", multiple=True, metavar="CODE", help="Country; may be repeated.")
@click.option("--min-reliability", type=float, metavar="SHARE", help="0 to 1.")
@click.option("--min-cuda", metavar="VERSION", help="For instance 12.4.")
@click.option("--min-disk", type=int, metavar="GB")
@click.option("--min-ram", type=int, metavar="GB")
@click.option("--min-vcpus", type=int, metavar="N")
@click.option("--min-inet-down", type=int, metavar="MBPS")
@click.option("--interruptible/--on-demand", default=None, help="Only the one or the other kind.")
@click.option("--partial/--whole", default=None, help="Only parts of GPUs, or none.")
@click.option("--sort", metavar="ORDER", help="For instance price, -vram or price_per_tflops.")
@click.option(
    "--limit",
    type=click.IntRange(1, MOST),
    default=20,
    show_default=True,
    help="Most offers to list.",
)
@output_option
@click.pass_obj
def inventory(situation: Situation, /, *, output: str, limit: int, **filters: Any) -> None:
    """List what can be rented now, the cheapest first.

    \b
    Examples:
      gpu-shopper inventory --gpu "RTX 4090" --max-price 0.50
      gpu-shopper inventory --min-vram 80 --gpus 8 --region eu-north
      gpu-shopper inventory -o json | jq '.[0].id'
    """
    given: Any = {
        name: list(value) if isinstance(value, tuple) else value for name, value in filters.items()
    }
    offers: list[OfferBody] = []
    cursor: str | None = None
    while True:
        page = situation.shopper.inventory(
            **given, limit=min(limit - len(offers), PAGE), cursor=cursor or ""
        )
        offers += page.offers
        cursor = page.next_cursor
        if cursor is None or len(offers) >= limit or not page.offers:
            break
    if output == "json":
        show_json(offers)
    else:
        show(offers, COLUMNS, output, nothing="no offer matches now")
    _say_more(len(offers), page.total, output)
    for source in page.providers:
        _say_trouble(source)


def _say_more(shown: int, total: int, output: str) -> None:
    if output == "table" and total > shown:
        say(f"{shown} of {total} offers; --limit shows more")


def _say_trouble(source: "MarketSource") -> None:
    if source.ok:
        return
    age = "never answered" if source.age_s is None else f"last answered {source.age_s:.0f} s ago"
    say(f"{source.name}: {age}: {source.error or 'no answer'}")
