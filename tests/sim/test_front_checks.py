"""What is asked at the front door sees what it is there to see."""

import asyncio
import json
from collections.abc import Awaitable, Callable

import pytest

from gpu_shopper.client.orders import order_of
from gpu_shopper.domain.conditions import EVERYTHING
from gpu_shopper.ports.http import HttpRequest
from gpu_shopper.stores.inline import Image
from gpu_shopper.testing import front_checks
from gpu_shopper.testing.asgi import Answered, Asked
from gpu_shopper.testing.front_checks import FrontRecord
from gpu_shopper.testing.loop import current_loop, run_simulation
from gpu_shopper.testing.scenarios import Scene, Stage, play
from gpu_shopper.testing.world import World
from gpu_shopper.wire.offers import OfferPage
from gpu_shopper.wire.sessions import SessionCreated, SessionOrder

MINE, OTHERS = "ses_" + "a" * 26, "ses_" + "b" * 26
ANN, BOB = "consumer-1", "consumer-2"


def created(record: FrontRecord, session: str, *, by: str = ANN, body: bytes = b"{}") -> None:
    asked = Asked(
        method="POST", path="/api/v1/sessions", headers={"Idempotency-Key": "key"}, body=body
    )
    answered = answer(201, {"session": {"id": session, "consumer_id": by}})
    front_checks.s12_one_key_one_session(record, asked, answered, caller=by)


def answer(status: int, body: object) -> Answered:
    return Answered(status=status, headers={}, body=json.dumps(body).encode())


def get(path: str) -> Asked:
    return Asked(method="GET", path=path, headers={})


def two_sessions_of_one_key(record: FrontRecord) -> None:
    created(record, MINE)
    created(record, OTHERS)


def one_session_of_two_bodies(record: FrontRecord) -> None:
    created(record, MINE)
    created(record, MINE, body=b"[]")


def anothers_session_in_a_list(record: FrontRecord) -> None:
    created(record, OTHERS, by=BOB)
    told = answer(200, {"sessions": [{"id": OTHERS}]})
    front_checks.s13_nothing_of_anothers(record, get("/api/v1/sessions"), told, caller=ANN)


def anothers_session_forbidden(record: FrontRecord) -> None:
    created(record, OTHERS, by=BOB)
    path = f"/api/v1/sessions/{OTHERS}"
    front_checks.s13_nothing_of_anothers(record, get(path), answer(403, {}), caller=ANN)


def a_token_in_an_answer(record: FrontRecord) -> None:
    record.learn("API token", "cgs_pat_secret")
    record.hear("GET /", b'{"detail": "cgs_pat_secret is not known"}')
    front_checks.s14_no_secret_leaves(record)


def a_token_in_the_book(record: FrontRecord) -> None:
    record.learn("API token", "cgs_pat_secret")
    record.memory.desk.raw.execute("CREATE TABLE notes (text TEXT)")
    record.memory.desk.raw.execute("INSERT INTO notes VALUES ('cgs_pat_secret')")
    front_checks.s14_no_secret_lies_open(record)


def a_session_that_is_gone(record: FrontRecord) -> None:
    created(record, MINE)
    front_checks.no_acknowledged_session_is_lost(record)


def a_fault_of_ours(record: FrontRecord) -> None:
    told = answer(500, {"code": "internal"})
    front_checks.no_fault_of_ours(record, get("/"), told, closing=False)


def a_book_that_fails_by_itself(record: FrontRecord) -> None:
    told = answer(503, {"code": "book_unavailable"})
    front_checks.no_fault_of_ours(record, get("/"), told, closing=False)


@pytest.mark.parametrize(
    ("wrong", "check"),
    [
        (two_sessions_of_one_key, "S12"),
        (one_session_of_two_bodies, "S12"),
        (anothers_session_in_a_list, "S13"),
        (anothers_session_forbidden, "S13"),
        (a_token_in_an_answer, "S14"),
        (a_token_in_the_book, "S14"),
        (a_session_that_is_gone, "front"),
        (a_fault_of_ours, "front"),
        (a_book_that_fails_by_itself, "front"),
    ],
)
def test_what_is_wrong_is_seen(wrong: Callable[[FrontRecord], None], check: str) -> None:
    assert {check} == violations_after(wrong)


