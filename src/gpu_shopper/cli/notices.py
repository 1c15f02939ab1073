"""`gpu-shopper notices`: what operators must know."""

from typing import TYPE_CHECKING

import click

from gpu_shopper.cli.render import Column, output_option, show
from gpu_shopper.cli.situation import Situation

if TYPE_CHECKING:
    from gpu_shopper.wire.operations import NoticeBody

_COLUMNS: tuple[Column["NoticeBody"], ...] = (
    Column("At", lambda notice: notice.at),
    Column("Kind", lambda notice: notice.kind),
    Column("What", lambda notice: notice.text),
    Column("Delivered", lambda notice: notice.delivered_at),
)


@click.command()
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
@output_option
@click.pass_obj
def notices(situation: Situation, /, *, limit: int, output: str) -> None:
    """Show what operators must know, the newest first.

    \b
    Examples:
      gpu-shopper notices
      gpu-shopper notices --limit 500 -o json
    """
    show(situation.shopper.notices(limit=limit), _COLUMNS, output, nothing="no notices")
