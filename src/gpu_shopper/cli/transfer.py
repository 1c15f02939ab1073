"""`gpu-shopper transfer`: files and folders to and from a session, over SFTP with the host key pinned."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from gpu_shopper.cli.keys import KeyRing
from gpu_shopper.cli.render import say
from gpu_shopper.cli.situation import Situation
from gpu_shopper.client import remote
from gpu_shopper.client.login import Login
from gpu_shopper.client.remote import Progress


@click.group()
def transfer() -> None:
    """Copy files to and from a session.

    \b
    Examples:
      gpu-shopper transfer upload SESSION train.py data/
      gpu-shopper transfer download SESSION results --to .
    """


@transfer.command()
@click.argument("session")
@click.argument("sources", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--to", "target", default=".", show_default=True, help="Place on the instance.")
@click.pass_obj
def upload(
    situation: Situation, /, *, session: str, sources: tuple[Path, ...], target: str
) -> None:
    """Copy files and folders to a session.

    \b
    Examples:
      gpu-shopper transfer upload SESSION train.py data/ --to work
    """
    login = _login(situation, session)
    with _bars(situation) as bars:
        remote.in_a_loop(remote.upload(login, sources, target, bars))
    say(f"copied to {session}:{target}")


@transfer.command()
@click.argument("session")
@click.argument("sources", nargs=-1, required=True)
@click.option(
    "--to", "target", default=".", show_default=True, type=click.Path(path_type=Path),
    help="Place on this machine.",
)  # fmt: skip
@click.pass_obj
def download(
    situation: Situation, /, *, session: str, sources: tuple[str, ...], target: Path
) -> None:
    """Copy files and folders from a session.

    \b
    Examples:
      gpu-shopper transfer download SESSION results/model.pt
    """
    login = _login(situation, session)
    with _bars(situation) as bars:
        remote.in_a_loop(remote.download(login, sources, target, bars))
    say(f"copied to {target}")


def _login(situation: Situation, session_id: str) -> Login:
    return KeyRing(situation.keys_folder).login(situation.shopper.get(session_id))


@contextmanager
def _bars(situation: Situation) -> Iterator[Progress | None]:
    """Show a bar for each file on a terminal, nothing elsewhere."""
    if not situation.draws:
        yield None
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        TaskID,
        TextColumn,
        TransferSpeedColumn,
    )
    from rich.progress import (
        Progress as Bars,
    )

    shown = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    tasks: dict[str, TaskID] = {}
    with Bars(*shown, console=Console(stderr=True)) as bars:

        def report(name: str, so_far: int, total: int) -> None:
            if name not in tasks:
                tasks[name] = bars.add_task(escape(Path(name).name), total=total)
            bars.update(tasks[name], completed=so_far)

        yield report