def what_is_right(record: FrontRecord) -> None:
    created(record, MINE)
    created(record, MINE)
    created(record, OTHERS, by=BOB)
    path = f"/api/v1/sessions/{OTHERS}"
    told = answer(404, {"detail": f"there is no session {OTHERS}"})
    front_checks.s13_nothing_of_anothers(record, get(path), told, caller=ANN)
    front_checks.s14_no_secret_leaves(record)
    front_checks.s14_no_secret_lies_open(record)


def what_a_backup_did_not_hold(record: FrontRecord) -> None:
    created(record, MINE)
    record.oracle.rewound(to=0.0)
    record.follow_the_book()
    created(record, OTHERS)
    record.acknowledged.clear()


@pytest.mark.parametrize("right", [what_is_right, what_a_backup_did_not_hold])
def test_what_is_right_is_left_alone(right: Callable[[FrontRecord], None]) -> None:
    assert set() == violations_after(right)


def violations_after(story: Callable[[FrontRecord], None]) -> set[str]:
    async def tell() -> set[str]:
        world = World(Scene().profile(1), current_loop())
        await asyncio.sleep(1)
        story(world.record)
        return {violation.check for violation in world.oracle.violations}

    return run_simulation(tell(), seed=1)


async def a_world_with_callers() -> World:
    world = World(Scene().profile(1), current_loop())
    await world.accounts.open(world.profile.demand.names())
    world.open_house()
    await world.ready()
    return world


@pytest.mark.parametrize(("keeps", "expected"), [(True, []), (False, ["S13"])])
def test_a_revoked_token_that_is_served_is_seen(keeps: bool, expected: list[str]) -> None:
    async def tell() -> list[str]:
        world = await a_world_with_callers()
        if not keeps:
            world.memory.desk.raw.execute(
                "CREATE TRIGGER forgetful AFTER UPDATE OF revoked_at ON tokens"
                " WHEN NEW.revoked_at IS NOT NULL"
                " BEGIN UPDATE tokens SET revoked_at = NULL WHERE id = NEW.id; END"
            )
        await world.mischief.revoke()
        return [violation.check for violation in world.oracle.violations]

    assert expected == run_simulation(tell(), seed=1)


def test_a_token_whose_revocation_was_never_answered_may_be_served() -> None:
    async def tell() -> list[str]:
        world = await a_world_with_callers()
        assert world.house.life is not None
        world.house.life.process.kill(because="away for longer than anybody asks")
        asking = world.loop.spawn(world.mischief.revoke())
        while not asking.done() and not world.oracle.faults["token_revoked"]:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
        world.open_house()
        await asking
        return [violation.check for violation in world.oracle.violations]

    assert [] == run_simulation(tell(), seed=1)


SECRET = "cgs_pat_secret"


async def in_a_header(world: World) -> None:
    told = Answered(status=200, headers={"location": f"/?token={SECRET}"}, body=b"")
    world.record.hear_headers("GET /", told)


async def in_a_notice(world: World) -> None:
    body = json.dumps({"kind": "orphan", "id": "1", "text": SECRET}).encode()
    await world.webhook.request(
        HttpRequest(method="POST", url="https://a.test", body=body, timeout=5)
    )


async def in_a_metric(world: World) -> None:
    world.house.around.meter.count("provider_errors_total", provider=SECRET)
    world.hear_metrics()


@pytest.mark.parametrize("leak", [in_a_header, in_a_notice, in_a_metric])
def test_a_secret_is_seen_wherever_it_leaves(leak: Callable[[World], Awaitable[None]]) -> None:
    async def live() -> list[str]:
        world = World(Scene().profile(1), current_loop())
        await asyncio.sleep(1)
        world.record.learn("API token", SECRET)
        await leak(world)
        front_checks.s14_no_secret_leaves(world.record)
        return [violation.check for violation in world.oracle.violations]

    assert ["S14"] == run_simulation(live(), seed=1)


def test_what_was_forgotten_and_taken_in_again_is_owed_from_then_on() -> None:
    async def script(stage: Stage) -> None:
        session, record = await stage.request(), stage.world.record
        record.acknowledged[session] = stage.world.loop.time()
        await stage.wait(60)
        stage.world.oracle.rewound(to=0.0)
        record.follow_the_book()
        assert stage.world.loop.time() == record.acknowledged[session]
        await stage.until_state(session, "running")
        await stage.finish(session)

    play(script)


