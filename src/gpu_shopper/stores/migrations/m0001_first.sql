CREATE TABLE accounts (
    provider TEXT NOT NULL,
    frozen_since INTEGER,
    frozen_because TEXT NOT NULL,
    unauthorized_since INTEGER,
    PRIMARY KEY (provider)
)
 STRICT;

CREATE TABLE deployment (
    singleton INTEGER NOT NULL,
    id TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (singleton),
    CONSTRAINT one_row CHECK (singleton = 1)
)
 STRICT;

CREATE TABLE notices (
    id TEXT NOT NULL,
    at INTEGER NOT NULL,
    kind TEXT NOT NULL,
    text TEXT NOT NULL,
    details TEXT NOT NULL,
    delivered_at INTEGER,
    tries INTEGER NOT NULL,
    next_try_at INTEGER,
    PRIMARY KEY (id),
    CONSTRAINT counts_are_sane CHECK (tries >= 0)
)
 STRICT;

CREATE INDEX notices_by_time ON notices (at, id);

CREATE INDEX notices_undelivered ON notices (at) WHERE delivered_at IS NULL;

CREATE TABLE outcomes (
    id INTEGER NOT NULL,
    at INTEGER NOT NULL,
    provider TEXT NOT NULL,
    offer_id TEXT NOT NULL,
    machine_id TEXT NOT NULL,
    location TEXT NOT NULL,
    gpu_type TEXT NOT NULL,
    blame TEXT,
    reason TEXT NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT blame_is_known CHECK (blame IN ('account', 'cloud', 'machine', 'offer', 'ours'))
)
 STRICT;

CREATE INDEX failures_by_time ON outcomes (at, id) WHERE blame IS NOT NULL;

CREATE INDEX successes_by_time ON outcomes (at, id) WHERE blame IS NULL;

CREATE TABLE price_families (
    id INTEGER NOT NULL,
    gpu_type TEXT NOT NULL,
    provider TEXT NOT NULL,
    gpu_count INTEGER NOT NULL,
    gpu_fraction INTEGER NOT NULL,
    interruptible INTEGER NOT NULL,
    country TEXT NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT one_family_per_kind UNIQUE (gpu_type, provider, gpu_count, gpu_fraction, interruptible, country),
    CONSTRAINT interruptible_is_yes_or_no CHECK (interruptible IN (0, 1)),
    CONSTRAINT counts_are_sane CHECK (gpu_count >= 1 AND gpu_fraction >= 1)
)
 STRICT;

CREATE INDEX price_families_of_provider ON price_families (provider);

CREATE TABLE sessions (
    id TEXT NOT NULL,
    consumer_id TEXT NOT NULL,
    request TEXT NOT NULL,
    state TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    state_since INTEGER NOT NULL,
    reserved_hours INTEGER NOT NULL,
    launch INTEGER,
    attempts_made INTEGER NOT NULL,
    gpu_type TEXT NOT NULL,
    running_at INTEGER,
    stopped_at INTEGER,
    stop_reason TEXT,
    stop_actor TEXT,
    hard_max_override INTEGER,
    error TEXT,
    next_action_at INTEGER,
    epoch INTEGER NOT NULL,
    claimed_by TEXT,
    claimed_until INTEGER,
    nudged_at INTEGER,
    PRIMARY KEY (id),
    CONSTRAINT state_is_known CHECK (state IN ('failed', 'pending', 'provisioning', 'running', 'stopped', 'stopping')),
    CONSTRAINT stop_reason_is_known CHECK (stop_reason IN ('budget', 'cancelled', 'done', 'expired', 'hard_max', 'idle', 'launch_failed', 'lost', 'not_as_sold', 'preempted', 'silent')),
    CONSTRAINT ending_has_reason CHECK ((state IN ('failed', 'stopped', 'stopping')) = (stop_reason IS NOT NULL)),
    CONSTRAINT ending_has_actor CHECK ((state IN ('failed', 'stopped', 'stopping')) = (stop_actor IS NOT NULL)),
    CONSTRAINT ending_wants_nothing CHECK (NOT (state IN ('failed', 'stopped', 'stopping')) OR launch IS NULL),
    CONSTRAINT final_has_end CHECK ((state IN ('failed', 'stopped')) = (stopped_at IS NOT NULL)),
    CONSTRAINT unfinished_has_future CHECK ((state IN ('failed', 'stopped')) OR next_action_at IS NOT NULL),
    CONSTRAINT stopped_was_asked CHECK (state <> 'stopped' OR stop_reason IN ('budget', 'cancelled', 'done', 'expired', 'hard_max', 'idle')),
    CONSTRAINT failed_was_not_asked CHECK (state <> 'failed' OR NOT (stop_reason IN ('budget', 'cancelled', 'done', 'expired', 'hard_max', 'idle'))),
    CONSTRAINT provisioning_has_launch CHECK (state <> 'provisioning' OR launch IS NOT NULL),
    CONSTRAINT running_has_launch CHECK (state <> 'running' OR (launch IS NOT NULL AND running_at IS NOT NULL)),
    CONSTRAINT claim_is_whole CHECK ((claimed_by IS NULL) = (claimed_until IS NULL)),
    CONSTRAINT counts_are_sane CHECK (reserved_hours >= 1 AND attempts_made >= 0 AND epoch >= 0)
)
 STRICT;

