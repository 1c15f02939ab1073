"""How an account's requests are sent: with its key, at its pace, a destroy before all others, each once."""

import asyncio
import json
from datetime import UTC, datetime, timedelta

import pytest

from gpu_shopper.domain.quirks import Quirks
from gpu_shopper.ports.http import HttpReply, HttpRequest, NoAnswer, NotSent
from gpu_shopper.ports.provider import at_leisure
from gpu_shopper.ports.provider_errors import Ambiguous, Unauthorized, Unavailable
from gpu_shopper.transport.answers import Dialect
from gpu_shopper.transport.calling import Call, Caller


class Clock:
    """Sleeping moves it; it remembers each sleep."""

    def __init__(self) -> None:
        self.at = 0.0
        self.slept: list[float] = []

    def now(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=self.at)

    def monotonic(self) -> float:
        return self.at

    async def sleep(self, seconds: float) -> None:
        self.slept.append(round(seconds, 6))
        self.at += seconds


class Door:
    def __init__(
        self, *, status: int = 200, body: object = None, fails: Exception | None = None
    ) -> None:
        self.asked: list[HttpRequest] = []
        self._reply = HttpReply(status=status, headers={}, body=json.dumps(body).encode())
        self._fails = fails

    async def request(self, request: HttpRequest) -> HttpReply:
        self.asked.append(request)
        if self._fails is not None:
            raise self._fails
        return self._reply


def caller(door: Door, clock: Clock | None = None, **dialect: object) -> Caller:
    return Caller(
        door, clock or Clock(), url="http://x.test/v1/", headers={"authorization": "Bearer secret"},
        quirks=Quirks(requests_per_second=2, burst=2), dialect=Dialect(**dialect),
    )  # fmt: skip


def test_a_request_carries_the_key_in_its_headers_and_the_query_in_its_address() -> None:
    door = Door()

    asyncio.run(
        caller(door).read(
            Call(path="/things", query={"a": "b c", "n": 2, "no": None}, what="things")
        )
    )

    assert door.asked[0].url == "http://x.test/v1/things?a=b+c&n=2"
    assert door.asked[0].headers == {"accept": "application/json", "authorization": "Bearer secret"}
    assert door.asked[0].body == b""


def test_a_body_is_sent_as_json_an_empty_one_too() -> None:
    door = Door()

    asyncio.run(caller(door).ask(Call(method="DELETE", path="/t", body={}, what="t")))

    assert door.asked[0].body == b"{}"
    assert door.asked[0].headers["content-type"] == "application/json"


def test_the_pages_of_a_long_list_are_asked_for_at_the_clouds_pace() -> None:
    clock = Clock()
    there = caller(Door(), clock)

    async def pages() -> None:
        for _ in range(5):
            await there.read(Call(path="/p", what="p"))

    asyncio.run(pages())
    assert clock.slept == [0.5, 0.5, 0.5]


def test_neither_a_destroy_nor_a_create_waits_for_those_in_line() -> None:
    clock = Clock()
    there = caller(Door(), clock)

    async def busy() -> None:
        for _ in range(2):
            await there.read(Call(path="/p", what="p"))
        await there.ask(Call(method="DELETE", path="/d", what="d", urgent=True))
        await there.order(Call(method="POST", path="/c", body={}, what="c"))

    asyncio.run(busy())
    assert clock.slept == []


@pytest.mark.parametrize(
    ("fails", "of_a_read", "of_an_order"),
    [(NotSent("x"), Unavailable, Unavailable), (NoAnswer("x"), Unavailable, Ambiguous)],
)
def test_no_answer_to_an_order_is_ambiguous_where_it_may_have_arrived(
    fails: Exception, of_a_read: type[Exception], of_an_order: type[Exception]
) -> None:
    with pytest.raises(of_a_read) as read:
        asyncio.run(caller(Door(fails=fails)).read(Call(path="/p", what="p")))
    with pytest.raises(of_an_order) as ordered:
        asyncio.run(caller(Door(fails=fails)).order(Call(method="POST", path="/c", what="c")))

    assert (type(read.value), type(ordered.value)) == (of_a_read, of_an_order)


def test_a_refused_key_may_be_told_in_the_clouds_own_words() -> None:
    door = Door(status=404, body={"error": "nope", "message": "Invalid user key"})

    with pytest.raises(Unauthorized):
        asyncio.run(
            caller(door, phrases={"invalid user key": Unauthorized}).read(Call(path="/p", what="p"))
        )
    with pytest.raises(Unavailable):
        asyncio.run(caller(door).read(Call(path="/p", what="p")))


class Stepped(Clock):
    """Time that moves when everybody sleeps, to whoever wakes first."""

    def __init__(self) -> None:
        super().__init__()
        self._sleepers: list[tuple[float, int, asyncio.Event]] = []

    async def sleep(self, seconds: float) -> None:
        woken = asyncio.Event()
        self._sleepers.append((self.at + seconds, len(self.slept), woken))
        self.slept.append(seconds)
        await woken.wait()

    async def live(self, *tasks: asyncio.Task) -> None:
        while not all(task.done() for task in tasks):
            for _ in range(5):
                await asyncio.sleep(0)
            if self._sleepers:
                self._sleepers.sort()
                self.at, _, woken = self._sleepers.pop(0)
                woken.set()


async def at_ease(asked: Caller, call: Call) -> None:
    with at_leisure():
        await asked.read(call)


def test_pages_of_a_menu_let_a_look_at_what_bills_pass() -> None:
    async def ask_for_all() -> list[str]:
        door, clock = Door(), Stepped()
        asked = caller(door, clock)
        pages = [
            asyncio.create_task(at_ease(asked, Call(path=f"/page-{number}", what="offers")))
            for number in range(6)
        ]
        await asyncio.sleep(0)
        look = asyncio.create_task(asked.read(Call(path="/instance", what="instance")))
        await clock.live(*pages, look)
        return [request.url.rpartition("/")[2] for request in door.asked]

    order = asyncio.run(ask_for_all())

    assert ["page-0", "page-1", "instance"] == order[:3]
    assert 7 == len(order)


def test_a_page_of_a_menu_does_not_wait_for_a_lull_for_ever() -> None:
    async def ask_on_and_on() -> float:
        door, clock = Door(), Stepped()
        asked = caller(door, clock)

        async def crowd() -> None:
            for _ in range(200):
                await asked.read(Call(path="/instance", what="instance"))

        crowds = [asyncio.create_task(crowd()) for _ in range(4)]
        await asyncio.sleep(0)
        page = asyncio.create_task(at_ease(asked, Call(path="/p", what="offers")))
        await clock.live(page)
        for task in crowds:
            task.cancel()
        return clock.at

    assert 30 <= asyncio.run(ask_on_and_on()) < 40
