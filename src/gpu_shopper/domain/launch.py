"""One try to buy: an obligation that closes only on proof.

    sent ──▶ bound | unknown | rejected        unknown ──▶ bound | closing | closed (presumed)
    bound ──▶ closing ──▶ closed (proved)      closed, rejected ──▶ closing (it appeared after all)

`sent` is committed before the call. A crash leaves it `sent`; an answer that proves nothing makes it `unknown`. Both
may be a running instance. `wanted` only ever goes from true to false, and `bound` implies wanted.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from gpu_shopper.domain.agent_way import AgentWay
from gpu_shopper.domain.errors import IllegalMove
from gpu_shopper.domain.ids import AttemptId, ConsumerId, InstanceId, ProviderName, SessionId
from gpu_shopper.domain.instance import Endpoint, Instance
from gpu_shopper.domain.label import Label
from gpu_shopper.domain.money import HourlyRate
from gpu_shopper.domain.offer import Offer

DESTROY_PAUSE_FIRST = timedelta(seconds=5)
DESTROY_PAUSE_LONGEST = timedelta(minutes=5)
DESTROY_PAUSE_AFTER_A_DAY = timedelta(minutes=15)
REPORT_ON_ITS_WAY = timedelta(seconds=15)


class AttemptState(StrEnum):
    """Where an attempt is."""

    SENT = "sent"
    UNKNOWN = "unknown"
    BOUND = "bound"
    REJECTED = "rejected"
    CLOSING = "closing"
    CLOSED = "closed"


ATTEMPT_MOVES: frozenset[tuple[AttemptState, AttemptState]] = frozenset(
    {
        (AttemptState.SENT, AttemptState.UNKNOWN),
        (AttemptState.SENT, AttemptState.BOUND),
        (AttemptState.SENT, AttemptState.REJECTED),
        (AttemptState.SENT, AttemptState.CLOSING),
        (AttemptState.UNKNOWN, AttemptState.BOUND),
        (AttemptState.UNKNOWN, AttemptState.CLOSING),
        (AttemptState.UNKNOWN, AttemptState.CLOSED),
        (AttemptState.BOUND, AttemptState.CLOSING),
        (AttemptState.CLOSING, AttemptState.CLOSED),
        (AttemptState.REJECTED, AttemptState.CLOSING),
        (AttemptState.CLOSED, AttemptState.CLOSING),
    }
)

OPEN = frozenset(
    {AttemptState.SENT, AttemptState.UNKNOWN, AttemptState.BOUND, AttemptState.CLOSING}
)
UNANSWERED = frozenset({AttemptState.SENT, AttemptState.UNKNOWN})


class Proof(StrEnum):
    """How sure a closed attempt is: seen to be gone, or never seen at all."""

    PROVED = "proved"
    PRESUMED = "presumed"


class Blame(StrEnum):
    """Whose fault a failed attempt was; only the last three speak against the offer."""

    OURS = "ours"
    ACCOUNT = "account"
    CLOUD = "cloud"
    OFFER = "offer"
    MACHINE = "machine"


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """The newest sign of life of this attempt's node. `as_sold` only once its GPUs were checked."""

    at: datetime
    boot_id: str
    counter: int
    idle_seconds: float
    as_sold: bool
    instance_id: InstanceId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Absence:
    """What has been seen since the last destroy: the evidence that the instance is gone, as it grows.

    Any sight of the instance empties it.
    """

    read_at: datetime | None = None
    gone_reads: int = 0
    gone_listings: int = 0
    listing_at: datetime | None = None
    first_gone_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchAttempt:
    """The row of one create call. One label each, never reused, watched for ever.

    `rate` is the price really charged as far as it is known (the offer's until it was read back), in force since
    `rate_since`; `accrued_to` is the end of the last cost entry. `billed_from` is the cloud's own word: None until it is
    told, and then both others begin with what we reckon. `missing_listings` counts the complete listings that lack
    what was seen before, or, of one that was never answered, those after its quarantine.
    """

    id: AttemptId
    session_id: SessionId
    consumer_id: ConsumerId
    number: int
    label: Label
    provider: ProviderName
    offer: Offer
    state: AttemptState
    wanted: bool
    sent_at: datetime
    call_deadline: datetime
    expires_at: datetime
    token_hash: str
    request_digest: str
    rate: HourlyRate
    agent_way: AgentWay = AgentWay.IN_ORDER
    unwanted_because: str | None = None
    blame: Blame | None = None
    instance_id: InstanceId | None = None
    endpoint: Endpoint | None = None
    host_key: str | None = None
    read_back_at: datetime | None = None
    looks: int = 0
    billed_from: datetime | None = None
    rate_since: datetime | None = None
    accrued_to: datetime | None = None
    last_seen_at: datetime | None = None
    heard: Heard | None = None
    missing_since: datetime | None = None
    missing_listings: int = 0
    missing_reads: int = 0
    destroy_tries: int = 0
    destroy_called_at: datetime | None = None
    destroy_answered_at: datetime | None = None
    destroy_accepted_at: datetime | None = None
    closing_since: datetime | None = None
    absence: Absence = Absence()
    alerted_at: datetime | None = None
    billing_ended_at: datetime | None = None
    closed_at: datetime | None = None
    proof: Proof | None = None
    next_action_at: datetime | None = None

    @property
    def open(self) -> bool:
        """Something may still be running, and we owe its end or its care."""
        return self.state in OPEN

    @property
    def unanswered(self) -> bool:
        """The create call has not been told from a no."""
        return self.state in UNANSWERED

    @property
    def put_off(self) -> bool:
        """The cloud did not even consider it (not reached, or too many requests): it says nothing of the offer."""
        return self.state is AttemptState.REJECTED and self.blame is None

    @property
    def last_alive_at(self) -> datetime | None:
        """The newest moment at which the instance was certainly there: what is heard while it is missing may be a double."""
        moments = (self.last_seen_at, self.heard.at if self.heard else None)
        newest = max((at for at in moments if at is not None), default=None)
        if newest is None or self.missing_since is None:
            return newest
        return min(newest, self.missing_since)

    @property
    def ready(self) -> bool:
        """`running` may be said: this attempt's node was heard, its GPU checked, and what was granted read back."""
        return (
            self.state is AttemptState.BOUND
            and self.heard is not None
            and self.heard.as_sold
            and self.endpoint is not None
            and self.read_back_at is not None
        )

    @property
    def lacking(self) -> str:
        """What has not been seen yet of an instance that is to run, in words."""
        if self.heard is not None:
            return "no address" if self.heard.as_sold else "its GPUs could not be read"
        return "no login" if self.agent_way is AgentWay.OVER_SSH else "no sign of life"

    def to(self, state: AttemptState) -> "LaunchAttempt":
        """Return the attempt in `state`.

        Raises:
            IllegalMove: an attempt never goes that way.
        """
        if (self.state, state) not in ATTEMPT_MOVES:
            message = f"an attempt that is {self.state} cannot become {state}"
            raise IllegalMove(message, attempt=str(self.id))
        return replace(self, state=state)


