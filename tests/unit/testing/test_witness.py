"""The witness: a lie is one at the moment at which it is told, about an instance that is alive."""

from gpu_shopper.ports.http import HttpReply, HttpRequest
from gpu_shopper.testing.scenarios import Script, Stage, play
from gpu_shopper.testing.witness import Told

_INSTANCES = "http://cloud.test/v1/instances"


def _hear(stage: Stage, method: str, target: str, status: int = 200, body: str = "") -> None:
    request = HttpRequest(method=method, url=_INSTANCES + target, headers={}, body=b"", timeout=1)
    reply = HttpReply(status=status, headers={}, body=body.encode())
    sent_at = stage.world.loop.time()
    stage.world.oracle.witness.hear(stage.cloud, request, reply, sent_at=sent_at)


def _with_an_instance(tell: Script) -> None:
    async def script(stage: Stage) -> None:
        session = await stage.request()
        await stage.until_state(session, "running")
        await tell(stage)
        await stage.finish(session)
        await stage.until_state(session, "stopped")

    assert [] == play(script).outcome.violations


def test_a_404_about_something_that_lives_is_a_lie_until_the_next_destroy() -> None:
    async def tell(stage: Stage) -> None:
        one = stage.ledger()[0].id
        told = stage.world.oracle.witness.of("sandbox", one)
        _hear(stage, "GET", f"/{one}", status=404)
        _hear(stage, "GET", "", body='{"instances": [], "next_cursor": null, "total": 0}')

        assert told.fooled(reads=1, listings=1)
        assert not told.fooled(reads=2, listings=1)
        assert not told.fooled(reads=1, listings=2)

        await stage.wait(1)
        _hear(stage, "DELETE", f"/{one}")

        assert not told.fooled(reads=1, listings=1)

    _with_an_instance(tell)


def test_a_listing_with_a_missing_part_tells_nothing() -> None:
    async def tell(stage: Stage) -> None:
        one = stage.ledger()[0].id
        told = stage.world.oracle.witness.of("sandbox", one)
        before = len(told.false_listings)
        _hear(stage, "GET", "", body='{"instances": [], "next_cursor": null, "total": 1}')
        _hear(stage, "GET", "", body='{"instances": [], "next_cursor": "2", "total": 0}')
        _hear(stage, "GET", "?cursor=2", status=500)
        _hear(stage, "GET", "?name=another", body='{"instances": [], "next_cursor": null}')
        _hear(stage, "GET", "", body="not JSON")

        assert before == len(told.false_listings)

    _with_an_instance(tell)


def test_what_was_shown_was_seen() -> None:
    async def tell(stage: Stage) -> None:
        one = stage.ledger()[0]
        await stage.wait(5)
        _hear(stage, "GET", f"/{one.id}")

        assert stage.world.loop.time() == stage.world.oracle.witness.of("sandbox", one.id).shown_at
        assert one.name in stage.world.oracle.witness.ids_told

    _with_an_instance(tell)


def test_a_read_that_was_true_counts_if_what_it_did_not_find_came_back() -> None:
    gone = Told(reads=[(5, False), (6, False)], false_listings=[8, 9], destroy_sent_at=4)
    shown = Told(reads=[(5, False), (6, True)], false_listings=[8, 9], destroy_sent_at=4)
    listed = Told(reads=[(5, False), (6, False)], false_listings=[9], destroy_sent_at=4)
    earlier = Told(reads=[(3, False), (6, False)], false_listings=[8, 9], destroy_sent_at=4)

    assert gone.fooled(reads=2, listings=2)
    assert not shown.fooled(reads=2, listings=2)
    assert not listed.fooled(reads=2, listings=2)
    assert not earlier.fooled(reads=2, listings=2)
