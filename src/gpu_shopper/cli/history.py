"""`gpu-shopper history`: what offers have cost, and whether now is a good time."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

import click
import msgspec

from gpu_shopper.cli.filters import as_asked, narrowed_by
from gpu_shopper.cli.render import Column, output_option, say, show, show_json
from gpu_shopper.cli.situation import Situation
from gpu_shopper.cli.sparkline import sparkline
from gpu_shopper.wire.figures import money

if TYPE_CHECKING:
    from gpu_shopper.wire.history import PriceFamily, PriceHistory

_PAGE = 100
_MOST = 1_000


def _kind(family: "PriceFamily") -> str:
    part = "" if family.gpu_fraction == 1 else f"{family.gpu_fraction:g} of one"
    return ", ".join(filter(None, ("spot" if family.interruptible else "", part)))


_FAMILY: tuple[Column["PriceFamily"], ...] = (
    Column("GPU", lambda family: family.gpu_type),
    Column("N", lambda family: family.gpu_count, right=True),
    Column("Kind", _kind),
    Column("Cloud", lambda family: family.provider),
    Column("Country", lambda family: family.country),
    Column("Now USD/h", lambda family: money(family.summary.now), right=True),
    Column("Lowest", lambda family: money(family.summary.lowest), right=True),
    Column("Median", lambda family: money(family.summary.median), right=True),
    Column("Highest", lambda family: money(family.summary.highest), right=True),
    Column("Hours", lambda family: family.summary.hours, right=True),
)
_VERDICT: Column["PriceFamily"] = Column("Now is", lambda family: family.summary.verdict)


def _price_now(family: "PriceFamily") -> tuple[bool, float]:
    gpus = family.gpu_count * family.gpu_fraction
    now = family.summary.now
    return now is None, (family.summary.median if now is None else now) / gpus


@click.command()
@click.argument("gpu", nargs=-1)
@narrowed_by("gpus", "provider", "country", "interruptible")
@click.option(
    "--hours",
    type=click.IntRange(1, 720),
    default=168,
    show_default=True,
    help="So far back; at most 30 days.",
)
@click.option(
    "--limit",
    type=click.IntRange(1, _MOST),
    default=20,
    show_default=True,
    help="Most families of offers to list.",
)
@output_option
@click.pass_obj
def history(
    situation: Situation,
    /,
    *,
    gpu: tuple[str, ...],
    hours: int,
    limit: int,
    output: str,
    **filters: Any,
) -> None:
    """Show what offers have cost, and whether now is a good time: the cheapest per GPU first.

    \b
    Examples:
      gpu-shopper history H100
      gpu-shopper history "RTX 4090" --on-demand --hours 720
      gpu-shopper history H100 --gpus 8 -o json | jq '.[0].points'
    """
    page = _all(situation, {"gpu_type": list(gpu), "hours": hours, **as_asked(filters)})
    families = sorted(page.families, key=_price_now)[:limit]
    if output == "json":
        show_json(families)
        return
    nothing = "no price is known yet: they are written down once an hour while the server runs"
    if output == "csv" or not families:
        show(families, (*_FAMILY, _VERDICT), output, nothing=nothing)
        return
    show(families, (*_FAMILY, _line(page.since, hours), _VERDICT), output)
    if len(families) == 1:
        say(families[0].summary.says)
    if page.next_cursor:
        say(f"only {len(page.families)} families were looked at: ask for fewer")
    elif len(page.families) > limit:
        say(f"{limit} of {len(page.families)} families; --limit shows more")


def _all(situation: Situation, given: Any) -> "PriceHistory":
    """Return all families as if they were one page: the cheapest may be the last in their order."""
    families: list[PriceFamily] = []
    cursor = ""
    while True:
        page = situation.shopper.price_history(**given, limit=_PAGE, cursor=cursor)
        families += page.families
        cursor = page.next_cursor or ""
        if not cursor or len(families) >= _MOST:
            return msgspec.structs.replace(page, families=families)


def _line(since: datetime, hours: int) -> Column["PriceFamily"]:
    return Column(
        f"{hours} hours", lambda family: sparkline(family.points, since=since, hours=hours)
    )
