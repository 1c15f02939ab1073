"""Tokens: shown once, kept as hashes, worthless when revoked or over."""

import asyncio
from datetime import timedelta

import pytest

from gpu_shopper.domain.errors import Forbidden, Invalid, NotFound, Unauthenticated
from gpu_shopper.domain.ids import token_id
from gpu_shopper.ports.books import TokenKind
from gpu_shopper.testing.builders import ALICE
from tests.unit.engine.house import AS_ALICE, OPERATOR, House, housed


async def make(house: House, kind: TokenKind = TokenKind.ADMIN, **changes: object):
    facts = {"consumer_id": None, "name": "laptop", "lifetime": None, "by": OPERATOR} | changes
    return await house.tokens.create(kind=kind, **facts)


@housed()
async def test_an_admin_token_speaks_for_the_deployment(house: House) -> None:
    _, secret = await make(house)

    caller = await house.tokens.authenticate(secret.text)
    assert (True, "token:laptop") == (caller.is_operator, caller.name)


@housed()
async def test_a_consumer_token_speaks_for_its_consumer_only(house: House) -> None:
    await make(house)
    _, secret = await make(house, TokenKind.CONSUMER, consumer_id=ALICE)

    caller = await house.tokens.authenticate(secret.text)
    assert (ALICE, False) == (caller.consumer_id, caller.is_operator)
    assert caller.may_see(ALICE)
    assert not caller.may_see("bob")


@housed()
async def test_the_secret_is_nowhere_in_the_book(house: House) -> None:
    record, secret = await make(house)

    stored = "\n".join(house.memory.desk.raw.iterdump())
    assert secret.text not in stored
    assert record.secret_hash in stored
    assert "•••" == str(secret)


@pytest.mark.parametrize("secret", ["", "cgs_adm_guess", "•••"])
@housed()
async def test_an_unknown_secret_speaks_for_nobody(house: House, secret: str) -> None:
    await make(house)

    with pytest.raises(Unauthenticated):
        await house.tokens.authenticate(secret)


@housed()
async def test_a_revoked_token_is_worthless_at_once(house: House) -> None:
    record, secret = await make(house)

    await house.tokens.revoke(record.id, by=OPERATOR)
    with pytest.raises(Unauthenticated, match="revoked or expired"):
        await house.tokens.authenticate(secret.text)
    with pytest.raises(NotFound):
        await house.tokens.revoke(record.id, by=OPERATOR)


@housed()
async def test_a_token_ends_at_its_time(house: House) -> None:
    _, secret = await make(house, lifetime=timedelta(hours=1))

    await house.clock.sleep(3599)
    await house.tokens.authenticate(secret.text)
    await house.clock.sleep(1)
    with pytest.raises(Unauthenticated):
        await house.tokens.authenticate(secret.text)


@housed()
async def test_only_operators_make_and_revoke_tokens(house: House) -> None:
    with pytest.raises(Forbidden):
        await make(house, by=AS_ALICE)
    with pytest.raises(Forbidden):
        await house.tokens.revoke(token_id(1), by=AS_ALICE)
    assert not await house.tokens.any_exist()


@pytest.mark.parametrize(
    ("kind", "consumer"), [(TokenKind.CONSUMER, None), (TokenKind.ADMIN, ALICE)]
)
@housed()
async def test_a_consumer_token_and_only_that_names_its_consumer(
    house: House, kind: TokenKind, consumer
) -> None:
    with pytest.raises(Invalid):
        await make(house, kind, consumer_id=consumer)


@housed()
async def test_a_token_that_cannot_be_revoked_is_told(house: House) -> None:
    with pytest.raises(NotFound):
        await house.tokens.revoke(token_id(1), by=OPERATOR)


@housed()
async def test_whether_tokens_exist_is_known_and_stays_so(house: House) -> None:
    assert not await house.tokens.any_exist()
    record, _ = await make(house)
    await house.tokens.revoke(record.id, by=OPERATOR)

    assert await house.tokens.any_exist()


@housed()
async def test_two_tokens_are_never_the_same(house: House) -> None:
    made = [await make(house) for _ in range(20)]

    assert 20 == len({secret.text for _, secret in made})
    assert 20 == len({record.id for record, _ in made})


@housed()
async def test_what_is_asked_again_and_again_is_read_once_a_second(house: House) -> None:
    record, secret = await make(house)
    await house.tokens.authenticate(secret.text)

    # Another server of the same book revokes it.
    await house.books.write(lambda book: book.tokens.revoke(record.id, at=house.now))

    assert await house.tokens.authenticate(secret.text)
    await house.clock.sleep(1)
    with pytest.raises(Unauthenticated):
        await house.tokens.authenticate(secret.text)


@housed()
async def test_a_token_that_is_revoked_here_is_worthless_to_a_request_that_was_reading_it(
    house: House,
) -> None:
    record, secret = await make(house)
    await asyncio.gather(
        house.tokens.authenticate(secret.text),
        house.tokens.revoke(record.id, by=OPERATOR),
        return_exceptions=True,
    )

    with pytest.raises(Unauthenticated):
        await house.tokens.authenticate(secret.text)


@housed()
async def test_the_first_token_is_noticed_at_once(house: House) -> None:
    assert not await house.tokens.any_exist()
    await make(house)
    assert await house.tokens.any_exist()
