"""The tables, and every rule about one row that a schema can state.

Times are whole microseconds, money whole micro-dollars, documents JSON as text. Nothing here belongs to one database:
`ddl` turns it into statements, and a test holds the sum of the migrations equal to it.
"""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import (
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
)

from gpu_shopper.domain.agent_way import AgentWay
from gpu_shopper.domain.launch import OPEN, AttemptState, Blame, Proof
from gpu_shopper.domain.lifecycle import ENDING, FINAL, State
from gpu_shopper.domain.session import AS_ASKED, StopReason
from gpu_shopper.ports.books import TokenKind
from gpu_shopper.stores.columns import (
    Whole,
    listed,
    maybe,
    metadata,
    needed,
    one_of,
    partial,
    rule,
)
from gpu_shopper.stores.price_tables import price_runs

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
    needed("id"),
    needed("consumer_id"),
    needed("request"),
    needed("state"),
    needed("created_at", Whole),
    needed("state_since", Whole),
    needed("reserved_hours", Whole),
    maybe("launch", Whole),
    needed("attempts_made", Whole),
    needed("gpu_type"),
    maybe("running_at", Whole),
    maybe("stopped_at", Whole),
    maybe("stop_reason"),
    maybe("stop_actor"),
    maybe("hard_max_override", Whole),
    maybe("error"),
    maybe("next_action_at", Whole),
    needed("epoch", Whole),
    maybe("claimed_by"),
    maybe("claimed_until", Whole),
    maybe("nudged_at", Whole),
    PrimaryKeyConstraint("id"),
    one_of("state", State),
    one_of("stop_reason", StopReason),
    rule("ending_has_reason", f"({_ENDING}) = (stop_reason IS NOT NULL)"),
    rule("ending_has_actor", f"({_ENDING}) = (stop_actor IS NOT NULL)"),
    rule("ending_wants_nothing", f"NOT ({_ENDING}) OR launch IS NULL"),
    rule("final_has_end", f"({IS_FINAL}) = (stopped_at IS NOT NULL)"),
    rule("unfinished_has_future", f"({IS_FINAL}) OR next_action_at IS NOT NULL"),
    rule("stopped_was_asked", f"state <> '{State.STOPPED}' OR {_AS_ASKED}"),
    rule("failed_was_not_asked", f"state <> '{State.FAILED}' OR NOT ({_AS_ASKED})"),
    rule("provisioning_has_launch", f"state <> '{State.PROVISIONING}' OR launch IS NOT NULL"),
    rule(
        "running_has_launch",
        f"state <> '{State.RUNNING}' OR (launch IS NOT NULL AND running_at IS NOT NULL)",
    ),
    rule("claim_is_whole", "(claimed_by IS NULL) = (claimed_until IS NULL)"),
    rule("counts_are_sane", "reserved_hours >= 1 AND attempts_made >= 0 AND epoch >= 0"),
    Index("sessions_by_age", "created_at", "id"),
    Index("sessions_of_consumer", "consumer_id", "created_at", "id"),
    Index("sessions_by_state", "state", "created_at", "id"),
    sqlite_strict=True,
)
partial("sessions_due", sessions.c.next_action_at, where="next_action_at IS NOT NULL")
partial("sessions_claimed", sessions.c.claimed_until, where="claimed_until IS NOT NULL")

# What was ordered, when, and under which label: an attempt is that for ever.
ATTEMPT_IDENTITY: Final = (
    *("id", "session_id", "consumer_id", "number", "label", "provider", "offer"),
    *("sent_at", "token_hash", "request_digest"),
)

