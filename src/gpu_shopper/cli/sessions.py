"""`gpu-shopper sessions`: list, look, follow, prolong and end."""

from typing import TYPE_CHECKING

import click

from gpu_shopper.cli.keys import KeyRing
from gpu_shopper.cli.phases import progress
from gpu_shopper.cli.render import Column, output_option, say, show, show_json, show_one
from gpu_shopper.cli.session_columns import COLUMNS, FIELDS
from gpu_shopper.cli.situation import Situation

if TYPE_CHECKING:
    from gpu_shopper.wire.sessions import EventBody, SessionBody, SessionExtended

STATES = ("pending", "provisioning", "running", "stopping", "stopped", "failed")
LIVE = ("pending", "provisioning", "running", "stopping")

_EVENTS: tuple[Column["EventBody"], ...] = (
    Column("N", lambda event: event.sequence, right=True),
    Column("At", lambda event: event.at),
    Column("What", lambda event: event.kind),
    Column("Who", lambda event: event.actor),
    Column("Details", lambda event: " ".join(f"{k}={v}" for k, v in event.details.items())),
)

_EXTENDED: tuple[Column["SessionExtended"], ...] = (
    Column("Session", lambda extended: extended.session_id),
    Column("Ends", lambda extended: extended.new_expires_at),
)


@click.group()
def sessions() -> None:
    """List, follow, prolong and end sessions.

    \b
    Examples:
      gpu-shopper sessions list
      gpu-shopper sessions done SESSION
    """


@sessions.command("list")
@click.option("--status", type=click.Choice(STATES), multiple=True, help="May be repeated.")
@click.option("--all", "also_ended", is_flag=True, help="Those that have ended, too.")
@click.option("--consumer", metavar="NAME", help="Only those of one consumer.")
@click.option("--provider", metavar="NAME", help="Only those at one cloud.")
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True)
@output_option
@click.pass_obj
def list_sessions(
    situation: Situation, /, *, status: tuple[str, ...], also_ended: bool, consumer: str | None,
    provider: str | None, limit: int, output: str,
) -> None:  # fmt: skip
    """List sessions, newest first.

    \b
    Examples:
      gpu-shopper sessions list
      gpu-shopper sessions list --all --consumer me -o csv
    """
    from itertools import islice

    wanted = list(status) or (None if also_ended else list(LIVE))
    found = situation.shopper.sessions(status=wanted, consumer_id=consumer, provider=provider)
    show(
        islice(found, limit),
        COLUMNS,
        output,
        nothing="no session" if also_ended else "no live session",
    )


@sessions.command()
@click.argument("session")
@click.option("--diagnostics", is_flag=True, help="What the engine knows of it, as JSON.")
@output_option
@click.pass_obj
def get(situation: Situation, /, *, session: str, diagnostics: bool, output: str) -> None:
    """Show one session.

    \b
    Examples:
      gpu-shopper sessions get SESSION
      gpu-shopper sessions get SESSION --diagnostics
    """
    if diagnostics:
        show_json(situation.shopper.diagnostics(session))
    else:
        show_one(situation.shopper.get(session), FIELDS, output)


@sessions.command()
@click.argument("session")
@output_option
@click.pass_obj
def watch(situation: Situation, /, *, session: str, output: str) -> None:
    """Follow a session until it has ended; Ctrl-C leaves it as it is.

    \b
    Examples:
      gpu-shopper sessions watch SESSION
    """
    show_one(_followed(situation, session), FIELDS, output)


@sessions.command()
@click.argument("session")
@click.option("--wait/--no-wait", default=False, help="Wait until it is proved gone.")
@output_option
@click.pass_obj
def done(situation: Situation, /, *, session: str, wait: bool, output: str) -> None:
    """Say that you are finished with a session.

    \b
    Examples:
      gpu-shopper sessions done SESSION --wait
    """
    ended = situation.shopper.done(session)
    _after(situation, ended.session, wait=wait, output=output)


@sessions.command()
@click.argument("session")
@click.option("--wait/--no-wait", default=False, help="Wait until it is proved gone.")
@output_option
@click.pass_obj
def delete(situation: Situation, /, *, session: str, wait: bool, output: str) -> None:
    """End a session now; may be said any number of times.

    \b
    Examples:
      gpu-shopper sessions delete SESSION --wait
    """
    ended = situation.shopper.delete(session)
    _after(situation, ended.session, wait=wait, output=output)


@sessions.command()
@click.argument("session")
@click.argument("hours", type=int)
@click.option("--override-hard-max", is_flag=True, help="Past the 12 hours; for operators.")
@output_option
@click.pass_obj
def extend(
    situation: Situation, /, *, session: str, hours: int, override_hard_max: bool, output: str
) -> None:
    """Prolong a session by so many hours.

    \b
    Examples:
      gpu-shopper sessions extend SESSION 2
    """
    extended = situation.shopper.extend(session, hours, override_hard_max=override_hard_max)
    show_one(extended, _EXTENDED, output)


@sessions.command()
@click.argument("session")
@output_option
@click.pass_obj
def events(situation: Situation, /, *, session: str, output: str) -> None:
    """Tell a session's history.

    \b
    Examples:
      gpu-shopper sessions events SESSION -o json
    """
    show(situation.shopper.events(session), _EVENTS, output, nothing="nothing happened yet")


def _after(situation: Situation, session: "SessionBody", *, wait: bool, output: str) -> None:
    if wait:
        session = _followed(situation, session.id)
    KeyRing(situation.keys_folder).forget_if_ended(session)
    show_one(session, FIELDS, output)
    if output == "table" and session.status == "stopping":
        say("the server sees to it that nothing is left: no need to wait")


def _followed(situation: Situation, session_id: str) -> "SessionBody":
    last: SessionBody | None = None
    with progress(situation) as tell:
        for last in situation.shopper.watch(session_id):
            tell(last)
    assert last is not None, session_id
    KeyRing(situation.keys_folder).forget_if_ended(last)
    return last
