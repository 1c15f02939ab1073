import asyncio
import threading

from gpu_shopper.runtime.clock import RealClock
from gpu_shopper.runtime.wakeup import LocalWakeup
from gpu_shopper.testing.loop import current_loop, run_simulation


def test_a_hint_that_came_before_is_not_lost() -> None:
    async def main() -> float:
        wakeup = LocalWakeup()
        wakeup.hint()
        wakeup.hint()
        await wakeup.wait(60)
        return current_loop().time()

    assert run_simulation(main(), seed=1) == 0


def test_without_a_hint_the_wait_ends_in_time_and_a_hint_is_used_up() -> None:
    async def main() -> float:
        wakeup = LocalWakeup()
        wakeup.hint()
        await wakeup.wait(60)
        await wakeup.wait(60)
        return current_loop().time()

    assert run_simulation(main(), seed=1) == 60


def test_a_hint_wakes_who_waits() -> None:
    async def main() -> float:
        wakeup = LocalWakeup()
        asyncio.get_running_loop().call_later(7, wakeup.hint)
        await wakeup.wait(60)
        return current_loop().time()

    assert run_simulation(main(), seed=1) == 7


def test_a_hint_from_a_thread_wakes_who_waits() -> None:
    async def main() -> None:
        wakeup = LocalWakeup()
        waiting = asyncio.create_task(wakeup.wait(20))
        await asyncio.sleep(0)
        thread = threading.Thread(target=wakeup.hint_from_thread)
        thread.start()
        async with asyncio.timeout(10):
            await waiting
        thread.join()
        return wakeup

    wakeup = asyncio.run(main())

    # Whoever hints after the end hurts nobody.
    wakeup.hint_from_thread()


def test_a_hint_from_a_thread_before_anybody_waits_is_kept() -> None:
    wakeup = LocalWakeup()
    wakeup.hint_from_thread()

    async def main() -> None:
        async with asyncio.timeout(10):
            await wakeup.wait(60)

    asyncio.run(main())


def test_the_real_clock_tells_utc_and_never_goes_back() -> None:
    clock = RealClock()

    assert clock.now().utcoffset().total_seconds() == 0
    assert clock.monotonic() <= clock.monotonic()
    asyncio.run(clock.sleep(-1))
