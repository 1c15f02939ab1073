"""All that is promised, by number: what it says, which function asks it, and when.

Plain data, read by the summary of a run, by the tests that hold it against the code, and by people. Names of functions are
`module:function`, within `gpu_shopper.testing`; what is asked elsewhere names a test as `file::function`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class When(StrEnum):
    """When an invariant is asked."""

    COMMIT = "at every commit"
    REQUEST = "at every request that reaches a cloud"
    MINUTE = "every minute"
    REST = "at rest"
    ANSWER = "of every answer that leaves the house"
    CONSUMER = "by the consumers, at every answer"
    ELSEWHERE = "by tests outside the simulated worlds"


@dataclass(frozen=True, slots=True, kw_only=True)
class Invariant:
    """One promise. `lacks` says what of it nothing asks yet; empty where all of it is asked.

    `counted_as` is what the oracle counts it under when it had something to look at; its own name, if empty.
    """

    name: str
    says: str
    asked: Mapping[str, When]
    elsewhere: tuple[str, ...] = ()
    lacks: str = ""
    counted_as: str = ""

    @property
    def simulated(self) -> bool:
        """Whether worlds ask it, so that a run without it has tried too little."""
        return bool(self.asked)

    @property
    def counter(self) -> str:
        """What the oracle counts it under."""
        return self.counted_as or self.name


_STORES = "tests/unit/stores"
_SCENARIOS = "tests/sim/test_house_scenarios.py"

INVARIANTS: Final = (
    Invariant(
        name="S1",
        says="Every live instance of ours has a row that was written before the call.",
        asked={
            "checks:s3_no_create_without_intent": When.REQUEST,
            "bounds:s1_ledger_covers_world": When.MINUTE,
            "bounds:s1_a_double_has_a_row_of_its_own": When.MINUTE,
            "believing:s1_an_id_is_written_down_at_once": When.COMMIT,
            "believing:s1_no_id_is_forgotten": When.MINUTE,
        },
    ),
    Invariant(
        name="S2",
        says="Closed means absent, and a label that reappears is reopened within one sweep.",
        asked={
            "believing:s2_proved_means_absent": When.COMMIT,
            "believing:s2_refused_means_never_bought": When.COMMIT,
            "believing:s2_presumed_means_waited_for": When.COMMIT,
            "bounds:s2_what_reappears_is_reopened": When.MINUTE,
        },
    ),
    Invariant(
        name="S3",
        says="No create reaches a cloud without a committed attempt.",
        asked={"checks:s3_no_create_without_intent": When.REQUEST},
    ),
    Invariant(
        name="S4",
        says="At most one attempt of a session is bound, and no label is ordered twice.",
        asked={
            "checks:s4_one_bound_attempt": When.COMMIT,
            "checks:s3_no_create_without_intent": When.REQUEST,
        },
        lacks="how long a duplicate lives is measured, and bounded only by L1",
    ),
    Invariant(
        name="S5",
        says="No wanted instance is destroyed, and the reason for every end is true.",
        asked={
            "checks:s5_no_wanted_instance_destroyed": When.REQUEST,
            "checks:s5_the_reason_is_true": When.COMMIT,
            "believing:s5_gone_is_not_concluded_early": When.COMMIT,
        },
    ),
    Invariant(
        name="S6",
        says="Nothing without our valid label is touched.",
        asked={
            "checks:s6_strangers_are_untouched": When.REQUEST,
            "checks:s6_strays_are_still_there": When.REST,
        },
    ),
    Invariant(
        name="S7",
        says="What is unwanted is never wanted again, and what is over stays as it was.",
        asked={
            "checks:s7_desire_is_monotone": When.COMMIT,
            "checks:s7_final_states_stay": When.COMMIT,
            "checks:s7_what_is_over_stays_over": When.REST,
        },
    ),
    Invariant(
        name="S8",
        says="Stopped is not gone.",
        asked={"believing:s2_proved_means_absent": When.COMMIT},
    ),
    Invariant(
        name="S9",
        says="No row is changed under an older epoch.",
        asked={
            "checks:s9_sessions_are_fenced": When.COMMIT,
            "checks:s9_attempts_are_fenced": When.COMMIT,
        },
        lacks="one house at a time takes rows, so that a claim is seldom lost",
    ),
    Invariant(
        name="S10",
        says="Each interval is charged once, in whole micro-dollars; budgets are never exceeded.",
        asked={"checks:s10_each_interval_is_charged_once": When.REST},
        lacks="there are no budgets yet",
    ),
    Invariant(
        name="S11",
        says="What we say that it cost is the cloud's meter, within 1 % or $0.01.",
        asked={"bills:s11_cost_is_the_clouds_meter": When.REST},
        lacks="an end that nobody could see is bounded by the time in which nobody could look",
    ),
    Invariant(
        name="S12",
        says="Same key and same body, same session; same key and another body is refused.",
        asked={
            "consumers:Consumers": When.CONSUMER,
            "front_checks:s12_one_key_one_session": When.ANSWER,
        },
    ),
    Invariant(
        name="S13",
        says="No consumer sees another's things.",
        asked={
            "consumers:Consumers": When.CONSUMER,
            "front_checks:s13_nothing_of_anothers": When.ANSWER,
        },
    ),
    Invariant(
        name="S14",
        says="No secret stands in a log, error, event, metric or plain column.",
        asked={
            "front_checks:s14_no_secret_leaves": When.ANSWER,
            "front_checks:s14_no_secret_lies_open": When.REST,
        },
    ),
    Invariant(
        name="S15",
        says="`running` means that this attempt's node was heard, has the GPUs that were sold, and costs what it may.",
        asked={
            "checks:s15_running_is_true": When.COMMIT,
            "believing:s15_running_costs_no_more_than_allowed": When.COMMIT,
        },
    ),
    Invariant(
        name="S16",
        says="One event for each transition, without gaps.",
        asked={"checks:s16_events_tell_all_moves": When.REST},
    ),
    Invariant(
        name="S17",
        says="Mass absence freezes an account, and while it is frozen, nothing is inferred about it.",
        asked={
            "checks:s5_the_reason_is_true": When.COMMIT,
            "believing:s17_frozen_is_not_given_up": When.COMMIT,
            "believing:s17_mass_absence_freezes": When.MINUTE,
        },
    ),
    Invariant(
        name="S18",
        says="A crash in a migration leaves a database that the next start completes.",
        asked={},
        elsewhere=(
            f"{_STORES}/test_migrating.py::test_a_crash_at_any_statement_leaves_a_database_that_the_next_start_completes",
        ),
    ),
    Invariant(
        name="S19",
        says="Who and why is in the book before each outside change.",
        asked={"checks:s5_no_wanted_instance_destroyed": When.REQUEST},
    ),
    Invariant(
        name="S20",
        says="Recovering twice is recovering once.",
        asked={"world:World.s20_recovering_twice_changes_nothing": When.REST},
    ),
    Invariant(
        name="L1",
        says="What nobody is entitled to is asked to end within 30 minutes, while the cloud answers.",
        asked={"bounds:l1_unwanted_instances_die": When.MINUTE},
    ),
    Invariant(
        name="L2",
        says="After an outage, what was unentitled meanwhile is asked to end within 10 minutes.",
        asked={
            "bounds:l2_outages_end_with_a_destroy": When.MINUTE,
            "believing:l2_a_new_house_looks_often": When.MINUTE,
        },
    ),
    Invariant(
        name="L3",
        says="With the house away or out of reach, whatever has an agent is ended within 35 minutes.",
        asked={
            "bounds:l3_nothing_outlives_us_for_long": When.MINUTE,
            "bounds:l3_nothing_out_of_reach_lives_for_long": When.MINUTE,
            "believing:l3_the_timer_is_inside_the_create": When.REQUEST,
        },
        elsewhere=(f"{_SCENARIOS}::test_nodes_end_themselves_when_the_house_never_comes_back",),
        lacks="what never booted, or was not brought its agent yet, has the cloud's own deadline alone",
    ),
    Invariant(
        name="L4",
        says="An attempt without an answer is bound or closed by the quarantine and two sweeps.",
        asked={"bounds:l4_unknowns_resolve": When.MINUTE},
    ),
    Invariant(
        name="L5",
        says="Whatever is not final has a next action, which is not long overdue.",
        asked={
            "bounds:l5_nothing_is_without_a_future": When.MINUTE,
            "bounds:l5_nothing_owed_is_without_a_future": When.MINUTE,
        },
        lacks="the alert at a deadline is L8's, for what cannot be destroyed, and no other",
    ),
    Invariant(
        name="L6",
        says="Every accepted request runs or has failed by its deadline.",
        asked={"bounds:l6_requests_end_or_run": When.MINUTE},
    ),
    Invariant(
        name="L7",
        says="A destroy is tried again until absence is proved.",
        asked={"bounds:l1_unwanted_instances_die": When.MINUTE},
    ),
    Invariant(
        name="L8",
        says="Operators are told of what could not be destroyed ten times, and of what may be ours and cannot be traced.",
        asked={
            "bounds:l8_operators_are_told": When.MINUTE,
            "bounds:l8_what_may_be_ours_is_told": When.MINUTE,
        },
    ),
    Invariant(
        name="L9",
        says="Every notice arrives at least once.",
        asked={
            "bounds:l9_notices_are_tried_again": When.MINUTE,
            "checks:l9_notices_have_arrived": When.REST,
        },
        lacks="nothing is dead-lettered: what cannot be delivered is tried every hour for ever",
    ),
    Invariant(
        name="L10",
        says="Another replica takes over within 30 seconds.",
        asked={},
        lacks="it needs two replicas beside each other",
    ),
    Invariant(
        name="L11",
        says="A spent budget stops its sessions within 60 seconds.",
        asked={},
        lacks="there are no budgets yet",
    ),
    Invariant(
        name="L12",
        says="When faults end, obligations and holds return to none.",
        asked={"checks:l12_all_is_at_rest": When.REST},
    ),
)


def never_asked(counted: Mapping[str, int]) -> list[str]:
    """Return the names of what worlds ask and have never had anything to look at."""
    return [one.name for one in INVARIANTS if one.simulated and not counted.get(one.counter)]
