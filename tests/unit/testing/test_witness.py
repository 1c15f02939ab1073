"""The witness: a lie is one at the moment at which it is told, about an instance that is alive."""

from dataclasses import replace

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


def fooled(stage: Stage, told: Told, *, reads: int, listings: int) -> bool:
    heard = stage.world.oracle.witness.listings_of("sandbox")
    return told.fooled(reads=reads, listings=listings, heard=heard)


def test_a_404_about_something_that_lives_is_a_lie_until_the_next_destroy() -> None:
    async def tell(stage: Stage) -> None:
        one = stage.ledger()[0].id
        told = stage.world.oracle.witness.of("sandbox", one)
        told.destroy_sent_at = stage.world.loop.time()
        _hear(stage, "GET", f"/{one}", status=404)
        _hear(stage, "GET", "", body='{"instances": [], "next_cursor": null, "total": 0}')

        assert fooled(stage, told, reads=1, listings=1)
        assert not fooled(stage, told, reads=2, listings=1)
        assert not fooled(stage, told, reads=1, listings=2)

        await stage.wait(1)
        _hear(stage, "DELETE", f"/{one}")

        assert not fooled(stage, told, reads=1, listings=1)

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


def test_what_was_true_counts_if_what_it_lacked_came_back() -> None:
    gone = Told(reads=[(5, False), (6, False)], listed=[3], destroy_sent_at=4)
    found = replace(gone, reads=[(5, False), (6, True)])
    listed = replace(gone, listed=[3, 9])
    earlier = replace(gone, reads=[(3, False), (6, False)])

    assert gone.fooled(reads=2, listings=2, heard=[3, 8, 9])
    assert not gone.fooled(reads=2, listings=2, heard=[2, 3, 9])
    assert not found.fooled(reads=2, listings=2, heard=[3, 8, 9])
    assert not listed.fooled(reads=2, listings=2, heard=[3, 8, 9])
    assert not earlier.fooled(reads=2, listings=2, heard=[3, 8, 9])


def test_what_nobody_can_read_says_nothing_of_what_it_is_about() -> None:
    async def tell(stage: Stage) -> None:
        (one,) = stage.alive()
        told = stage.world.oracle.witness.of("sandbox", one.id)
        before = list(told.reads)
        _hear(stage, "GET", f"/{one.id}", body='{"id": "i", "name": "n", "status": {"as": "?"}}')
        assert before == told.reads
        _hear(stage, "GET", f"/{one.id}", body='{"id": "i", "name": "n", "status": "moving"}')
        assert [*before, (stage.world.loop.time(), True)] == told.reads

    _with_an_instance(tell)
