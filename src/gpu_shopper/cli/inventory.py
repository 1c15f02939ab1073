"""`gpu-shopper inventory`: what can be rented now."""

import re
from typing import TYPE_CHECKING, Any

import click
import msgspec

from gpu_shopper.cli.filters import as_asked, narrowed_by
from gpu_shopper.cli.render import Column, output_option, say, show, show_json
from gpu_shopper.cli.situation import Situation
from gpu_shopper.wire.figures import money, notes_on, trouble_of

if TYPE_CHECKING:
    from gpu_shopper.client.errors import BadRequest
    from gpu_shopper.wire.offers import MarketSource, OfferBody, OfferPage

MOST = 100_000
PAGE = 500
USUALLY = 20
_QUOTED = re.compile(r""" "[^"]*" | '[^']*' """, re.VERBOSE)


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
    Column("Note", lambda offer: ", ".join(notes_on(offer))),
    Column("Offer", lambda offer: offer.id),
)


def _total(offer: "OfferBody") -> str:
    return "" if offer.effective_price is None else money(offer.effective_price.total, digits=2)


_COSTED: tuple[Column["OfferBody"], ...] = (
    *COLUMNS[:4],
    Column("True USD/h", lambda offer: money(offer.effective_price_per_hour), right=True),
    Column("Total", _total, right=True),
    *COLUMNS[4:],
)
COUNTS: tuple[Column[tuple[str, str, int]], ...] = (
    Column("By", lambda one: one[0]),
    Column("Value", lambda one: one[1] or "(not told)"),
    Column("Offers", lambda one: one[2], right=True),
)


@click.command()
@click.argument("query", nargs=-1)
@narrowed_by("gpu", "gpus")
@click.option("--min-gpus", "min_gpu_count", type=int, metavar="N", help="At least so many GPUs.")
@click.option("--min-vram", type=int, metavar="GB", help="Memory of each GPU.")
@narrowed_by("max_price", "provider", "region", "country")
@click.option("--min-reliability", type=float, metavar="SHARE", help="0 to 1.")
@click.option("--min-cuda", metavar="VERSION", help="For instance 12.4.")
@click.option("--min-disk", type=int, metavar="GB")
@click.option("--min-ram", type=int, metavar="GB")
@click.option("--min-vcpus", type=int, metavar="N")
@click.option("--min-inet-down", type=int, metavar="MBPS")
@narrowed_by("interruptible")
@click.option("--partial/--whole", default=None, help="Only parts of GPUs, or none.")
@click.option("--hours", type=float, metavar="H", help="Hours of use: show what they cost.")
@click.option("--disk", "disk_gb", type=int, metavar="GB", help="Disk of that use.")
@click.option("--traffic", "traffic_gb", type=int, metavar="GB", help="Traffic of that use.")
@click.option("--sort", metavar="ORDER", help="For instance price, -vram or price_per_tflops.")
@click.option(
    "--count-by",
    "facets",
    multiple=True,
    type=click.Choice(["gpu", "provider", "country"]),
    help="Count what matches instead of listing it; may be repeated.",
)
@click.option(
    "--limit",
    type=click.IntRange(1, MOST),
    help=f"Most offers to list; {USUALLY} if neither this nor the query says so.",
)
@output_option
@click.pass_obj
def inventory(
    situation: Situation,
    /,
    *,
    query: tuple[str, ...],
    output: str,
    limit: int | None,
    **filters: Any,
) -> None:
    """List what can be rented now, the cheapest first.

    With hours, disk or traffic, offers say what an hour costs in truth, all that is billed included, and are listed in
    that order.

    A QUERY says in one text what the options say one by one, and more; quote it, so that the shell leaves < and > alone.

    \b
    Examples:
      gpu-shopper inventory --gpu "RTX 4090" --max-price 0.50
      gpu-shopper inventory 'gpu in (H100, H200) vram>=80 price<3 !spot sort price/tflops'
      gpu-shopper inventory --gpu H100 --hours 6 --disk 200 --traffic 50
      gpu-shopper inventory --min-vram 80 --count-by gpu --count-by country
      gpu-shopper inventory -o json | jq '.[0].id'
    """
    from gpu_shopper.client.errors import BadRequest

    given: Any = as_asked(filters)
    text = given["q"] = " ".join(query)
    if limit is not None and _says("limit", text):
        raise click.UsageError("the query has a limit already: leave out --limit")
    costed = any(given[name] is not None for name in ("hours", "disk_gb", "traffic_gb"))
    if costed and not given["sort"] and not _says("sort", text):
        given["sort"] = "effective_price"
    try:
        page = _listed(situation, given, limit or USUALLY, one_page=_says("limit", text))
    except BadRequest as error:
        raise _marked(text, error) from None
    if given["facets"]:
        _show_counts(page, output)
    elif output == "json":
        show_json(page.offers)
    else:
        columns = _COSTED if costed else COLUMNS
        nothing = "no offer matches now" if page.offers else _why_nothing(text)
        show(page.offers, columns, output, nothing=nothing)
        _say_more(len(page.offers), page.total, output)
    for source in page.providers:
        _say_trouble(source)


