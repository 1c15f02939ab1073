"""What a consumer waits for: the durable POST of a session, the create call that follows, lists and single sessions."""

import itertools
import json
import time
from collections.abc import Iterator

from _books import filled
from _load import Answers, Request, closed_loop, run
from _places import LAUNCHES_HANG, NOTHING_BOOTS, Place, Server, ask, place, until
from _table import Figure, options, percentile, show

from gpu_shopper.domain.lifecycle import State

_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl bench"
_FULL = 10_000
_LAUNCHES = 15


def _order(*, own_key: bool = True, offer_id: str = "") -> dict[str, object]:
    order: dict[str, object] = {
        "consumer_id": "bench",
        "workload_type": "interactive",
        "reservation_hours": 2,
        "max_price_per_hour": 100,
    }
    order |= {"offer_id": offer_id} if offer_id else {"requirements": {"gpu_types": ["RTX 4090"]}}
    return order | {"ssh_public_key": _KEY} if own_key else order


def _posts(**how: bool) -> Iterator[Request]:
    body = json.dumps(_order(**how)).encode()
    for number in itertools.count():
        key = (("idempotency-key", f"bench-{number}-{time.monotonic_ns()}"),)
        yield Request("POST", "/api/v1/sessions", body, key)


def _post_figures(here: Place, seconds: float) -> Iterator[Figure]:
    cloud = here.cloud()
    cloud.misbehave(*LAUNCHES_HANG)
    server = here.server(here.data(), **cloud.settings)
    server.await_ready()
    how = "loopback HTTP, synchronous=FULL; creates hang"

    def load(posts: Iterator[Request], *, clients: int) -> Answers:
        return run(closed_loop(server.url, posts, clients=clients, seconds=seconds)).expect(201)

    load(_posts(), clients=1)  # Warms up, and lets every launch that may hang do so.
    alone = load(_posts(), clients=1)
    pair = load(_posts(own_key=False), clients=1)
    many = load(_posts(), clients=16)
    yield Figure(
        what="POST session, 1 client, p50", value=alone.ms(0.5), unit="ms", target=8, how=how
    )
    yield Figure(what="  p99", value=alone.ms(0.99), unit="ms")
    yield Figure(what="  with a key pair made, p50", value=pair.ms(0.5), unit="ms", target=8)
    yield Figure(
        what="POST session, 16 clients",
        value=many.rate,
        unit="/s",
        target=500,
        more_is_better=True,
        how=how,
    )
    yield Figure(what="  p50", value=many.ms(0.5), unit="ms")
    yield Figure(what="  p99", value=many.ms(0.99), unit="ms")
    server.process.kill()


def _create_call_ms(here: Place) -> list[float]:
    """Return how long after each reply the cloud took the create call, by its own ledger; below zero if before."""
    cloud = here.cloud()
    cloud.misbehave(*NOTHING_BOOTS)
    server = here.server(here.data(), **cloud.settings)
    server.await_ready()
    # Each takes an offer of its own: one that is sold out would be asked for in vain first.
    _, menu = ask(server.url, "GET", f"/api/v1/inventory?gpu_type=RTX+4090&limit={_LAUNCHES}")
    found = []
    for number, offer in enumerate(menu["offers"]):
        status, answer = ask(server.url, "POST", "/api/v1/sessions", _order(offer_id=offer["id"]))
        replied_at = time.time()
        assert status == 201, answer
        entries = until("the create call", lambda known=number: cloud.ledger()[known:])  # type: ignore[misc]
        found.append((entries[-1]["created_at"] - replied_at) * 1000)
    server.process.kill()
    return found


def _read_figures(here: Place, seconds: float) -> Iterator[Figure]:
    data = here.data()
    rows = filled(data, count=_FULL, state=State.STOPPED)
    server = here.server(data, **here.cloud().settings)
    server.await_ready()
    ids = [row.session.id for row in rows]

    def reads(paths: Iterator[str]) -> tuple[Answers, Answers]:
        requests = (Request("GET", path) for path in paths)
        alone = run(closed_loop(server.url, requests, clients=1, seconds=seconds / 2))
        many = run(closed_loop(server.url, requests, clients=16, seconds=seconds / 2))
        return alone.expect(200), many.expect(200)

    how = f"{_FULL:,} sessions in the file"
    first, first_many = reads(itertools.repeat("/api/v1/sessions?limit=100"))
    yield Figure(what="list 100 sessions, p50", value=first.ms(0.5), unit="ms", target=5, how=how)
    yield Figure(what="  p99", value=first.ms(0.99), unit="ms")
    yield Figure(what="  16 clients", value=first_many.rate, unit="/s")
    later, _ = reads(itertools.repeat(_deep_page(server)))
    yield Figure(what="list 100 after the 5,000th, p50", value=later.ms(0.5), unit="ms", target=5)
    own, _ = reads(f"/api/v1/sessions?consumer_id=consumer-{n % 20}" for n in itertools.count())
    yield Figure(what="list 100 of one consumer, p50", value=own.ms(0.5), unit="ms", target=5)
    one, one_many = reads(f"/api/v1/sessions/{ids[n * 7919 % _FULL]}" for n in itertools.count())
    yield Figure(what="get one session, p50", value=one.ms(0.5), unit="ms", target=2, how=how)
    yield Figure(what="  p99", value=one.ms(0.99), unit="ms")
    yield Figure(what="  16 clients", value=one_many.rate, unit="/s")
    metrics, _ = reads(itertools.repeat("/metrics"))
    yield Figure(what="/metrics, p50", value=metrics.ms(0.5), unit="ms", how="none of them open")
    yield Figure(what="memory after all that", value=server.memory_mb(), unit="MB")


def _deep_page(server: Server) -> str:
    path = "/api/v1/sessions?limit=500"
    for _ in range(10):
        _, page = ask(server.url, "GET", path)
        path = f"/api/v1/sessions?limit=500&cursor={page['next_cursor']}"
    return path.replace("limit=500", "limit=100")


def main() -> None:
    asked = options(__doc__, seconds=3.0)
    with place() as here:
        figures = list(_post_figures(here, asked.seconds))
        after = _create_call_ms(here)
        figures += [
            Figure(what="reply → create call sent, p50", value=percentile(after, 0.5), unit="ms", target=50, how=f"by the cloud's ledger, {_LAUNCHES} sessions"),
            Figure(what="  longest", value=max(after), unit="ms", target=50),
        ]  # fmt: skip
        figures += _read_figures(here, asked.seconds)
    show(figures, markdown=asked.markdown)


if __name__ == "__main__":
    main()
