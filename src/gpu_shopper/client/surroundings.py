"""The clock and the chance that a client lives by; a test hands in its own."""

import os
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass


async def _sleep(seconds: float) -> None:
    # asyncio costs a script that never needs it 30 ms.
    import asyncio

    await asyncio.sleep(seconds)


def _draw_key() -> str:
    return os.urandom(16).hex()


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """How time passes, and where a fresh Idempotency-Key comes from."""

    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    sleep_async: Callable[[float], Awaitable[None]] = _sleep
    draw_key: Callable[[], str] = _draw_key


REAL = Surroundings()