def _why_nothing(text: str) -> str:
    """Return what to say where nothing matches: if no offer ever can, why."""
    from gpu_shopper.domain.query_contradictions import contradiction
    from gpu_shopper.domain.query_errors import QueryError
    from gpu_shopper.domain.query_language import parse

    try:
        because = contradiction(parse(text).condition)
    except QueryError:
        # A newer server may know more words.
        because = ""
    return f"no offer can match: {because}" if because else "no offer matches now"


def _says(keyword: str, text: str) -> bool:
    """Return whether the query has one of the words that end it; what stands in quotes is a text."""
    plain = _QUOTED.sub(" ", text)
    return re.search(rf"(?<![^\s)]){keyword}(?![^\s=])", plain, re.IGNORECASE) is not None


def _marked(text: str, error: "BadRequest") -> Exception:
    """Return the refusal, and where the query is not understood its place, which the server tells."""
    from gpu_shopper.domain.query_caret import caret_lines

    for problem in error.errors:
        if problem.position is not None:
            part, mark = caret_lines(text, position=problem.position, word=problem.word)
            sentence = f"{error.message}: {error.hint}" if error.hint else error.message
            return click.UsageError(f"{sentence}\n\n  {part}\n  {mark}")
    return error


def _listed(situation: Situation, given: Any, limit: int, *, one_page: bool) -> "OfferPage":
    """Return as many offers as are wanted as if they were one page; a query's own limit is the page's."""
    offers: list[OfferBody] = []
    cursor: str | None = None
    while True:
        size: Any = {} if one_page else {"limit": min(limit - len(offers), PAGE)}
        page = situation.shopper.inventory(**given, **size, cursor=cursor or "")
        offers += page.offers
        cursor = page.next_cursor
        if one_page or cursor is None or len(offers) >= limit or not page.offers:
            break
    return msgspec.structs.replace(page, offers=offers)


def _show_counts(page: "OfferPage", output: str) -> None:
    facets = page.facets or {}
    if output == "json":
        show_json(facets)
        return
    counts = [
        (name, value, count) for name, found in facets.items() for value, count in found.items()
    ]
    show(counts, COUNTS, output, nothing="no offer matches now")
    say(f"{page.total} offers match")


def _say_more(shown: int, total: int, output: str) -> None:
    if output == "table" and total > shown:
        say(f"{shown} of {total} offers; --limit shows more")


def _say_trouble(source: "MarketSource") -> None:
    if trouble := trouble_of(source):
        say(trouble)


@click.command()
@click.argument("offer")
@click.option(
    "--scope",
    type=click.Choice(["same_gpu", "same_vram", "any"]),
    default="same_gpu",
    show_default=True,
    help="The same GPU; any with its memory; any with as much memory in all.",
)
@click.option("--max-price", type=float, metavar="USD", help="Default: a tenth above the offer's.")
@click.option("--hours", type=float, metavar="N", help="Hours of use: say what they cost in truth.")
@click.option(
    "--disk", "disk_gb", type=int, metavar="GB", help="Size of the disk, billed with them."
)
@click.option(
    "--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="Most to list."
)
@output_option
@click.pass_obj
def alternatives(situation: Situation, /, *, offer: str, output: str, **filters: Any) -> None:
    """List what may stand in for an OFFER: what a retry would go through, the cheapest first.

    \b
    Examples:
      gpu-shopper alternatives sandbox:offer-0007
      gpu-shopper alternatives sandbox:offer-0007 --scope same_vram --max-price 2
      gpu-shopper alternatives sandbox:offer-0007 --hours 4 --disk 200
    """
    page = situation.shopper.alternatives(offer, **filters)
    if output == "json":
        show_json(page.offers)
        return
    costed = filters["hours"] is not None or filters["disk_gb"] is not None
    columns = _COSTED if costed else COLUMNS
    show(page.offers, columns, output, nothing="nothing may stand in for it now")
    _say_more(len(page.offers), page.total, output)
