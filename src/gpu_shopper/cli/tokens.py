"""`gpu-shopper token`: who may ask. The first one is written into the database where no server runs."""

from typing import TYPE_CHECKING, Literal

import click

from gpu_shopper.cli.render import Column, output_option, say, show, show_json
from gpu_shopper.cli.situation import Situation
from gpu_shopper.client.errors import ServerUnreachable
from gpu_shopper.wire.operations import TokenBody, TokenCreated, TokenOrder

if TYPE_CHECKING:
    from gpu_shopper.ports.books import TokenRecord

LONGEST_DAYS = 366

_COLUMNS: tuple[Column[TokenBody], ...] = (
    Column("Token", lambda token: token.id),
    Column("Kind", lambda token: token.kind),
    Column("Consumer", lambda token: token.consumer_id),
    Column("Name", lambda token: token.name),
    Column("Made", lambda token: token.created_at),
    Column("Expires", lambda token: token.expires_at),
    Column("Revoked", lambda token: token.revoked_at),
)


@click.group()
def token() -> None:
    """Make, list and revoke tokens.

    \b
    Examples:
      gpu-shopper token create --admin
      gpu-shopper token list
    """


@token.command()
@click.option("--admin", is_flag=True, help="May do everything.")
@click.option(
    "--consumer", metavar="NAME", help="Speaks for one consumer, and sees only its things."
)
@click.option("--name", default="", metavar="TEXT", help="What it is for.")
@click.option("--days", type=click.IntRange(1, LONGEST_DAYS), default=90, show_default=True)
@click.option("--never-expires", is_flag=True)
@output_option
@click.pass_obj
def create(
    situation: Situation, /, *, admin: bool, consumer: str | None, name: str, days: int,
    never_expires: bool, output: str,
) -> None:  # fmt: skip
    """Make a token. Its secret is printed on stdout, once, and kept nowhere.

    Asks the server; where none answers, writes into the database of this machine.

    \b
    Examples:
      gpu-shopper token create --admin --name laptop
      GPU_SHOPPER_TOKEN=$(gpu-shopper token create --consumer me)
    """
    if admin == (consumer is not None):
        raise click.UsageError("say either --admin or --consumer NAME")
    kind: Literal["admin", "consumer"] = "admin" if admin else "consumer"
    order = TokenOrder(
        kind=kind, consumer_id=consumer, name=name, expires_in_days=None if never_expires else days
    )
    try:
        created = situation.shopper.create_token(order)
    except ServerUnreachable as error:
        if error.sent or situation.other_url is not None:
            raise
        say("no server answers: writing into the database of this machine")
        created = _offline(situation, order)
    if output != "table":
        show_json(created)
        return
    click.echo(created.secret)
    say(f"token {created.token.id}; set it as GPU_SHOPPER_TOKEN. It is not shown again.")


@token.command("list")
@output_option
@click.pass_obj
def list_tokens(situation: Situation, /, *, output: str) -> None:
    """List all tokens, without their secrets.

    \b
    Examples:
      gpu-shopper token list -o csv
    """
    show(situation.shopper.tokens(), _COLUMNS, output, nothing="no token: loopback only")


@token.command()
@click.argument("token_id", metavar="TOKEN")
@click.pass_obj
def revoke(situation: Situation, /, *, token_id: str) -> None:
    """Make a token worthless at once. TOKEN is its id, not its secret.

    \b
    Examples:
      gpu-shopper token revoke tok_0123
    """
    situation.shopper.revoke_token(token_id)
    say(f"token {token_id} is revoked")


def _offline(situation: Situation, order: TokenOrder) -> TokenCreated:
    import asyncio
    from datetime import timedelta

    from gpu_shopper.bootstrap import create_token_offline
    from gpu_shopper.ports.books import TokenKind

    days = order.expires_in_days
    record, secret = asyncio.run(
        create_token_offline(
            situation.settings,
            kind=TokenKind(order.kind),
            consumer=order.consumer_id,
            name=order.name,
            lifetime=None if days is None else timedelta(days=days),
        )
    )
    return TokenCreated(token=_body(record), secret=secret.text)


def _body(record: "TokenRecord") -> TokenBody:
    return TokenBody(
        id=record.id, kind=record.kind, consumer_id=record.consumer_id, name=record.name,
        created_at=record.created_at, expires_at=record.expires_at, revoked_at=record.revoked_at,
    )  # fmt: skip