CREATE INDEX sessions_by_age ON sessions (created_at, id);

CREATE INDEX sessions_by_state ON sessions (state, created_at, id);

CREATE INDEX sessions_claimed ON sessions (claimed_until) WHERE claimed_until IS NOT NULL;

CREATE INDEX sessions_due ON sessions (next_action_at) WHERE next_action_at IS NOT NULL;

CREATE INDEX sessions_of_consumer ON sessions (consumer_id, created_at, id);

CREATE TABLE sweeps (
    id INTEGER NOT NULL,
    provider TEXT NOT NULL,
    began_at INTEGER NOT NULL,
    ended_at INTEGER NOT NULL,
    complete INTEGER NOT NULL,
    instances INTEGER NOT NULL,
    strays INTEGER NOT NULL,
    orphans INTEGER NOT NULL,
    missing INTEGER NOT NULL,
    trouble TEXT NOT NULL,
    balance INTEGER,
    PRIMARY KEY (id),
    CONSTRAINT complete_is_yes_or_no CHECK (complete IN (0, 1))
)
 STRICT;

CREATE INDEX sweeps_by_completeness ON sweeps (provider, complete, id);

CREATE INDEX sweeps_of_provider ON sweeps (provider, id);

CREATE TABLE tokens (
    id TEXT NOT NULL,
    kind TEXT NOT NULL,
    consumer_id TEXT,
    name TEXT NOT NULL,
    secret_hash TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    revoked_at INTEGER,
    last_used_at INTEGER,
    PRIMARY KEY (id),
    CONSTRAINT one_token_per_secret UNIQUE (secret_hash),
    CONSTRAINT kind_is_known CHECK (kind IN ('admin', 'consumer')),
    CONSTRAINT consumer_token_has_consumer CHECK (kind <> 'consumer' OR consumer_id IS NOT NULL)
)
 STRICT;