attempts = Table(
    "attempts",
    metadata,
    needed("id"),
    Column("session_id", Text, ForeignKey("sessions.id"), nullable=False),
    needed("consumer_id"),
    needed("number", Whole),
    needed("label"),
    needed("provider"),
    needed("offer"),
    needed("state"),
    needed("wanted", Integer),
    needed("sent_at", Whole),
    needed("call_deadline", Whole),
    needed("expires_at", Whole),
    needed("token_hash"),
    needed("request_digest"),
    needed("rate", Whole),
    needed("agent_way"),
    maybe("unwanted_because"),
    maybe("blame"),
    maybe("instance_id"),
    maybe("endpoint"),
    maybe("host_key"),
    maybe("read_back_at", Whole),
    needed("looks", Whole),
    maybe("billed_from", Whole),
    maybe("rate_since", Whole),
    maybe("accrued_to", Whole),
    maybe("last_seen_at", Whole),
    maybe("heard"),
    maybe("missing_since", Whole),
    needed("missing_listings", Whole),
    needed("missing_reads", Whole),
    needed("destroy_tries", Whole),
    maybe("destroy_called_at", Whole),
    maybe("destroy_answered_at", Whole),
    maybe("destroy_accepted_at", Whole),
    maybe("closing_since", Whole),
    needed("absence"),
    maybe("alerted_at", Whole),
    maybe("billing_ended_at", Whole),
    maybe("closed_at", Whole),
    maybe("proof"),
    maybe("next_action_at", Whole),
    PrimaryKeyConstraint("id"),
    UniqueConstraint("label", name="one_attempt_per_label"),
    UniqueConstraint("session_id", "number", name="one_attempt_per_number"),
    UniqueConstraint("token_hash", name="one_attempt_per_token"),
    one_of("state", AttemptState),
    one_of("blame", Blame),
    one_of("agent_way", AgentWay),
    one_of("proof", Proof),
    rule("label_is_there", "label <> '' AND token_hash <> ''"),
    rule("wanted_is_yes_or_no", "wanted IN (0, 1)"),
    rule(
        "bound_has_instance",
        f"state <> '{AttemptState.BOUND}' OR (instance_id IS NOT NULL AND wanted = 1)",
    ),
    rule(
        "closing_has_instance",
        f"state <> '{AttemptState.CLOSING}' OR"
        " (instance_id IS NOT NULL AND wanted = 0 AND closing_since IS NOT NULL)",
    ),
    rule(
        "over_has_end",
        f"(state IN ('{AttemptState.CLOSED}', '{AttemptState.REJECTED}')) = (closed_at IS NOT NULL)",
    ),
    rule("over_is_unwanted", "closed_at IS NULL OR wanted = 0"),
    rule("closed_has_proof", f"(state = '{AttemptState.CLOSED}') = (proof IS NOT NULL)"),
    rule("proved_was_seen", f"proof <> '{Proof.PROVED}' OR instance_id IS NOT NULL"),
    rule("presumed_was_not_seen", f"proof <> '{Proof.PRESUMED}' OR instance_id IS NULL"),
    rule("open_has_future", f"NOT ({IS_OPEN}) OR next_action_at IS NOT NULL"),
    rule(
        "counts_are_sane",
        "number >= 1 AND rate >= 0 AND looks >= 0 AND destroy_tries >= 0"
        " AND missing_listings >= 0 AND missing_reads >= 0",
    ),
    sqlite_strict=True,
)
partial(
    "one_bound_attempt_per_session",
    attempts.c.session_id,
    where=f"state = '{AttemptState.BOUND}'",
    unique=True,
)
partial("attempts_by_instance", attempts.c.instance_id, where="instance_id IS NOT NULL")
partial("attempts_open", attempts.c.provider, where=IS_OPEN)
partial("attempts_unbooked", attempts.c.accrued_to, where=IS_UNBOOKED)
partial("attempts_presumed", attempts.c.provider, attempts.c.closed_at, where=IS_PRESUMED)

surplus = Table(
    "surplus",
    metadata,
    needed("provider"),
    needed("instance_id"),
    needed("label"),
    needed("because"),
    needed("since", Whole),
    needed("billed_from", Whole),
    Column("session_id", Text, ForeignKey("sessions.id"), nullable=True),
    maybe("rate", Whole),
    needed("destroy_tries", Whole),
    maybe("destroy_called_at", Whole),
    maybe("destroy_answered_at", Whole),
    maybe("alerted_at", Whole),
    needed("gone_listings", Whole),
    maybe("listing_at", Whole),
    maybe("gone_at", Whole),
    maybe("closed_at", Whole),
    PrimaryKeyConstraint("provider", "instance_id"),
    rule("counts_are_sane", "destroy_tries >= 0 AND gone_listings >= 0"),
    rule(
        "closed_is_proved",
        "closed_at IS NULL OR (destroy_tries > 0 AND gone_listings >= 2 AND gone_at IS NOT NULL)",
    ),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)
partial("surplus_open", surplus.c.provider, where="closed_at IS NULL")

