"""`gpu-shopper shutdown`: end every live session of the caller, and wait until each is proved gone."""

from typing import TYPE_CHECKING

import click

from gpu_shopper.cli.failures import FAILED
from gpu_shopper.cli.keys import KeyRing
from gpu_shopper.cli.phases import progress
from gpu_shopper.cli.render import output_option, say, show
from gpu_shopper.cli.session_columns import COLUMNS
from gpu_shopper.cli.sessions import LIVE
from gpu_shopper.cli.situation import Situation
from gpu_shopper.client.errors import ApiError

if TYPE_CHECKING:
    from gpu_shopper.wire.sessions import SessionBody


@click.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--consumer", metavar="NAME", help="Whose sessions, instead of yours.")
@click.option("--all", "everybody", is_flag=True, help="Everybody's sessions; for operators.")
@click.option("--wait/--no-wait", default=True, show_default=True, help="Wait until each is gone.")
@output_option
@click.pass_obj
def shutdown(
    situation: Situation, /, *, yes: bool, consumer: str | None, everybody: bool, wait: bool,
    output: str,
) -> int:  # fmt: skip
    """End all of your sessions and see them gone.

    \b
    Examples:
      gpu-shopper shutdown
      gpu-shopper shutdown --yes --all
    """
    whose = None if everybody else consumer or situation.consumer
    live = list(situation.shopper.sessions(status=list(LIVE), consumer_id=whose))
    if not live:
        show(live, COLUMNS, output, nothing=f"no live session of {whose or 'anybody'}")
        return 0
    for session in live:
        say(f"{session.id}  {session.status}  {session.gpu_type or ''}  of {session.consumer_id}")
    if not yes:
        click.confirm(f"end {_counted(live)}?", abort=True, err=True)
    failed = [session for session in live if not _ended(situation, session)]
    seen = [_last(situation, session, wait=wait and session not in failed) for session in live]
    show(seen, COLUMNS, output)
    if failed:
        say(f"{_counted(failed)} could not be ended: {', '.join(s.id for s in failed)}")
        return FAILED
    return 0


def _ended(situation: Situation, session: "SessionBody") -> bool:
    # One that refuses must not keep the others from being ended.
    try:
        situation.shopper.delete(session.id)
    except ApiError as error:
        say(f"{session.id}: {error.message}")
        return False
    return True


def _last(situation: Situation, session: "SessionBody", *, wait: bool) -> "SessionBody":
    if not wait:
        return situation.shopper.get(session.id)
    last = session
    with progress(situation) as tell:
        for last in situation.shopper.watch(session.id):
            tell(last)
    KeyRing(situation.keys_folder).forget_if_ended(last)
    return last


def _counted(sessions: list["SessionBody"]) -> str:
    return f"{len(sessions)} session{'' if len(sessions) == 1 else 's'}"
