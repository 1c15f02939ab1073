"""The tables, and every rule about one row that a schema can state.

Times are whole microseconds, money whole micro-dollars, documents JSON as text. Nothing here belongs to one database:
`ddl` turns it into statements, and a test holds the sum of the migrations equal to it.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from gpu_shopper.domain.launch import OPEN, AttemptState, Blame, Proof
from gpu_shopper.domain.lifecycle import ENDING, FINAL, State
from gpu_shopper.domain.session import AS_ASKED, StopReason
from gpu_shopper.ports.books import TokenKind

metadata = MetaData()

# SQLite's strict tables know one integer, which has 64 bits.
Whole = BigInteger().with_variant(Integer(), "sqlite")


def listed(values: Iterable[StrEnum]) -> str:
    """Print enum members as SQL text literals, always in the same order."""
    return ", ".join(sorted(f"'{value.value}'" for value in values))


def _one_of(column: str, values: type[StrEnum]) -> CheckConstraint:
    return CheckConstraint(f"{column} IN ({listed(values)})", name=f"{column}_is_known")


def _rule(name: str, condition: str) -> CheckConstraint:
    return CheckConstraint(condition, name=name)


def _needed(name: str, kind: Any = Text) -> Column[Any]:
    return Column(name, kind, nullable=False)


def _maybe(name: str, kind: Any = Text) -> Column[Any]:
    return Column(name, kind, nullable=True)


def _partial(name: str, *columns: Column[Any], where: str, unique: bool = False) -> None:
    condition = text(where)
    Index(name, *columns, unique=unique, sqlite_where=condition, postgresql_where=condition)


# Statements repeat these word for word: only then does a database use the partial index.
IS_FINAL = f"state IN ({listed(FINAL)})"
_ENDING = f"state IN ({listed(ENDING)})"
IS_OPEN = f"state IN ({listed(OPEN)})"
_AS_ASKED = f"stop_reason IN ({listed(AS_ASKED)})"
IS_UNBOOKED = "billing_ended_at IS NULL OR billing_ended_at > accrued_to"
IS_PRESUMED = f"proof = '{Proof.PRESUMED}'"

sessions = Table(
    "sessions",
    metadata,
    _needed("id"),
    _needed("consumer_id"),
    _needed("request"),
    _needed("state"),
    _needed("created_at", Whole),
    _needed("state_since", Whole),
    _needed("reserved_hours", Whole),
    _maybe("launch", Whole),
    _needed("attempts_made", Whole),
    _needed("gpu_type"),
    _maybe("running_at", Whole),
    _maybe("stopped_at", Whole),
    _maybe("stop_reason"),
    _maybe("stop_actor"),
    _maybe("hard_max_override", Whole),
    _maybe("error"),
    _maybe("next_action_at", Whole),
    _needed("epoch", Whole),
    _maybe("claimed_by"),
    _maybe("claimed_until", Whole),
    _maybe("nudged_at", Whole),
    PrimaryKeyConstraint("id"),
    _one_of("state", State),
    _one_of("stop_reason", StopReason),
    _rule("ending_has_reason", f"({_ENDING}) = (stop_reason IS NOT NULL)"),
    _rule("ending_has_actor", f"({_ENDING}) = (stop_actor IS NOT NULL)"),
    _rule("ending_wants_nothing", f"NOT ({_ENDING}) OR launch IS NULL"),
    _rule("final_has_end", f"({IS_FINAL}) = (stopped_at IS NOT NULL)"),
    _rule("unfinished_has_future", f"({IS_FINAL}) OR next_action_at IS NOT NULL"),
    _rule("stopped_was_asked", f"state <> '{State.STOPPED}' OR {_AS_ASKED}"),
    _rule("failed_was_not_asked", f"state <> '{State.FAILED}' OR NOT ({_AS_ASKED})"),
    _rule("provisioning_has_launch", f"state <> '{State.PROVISIONING}' OR launch IS NOT NULL"),
    _rule(
        "running_has_launch",
        f"state <> '{State.RUNNING}' OR (launch IS NOT NULL AND running_at IS NOT NULL)",
    ),
    _rule("claim_is_whole", "(claimed_by IS NULL) = (claimed_until IS NULL)"),
    _rule("counts_are_sane", "reserved_hours >= 1 AND attempts_made >= 0 AND epoch >= 0"),
    Index("sessions_by_age", "created_at", "id"),
    Index("sessions_of_consumer", "consumer_id", "created_at", "id"),
    Index("sessions_by_state", "state", "created_at", "id"),
    sqlite_strict=True,
)
_partial("sessions_due", sessions.c.next_action_at, where="next_action_at IS NOT NULL")
_partial("sessions_claimed", sessions.c.claimed_until, where="claimed_until IS NOT NULL")

attempts = Table(
    "attempts",
    metadata,
    _needed("id"),
    Column("session_id", Text, ForeignKey("sessions.id"), nullable=False),
    _needed("consumer_id"),
    _needed("number", Whole),
    _needed("label"),
    _needed("provider"),
    _needed("offer"),
    _needed("state"),
    _needed("wanted", Integer),
    _needed("sent_at", Whole),
    _needed("call_deadline", Whole),
    _needed("expires_at", Whole),
    _needed("token_hash"),
    _needed("request_digest"),
    _needed("rate", Whole),
    _maybe("unwanted_because"),
    _maybe("blame"),
    _maybe("instance_id"),
    _maybe("endpoint"),
    _maybe("host_key"),
    _maybe("read_back_at", Whole),
    _needed("looks", Whole),
    _maybe("billed_from", Whole),
    _maybe("rate_since", Whole),
    _maybe("accrued_to", Whole),
    _maybe("last_seen_at", Whole),
    _maybe("heard"),
    _maybe("missing_since", Whole),
    _needed("missing_listings", Whole),
    _needed("missing_reads", Whole),
    _needed("destroy_tries", Whole),
    _maybe("destroy_called_at", Whole),
    _maybe("destroy_answered_at", Whole),
    _maybe("destroy_accepted_at", Whole),
    _maybe("closing_since", Whole),
    _needed("absence"),
    _maybe("alerted_at", Whole),
    _maybe("billing_ended_at", Whole),
    _maybe("closed_at", Whole),
    _maybe("proof"),
    _maybe("next_action_at", Whole),
    PrimaryKeyConstraint("id"),
    UniqueConstraint("label", name="one_attempt_per_label"),
    UniqueConstraint("session_id", "number", name="one_attempt_per_number"),
    UniqueConstraint("token_hash", name="one_attempt_per_token"),
    _one_of("state", AttemptState),
    _one_of("blame", Blame),
    _one_of("proof", Proof),
    _rule("label_is_there", "label <> '' AND token_hash <> ''"),
    _rule("wanted_is_yes_or_no", "wanted IN (0, 1)"),
    _rule(
        "bound_has_instance",
        f"state <> '{AttemptState.BOUND}' OR (instance_id IS NOT NULL AND wanted = 1)",
    ),
    _rule(
        "closing_has_instance",
        f"state <> '{AttemptState.CLOSING}' OR"
        " (instance_id IS NOT NULL AND wanted = 0 AND closing_since IS NOT NULL)",
    ),
    _rule(
        "over_has_end",
        f"(state IN ('{AttemptState.CLOSED}', '{AttemptState.REJECTED}')) = (closed_at IS NOT NULL)",
    ),
    _rule("over_is_unwanted", "closed_at IS NULL OR wanted = 0"),
    _rule("closed_has_proof", f"(state = '{AttemptState.CLOSED}') = (proof IS NOT NULL)"),
    _rule("proved_was_seen", f"proof <> '{Proof.PROVED}' OR instance_id IS NOT NULL"),
    _rule("presumed_was_not_seen", f"proof <> '{Proof.PRESUMED}' OR instance_id IS NULL"),
    _rule("open_has_future", f"NOT ({IS_OPEN}) OR next_action_at IS NOT NULL"),
    _rule(
        "counts_are_sane",
        "number >= 1 AND rate >= 0 AND looks >= 0 AND destroy_tries >= 0"
        " AND missing_listings >= 0 AND missing_reads >= 0",
    ),
    sqlite_strict=True,
)
_partial(
    "one_bound_attempt_per_session",
    attempts.c.session_id,
    where=f"state = '{AttemptState.BOUND}'",
    unique=True,
)
_partial("attempts_by_instance", attempts.c.instance_id, where="instance_id IS NOT NULL")
_partial("attempts_open", attempts.c.provider, where=IS_OPEN)
_partial("attempts_unbooked", attempts.c.accrued_to, where=IS_UNBOOKED)
_partial("attempts_presumed", attempts.c.provider, attempts.c.closed_at, where=IS_PRESUMED)

surplus = Table(
    "surplus",
    metadata,
    _needed("provider"),
    _needed("instance_id"),
    _needed("label"),
    _needed("because"),
    _needed("since", Whole),
    _needed("billed_from", Whole),
    Column("session_id", Text, ForeignKey("sessions.id"), nullable=True),
    _maybe("rate", Whole),
    _needed("destroy_tries", Whole),
    _maybe("destroy_called_at", Whole),
    _maybe("destroy_answered_at", Whole),
    _maybe("alerted_at", Whole),
    _needed("gone_listings", Whole),
    _maybe("listing_at", Whole),
    _maybe("gone_at", Whole),
    _maybe("closed_at", Whole),
    PrimaryKeyConstraint("provider", "instance_id"),
    _rule("counts_are_sane", "destroy_tries >= 0 AND gone_listings >= 0"),
    _rule(
        "closed_is_proved",
        "closed_at IS NULL OR (destroy_tries > 0 AND gone_listings >= 2 AND gone_at IS NOT NULL)",
    ),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)
_partial("surplus_open", surplus.c.provider, where="closed_at IS NULL")

events = Table(
    "events",
    metadata,
    Column("session_id", Text, ForeignKey("sessions.id"), nullable=False),
    _needed("sequence", Whole),
    _needed("at", Whole),
    _needed("kind"),
    _needed("actor"),
    _needed("details"),
    PrimaryKeyConstraint("session_id", "sequence"),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

cost_entries = Table(
    "cost_entries",
    metadata,
    Column("attempt_id", Text, ForeignKey("attempts.id"), nullable=False),
    Column("session_id", Text, ForeignKey("sessions.id"), nullable=False),
    _needed("consumer_id"),
    _needed("provider"),
    _needed("gpu_type"),
    _needed("begins_at", Whole),
    _needed("ends_at", Whole),
    _needed("rate", Whole),
    _needed("amount", Whole),
    PrimaryKeyConstraint("attempt_id", "begins_at"),
    _rule("interval_runs_forward", "ends_at > begins_at"),
    _rule("amounts_are_sane", "rate >= 0 AND amount >= 0"),
    Index("costs_by_time", "begins_at", "attempt_id"),
    Index("costs_of_session", "session_id", "begins_at"),
    Index("costs_of_consumer", "consumer_id", "begins_at"),
    sqlite_strict=True,
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    _needed("consumer_id"),
    _needed("route"),
    _needed("key"),
    _needed("digest"),
    Column("session_id", Text, ForeignKey("sessions.id"), nullable=False),
    _needed("created_at", Whole),
    _maybe("sealed_reply", LargeBinary),
    _maybe("sealed_until", Whole),
    PrimaryKeyConstraint("consumer_id", "route", "key"),
    _rule("sealed_has_end", "sealed_reply IS NULL OR sealed_until IS NOT NULL"),
    sqlite_strict=True,
)
_partial("keys_sealed", idempotency_keys.c.sealed_until, where="sealed_reply IS NOT NULL")

tokens = Table(
    "tokens",
    metadata,
    _needed("id"),
    _needed("kind"),
    _maybe("consumer_id"),
    _needed("name"),
    _needed("secret_hash"),
    _needed("created_at", Whole),
    _maybe("expires_at", Whole),
    _maybe("revoked_at", Whole),
    _maybe("last_used_at", Whole),
    PrimaryKeyConstraint("id"),
    UniqueConstraint("secret_hash", name="one_token_per_secret"),
    _one_of("kind", TokenKind),
    _rule(
        "consumer_token_has_consumer", f"kind <> '{TokenKind.CONSUMER}' OR consumer_id IS NOT NULL"
    ),
    sqlite_strict=True,
)

sweeps = Table(
    "sweeps",
    metadata,
    Column("id", Whole, primary_key=True),
    _needed("provider"),
    _needed("began_at", Whole),
    _needed("ended_at", Whole),
    _needed("complete", Integer),
    _needed("instances", Whole),
    _needed("strays", Whole),
    _needed("orphans", Whole),
    _needed("missing", Whole),
    _needed("trouble"),
    _maybe("balance", Whole),
    _rule("complete_is_yes_or_no", "complete IN (0, 1)"),
    Index("sweeps_of_provider", "provider", "id"),
    Index("sweeps_by_completeness", "provider", "complete", "id"),
    sqlite_strict=True,
)

accounts = Table(
    "accounts",
    metadata,
    _needed("provider"),
    _maybe("frozen_since", Whole),
    _needed("frozen_because"),
    _maybe("unauthorized_since", Whole),
    PrimaryKeyConstraint("provider"),
    sqlite_strict=True,
)

failures = Table(
    "failures",
    metadata,
    Column("id", Whole, primary_key=True),
    _needed("at", Whole),
    _needed("provider"),
    _needed("offer_id"),
    _needed("machine_id"),
    _needed("gpu_type"),
    _needed("blame"),
    _needed("reason"),
    _one_of("blame", Blame),
    Index("failures_by_time", "at", "id"),
    sqlite_strict=True,
)

notices = Table(
    "notices",
    metadata,
    _needed("id"),
    _needed("at", Whole),
    _needed("kind"),
    _needed("text"),
    _needed("details"),
    _maybe("delivered_at", Whole),
    _needed("tries", Whole),
    _maybe("next_try_at", Whole),
    PrimaryKeyConstraint("id"),
    _rule("counts_are_sane", "tries >= 0"),
    Index("notices_by_time", "at", "id"),
    sqlite_strict=True,
)
_partial("notices_undelivered", notices.c.at, where="delivered_at IS NULL")

deployment = Table(
    "deployment",
    metadata,
    _needed("singleton", Integer),
    _needed("id"),
    _needed("epoch", Whole),
    _needed("created_at", Whole),
    PrimaryKeyConstraint("singleton"),
    _rule("one_row", "singleton = 1"),
    sqlite_strict=True,
)
