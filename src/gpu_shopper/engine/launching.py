"""Performing Buy, Adopt and what follows from an answer that proves nothing.

The intent is committed before the call, and the call is made once. From the commit on, a crash can be told from a no.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from gpu_shopper.domain.deadlines import label_expiry
from gpu_shopper.domain.errors import NothingMatches
from gpu_shopper.domain.ids import BITS, AttemptId, InstanceId, attempt_id
from gpu_shopper.domain.instance import Instance, InstanceStatus
from gpu_shopper.domain.label import LabelFacts, write_label
from gpu_shopper.domain.launch import (
    AttemptState,
    Blame,
    LaunchAttempt,
    presumed_absent,
    rejected,
    unknown,
    unwanted,
)
from gpu_shopper.domain.lifecycle import Event, State
from gpu_shopper.domain.offer import Offer
from gpu_shopper.domain.plan import Facts, quarantine_is_over
from gpu_shopper.domain.session import Session, StopReason
from gpu_shopper.engine.choosing import Chooser
from gpu_shopper.engine.cloud import Cloud
from gpu_shopper.engine.desk import Desk
from gpu_shopper.engine.heeding import heed
from gpu_shopper.engine.ordering import launch_order, request_digest, way_of_agent
from gpu_shopper.engine.troubles import blame_for, note_unauthorized
from gpu_shopper.ports.books import Book, Claim
from gpu_shopper.ports.provider import LaunchOrder
from gpu_shopper.ports.provider_errors import (
    Ambiguous,
    BadOrder,
    ProviderError,
    Unavailable,
)
from gpu_shopper.transactions.known import known_attempt
from gpu_shopper.transactions.sighting import record_instance
from gpu_shopper.transactions.stopping import give_up, intend_stop, note_failure, shop_again

_RETRY_LOOK = timedelta(seconds=10)
_PUT_OFF_PAUSE = timedelta(seconds=2)
_LATE_LOOK = timedelta(seconds=60)
_OF_THE_OFFER = frozenset({Blame.OFFER, Blame.MACHINE})


@dataclass(frozen=True, slots=True)
class NotNow:
    """Nothing can be bought before `until`."""

    until: datetime


class Launching:
    """Buys, and finds what was bought."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._chooser = Chooser(desk)

    async def buy(self, claim: Claim, facts: Facts) -> NotNow | None:
        """Choose an offer, commit the intent, call once, write the answer; NotNow if no cloud can be asked now."""
        desk = self._desk
        try:
            offer = await self._chooser.choose(facts)
        except NothingMatches as refusal:
            await self._fail(claim, refusal.message)
            return None
        if offer is None:
            desk.menu_wishes.want(
                one.provider for one in desk.market.snapshot.providers if not one.ok
            )
            return NotNow(desk.clock.now() + timedelta(seconds=1))
        cloud = desk.clouds[offer.provider]
        # At once: others decide while the intent is being written, and would find the line as short as we did.
        turn_at = cloud.line_up()
        attempt = await self._intend(claim, offer, cloud)
        if attempt is None:
            return None
        desk.market.take(offer)
        if await self._call(claim, facts.session, attempt, cloud, turn_at=turn_at):
            return None
        put_off = sum(attempt.put_off for attempt in facts.attempts)
        return NotNow(desk.clock.now() + _PUT_OFF_PAUSE * 2 ** min(put_off, 4))

    async def adopt(self, claim: Claim, attempt: LaunchAttempt) -> None:
        """Look for the instance of an unanswered attempt by its label."""
        desk = self._desk
        cloud, began_at = desk.clouds[attempt.provider], desk.clock.now()
        try:
            instance = await cloud.find(attempt.label)
        except ProviderError as error:
            await self._look_again(claim, attempt.id, cloud, looked_at=None)
            await note_unauthorized(desk, attempt.provider, error)
            return
        if instance is None:
            await self._look_again(claim, attempt.id, cloud, looked_at=began_at)
        else:
            await self._bind(claim, attempt.id, instance, sent_at=attempt.sent_at)

    async def buy_elsewhere(self, claim: Claim, attempt: LaunchAttempt) -> None:
        """Let the session shop again; the unanswered attempt stays owed until it is found or presumed absent."""
        await self._let_go(claim, attempt.id, because="the create call was never answered")

    async def presume(self, claim: Claim, attempt: LaunchAttempt) -> None:
        """Close an attempt that was never seen; its label stays watched for ever."""
        now = self._desk.clock.now()

        def write(book: Book, session: Session) -> None:
            known = known_attempt(book, attempt.id)
            if not known.unanswered:
                return
            sure = known if known.state is AttemptState.UNKNOWN else unknown(known, look_at=now)
            book.launches.save(sure)
            book.launches.save(presumed_absent(sure, at=now))
            details = {"attempt": str(known.number), "proof": "presumed"}
            book.events.add(
                session.id, at=now, kind="presumed_absent", actor="engine", details=details
            )
            because = "the create call was never answered, and no instance appeared"
            if known.wanted:
                note_failure(book, known, because=because, blame=Blame.CLOUD, at=now)
            shop_again(book, session, known, because=because, at=now)

        await self._desk.write(claim, write)

    async def give_up(self, claim: Claim, attempt: LaunchAttempt) -> None:
        """Want an instance no more that did not come up in its time."""
        now, grace = self._desk.clock.now(), self._desk.clouds[attempt.provider].quirks.boot_grace

        def write(book: Book, session: Session) -> None:
            known = known_attempt(book, attempt.id)
            if known.wanted and session.state is State.PROVISIONING:
                because = f"{known.lacking} within {grace.total_seconds():.0f} s of the order"
                give_up(book, session, known, because=because, blame=Blame.MACHINE, at=now)

        await self._desk.write(claim, write)
        await heed(self._desk)

    async def _intend(self, claim: Claim, offer: Offer, cloud: Cloud) -> LaunchAttempt | None:
        desk, now = self._desk, self._desk.clock.now()
        new_id = attempt_id(desk.chance.draw_bits(BITS))

        def write(book: Book, session: Session) -> LaunchAttempt | None:
            if session.state is not State.PENDING:
                return None
            attempt = self._new_attempt(session, new_id, offer, cloud=cloud, now=now)
            book.launches.add(attempt)
            sent = session.advance(Event.LAUNCH_INTENDED, at=now)
            book.sessions.save(
                replace(
                    sent,
                    launch=attempt.number,
                    attempts_made=attempt.number,
                    gpu_type=offer.gpu_type,
                )
            )
            details = {
                "attempt": str(attempt.number),
                "offer": str(offer.id),
                "price": str(offer.price),
                "label": str(attempt.label),
            }
            book.events.add(
                session.id, at=now, kind=Event.LAUNCH_INTENDED, actor="engine", details=details
            )
            return attempt

        return await desk.write(claim, write)

    def _new_attempt(
        self, session: Session, new_id: AttemptId, offer: Offer, *, cloud: Cloud, now: datetime
    ) -> LaunchAttempt:
        desk, number = self._desk, session.attempts_made + 1
        expires_at = label_expiry(session)
        label_facts = LabelFacts(
            deployment=desk.deployment, session=session.id, number=number, expires_at=expires_at
        )
        label = write_label(label_facts, key=desk.vault.label_key)
        return LaunchAttempt(
            id=new_id,
            session_id=session.id,
            consumer_id=session.consumer_id,
            number=number,
            label=label,
            provider=offer.provider,
            offer=offer,
            state=AttemptState.SENT,
            wanted=True,
            sent_at=now,
            call_deadline=now + cloud.quirks.call_deadline,
            expires_at=expires_at,
            token_hash=desk.vault.hash_token(desk.vault.agent_token(label).text),
            request_digest=request_digest(session, offer),
            rate=offer.price,
            agent_way=way_of_agent(session, cloud, scripts=desk.boot_scripts),
            next_action_at=now + cloud.quirks.adoption_looks[0],
        )

    async def _call(
        self,
        claim: Claim,
        session: Session,
        attempt: LaunchAttempt,
        cloud: Cloud,
        *,
        turn_at: float,
    ) -> bool:
        """Call once and write the answer; return whether the cloud considered the order at all."""
        desk, outcome, sent_at = self._desk, "bound", attempt.sent_at

        def order() -> LaunchOrder:
            nonlocal sent_at
            now = sent_at = desk.clock.now()
            if now >= claim.until:
                # Held up in line, or the whole process was: what became of the session since then is another's to say.
                raise Unavailable("our turn came when the claim was over, and nothing was sent")
            return launch_order(
                session, attempt, vault=desk.vault, scripts=desk.boot_scripts, now=now
            )

        try:
            instance = await cloud.launch(order, turn_at=turn_at)
        except Ambiguous as error:
            outcome = "unknown"
            await self._leave_open(claim, attempt, cloud, error, sent_at=sent_at)
        except Unavailable as error:
            # Nothing was sent, or the cloud asked for patience: that speaks neither for nor against the offer.
            outcome = "put_off"
            await self._reject(claim, attempt, error)
        except ValueError as error:
            # The order itself could not be made: nothing was sent, for certain.
            outcome = "rejected"
            await self._reject(claim, attempt, BadOrder(str(error)))
        except ProviderError as error:
            outcome = "rejected"
            await self._reject(claim, attempt, error)
            await note_unauthorized(desk, attempt.provider, error)
        else:
            await self._bind(claim, attempt.id, instance, sent_at=sent_at)
        desk.meter.count("launches_total", provider=cloud.name, outcome=outcome)
        return outcome != "put_off"

    async def _leave_open(
        self,
        claim: Claim,
        attempt: LaunchAttempt,
        cloud: Cloud,
        error: Ambiguous,
        *,
        sent_at: datetime,
    ) -> None:
        now = self._desk.clock.now()

        def write(book: Book, session: Session) -> None:
            known = known_attempt(book, attempt.id)
            if error.instance_id is None and known.state is not AttemptState.SENT:
                # A sweep has found it while the call was out: that is worth more than no answer.
                return
            details = {"attempt": str(known.number), "because": str(error)}
            book.events.add(
                session.id, at=now, kind="attempt_unknown", actor="cloud", details=details
            )
            if error.instance_id is not None:
                # An error that names an instance has bought one. It is not what was ordered: owed its end.
                because = f"the cloud answered with an error and an instance: {error}"
                let_go = unwanted(known, because=because, at=now, blame=Blame.CLOUD)
                book.launches.save(let_go)
                instance = _only_an_id(known, error.instance_id)
                reckoned = _reckoned(let_go, instance, sent_at)
                record_instance(book, session, reckoned, instance, at=now)
                shop_again(book, session, known, because=because, at=now)
                return
            book.launches.save(unknown(known, look_at=now + cloud.quirks.adoption_looks[0]))

        await self._desk.write(claim, write)

    async def _reject(self, claim: Claim, attempt: LaunchAttempt, error: ProviderError) -> None:
        now = self._desk.clock.now()
        blame = blame_for(error)
        if blame is Blame.OFFER:
            # What its menu says is not so any more.
            self._desk.menu_wishes.want((attempt.provider,))

        def write(book: Book, session: Session) -> bool:
            known = known_attempt(book, attempt.id)
            if known.state is not AttemptState.SENT:
                # A sweep has seen the instance while the call was out: a no is not believed against that.
                return False
            book.launches.save(rejected(known, reason=str(error), blame=blame, at=now))
            if blame is not None:
                note_failure(book, known, because=str(error), blame=blame, at=now)
            details = {
                "attempt": str(known.number),
                "because": str(error),
                "blame": str(blame or "nobody"),
            }
            book.events.add(
                session.id, at=now, kind="attempt_rejected", actor="cloud", details=details
            )
            shop_again(book, session, known, because=str(error), at=now)
            return True

        if await self._desk.write(claim, write) and blame not in _OF_THE_OFFER:
            # Our wrong key, our bad order, a cloud that is out of order: what was asked for is on sale as before.
            self._desk.market.give_back(attempt.offer)
        if blame is not None:
            await heed(self._desk)

    async def _bind(
        self, claim: Claim, attempt: AttemptId, instance: Instance, *, sent_at: datetime
    ) -> None:
        now = self._desk.clock.now()

        def write(book: Book, session: Session) -> None:
            reckoned = _reckoned(known_attempt(book, attempt), instance, sent_at)
            record_instance(book, session, reckoned, instance, at=now)

        await self._desk.write(claim, write)

    async def _look_again(
        self, claim: Claim, attempt: AttemptId, cloud: Cloud, *, looked_at: datetime | None
    ) -> None:
        """Count a look that began at `looked_at` and found nothing; None is a look that could not be had."""
        now, looked = self._desk.clock.now(), looked_at is not None

        def write(book: Book, _: Session) -> None:
            known = known_attempt(book, attempt)
            if not known.unanswered:
                return
            looks = known.looks + 1 if looked else known.looks
            at = _next_look(known, cloud, looks, now) if looked else now + _RETRY_LOOK
            # When it began counts: what came while the cloud was answering is not in the answer.
            if looked_at is not None and quarantine_is_over(known, cloud.quirks, looked_at):
                known = replace(known, missing_listings=known.missing_listings + 1)
                at = now
            if known.state is AttemptState.SENT:
                known = unknown(known, look_at=at)
            book.launches.save(replace(known, looks=looks, next_action_at=at))

        await self._desk.write(claim, write)

    async def _let_go(self, claim: Claim, attempt: AttemptId, *, because: str) -> None:
        now = self._desk.clock.now()

        def write(book: Book, session: Session) -> None:
            known = known_attempt(book, attempt)
            if known.wanted and known.unanswered:
                give_up(book, session, known, because=because, blame=Blame.CLOUD, at=now)

        await self._desk.write(claim, write)

    async def _fail(self, claim: Claim, message: str) -> None:
        now = self._desk.clock.now()

        def write(book: Book, session: Session) -> None:
            if not session.ending:
                error = f"{message}; last failure: {session.error}" if session.error else message
                intend_stop(
                    book,
                    session,
                    reason=StopReason.LAUNCH_FAILED,
                    actor="engine",
                    at=now,
                    error=error,
                )

        await self._desk.write(claim, write)


def _next_look(attempt: LaunchAttempt, cloud: Cloud, looks: int, now: datetime) -> datetime:
    schedule = cloud.quirks.adoption_looks
    if looks < len(schedule):
        return max(now + timedelta(seconds=1), attempt.sent_at + schedule[looks])
    if looks == len(schedule):
        # Looked for as planned: whether to buy elsewhere is decided at once, unless the call may still be answered.
        return max(now, attempt.call_deadline)
    return now + _LATE_LOOK


def _only_an_id(attempt: LaunchAttempt, instance_id: InstanceId) -> Instance:
    return Instance(
        id=instance_id,
        provider=attempt.provider,
        label=attempt.label,
        status=InstanceStatus.UNKNOWN,
    )


def _reckoned(attempt: LaunchAttempt, instance: Instance, sent_at: datetime) -> LaunchAttempt:
    """Return the attempt: while its cloud does not say since when it bills, not since before the order left our line."""
    if instance.billed_from is not None or attempt.accrued_to is not None:
        return attempt
    return replace(attempt, rate_since=sent_at, accrued_to=sent_at)
