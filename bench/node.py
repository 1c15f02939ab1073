"""From a booted machine to a usable one: when `running` shows after the node was heard, and how long a login takes."""

import contextlib
import time
from collections.abc import Iterator
from datetime import datetime

from _places import Server, ask, place
from _table import Figure, options, percentile, show

from gpu_shopper.client import Shopper

_SESSIONS = 6
_LOGINS = 5
_LOOK_S = 0.004
_LIMIT_S = 30.0


def _first_look(server: Server, session_id: str) -> tuple[float, float]:
    """Watch a session closely; return when its node was first heard and when `running` was first seen."""
    heard_at, give_up_at = 0.0, time.monotonic() + _LIMIT_S
    while time.monotonic() < give_up_at:
        _, seen = ask(server.url, "GET", f"/api/v1/sessions/{session_id}")
        if not heard_at and seen["last_heartbeat_at"]:
            heard_at = datetime.fromisoformat(seen["last_heartbeat_at"]).timestamp()
        if seen["status"] == "running":
            return heard_at, time.time()
        time.sleep(_LOOK_S)
    raise TimeoutError(f"session {session_id} is not running: {seen}")


def _login_ms(shopper: Shopper, gpu: str) -> Iterator[float]:
    with shopper.session(gpu=gpu, hours=1) as session:
        session.run("true")
        for _ in range(_LOGINS):
            began = time.perf_counter()
            assert session.run("true").exit_code == 0
            yield (time.perf_counter() - began) * 1000


def main() -> None:
    asked = options(__doc__)
    with place() as here:
        server = here.server(here.data(), **here.cloud(boot_s=0.2).settings)
        server.await_ready()
        shopper = Shopper(server.url, consumer="bench")
        _, menu = ask(server.url, "GET", f"/api/v1/inventory?gpu_type=RTX+4090&limit={_SESSIONS}")
        visible, whole = [], []
        for offer in menu["offers"]:
            began = time.time()
            created = shopper.create_session(offer_id=offer["id"], hours=1)
            heard_at, running_at = _first_look(server, created.session.id)
            visible.append((running_at - heard_at) * 1000)
            whole.append(running_at - began)
            with contextlib.suppress(OSError):
                shopper.delete(created.session.id)
        logins = list(_login_ms(shopper, "RTX 3090"))
    figures = [
        Figure(what="node heard → running visible, p50", value=percentile(visible, 0.5), unit="ms", target=200, how=f"{_SESSIONS} sessions, looked at every {_LOOK_S * 1000:.0f} ms"),
        Figure(what="  longest", value=max(visible), unit="ms", target=200),
        Figure(what="POST → running, p50", value=percentile(whole, 0.5), unit="s", how="a machine that boots in 0.2 s, the agent's start included"),
        Figure(what="SSH login and one command, p50", value=percentile(logins, 0.5), unit="ms", target=1000, how=f"median of {_LOGINS}, Python client, the sandbox's SSH server"),
    ]  # fmt: skip
    show(figures, markdown=asked.markdown)


if __name__ == "__main__":
    main()