def the_book_is_put_back(world: World, image: Image, *, to: float) -> None:
    life = world.house.life
    assert life is not None, "it lives"
    life.process.kill(because="put back")
    world.memory.rewind(image)
    world.oracle.rewound(to=to)
    world.open_house()


async def ask_with_one_key(world: World) -> str:
    name, order = await an_order(world)
    made = await world.consumers.create(name, order, "one")
    assert isinstance(made, SessionCreated), made
    return made.session.id


async def an_order(world: World) -> tuple[str, SessionOrder]:
    name = world.profile.demand.names()[0]
    page = await world.accounts.insist(name, lambda shopper: shopper.inventory(limit=1))
    assert isinstance(page, OfferPage)
    life = world.house.life
    assert life is not None, "it answered"
    # The same kind each time: the cheapest offer itself is not shown any more once it was bought.
    cheapest = next(life.market.snapshot.matching(EVERYTHING))
    return name, order_of({"gpu": cheapest.gpu_type, "workload": "batch"}, consumer=name)


def lose_the_key(world: World) -> None:
    world.memory.desk.raw.execute("DELETE FROM idempotency_keys")


async def an_older_book(world: World) -> list[str]:
    image, at = world.memory.image(), world.oracle.now
    await asyncio.sleep(1)
    first = await ask_with_one_key(world)
    while not world.oracle.held:  # noqa: ASYNC110
        await asyncio.sleep(1)
    the_book_is_put_back(world, image, to=at)
    while world.oracle.book.session(first) is None:  # noqa: ASYNC110
        # Until it is taken in again, by its instance.
        await asyncio.sleep(1)
    return [first, await ask_with_one_key(world), await ask_with_one_key(world)]


async def an_older_book_and_then_a_lost_key(world: World) -> list[str]:
    made = await an_older_book(world)
    lose_the_key(world)
    return [*made, await ask_with_one_key(world)]


async def a_key_that_is_lost_after_the_book_was_put_back(world: World) -> list[str]:
    at = world.oracle.now
    first = await ask_with_one_key(world)
    # As if the backup had been taken after the commit, and before the answer.
    the_book_is_put_back(world, world.memory.image(), to=at)
    lose_the_key(world)
    return [first, await ask_with_one_key(world)]


async def a_key_that_is_in_no_backup(world: World) -> list[str]:
    first = await ask_with_one_key(world)
    lose_the_key(world)
    await asyncio.sleep(1)
    the_book_is_put_back(world, world.memory.image(), to=world.oracle.now)
    return [first, await ask_with_one_key(world)]


@pytest.mark.parametrize(
    ("story", "made", "expected"),
    [
        (an_older_book, 2, set()),
        (an_older_book_and_then_a_lost_key, 3, {"S12"}),
        (a_key_that_is_lost_after_the_book_was_put_back, 2, {"S12"}),
        (a_key_that_is_in_no_backup, 2, {"S12"}),
    ],
)
def test_a_key_is_forgotten_only_with_the_book_that_held_it(
    story: Callable[[World], Awaitable[list[str]]], made: int, expected: set[str]
) -> None:
    async def tell() -> None:
        world = await a_world_with_callers()
        assert made == len(set(await story(world)))
        assert expected == {violation.check for violation in world.oracle.violations}

    run_simulation(tell(), seed=1)


@pytest.mark.parametrize(("known_before", "expected"), [(True, set()), (False, {"S12"})])
def test_a_key_with_another_body_is_refused_unless_its_book_was_put_back_since_it_was_first_given(
    known_before: bool, expected: set[str]
) -> None:
    async def tell() -> None:
        world = await a_world_with_callers()
        image, at = world.memory.image(), world.oracle.now
        await asyncio.sleep(1)
        name, order = await an_order(world)
        before = world.consumers.rewinds()
        assert isinstance(await world.consumers.create(name, order, "one"), SessionCreated)
        # A disk that lied, between the answer and the next request.
        the_book_is_put_back(world, image, to=at)
        book = before if known_before else world.consumers.rewinds()
        await world.consumers.misuse_key(name, order, "one", book=book)
        assert expected == {violation.check for violation in world.oracle.violations}

    run_simulation(tell(), seed=1)
