"""API tokens: who may ask. For operators only."""

from datetime import timedelta

from gpu_shopper.api.routes import Access, Ask, NoQuery, Reply, Route
from gpu_shopper.domain import errors
from gpu_shopper.domain.ids import ConsumerId, TokenId, is_id
from gpu_shopper.ports.books import TokenKind, TokenRecord
from gpu_shopper.wire.operations import Accepted, TokenBody, TokenCreated, TokenList, TokenOrder

_KIND = "tokens"
_PATH = "/api/v1/tokens"


async def create_token(ask: Ask[NoQuery, TokenOrder]) -> Reply:
    """Make a token. Its secret is in this reply and nowhere else."""
    order = ask.body
    days = order.expires_in_days
    record, secret = await ask.rooms.commands.tokens.create(
        kind=TokenKind(order.kind),
        consumer_id=None if order.consumer_id is None else ConsumerId(order.consumer_id),
        name=order.name,
        lifetime=None if days is None else timedelta(days=days),
        by=ask.caller,
    )
    body = TokenCreated(token=_body(record), secret=secret.text)
    return Reply(body, status=201, headers={"Location": f"{_PATH}/{record.id}"})


async def list_tokens(ask: Ask[NoQuery, None]) -> Reply:
    """List all tokens, newest first, without their secrets."""
    tokens = [_body(record) for record in await ask.rooms.queries.operations.tokens()]
    return Reply(TokenList(tokens=tokens, count=len(tokens)))


async def revoke_token(ask: Ask[NoQuery, None]) -> Reply:
    """Make a token worthless at once."""
    token_id = ask.path["token_id"]
    if not is_id(token_id, prefix="tok"):
        message = f"there is no token {token_id[:64]!r}"
        raise errors.NotFound(message, hint="list them with GET /api/v1/tokens")
    await ask.rooms.commands.tokens.revoke(TokenId(token_id), by=ask.caller)
    return Reply(Accepted(message=f"token {token_id} is revoked"))


def _body(record: TokenRecord) -> TokenBody:
    return TokenBody(
        id=record.id,
        kind=record.kind,
        consumer_id=record.consumer_id,
        name=record.name,
        created_at=record.created_at,
        expires_at=record.expires_at,
        revoked_at=record.revoked_at,
    )


ROUTES = (
    Route(
        method="POST",
        path=_PATH,
        answer=create_token,
        access=Access.OPERATOR,
        body=TokenOrder,
        reply=TokenCreated,
        status=201,
        tag=_KIND,
    ),
    Route(
        method="GET",
        path=_PATH,
        answer=list_tokens,
        access=Access.OPERATOR,
        reply=TokenList,
        tag=_KIND,
    ),
    Route(
        method="DELETE",
        path=_PATH + "/{token_id}",
        answer=revoke_token,
        access=Access.OPERATOR,
        reply=Accepted,
        tag=_KIND,
        refuses=(errors.NotFound,),
    ),
)