def unknown(attempt: LaunchAttempt, *, look_at: datetime) -> LaunchAttempt:
    """Return the attempt whose answer proved nothing."""
    return replace(attempt.to(AttemptState.UNKNOWN), next_action_at=look_at)


def rejected(
    attempt: LaunchAttempt, *, reason: str, blame: Blame | None, at: datetime
) -> LaunchAttempt:
    """Return the attempt that certainly bought nothing; it costs nothing."""
    closed = attempt.to(AttemptState.REJECTED)
    return replace(
        closed,
        wanted=False,
        unwanted_because=reason,
        blame=blame,
        closed_at=at,
        next_action_at=None,
    )


def found(attempt: LaunchAttempt, instance: Instance, *, at: datetime) -> LaunchAttempt:
    """Return the attempt with the instance that bears its label: bound where it is still wanted, else owed an end."""
    if attempt.instance_id == instance.id and not attempt.unanswered:
        return seen(attempt, instance, at=at)
    assert attempt.unanswered, attempt.id
    known = replace(attempt, instance_id=instance.id)
    if attempt.wanted:
        known = replace(known.to(AttemptState.BOUND), next_action_at=at)
    else:
        known = closing(known, at=at)
    return seen(known, instance, at=at)


def seen(attempt: LaunchAttempt, instance: Instance, *, at: datetime) -> LaunchAttempt:
    """Return the attempt after a look that found its instance: any proof of absence so far is void."""
    told, until = instance.billed_from, attempt.accrued_to
    billed_from, begin = attempt.billed_from or told, until or told or attempt.sent_at
    if not attempt.wanted and told is not None and until is not None and told > until:
        # It had ended and came back: its cloud bills it from then on, and so do we.
        billed_from = told
    return replace(
        attempt,
        endpoint=instance.endpoint or attempt.endpoint,
        host_key=attempt.host_key or instance.host_key,
        billed_from=billed_from,
        rate_since=attempt.rate_since or begin,
        accrued_to=begin,
        last_seen_at=at,
        missing_since=None,
        missing_listings=0,
        missing_reads=0,
        absence=Absence(read_at=attempt.absence.read_at),
    )


