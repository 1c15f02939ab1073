"""API tokens: who may ask. Only hashes are kept; a secret is shown once."""

from datetime import timedelta
from math import inf

from gpu_shopper.commands.desk import Desk
from gpu_shopper.domain.caller import Caller
from gpu_shopper.domain.errors import Forbidden, Invalid, NotFound, Unauthenticated
from gpu_shopper.domain.ids import BITS, ConsumerId, TokenId, token_id
from gpu_shopper.ports.books import Book, TokenKind, TokenRecord
from gpu_shopper.ports.vault import Secret

# What another server of the same book has done to tokens is noticed after so long; what this one did, at once.
_BELIEVED_S = 1.0
_MOST_REMEMBERED = 1_000
_PREFIXES = {TokenKind.ADMIN: "cgs_adm", TokenKind.CONSUMER: "cgs_pat"}


class TokenCommands:
    """Makes, revokes and checks API tokens."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._any_exist = False
        self._none_until = -inf
        # What was read of a token lately, by the hash of its secret, and how long it is believed.
        self._read: dict[str, tuple[float, TokenRecord]] = {}
        self._revoked = 0

    async def create(
        self,
        *,
        kind: TokenKind,
        consumer_id: ConsumerId | None,
        name: str,
        lifetime: timedelta | None,
        by: Caller,
    ) -> tuple[TokenRecord, Secret]:
        """Make a token; its secret is not kept.

        Raises:
            Forbidden: only operators make tokens.
            Invalid: a consumer token without its consumer, or the other way round.
        """
        if not by.is_operator:
            raise Forbidden("only an operator may make tokens")
        if (kind is TokenKind.CONSUMER) != (consumer_id is not None):
            raise Invalid(
                "a consumer token, and only that, names its consumer", path="$.consumer_id"
            )
        desk = self._desk
        now = desk.clock.now()
        secret = desk.vault.new_token(prefix=_PREFIXES[kind])
        record = TokenRecord(
            id=token_id(desk.chance.draw_bits(BITS)),
            kind=kind,
            consumer_id=consumer_id,
            name=name,
            secret_hash=desk.vault.hash_token(secret.text),
            created_at=now,
            expires_at=None if lifetime is None else now + lifetime,
        )
        await desk.books.write(lambda book: _add(book, record))
        self._any_exist = True
        return record, secret

    async def revoke(self, token: TokenId, *, by: Caller) -> None:
        """Make a token worthless at once.

        Raises:
            NotFound: there is no such live token.
        """
        if not by.is_operator:
            raise Forbidden("only an operator may revoke tokens")
        now = self._desk.clock.now()
        if not await self._desk.books.write(lambda book: book.tokens.revoke(token, at=now)):
            message = f"there is no live token {token}"
            raise NotFound(message)
        # What is being read at this moment may be older than this.
        self._revoked += 1
        self._read.clear()

    async def authenticate(self, secret: str) -> Caller:
        """Return who a token speaks for.

        Raises:
            Unauthenticated: it is unknown, revoked or expired.
        """
        now = self._desk.clock.now()
        token = await self._known(self._desk.vault.hash_token(secret))
        if token is None:
            raise Unauthenticated("this token is not known")
        if token.revoked_at is not None or (
            token.expires_at is not None and now >= token.expires_at
        ):
            raise Unauthenticated(
                "this token is revoked or expired", hint="ask an operator for a new one"
            )
        return Caller(name=f"token:{token.name or token.id}", consumer_id=token.consumer_id)

    async def any_exist(self) -> bool:
        """Return whether a token was ever made: from then on, all must show one."""
        now = self._desk.clock.monotonic()
        if not self._any_exist and now >= self._none_until:
            self._any_exist = bool(await self._desk.books.read(lambda book: book.tokens.list()))
            self._none_until = now + _BELIEVED_S
        return self._any_exist

    async def _known(self, hashed: str) -> TokenRecord | None:
        """Return a token as it stands in the book, or stood there a moment ago: each request shows one."""
        now, revoked = self._desk.clock.monotonic(), self._revoked
        believed_until, token = self._read.get(hashed, (-inf, None))
        if token is not None and now < believed_until:
            return token
        token = await self._desk.books.read(lambda book: book.tokens.by_hash(hashed))
        if token is not None and revoked == self._revoked:
            if len(self._read) >= _MOST_REMEMBERED:
                self._read.clear()
            self._read[hashed] = now + _BELIEVED_S, token
        return token


def _add(book: Book, record: TokenRecord) -> None:
    # From the first token on all must show one: were it a consumer's, nobody could administer any more.
    if record.kind is TokenKind.CONSUMER and not book.tokens.list():
        raise Invalid(
            "the first token must be an admin token",
            path="$.kind",
            hint="make one first: gpu-shopper token create --admin",
        )
    book.tokens.add(record)
