"""The list of faults F1 to F78, and where each is tried: by which faults of worlds, by which tests, or why not.

Data only. A test holds the names against `faults` and against the tests that there are, and the table of
`docs/internals/faults.md` against this list.
"""

from dataclasses import dataclass
from typing import Final

_HOUSE = "tests/sim/test_house_scenarios.py::"
_PROCESS = "tests/sim/test_house_process.py::"
_OUTAGES = "tests/sim/test_outages.py::"
_LIES = "tests/sim/test_lying_clouds.py::"
_CLOUD = "tests/sim/test_scenarios.py::"
_SQLITE = "tests/unit/stores/test_sqlite.py::"
_PROBE = "tests/unit/runtime/test_probing.py::"


@dataclass(frozen=True, slots=True)
class Known:
    """One fault of the list: the names of its worlds' faults, tests by file and name, and what is not tried, and why."""

    number: int
    name: str
    faults: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()
    why_not: str = ""


_ONE_PROCESS = "one process holds the book, by a lock on its file"

CATALOGUE: Final = (
    Known(1, "death at any await", ("kill_at_step",), ("tests/sim/test_crashes.py::test_a_crash_at_any_await_leaves_nothing_behind",)),
    Known(2, "death between a commit and the next line", ("kill_at_effect",), ("tests/sim/test_crashes.py::test_a_crash_around_any_effect_leaves_nothing_behind",)),
    Known(3, "crash loop", ("crash_loop", "kill_at_step"), (_PROCESS + "test_a_house_that_dies_again_and_again_right_after_its_start_goes_on_where_it_was", "tests/sim/test_crashes.py::test_a_second_crash_in_the_next_life_leaves_nothing_behind")),
    Known(4, "paused, then resumed", ("house_paused",), (_HOUSE + "test_a_house_that_was_paused_asks_before_it_concludes_silence",)),
    Known(5, "caller hangs up", ("front_hangs_up",), (_SQLITE + "test_a_cancelled_caller_does_not_stop_the_books",)),
    Known(6, "SIGTERM while it buys", ("terminated_buying", "terminated"), (_PROCESS + "test_a_house_that_is_told_to_end_while_it_buys_holds_what_it_bought", "tests/e2e/test_crashes.py::test_a_server_that_is_told_to_end_while_it_buys_writes_down_what_it_bought")),
    Known(7, "two replicas, both lead", (), ("tests/sim/test_fencing_model.py::test_no_order_of_events_breaks_anything_and_each_state_has_a_way_to_rest", "tests/unit/engine/test_reconciler.py::test_whoever_has_lost_its_claim_writes_nothing_any_more"), _ONE_PROCESS + "; the exhaustive model has two"),
    Known(8, "slow event loop", ("slow_loop", "book_busy"), (_PROCESS + "test_a_house_whose_every_turn_comes_late_still_keeps_its_times",)),
    Known(9, "out of memory in one task", ("out_of_memory",), (_PROCESS + "test_a_task_that_runs_out_of_memory_wherever_it_waits_goes_on",)),
    Known(10, "a new version starts beside the old", (), (_SQLITE + "test_another_process_is_refused_too",), _ONE_PROCESS),
    Known(11, "wall clock set by up to an hour", ("clock_jump",), ("tests/sim/test_clock_scenarios.py::test_a_clock_that_is_set_forward_silences_nobody",)),
    Known(12, "clock drifts", ("clock_drifts",), (_PROCESS + "test_a_clock_that_drifts_costs_nobody_a_session",)),
    Known(13, "clock set back over an expiry", ("clock_jump",), (_PROCESS + "test_a_clock_that_is_set_back_over_an_expiry_ends_the_session_once",)),
    Known(14, "summer time", (), ("tests/unit/stores/test_moments.py::test_an_hour_is_an_hour_where_clocks_are_changed", "tests/unit/stores/test_moments.py::test_a_server_tells_the_same_times_wherever_it_stands"), "all moments are UTC; nothing reads a local time"),
    Known(15, "database clock differs", (), (), "SQLite has no clock of its own: all times are the server's"),
    Known(16, "commit fails", ("commit_fails",)),
    Known(17, "commit durable, answer lost", ("commit_reply_lost",)),
    Known(18, "database locked", ("book_busy",), (_SQLITE + "test_a_lock_held_by_a_shell_makes_the_book_unavailable_for_as_long",)),
    Known(19, "disk full", ("disk_full",), (_HOUSE + "test_a_book_that_could_not_be_written_is_not_held_against_the_nodes", "tests/e2e/test_bad_days.py::test_a_full_disk_is_said_so_and_nothing_promised_is_lost")),
    Known(20, "power loss drops the newest commits", ("disk_lies",), ("tests/unit/stores/test_kill.py::test_kill_9_at_any_moment_loses_no_acknowledged_commit",)),
    Known(21, "serialization failure", (), (), "PostgreSQL only; SQLite has one writer"),
    Known(22, "failover to a replica that lags", (), (), "PostgreSQL only; its like is F20"),
    Known(23, "restore of an old backup", ("book_restored",), (_HOUSE + "test_an_instance_that_a_restored_book_has_forgotten_is_taken_in_and_ended_by_order",)),
    Known(24, "whole database lost", ("book_lost",), (_HOUSE + "test_what_runs_when_the_whole_book_is_lost_is_taken_in_by_the_next",)),
    Known(25, "database read-only", ("book_read_only",)),
    Known(26, "corruption", (), (_SQLITE + "test_damage_is_found_at_the_door", "tests/e2e/test_bad_days.py::test_a_damaged_database_is_refused_and_left_as_it_is")),
    Known(27, "create never arrives", ("lose_request", "network_loses")),
    Known(28, "create accepted, reply lost", ("lose_create_reply",), (_CLOUD + "test_an_instance_whose_answer_was_lost_is_found_by_its_label",)),
    Known(29, "create takes effect late", ("create_late",), (_CLOUD + "test_an_instance_that_arrives_after_its_attempt_was_closed_is_destroyed",)),
    Known(30, "5xx after success", ("create_then_500",)),
    Known(31, "2xx without id, garbage", ("create_garbled",)),
    Known(32, "error that names an id", ("create_error_with_id",)),
    Known(33, "stale offer, no capacity", ("no_capacity",), (_CLOUD + "test_a_create_that_was_refused_costs_nothing_and_the_next_offer_is_bought",)),
    Known(34, "label dropped or cut", ("label_lost",), (_LIES + "test_an_instance_whose_label_was_lost_is_held_and_ended_by_its_id", _LIES + "test_an_instance_without_label_and_id_ends_itself", _LIES + "test_an_instance_with_enough_of_its_label_and_no_id_is_found_and_ended", _LIES + "test_what_may_be_ours_and_cannot_be_traced_is_told_and_left_alone")),
    Known(35, "wrong GPU or price", ("wrong_gpu", "wrong_price")),
    Known(36, "starts stopped", ("starts_stopped",)),
    Known(37, "two bought for one create", ("bought_twice",), (_LIES + "test_the_double_of_a_create_is_ended_and_the_one_that_was_told_of_runs",)),
    Known(38, "429, with or without Retry-After", ("rate_limited",)),
    Known(39, "listing lags", ("list_lag",), (_CLOUD + "test_a_listing_that_lags_behind_a_proved_end_is_not_billed",)),
    Known(40, "page cut short", ("list_cut",), (_CLOUD + "test_a_listing_that_lies_ends_nothing",)),
    Known(41, "empty listing", ("list_empty",), (_CLOUD + "test_mass_absence_freezes_what_is_inferred_and_nothing_else",)),
    Known(42, "duplicates across pages", ("list_twice",)),
    Known(43, "flapping presence", ("list_flaps",)),
    Known(44, "stale status", ("stale_status",)),
    Known(45, "false 404", ("get_false_404",), (_CLOUD + "test_one_false_404_proves_no_absence",)),
    Known(46, "new schema or enum", ("new_schema", "new_status")),
    Known(47, "another account's rows", ("list_foreign",)),
    Known(48, "page of HTML", ("html_error",)),
    Known(49, "destroy accepted and ignored", ("ignore_destroy",), (_CLOUD + "test_a_destroy_that_never_works_is_retried_and_told_of",)),
    Known(50, "destroy takes up to an hour", ("slow_destroy",)),
    Known(51, "destroy's reply lost", ("lose_destroy_reply",)),
    Known(52, "404 for what is there", ("destroy_false_404",)),
    Known(53, "minimum reservation", ("reserved",), (_LIES + "test_what_cannot_be_ended_yet_is_ended_when_it_can",)),
    Known(54, "back after its end", ("resurrected",), (_LIES + "test_what_comes_back_after_its_end_is_ended_again_and_not_billed_for_the_time_between",)),
    Known(55, "stopped instead of destroyed", ("stop_instead_of_destroy",)),
    Known(56, "volume left behind", (), (), "what a create leaves besides its instance is not in the service yet"),
    Known(57, "key revoked", ("unauthorized", "key_revoked"), (_OUTAGES + "test_what_expires_while_a_cloud_cannot_be_asked_for_hours_is_ended_by_its_node",)),
    Known(58, "balance zero", ("no_balance",)),
    Known(59, "region outage", ("region_out",), (_OUTAGES + "test_a_region_that_is_out_holds_up_its_own_and_nothing_else",)),
    Known(60, "API down", ("network_cut", "api_down", "down"), (_HOUSE + "test_a_deadline_that_passes_during_an_outage_is_kept_right_after_it", _OUTAGES + "test_what_expires_while_a_cloud_cannot_be_asked_for_hours_is_ended_by_its_node")),
    Known(61, "spot preemption", ("preempt",), (_CLOUD + "test_a_preempted_session_fails",)),
    Known(62, "host offline and back", ("host_away", "hosts_lost", "resurrected"), (_OUTAGES + "test_a_host_that_comes_back_after_its_session_was_ended_is_told_to_stop", _OUTAGES + "test_a_host_that_is_back_in_time_goes_on")),
    Known(63, "address given to somebody else", ("address_reused",), (_OUTAGES + "test_another_tenant_at_the_address_is_no_sign_of_life", _PROBE + "test_another_host_key_than_the_pinned_one_gets_nothing")),
    Known(64, "deleted or bought by hand", ("by_hand", "hosts_lost"), (_HOUSE + "test_instances_of_strangers_are_never_touched",)),
    Known(65, "no heartbeat", ("heartbeats_lost", "mute_nodes"), (_HOUSE + "test_a_node_that_falls_silent_ends_the_session",)),
    Known(66, "heartbeat replayed or forged", ("heartbeats_replayed", "heartbeat_forged")),
    Known(67, "agent alive, listing says gone", ("list_cut", "list_empty"), (_CLOUD + "test_a_heartbeat_vetoes_what_the_cloud_says",)),
    Known(68, "host key changes", ("host_key_changes",), (_OUTAGES + "test_a_host_that_shows_another_key_is_not_believed_any_more", _PROBE + "test_another_host_key_than_the_pinned_one_gets_nothing")),
    Known(69, "slow image pull", ("slow_boot", "late_drivers"), (), "40 minutes at most"),
    Known(70, "agent cannot reach us", ("nodes_cut", "long_absence", "heartbeats_lost"), (_OUTAGES + "test_a_node_that_nobody_reaches_ends_itself_where_we_cannot", _HOUSE + "test_nodes_end_themselves_when_the_house_never_comes_back")),
    Known(71, "webhook fails", ("webhook_fails",), ("tests/unit/testing/test_webhook.py::test_only_a_2xx_is_taken_for_an_answer_however_late_it_comes", "tests/unit/runtime/test_notifying.py::test_what_did_not_arrive_is_told_without_the_address")),
    Known(72, "DNS rebinding of webhooks", (), (), "one webhook, set by the operator; consumers have none yet"),
    Known(73, "one key a hundred times", ("key_storm",), ("tests/e2e/test_bad_days.py::test_orders_that_collide_lost_or_late_make_one_session_each",)),
    Known(74, "delete, extend and expiry at once", ("front_doubles",), (_HOUSE + "test_an_extension_in_the_last_moment_counts",)),
    Known(75, "budget lowered", (), (), "budgets are not in the service yet"),
    Known(76, "consumer gone, sessions live", ("token_revoked",)),
    Known(77, "provider removed from the configuration", (), ("tests/unit/bootstrap/test_forgotten_clouds.py::test_a_start_without_a_cloud_where_something_is_owed_is_refused",), "a start without it is refused while anything is owed there"),
    Known(78, "poison row", (), ("tests/sim/test_poison.py::test_a_session_that_always_raises_holds_up_nobody_else", "tests/sim/test_poison.py::test_a_row_that_cannot_be_read_holds_up_no_other_and_nothing_is_concluded_of_it", "tests/unit/engine/test_reconciler.py::test_a_fault_in_one_session_leaves_it_due_and_the_others_looked_after")),
)  # fmt: skip


def table() -> list[str]:
    """Return the rows of the table in `docs/internals/faults.md`."""
    return [
        f"| F{one.number} | {one.name} | {_code(one.faults)} | {_tests(one)} | {one.why_not} |"
        for one in CATALOGUE
    ]


def _code(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _tests(one: Known) -> str:
    return _code(tuple(test.partition("::")[2] for test in one.tests))