events = Table(
    "events",
    metadata,
    Column("session_id", Text, ForeignKey("sessions.id"), nullable=False),
    needed("sequence", Whole),
    needed("at", Whole),
    needed("kind"),
    needed("actor"),
    needed("details"),
    PrimaryKeyConstraint("session_id", "sequence"),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

cost_entries = Table(
    "cost_entries",
    metadata,
    Column("attempt_id", Text, ForeignKey("attempts.id"), nullable=False),
    Column("session_id", Text, ForeignKey("sessions.id"), nullable=False),
    needed("consumer_id"),
    needed("provider"),
    needed("gpu_type"),
    needed("begins_at", Whole),
    needed("ends_at", Whole),
    needed("rate", Whole),
    needed("amount", Whole),
    PrimaryKeyConstraint("attempt_id", "begins_at"),
    rule("interval_runs_forward", "ends_at > begins_at"),
    rule("amounts_are_sane", "rate >= 0 AND amount >= 0"),
    Index("costs_by_time", "begins_at", "attempt_id"),
    Index("costs_of_session", "session_id", "begins_at"),
    Index("costs_of_consumer", "consumer_id", "begins_at"),
    sqlite_strict=True,
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    needed("consumer_id"),
    needed("route"),
    needed("key"),
    needed("digest"),
    Column("session_id", Text, ForeignKey("sessions.id"), nullable=False),
    needed("created_at", Whole),
    maybe("sealed_reply", LargeBinary),
    maybe("sealed_until", Whole),
    PrimaryKeyConstraint("consumer_id", "route", "key"),
    rule("sealed_has_end", "sealed_reply IS NULL OR sealed_until IS NOT NULL"),
    sqlite_strict=True,
)
partial("keys_sealed", idempotency_keys.c.sealed_until, where="sealed_reply IS NOT NULL")

tokens = Table(
    "tokens",
    metadata,
    needed("id"),
    needed("kind"),
    maybe("consumer_id"),
    needed("name"),
    needed("secret_hash"),
    needed("created_at", Whole),
    maybe("expires_at", Whole),
    maybe("revoked_at", Whole),
    maybe("last_used_at", Whole),
    PrimaryKeyConstraint("id"),
    UniqueConstraint("secret_hash", name="one_token_per_secret"),
    one_of("kind", TokenKind),
    rule(
        "consumer_token_has_consumer", f"kind <> '{TokenKind.CONSUMER}' OR consumer_id IS NOT NULL"
    ),
    sqlite_strict=True,
)

sweeps = Table(
    "sweeps",
    metadata,
    Column("id", Whole, primary_key=True),
    needed("provider"),
    needed("began_at", Whole),
    needed("ended_at", Whole),
    needed("complete", Integer),
    needed("instances", Whole),
    needed("strays", Whole),
    needed("orphans", Whole),
    needed("missing", Whole),
    needed("trouble"),
    maybe("balance", Whole),
    rule("complete_is_yes_or_no", "complete IN (0, 1)"),
    Index("sweeps_of_provider", "provider", "id"),
    Index("sweeps_by_completeness", "provider", "complete", "id"),
    sqlite_strict=True,
)

accounts = Table(
    "accounts",
    metadata,
    needed("provider"),
    maybe("frozen_since", Whole),
    needed("frozen_because"),
    maybe("unauthorized_since", Whole),
    PrimaryKeyConstraint("provider"),
    sqlite_strict=True,
)

outcomes = Table(
    "outcomes",
    metadata,
    Column("id", Whole, primary_key=True),
    needed("at", Whole),
    needed("provider"),
    needed("offer_id"),
    needed("machine_id"),
    needed("location"),
    needed("gpu_type"),
    maybe("blame"),
    needed("reason"),
    one_of("blame", Blame),
    sqlite_strict=True,
)
# Without blame it worked. Failures are few, and looked for whenever something is bought.
partial("failures_by_time", outcomes.c.at, outcomes.c.id, where="blame IS NOT NULL")
partial("successes_by_time", outcomes.c.at, outcomes.c.id, where="blame IS NULL")

notices = Table(
    "notices",
    metadata,
    needed("id"),
    needed("at", Whole),
    needed("kind"),
    needed("text"),
    needed("details"),
    maybe("delivered_at", Whole),
    needed("tries", Whole),
    maybe("next_try_at", Whole),
    PrimaryKeyConstraint("id"),
    rule("counts_are_sane", "tries >= 0"),
    Index("notices_by_time", "at", "id"),
    sqlite_strict=True,
)
partial("notices_undelivered", notices.c.at, where="delivered_at IS NULL")

deployment = Table(
    "deployment",
    metadata,
    needed("singleton", Integer),
    needed("id"),
    needed("epoch", Whole),
    needed("created_at", Whole),
    PrimaryKeyConstraint("singleton"),
    rule("one_row", "singleton = 1"),
    sqlite_strict=True,
)


def tables() -> Sequence[Table]:
    """Return all tables, each behind those that it refers to."""
    assert price_runs.metadata is metadata, "they must be imported to be there"
    return metadata.sorted_tables