CREATE TABLE attempts (
    id TEXT NOT NULL,
    session_id TEXT NOT NULL,
    consumer_id TEXT NOT NULL,
    number INTEGER NOT NULL,
    label TEXT NOT NULL,
    provider TEXT NOT NULL,
    offer TEXT NOT NULL,
    state TEXT NOT NULL,
    wanted INTEGER NOT NULL,
    sent_at INTEGER NOT NULL,
    call_deadline INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    token_hash TEXT NOT NULL,
    request_digest TEXT NOT NULL,
    rate INTEGER NOT NULL,
    agent_way TEXT NOT NULL,
    unwanted_because TEXT,
    blame TEXT,
    instance_id TEXT,
    endpoint TEXT,
    host_key TEXT,
    read_back_at INTEGER,
    looks INTEGER NOT NULL,
    billed_from INTEGER,
    rate_since INTEGER,
    accrued_to INTEGER,
    last_seen_at INTEGER,
    heard TEXT,
    missing_since INTEGER,
    missing_listings INTEGER NOT NULL,
    missing_reads INTEGER NOT NULL,
    destroy_tries INTEGER NOT NULL,
    destroy_called_at INTEGER,
    destroy_answered_at INTEGER,
    destroy_accepted_at INTEGER,
    closing_since INTEGER,
    absence TEXT NOT NULL,
    alerted_at INTEGER,
    billing_ended_at INTEGER,
    closed_at INTEGER,
    proof TEXT,
    next_action_at INTEGER,
    PRIMARY KEY (id),
    CONSTRAINT one_attempt_per_label UNIQUE (label),
    CONSTRAINT one_attempt_per_number UNIQUE (session_id, number),
    CONSTRAINT one_attempt_per_token UNIQUE (token_hash),
    CONSTRAINT state_is_known CHECK (state IN ('bound', 'closed', 'closing', 'rejected', 'sent', 'unknown')),
    CONSTRAINT blame_is_known CHECK (blame IN ('account', 'cloud', 'machine', 'offer', 'ours')),
    CONSTRAINT agent_way_is_known CHECK (agent_way IN ('in_order', 'logged_in', 'over_ssh')),
    CONSTRAINT proof_is_known CHECK (proof IN ('presumed', 'proved')),
    CONSTRAINT label_is_there CHECK (label <> '' AND token_hash <> ''),
    CONSTRAINT wanted_is_yes_or_no CHECK (wanted IN (0, 1)),
    CONSTRAINT bound_has_instance CHECK (state <> 'bound' OR (instance_id IS NOT NULL AND wanted = 1)),
    CONSTRAINT closing_has_instance CHECK (state <> 'closing' OR (instance_id IS NOT NULL AND wanted = 0 AND closing_since IS NOT NULL)),
    CONSTRAINT over_has_end CHECK ((state IN ('closed', 'rejected')) = (closed_at IS NOT NULL)),
    CONSTRAINT over_is_unwanted CHECK (closed_at IS NULL OR wanted = 0),
    CONSTRAINT closed_has_proof CHECK ((state = 'closed') = (proof IS NOT NULL)),
    CONSTRAINT proved_was_seen CHECK (proof <> 'proved' OR instance_id IS NOT NULL),
    CONSTRAINT presumed_was_not_seen CHECK (proof <> 'presumed' OR instance_id IS NULL),
    CONSTRAINT open_has_future CHECK (NOT (state IN ('bound', 'closing', 'sent', 'unknown')) OR next_action_at IS NOT NULL),
    CONSTRAINT counts_are_sane CHECK (number >= 1 AND rate >= 0 AND looks >= 0 AND destroy_tries >= 0 AND missing_listings >= 0 AND missing_reads >= 0),
    FOREIGN KEY(session_id) REFERENCES sessions (id)
)
 STRICT;

CREATE INDEX attempts_by_instance ON attempts (instance_id) WHERE instance_id IS NOT NULL;

CREATE INDEX attempts_open ON attempts (provider) WHERE state IN ('bound', 'closing', 'sent', 'unknown');

CREATE INDEX attempts_presumed ON attempts (provider, closed_at) WHERE proof = 'presumed';

CREATE INDEX attempts_unbooked ON attempts (accrued_to) WHERE billing_ended_at IS NULL OR billing_ended_at > accrued_to;

CREATE UNIQUE INDEX one_bound_attempt_per_session ON attempts (session_id) WHERE state = 'bound';

CREATE TABLE events (
    session_id TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    at INTEGER NOT NULL,
    kind TEXT NOT NULL,
    actor TEXT NOT NULL,
    details TEXT NOT NULL,
    PRIMARY KEY (session_id, sequence),
    FOREIGN KEY(session_id) REFERENCES sessions (id)
)
 WITHOUT ROWID,
 STRICT;

CREATE TABLE idempotency_keys (
    consumer_id TEXT NOT NULL,
    route TEXT NOT NULL,
    "key" TEXT NOT NULL,
    digest TEXT NOT NULL,
    session_id TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    sealed_reply BLOB,
    sealed_until INTEGER,
    PRIMARY KEY (consumer_id, route, "key"),
    CONSTRAINT sealed_has_end CHECK (sealed_reply IS NULL OR sealed_until IS NOT NULL),
    FOREIGN KEY(session_id) REFERENCES sessions (id)
)
 STRICT;

CREATE INDEX keys_sealed ON idempotency_keys (sealed_until) WHERE sealed_reply IS NOT NULL;

CREATE TABLE price_runs (
    family INTEGER NOT NULL,
    since INTEGER NOT NULL,
    until INTEGER NOT NULL,
    lowest INTEGER NOT NULL,
    median INTEGER NOT NULL,
    offers INTEGER NOT NULL,
    PRIMARY KEY (family, until),
    CONSTRAINT run_goes_forward CHECK (until >= since),
    CONSTRAINT amounts_are_sane CHECK (lowest >= 0 AND median >= lowest AND offers >= 1),
    FOREIGN KEY(family) REFERENCES price_families (id)
)
 WITHOUT ROWID,
 STRICT;

