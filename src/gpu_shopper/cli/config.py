"""`gpu-shopper config`: the settings as they stand."""

from typing import TYPE_CHECKING

import click

from gpu_shopper.cli.render import Column, output_option, show
from gpu_shopper.cli.situation import Situation

if TYPE_CHECKING:
    from gpu_shopper.settings import Described

_COLUMNS: tuple[Column["Described"], ...] = (
    Column("Setting", lambda setting: setting.name),
    Column("Value", lambda setting: f"{setting.value} {setting.unit}".rstrip()),
    Column("From", lambda setting: setting.source),
    Column("Meaning", lambda setting: setting.doc),
)


@click.group()
def config() -> None:
    """Show the settings and where they come from.

    \b
    Examples:
      gpu-shopper config show
    """


@config.command("show")
@output_option
@click.pass_obj
def show_settings(situation: Situation, /, *, output: str) -> None:
    """Show every setting, its value and who set it; secrets are hidden.

    \b
    Examples:
      gpu-shopper config show
      gpu-shopper config show -o json
    """
    from gpu_shopper.settings import describe

    show(describe(situation.settings), _COLUMNS, output)
