"""`gpu-shopper fit`: what a language model takes to be served, and which offers have it."""

from typing import TYPE_CHECKING, Any

import click

from gpu_shopper.cli.filters import as_asked, narrowed_by
from gpu_shopper.cli.render import Column, output_option, say, show, show_json
from gpu_shopper.cli.situation import Situation
from gpu_shopper.wire.figures import gib, money, way_of

if TYPE_CHECKING:
    from gpu_shopper.wire.fit import FitReply, FitSplit, FittingOffer

_SPLITS: tuple[Column["FitSplit"], ...] = (
    Column("GPUs", lambda split: split.gpu_count, right=True),
    Column("Split", way_of),
    Column("Weights GiB", lambda split: gib(split.per_gpu.weights_bytes), right=True),
    Column("KV cache GiB", lambda split: gib(split.per_gpu.kv_cache_bytes), right=True),
    Column("Activations GiB", lambda split: gib(split.per_gpu.activations_bytes), right=True),
    Column("Overhead GiB", lambda split: gib(split.per_gpu.overhead_bytes), right=True),
    Column("Per GPU GiB", lambda split: gib(split.per_gpu.total_bytes), right=True),
    Column("VRAM from", lambda split: split.min_vram_gb, right=True),
    Column("Offers", lambda split: split.offers, right=True),
    Column("From USD/h", lambda split: money(split.cheapest_price_per_hour), right=True),
)

_OFFERS: tuple[Column["FittingOffer"], ...] = (
    Column("GPU", lambda fitting: fitting.offer.gpu_type),
    Column("N", lambda fitting: fitting.offer.gpu_count, right=True),
    Column("VRAM", lambda fitting: fitting.offer.vram_gb, right=True),
    Column("USD/h", lambda fitting: money(fitting.offer.price_per_hour), right=True),
    Column("Split", way_of),
    Column("Needs GiB", lambda fitting: gib(fitting.needed_bytes), right=True),
    Column("Has GiB", lambda fitting: gib(fitting.usable_bytes), right=True),
    Column("Region", lambda fitting: fitting.offer.region),
    Column("Reliable", lambda fitting: f"{fitting.offer.reliability:.3f}", right=True),
    Column("Cloud", lambda fitting: fitting.offer.provider),
    Column("Offer", lambda fitting: fitting.offer.id),
)


@click.command()
@click.argument("model", required=False)
@click.option("--quant", metavar="NAME", help="How weights are kept, for instance awq or q4_k_m.")
@click.option("--kv-quant", metavar="NAME", help="How the cache is kept, for instance fp8.")
@click.option("--context", metavar="TOKENS", help="Length of each text, for instance 32k.")
@click.option("--sequences", type=int, metavar="N", help="Texts at a time.")
@click.option("--runtime", metavar="NAME", help="vllm or llama.cpp.")
@click.option("--params", metavar="COUNT", help="Parameters of a model by hand, such as 32b.")
@click.option("--layers", type=int, metavar="N", help="Its layers.")
@click.option("--kv-heads", type=int, metavar="N", help="Its key-value heads.")
@click.option("--head-dim", type=int, metavar="N", help="The size of its heads.")
@click.option("--hidden", type=int, metavar="N", help="Its hidden size.")
@click.option("--heads", type=int, metavar="N", help="Its attention heads.")
@click.option("--vocab", type=int, metavar="N", help="The words of its vocabulary.")
@narrowed_by("gpu", "provider", "max_price", "interruptible")
@click.option(
    "--limit",
    type=click.IntRange(1, 1000),
    default=10,
    show_default=True,
    help="Most offers to list.",
)
@output_option
@click.pass_obj
def fit(situation: Situation, /, *, model: str | None, output: str, **given: Any) -> None:
    """Say what a language model needs, and which offers have it.

    \b
    Examples:
      gpu-shopper fit llama-3.1-70b --quant awq --context 32k
      gpu-shopper fit qwen3-32b --sequences 16 --max-price 3
      gpu-shopper fit --params 32b --layers 64 --kv-heads 8 --head-dim 128
    """
    reply = situation.shopper.fit(model, **as_asked(given))
    if output == "json":
        show_json(reply)
        return
    if output == "csv":
        show(reply.offers, _OFFERS, output)
        return
    _tell(reply)
    show(reply.offers, _OFFERS, output, nothing="no offer has room for it now")
    if reply.total > reply.count:
        say(f"{reply.count} of {reply.total} offers; --limit shows more")


def _tell(reply: "FitReply") -> None:
    load = reply.load
    click.echo(
        f"{reply.model.name}: {reply.model.params / 1e9:.4g} billion parameters in {load.quant}, "
        f"{load.sequences} × {load.context} tokens, {load.runtime}"
    )
    click.echo(
        f"Weights {gib(reply.weights_bytes)} GiB; "
        f"cache {reply.kv_cache_bytes_per_token / 1024:.4g} KiB a token"
    )
    click.echo("")
    show(reply.splits, _SPLITS, "table")
    click.echo("")
    for assumption in reply.assumptions:
        say(f"assumed: {assumption}")