def doubtful(attempt: LaunchAttempt, *, at: datetime) -> LaunchAttempt:
    """Return the attempt whose instance a listing shows although direct reads did not find it.

    Listings lag, so that this is no sight to be billed for; but it is none of absence either: that is looked for anew.
    """
    return replace(attempt, missing_since=at, missing_listings=0, next_action_at=at)


def unwanted(
    attempt: LaunchAttempt, *, because: str, at: datetime, blame: Blame | None = None
) -> LaunchAttempt:
    """Return the attempt that is wanted no more. This never goes back.

    One whose answer is still out keeps its state: it has to be found first, or shown never to have been.
    """
    if not attempt.wanted:
        return attempt
    given_up = replace(
        attempt, wanted=False, unwanted_because=because, blame=blame or attempt.blame
    )
    if attempt.state is AttemptState.BOUND:
        return closing(given_up, at=at)
    return replace(given_up, next_action_at=max(at, attempt.next_action_at or at))


def presumed_absent(attempt: LaunchAttempt, *, at: datetime) -> LaunchAttempt:
    """Return the attempt that was looked for long enough and never seen; its label stays watched."""
    assert attempt.instance_id is None, attempt.id
    closed = attempt.to(AttemptState.CLOSED)
    return replace(closed, wanted=False, proof=Proof.PRESUMED, closed_at=at, next_action_at=None)


def proved_absent(attempt: LaunchAttempt, *, at: datetime) -> LaunchAttempt:
    """Return the attempt whose instance is shown to be gone, its bill ended at the first absence."""
    assert attempt.state is AttemptState.CLOSING, attempt.id
    closed = attempt.to(AttemptState.CLOSED)
    return replace(closed, proof=Proof.PROVED, closed_at=at, next_action_at=None)


def destroy_pause(attempt: LaunchAttempt, now: datetime) -> timedelta:
    """Return how long to wait after the last destroy before the next: longer each time, and never for ever.

    Up to a fifth shorter, by the label: what was destroyed together is not tried again all at one moment.
    """
    since = attempt.closing_since or now
    return pause_after(attempt.destroy_tries, since=since, now=now, key=attempt.label)


def pause_after(tries: int, *, since: datetime, now: datetime, key: str) -> timedelta:
    """Return the pause after so many tries since then; `key` spreads what began together."""
    longest = (
        DESTROY_PAUSE_AFTER_A_DAY if now - since > timedelta(days=1) else DESTROY_PAUSE_LONGEST
    )
    doublings = min(max(tries - 1, 0), 10)
    spread = sum(key.encode()) % 21
    return min(DESTROY_PAUSE_FIRST * (1 << doublings), longest) * (100 - spread) / 100


def timeless(attempt: LaunchAttempt, *, at: datetime) -> LaunchAttempt | None:
    """Return an attempt that was last told to end at a moment still to come, to be told at once; None if it was not.

    The clock was set back since: all its waiting would last until the clock has caught up.
    """
    called_at = attempt.destroy_called_at
    if called_at is None or called_at <= at:
        return None
    absence = Absence(first_gone_at=attempt.absence.first_gone_at)
    return replace(
        attempt,
        destroy_called_at=None,
        destroy_answered_at=None,
        absence=absence,
        next_action_at=at,
    )


def closing(attempt: LaunchAttempt, *, at: datetime) -> LaunchAttempt:
    """Return the attempt that is owed an end, with nothing known of it yet."""
    return replace(
        attempt.to(AttemptState.CLOSING),
        closing_since=at,
        next_action_at=at,
        absence=Absence(),
        alerted_at=None,
        destroy_tries=0,
        destroy_called_at=None,
        destroy_answered_at=None,
        destroy_accepted_at=None,
    )
