"""Those who rent from a fleet, in threads: each asks at the next cloud, uses what it got for a while, and is done."""

import math
import random
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from gpu_shopper.client import Shopper
from gpu_shopper.client.errors import ShopperError

# A launch, its boot and, at the slowest, its turn in a line of launches.
_LAUNCH_S = 40.0
_LOOK_S = 3.0
# Whatever the next offer costs: a session that finds none within its usual cap holds nothing that could be lost.
_DEAREST_USD = 40.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """How many sessions are asked for, and in how many minutes. One lasts up to six minutes, in short runs less."""

    sessions: int
    minutes: float
    seed: int

    @property
    def lasts_s(self) -> tuple[float, float]:
        """The shortest and the longest use, in seconds."""
        longest = min(360.0, self.minutes * 36)
        return longest / 6, longest

    @property
    def at_once(self) -> int:
        """How many consumers it takes."""
        busy_s = sum(self.lasts_s) / 2 + _LAUNCH_S
        return max(2, math.ceil(self.sessions * busy_s / (self.minutes * 60 * 0.8)))


class Consumers:
    """All of them. `acknowledged` are the sessions that the server said yes to."""

    def __init__(self, url: str, clouds: Sequence[str], demand: Demand) -> None:
        """Prepare; nobody rents yet."""
        self.acknowledged: list[str] = []
        self._url = url
        self._clouds = clouds
        self._demand = demand
        self._chance = random.Random(demand.seed)
        self._left = list(range(demand.sessions))
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._pool = ThreadPoolExecutor(demand.at_once)
        self._lives: list[Future[None]] = []

    def begin(self) -> None:
        """Let them rent."""
        self._lives = [self._pool.submit(self._consume) for _ in range(self._demand.at_once)]

    def end(self) -> None:
        """Let them be done with what they have, and ask for nothing more. What broke one of them is raised here."""
        self.hurry()
        for life in self._lives:
            life.result()

    def hurry(self) -> None:
        """Ask for no more, and use nothing any longer."""
        self._over.set()

    def _consume(self) -> None:
        shopper = Shopper(self._url)
        while not self._over.is_set():
            with self._lock:
                if not self._left:
                    return
                number = self._left.pop()
                lasts_s = self._chance.uniform(*self._demand.lasts_s)
            session = self._ask_for(shopper, number)
            if session is not None:
                self._until_it_runs(shopper, session)
                self._over.wait(lasts_s)
                self._finish(shopper, session)

    def _ask_for(self, shopper: Shopper, number: int) -> str | None:
        while not self._over.is_set():
            try:
                made = shopper.create_session(
                    idempotency_key=f"fleet-{self._demand.seed}-{number}",
                    provider=self._clouds[number % len(self._clouds)], hours=1, max_price=_DEAREST_USD,
                    retry_scope="any", max_retries=5,
                )  # fmt: skip
            except (ShopperError, OSError):
                self._over.wait(0.5)
            else:
                with self._lock:
                    self.acknowledged.append(str(made.session.id))
                return str(made.session.id)
        return None

    def _until_it_runs(self, shopper: Shopper, session: str) -> None:
        while not self._over.wait(_LOOK_S):
            try:
                if shopper.get(session).status not in {"pending", "provisioning"}:
                    return
            except (ShopperError, OSError):
                continue

    def _finish(self, shopper: Shopper, session: str) -> None:
        # The server may be away at any try; what is never told ends by what the fleet does at its own end.
        for _ in range(200):
            try:
                shopper.done(session)
            except (ShopperError, OSError):
                time.sleep(0.3)
            else:
                return