CREATE TABLE surplus (
    provider TEXT NOT NULL,
    instance_id TEXT NOT NULL,
    label TEXT NOT NULL,
    because TEXT NOT NULL,
    since INTEGER NOT NULL,
    billed_from INTEGER NOT NULL,
    session_id TEXT,
    rate INTEGER,
    destroy_tries INTEGER NOT NULL,
    destroy_called_at INTEGER,
    destroy_answered_at INTEGER,
    alerted_at INTEGER,
    gone_listings INTEGER NOT NULL,
    listing_at INTEGER,
    gone_at INTEGER,
    closed_at INTEGER,
    PRIMARY KEY (provider, instance_id),
    CONSTRAINT counts_are_sane CHECK (destroy_tries >= 0 AND gone_listings >= 0),
    CONSTRAINT closed_is_proved CHECK (closed_at IS NULL OR (destroy_tries > 0 AND gone_listings >= 2 AND gone_at IS NOT NULL)),
    FOREIGN KEY(session_id) REFERENCES sessions (id)
)
 WITHOUT ROWID,
 STRICT;

CREATE INDEX surplus_open ON surplus (provider) WHERE closed_at IS NULL;

CREATE TABLE cost_entries (
    attempt_id TEXT NOT NULL,
    session_id TEXT NOT NULL,
    consumer_id TEXT NOT NULL,
    provider TEXT NOT NULL,
    gpu_type TEXT NOT NULL,
    begins_at INTEGER NOT NULL,
    ends_at INTEGER NOT NULL,
    rate INTEGER NOT NULL,
    amount INTEGER NOT NULL,
    PRIMARY KEY (attempt_id, begins_at),
    CONSTRAINT interval_runs_forward CHECK (ends_at > begins_at),
    CONSTRAINT amounts_are_sane CHECK (rate >= 0 AND amount >= 0),
    FOREIGN KEY(attempt_id) REFERENCES attempts (id),
    FOREIGN KEY(session_id) REFERENCES sessions (id)
)
 STRICT;

CREATE INDEX costs_by_time ON cost_entries (begins_at, attempt_id);

CREATE INDEX costs_of_consumer ON cost_entries (consumer_id, begins_at);

CREATE INDEX costs_of_session ON cost_entries (session_id, begins_at);

CREATE TRIGGER sessions_move BEFORE UPDATE OF state ON sessions
FOR EACH ROW WHEN NEW.state <> OLD.state AND OLD.state || '>' || NEW.state NOT IN ('pending>provisioning', 'pending>stopping', 'provisioning>pending', 'provisioning>running', 'provisioning>stopping', 'running>stopping', 'stopping>failed', 'stopping>stopped')
BEGIN
    SELECT RAISE(ABORT, 'sessions: no such move of state');
END;

CREATE TRIGGER sessions_identity BEFORE UPDATE OF id, consumer_id, request, created_at ON sessions
FOR EACH ROW WHEN NEW.id <> OLD.id OR NEW.consumer_id <> OLD.consumer_id OR NEW.request <> OLD.request OR NEW.created_at <> OLD.created_at
BEGIN
    SELECT RAISE(ABORT, 'sessions: who asked for what never changes');
END;

CREATE TRIGGER sessions_reason BEFORE UPDATE OF stop_reason, stop_actor ON sessions
FOR EACH ROW WHEN (OLD.stop_reason IS NOT NULL AND (NEW.stop_reason IS NULL OR NEW.stop_reason <> OLD.stop_reason)) OR (OLD.stop_actor IS NOT NULL AND (NEW.stop_actor IS NULL OR NEW.stop_actor <> OLD.stop_actor))
BEGIN
    SELECT RAISE(ABORT, 'sessions: why and by whom it was stopped never changes');
END;

CREATE TRIGGER sessions_end BEFORE UPDATE OF stopped_at ON sessions
FOR EACH ROW WHEN OLD.stopped_at IS NOT NULL AND (NEW.stopped_at IS NULL OR NEW.stopped_at <> OLD.stopped_at)
BEGIN
    SELECT RAISE(ABORT, 'sessions: the end never changes');
END;

CREATE TRIGGER sessions_epoch BEFORE UPDATE OF epoch ON sessions
FOR EACH ROW WHEN NEW.epoch < OLD.epoch
BEGIN
    SELECT RAISE(ABORT, 'sessions: an epoch only grows');
END;

CREATE TRIGGER sessions_no_delete BEFORE DELETE ON sessions
FOR EACH ROW WHEN 1 = 1
BEGIN
    SELECT RAISE(ABORT, 'sessions: DELETE is never allowed');
END;

