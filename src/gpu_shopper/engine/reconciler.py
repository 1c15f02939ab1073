"""The loop: claim a due session, load its facts, take the next step, again, until there is nothing to do but wait.

Each session is looked after on its own: no cloud's trouble and no poisoned row delays another's deadline.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from gpu_shopper.domain.ids import ProviderName, SessionId
from gpu_shopper.domain.instance import Listing
from gpu_shopper.domain.plan import (
    Adopt,
    Buy,
    BuyElsewhere,
    Facts,
    GiveUp,
    Observe,
    Presume,
    Rest,
    Retire,
    Settle,
    Step,
    Stop,
    Wait,
    next_step,
    wanted_attempt,
)
from gpu_shopper.domain.session import Session, StopReason
from gpu_shopper.engine.desk import Desk
from gpu_shopper.engine.launching import Launching, NotNow
from gpu_shopper.engine.observing import Observing
from gpu_shopper.engine.retiring import Heed, Retiring
from gpu_shopper.engine.timekeeping import Timekeeping
from gpu_shopper.ports.books import Book, BookUnavailable, Claim, StaleClaim
from gpu_shopper.transactions.stopping import intend_stop

T = TypeVar("T")
Guard = Callable[[str, Awaitable[None]], Awaitable[bool]]

LEASE = timedelta(minutes=5)
STEPS_PER_PASS = 50
AFTER_A_FAULT = timedelta(seconds=15)
PAUSE_AFTER_A_FAULT_S = 2.0
BOOK_PAUSES_S = (0.5, 1.0, 2.0, 5.0, 10.0)
# Half of the gap in which nobody has listened (`Listening`), so that no look is ever taken for one.
_LONGEST_NAP = 60.0
_A_MOMENT = 1.0


async def _nobody(provider: ProviderName, listing: Listing) -> None:
    pass


class Reconciler:
    """Makes the world match the book, one session at a time and many at once."""

    def __init__(
        self, desk: Desk, *, guard: Guard, concurrency: int = 64, heed: Heed = _nobody
    ) -> None:
        self._desk = desk
        self._guard = guard
        self._concurrency = concurrency
        self._launching = Launching(desk)
        self._observing = Observing(desk)
        self._retiring = Retiring(desk, heed=heed)
        self._timekeeping = Timekeeping(desk.books, desk.clock, lease=LEASE)
        self._passes: dict[SessionId, asyncio.Task[None]] = {}

    async def run_once(self) -> float:
        """Start a pass for each due session that has none; return how long, at most, nothing more comes due (seconds)."""
        await self._timekeeping.look()
        desk, now = self._desk, self._desk.clock.now()
        desk.listening.note(now)
        room = self._concurrency - len(self._passes)
        if room <= 0:
            return _LONGEST_NAP

        def look(book: Book) -> tuple[Sequence[SessionId], datetime | None]:
            next_at = book.sessions.next_due_at()
            if next_at is None or next_at > now:
                return (), next_at
            return book.sessions.due(now=now, limit=room), next_at

        due, next_at = await desk.books.read(look)
        for session_id in due:
            if session_id not in self._passes:
                task = asyncio.create_task(
                    self._guarded_pass(session_id), name=f"pass {session_id}"
                )
                self._passes[session_id] = task
        if due:
            # Those just begun have not taken their rows yet: what comes due after them is known in a moment.
            return _A_MOMENT if len(due) < room else 0.0
        if next_at is None:
            return _LONGEST_NAP
        return min(_LONGEST_NAP, max(0.0, (next_at - now).total_seconds()))

    async def drain(self, timeout: float) -> None:
        """Wait for passes in flight; those that take longer are cut off. What they had sent stays open in the book."""
        tasks = list(self._passes.values())
        if not tasks:
            return
        _, late = await asyncio.wait(tasks, timeout=timeout)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    async def _guarded_pass(self, session_id: SessionId) -> None:
        try:
            well = await self._guard(f"pass {session_id}", self.reconcile(session_id))
            if not well:
                # A book that cannot be written would otherwise be tried again without a pause.
                pause = self._desk.clock.sleep(PAUSE_AFTER_A_FAULT_S)
                await self._guard(f"pass {session_id}", pause)
        finally:
            del self._passes[session_id]
            self._desk.wakeup.hint()

    async def reconcile(self, session_id: SessionId) -> None:
        """Claim one session, take its steps, give it back. Whatever goes wrong stays with this session."""
        desk = self._desk
        claim = await self._claim(session_id)
        if claim is None:
            return
        again_at: datetime | None = desk.clock.now() + AFTER_A_FAULT
        try:
            again_at = await self._steps(claim)
        except StaleClaim as error:
            desk.meter.event("claim_lost", session=session_id, because=str(error))
        finally:
            # A fault in a pass is logged by the guard; the row is looked at again after a while.
            await self._release(claim, again_at)

    async def _claim(self, session_id: SessionId) -> Claim | None:
        """Take the row. Every pass begins with this write, so it also tells whether we hear what nodes say."""
        desk = self._desk

        def take(book: Book) -> Claim | None:
            now = desk.clock.now()
            return book.sessions.claim(session_id, owner=desk.owner, now=now, until=now + LEASE)

        claim = await self._insist(take)
        desk.listening.wrote(desk.clock.now())
        return claim

    async def _release(self, claim: Claim, again_at: datetime | None) -> None:
        """Give the row back."""
        await self._insist(lambda book: book.sessions.release(claim, next_action_at=again_at))

    async def _insist(self, work: Callable[[Book], T]) -> T:
        """Write, and write again while the book says that it cannot: a claim that stays delays its session by a lease.

        A write that failed may have been made all the same. So what is written here may be written twice.
        """
        desk = self._desk
        for pause in (*BOOK_PAUSES_S, None):
            try:
                return await desk.books.write(work)
            except BookUnavailable:
                desk.listening.could_not_write(desk.clock.now())
                if pause is None:
                    raise
                await desk.clock.sleep(pause)
        raise AssertionError("the last try returns or raises")

    async def _steps(self, claim: Claim) -> datetime | None:
        desk, taken_at = self._desk, self._desk.clock.monotonic()
        for _ in range(STEPS_PER_PASS):
            if desk.clock.monotonic() - taken_at > LEASE.total_seconds():
                # Held up by a cloud that never answers: the row is ours no longer, and is to be taken again.
                break
            facts = await desk.facts(claim.session_id)
            step = next_step(facts)
            match step:
                case Wait(until=until):
                    return until
                case Rest():
                    return None
                case _:
                    not_now = await self._timed(claim, facts, step)
            if isinstance(not_now, NotNow):
                return min(not_now.until, facts.deadline.at)
        return desk.clock.now()

    async def _timed(self, claim: Claim, facts: Facts, step: Step) -> NotNow | None:
        desk, started, outcome = self._desk, self._desk.clock.monotonic(), "failed"
        name = type(step).__name__.lower()
        try:
            not_now = await self._perform(claim, facts, step)
            outcome = "done" if not_now is None else "not_now"
        finally:
            desk.meter.count("steps_total", step=name, outcome=outcome)
            desk.meter.timed("step_seconds", desk.clock.monotonic() - started, step=name)
        return not_now

    async def _perform(self, claim: Claim, facts: Facts, step: Step) -> NotNow | None:
        match step:
            case Buy():
                return await self._launching.buy(claim, facts)
            case Stop(reason=reason, error=error):
                await self._stop(claim, facts, reason, error)
            case Observe(attempt=attempt):
                await self._observing.observe(claim, facts, attempt)
            case Retire(attempt=attempt, act=act):
                await self._retiring.retire(claim, attempt, act)
            case Settle():
                await self._retiring.settle(claim)
            case _:
                await self._perform_on_unanswered(claim, step)
        return None

    async def _perform_on_unanswered(self, claim: Claim, step: Step) -> None:
        match step:
            case Adopt(attempt=attempt):
                await self._launching.adopt(claim, attempt)
            case BuyElsewhere(attempt=attempt):
                await self._launching.buy_elsewhere(claim, attempt)
            case Presume(attempt=attempt):
                await self._launching.presume(claim, attempt)
            case GiveUp(attempt=attempt):
                await self._launching.give_up(claim, attempt)
            case _:
                raise AssertionError(step)

    async def _stop(
        self, claim: Claim, facts: Facts, reason: StopReason, error: str | None
    ) -> None:
        desk, now = self._desk, self._desk.clock.now()
        why = error or _explain(facts, reason)

        def write(book: Book, session: Session) -> None:
            # Decided on facts that may have changed: a heartbeat or an extension since then must count.
            attempts = tuple(book.launches.of_session(session.id))
            deadline = desk.deadline(session, wanted_attempt(session, attempts), now=now)
            overdue = facts.now < facts.deadline.at or now >= deadline.at
            if not session.ending and overdue:
                intend_stop(book, session, reason=reason, actor="engine", at=now, error=why)

        await desk.write(claim, write)


def _explain(facts: Facts, reason: StopReason) -> str | None:
    session = facts.session
    if reason is StopReason.LAUNCH_FAILED:
        minutes = (session.startup_deadline - session.created_at).total_seconds() / 60
        last = f": {session.error}" if session.error else ""
        return f"not running within {minutes:.0f} minutes{last}"
    if reason is StopReason.SILENT:
        return "the node has not been heard from for too long"
    return None
