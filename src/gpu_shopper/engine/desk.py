"""What the engine has at hand, and the two things that every act does: load the facts, write under the claim."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from gpu_shopper.domain.deadlines import Deadline, Limits, stop_by
from gpu_shopper.domain.ids import DeploymentId, ProviderName, SessionId
from gpu_shopper.domain.launch import LaunchAttempt
from gpu_shopper.domain.plan import Facts, wanted_attempt
from gpu_shopper.domain.session import Session
from gpu_shopper.engine.cloud import Cloud
from gpu_shopper.engine.listening import Listening
from gpu_shopper.engine.wishes import Wishes
from gpu_shopper.market.holder import Market
from gpu_shopper.ports.books import Book, Books, Claim, StaleClaim
from gpu_shopper.ports.boot import BootScripts
from gpu_shopper.ports.chance import Chance
from gpu_shopper.ports.clock import Clock
from gpu_shopper.ports.menu_keeper import MenuKeeper
from gpu_shopper.ports.meter import Meter
from gpu_shopper.ports.notifier import Notifier
from gpu_shopper.ports.probe import Probe
from gpu_shopper.ports.vault import Vault
from gpu_shopper.ports.wakeup import Wakeup
from gpu_shopper.transactions.known import known_session

T = TypeVar("T")


def _nothing() -> None:
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """The ports that the engine acts through. `owner` names this process in claims.

    `keeps_prices` says whether the book is told what offers cost: a simulated world, of which nobody asks it, does without.
    Without `menus` no menu outlives the process. `tidy` is called when much of what was made was just let go.
    """

    books: Books
    clock: Clock
    chance: Chance
    vault: Vault
    market: Market
    clouds: Mapping[ProviderName, Cloud]
    probe: Probe
    boot_scripts: BootScripts
    notifier: Notifier
    meter: Meter
    wakeup: Wakeup
    limits: Limits
    deployment: DeploymentId
    owner: str
    keeps_prices: bool = True
    listening: Listening = field(default_factory=Listening)
    menu_wishes: Wishes = field(default_factory=Wishes)
    sweep_wishes: Wishes = field(default_factory=Wishes)
    menus: MenuKeeper | None = None
    tidy: Callable[[], object] = _nothing

    def deadline(
        self, session: Session, wanted: LaunchAttempt | None, *, now: datetime
    ) -> Deadline:
        """Return when the session must stop as things stand, and why."""
        listening_since = self.listening.note(now)
        if wanted is not None:
            deaf_until = self.clouds[wanted.provider].deaf_until(now)
            listening_since = max(listening_since, deaf_until or listening_since)
        return stop_by(
            session,
            heard=wanted.heard if wanted else None,
            honoured_until=wanted.expires_at if wanted else None,
            limits=self.limits,
            listening_since=listening_since,
        )

    async def facts(self, session_id: SessionId) -> Facts:
        """Load all that a decision about one session may know."""
        now = self.clock.now()

        def read(book: Book) -> Facts:
            session = known_session(book, session_id)
            attempts = tuple(book.launches.of_session(session_id))
            deadline = self.deadline(session, wanted_attempt(session, attempts), now=now)
            return Facts(
                now=now,
                session=session,
                attempts=attempts,
                deadline=deadline,
                quirks={name: cloud.quirks for name, cloud in self.clouds.items()},
                node_can_reach_us=self.boot_scripts.node_can_reach_us,
                listening_since=self.listening.note(now),
            )

        return await self.books.read(read)

    async def write(self, claim: Claim, work: Callable[[Book, Session], T]) -> T:
        """Run `work` on the session as it stands now, if the claim still holds.

        Raises:
            StaleClaim: somebody else has taken the row since; nothing was written.
        """

        def fenced(book: Book) -> T:
            session = known_session(book, claim.session_id)
            if session.epoch != claim.epoch:
                message = (
                    f"session {session.id} is at epoch {session.epoch}, the claim at {claim.epoch}"
                )
                raise StaleClaim(message)
            return work(book, session)

        return await self.books.write(fenced)