CREATE TRIGGER attempts_move BEFORE UPDATE OF state ON attempts
FOR EACH ROW WHEN NEW.state <> OLD.state AND OLD.state || '>' || NEW.state NOT IN ('bound>closing', 'closed>closing', 'closing>closed', 'rejected>closing', 'sent>bound', 'sent>closing', 'sent>rejected', 'sent>unknown', 'unknown>bound', 'unknown>closed', 'unknown>closing')
BEGIN
    SELECT RAISE(ABORT, 'attempts: no such move of state');
END;

CREATE TRIGGER attempts_wanted BEFORE UPDATE OF wanted ON attempts
FOR EACH ROW WHEN NEW.wanted > OLD.wanted
BEGIN
    SELECT RAISE(ABORT, 'attempts: what is unwanted is never wanted again');
END;

CREATE TRIGGER attempts_identity BEFORE UPDATE OF id, session_id, consumer_id, number, label, provider, offer, sent_at, token_hash, request_digest ON attempts
FOR EACH ROW WHEN NEW.id <> OLD.id OR NEW.session_id <> OLD.session_id OR NEW.consumer_id <> OLD.consumer_id OR NEW.number <> OLD.number OR NEW.label <> OLD.label OR NEW.provider <> OLD.provider OR NEW.offer <> OLD.offer OR NEW.sent_at <> OLD.sent_at OR NEW.token_hash <> OLD.token_hash OR NEW.request_digest <> OLD.request_digest
BEGIN
    SELECT RAISE(ABORT, 'attempts: what was ordered under which label never changes');
END;

CREATE TRIGGER attempts_instance BEFORE UPDATE OF instance_id ON attempts
FOR EACH ROW WHEN (OLD.instance_id IS NOT NULL AND (NEW.instance_id IS NULL OR NEW.instance_id <> OLD.instance_id)) AND (NEW.instance_id IS NULL OR OLD.state IN ('bound', 'closing'))
BEGIN
    SELECT RAISE(ABORT, 'attempts: an instance that is held or owed is never exchanged or forgotten');
END;

CREATE TRIGGER attempts_no_delete BEFORE DELETE ON attempts
FOR EACH ROW WHEN 1 = 1
BEGIN
    SELECT RAISE(ABORT, 'attempts: DELETE is never allowed');
END;

CREATE TRIGGER events_gapless BEFORE INSERT ON events
FOR EACH ROW WHEN NEW.sequence <> 1 + (SELECT coalesce(max(sequence), 0) FROM events WHERE session_id = NEW.session_id)
BEGIN
    SELECT RAISE(ABORT, 'events: a sequence has no gaps');
END;

CREATE TRIGGER events_no_update BEFORE UPDATE ON events
FOR EACH ROW WHEN 1 = 1
BEGIN
    SELECT RAISE(ABORT, 'events: UPDATE is never allowed');
END;

CREATE TRIGGER events_no_delete BEFORE DELETE ON events
FOR EACH ROW WHEN 1 = 1
BEGIN
    SELECT RAISE(ABORT, 'events: DELETE is never allowed');
END;

CREATE TRIGGER cost_entries_once BEFORE INSERT ON cost_entries
FOR EACH ROW WHEN EXISTS (SELECT 1 FROM cost_entries WHERE attempt_id = NEW.attempt_id AND begins_at < NEW.ends_at AND ends_at > NEW.begins_at)
BEGIN
    SELECT RAISE(ABORT, 'cost_entries: a moment is charged once');
END;

CREATE TRIGGER cost_entries_no_update BEFORE UPDATE ON cost_entries
FOR EACH ROW WHEN 1 = 1
BEGIN
    SELECT RAISE(ABORT, 'cost_entries: UPDATE is never allowed');
END;

CREATE TRIGGER cost_entries_no_delete BEFORE DELETE ON cost_entries
FOR EACH ROW WHEN 1 = 1
BEGIN
    SELECT RAISE(ABORT, 'cost_entries: DELETE is never allowed');
END;

CREATE TRIGGER deployment_identity BEFORE UPDATE ON deployment
FOR EACH ROW WHEN NEW.singleton <> OLD.singleton OR NEW.id <> OLD.id OR NEW.created_at <> OLD.created_at OR NEW.epoch < OLD.epoch
BEGIN
    SELECT RAISE(ABORT, 'deployment: who we are never changes, and its epoch only grows');
END;

CREATE TRIGGER deployment_no_delete BEFORE DELETE ON deployment
FOR EACH ROW WHEN 1 = 1
BEGIN
    SELECT RAISE(ABORT, 'deployment: DELETE is never allowed');
END;
