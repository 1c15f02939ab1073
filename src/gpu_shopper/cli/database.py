"""`gpu-shopper backup`, `restore` and `migrate`: the database, without the server."""

from pathlib import Path

import click

from gpu_shopper.cli.render import say
from gpu_shopper.cli.situation import Situation


@click.command()
@click.argument("target", type=click.Path(path_type=Path, dir_okay=False))
@click.pass_obj
def backup(situation: Situation, /, *, target: Path) -> None:
    """Copy the database to TARGET while it is in use, and check the copy.

    The deployment's key is not in it: keep `deployment.key` of the data folder as well.

    \b
    Examples:
      gpu-shopper backup shopper-2026-01-31.db
    """
    from gpu_shopper.bootstrap import backup_database

    if target.exists():
        raise click.UsageError(f"{target} exists; nothing was overwritten")
    backup_database(situation.settings, target)
    say(f"{situation.settings.database} is copied to {target}")


@click.command()
@click.argument("source", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--replace", is_flag=True, help="Put the database that is there aside.")
@click.pass_obj
def restore(situation: Situation, /, *, source: Path, replace: bool) -> None:
    """Put the backup SOURCE in place of the database. No server may run on it.

    What the clouds hold beyond the backup is found by the next server's first sweep.

    \b
    Examples:
      gpu-shopper restore shopper-2026-01-31.db --replace
    """
    from gpu_shopper.bootstrap import restore_database

    aside = restore_database(situation.settings, source, replace=replace)
    say(f"{source} is now {situation.settings.database}")
    if aside is not None:
        say(f"the database that was there is {aside}")


@click.command()
@click.pass_obj
def migrate(situation: Situation, /) -> None:
    """Bring the database to this version's schema, with a backup first.

    A server does the same when it starts.

    \b
    Examples:
      gpu-shopper migrate
    """
    import asyncio

    from gpu_shopper.bootstrap import migrate_database

    asyncio.run(migrate_database(situation.settings))
    say(f"{situation.settings.database} has this version's schema")
