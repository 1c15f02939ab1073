"""Every fault that a world can have, by name, each with a rate and a counter of the same name.

Which number of the list of faults each stands for is told by `fault_catalogue`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from gpu_shopper.sandbox.messages import Json
from gpu_shopper.testing.chance import SeededChance


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault: its usual rate, and the highest that leaves the house a chance."""

    usual: float
    most: float


# What the model does wrong, by its own names; rates are per call at which it could strike.
MISDEEDS: Final[Mapping[str, Fault]] = {
    "lose_request": Fault(usual=0.02, most=0.3),
    "answer_late": Fault(usual=0.02, most=0.3),
    "rate_limited": Fault(usual=0.02, most=0.3),
    "down": Fault(usual=0.02, most=0.4),
    "html_error": Fault(usual=0.02, most=0.4),
    "no_capacity": Fault(usual=0.05, most=0.8),
    "lose_create_reply": Fault(usual=0.1, most=1.0),
    "create_then_500": Fault(usual=0.1, most=1.0),
    "create_late": Fault(usual=0.05, most=1.0),
    "create_garbled": Fault(usual=0.03, most=1.0),
    "create_error_with_id": Fault(usual=0.03, most=1.0),
    "bought_twice": Fault(usual=0.03, most=1.0),
    "label_lost": Fault(usual=0.02, most=1.0),
    "unauthorized": Fault(usual=0.003, most=0.1),
    "no_balance": Fault(usual=0.01, most=0.6),
    "wrong_gpu": Fault(usual=0.05, most=1.0),
    "wrong_price": Fault(usual=0.05, most=1.0),
    "never_boot": Fault(usual=0.05, most=1.0),
    "boot_fails": Fault(usual=0.03, most=1.0),
    "slow_boot": Fault(usual=0.05, most=1.0),
    "starts_stopped": Fault(usual=0.03, most=1.0),
    "reserved": Fault(usual=0.02, most=0.8),
    "preempt": Fault(usual=0.05, most=0.8),
    "list_lag": Fault(usual=0.05, most=0.7),
    "list_cut": Fault(usual=0.03, most=0.5),
    "list_empty": Fault(usual=0.03, most=0.5),
    "list_twice": Fault(usual=0.05, most=1.0),
    "list_flaps": Fault(usual=0.02, most=0.4),
    "list_foreign": Fault(usual=0.05, most=1.0),
    "stale_status": Fault(usual=0.03, most=0.6),
    "new_status": Fault(usual=0.03, most=0.6),
    "new_schema": Fault(usual=0.02, most=0.3),
    "get_false_404": Fault(usual=0.03, most=0.5),
    "ignore_destroy": Fault(usual=0.1, most=0.7),
    "stop_instead_of_destroy": Fault(usual=0.1, most=0.7),
    "slow_destroy": Fault(usual=0.1, most=0.7),
    "lose_destroy_reply": Fault(usual=0.1, most=0.9),
    "destroy_false_404": Fault(usual=0.05, most=0.7),
    "resurrected": Fault(usual=0.03, most=0.7),
}
# What happens to the house and around it; rates are per hour, or per commit, request or heartbeat.
TROUBLES: Final[Mapping[str, Fault]] = {
    "kill_at_step": Fault(usual=1.0, most=20.0),
    "kill_at_effect": Fault(usual=1.0, most=20.0),
    "long_absence": Fault(usual=0.1, most=1.0),
    "house_paused": Fault(usual=0.1, most=2.0),
    "terminated": Fault(usual=0.1, most=4.0),
    "terminated_buying": Fault(usual=0.1, most=4.0),
    "crash_loop": Fault(usual=0.12, most=2.0),
    "slow_loop": Fault(usual=0.12, most=2.0),
    "out_of_memory": Fault(usual=0.3, most=20.0),
    "clock_jump": Fault(usual=0.05, most=0.5),
    "clock_drifts": Fault(usual=0.4, most=1.0),
    "commit_fails": Fault(usual=0.003, most=0.05),
    "commit_reply_lost": Fault(usual=0.003, most=0.05),
    "book_busy": Fault(usual=0.1, most=3.0),
    "disk_full": Fault(usual=0.05, most=1.0),
    "book_read_only": Fault(usual=0.05, most=1.0),
    "disk_lies": Fault(usual=0.03, most=2.0),
    "book_restored": Fault(usual=0.02, most=0.6),
    "book_lost": Fault(usual=0.02, most=1.0),
    "network_cut": Fault(usual=0.2, most=2.0),
    "api_down": Fault(usual=0.12, most=0.6),
    "key_revoked": Fault(usual=0.12, most=0.6),
    "region_out": Fault(usual=0.12, most=1.5),
    "nodes_cut": Fault(usual=0.12, most=1.5),
    "host_away": Fault(usual=0.1, most=2.5),
    "host_key_changes": Fault(usual=0.12, most=2.0),
    "address_reused": Fault(usual=0.1, most=9.0),
    "network_loses": Fault(usual=0.01, most=0.1),
    "network_slow": Fault(usual=0.01, most=0.1),
    "heartbeats_lost": Fault(usual=0.05, most=0.4),
    "heartbeats_replayed": Fault(usual=0.05, most=0.5),
    "mute_nodes": Fault(usual=0.05, most=0.3),
    "late_drivers": Fault(usual=0.1, most=0.5),
    "hosts_lost": Fault(usual=0.2, most=3.0),
    "by_hand": Fault(usual=0.1, most=2.0),
    "webhook_fails": Fault(usual=0.1, most=0.8),
    "front_loses": Fault(usual=0.01, most=0.1),
    "front_slow": Fault(usual=0.01, most=0.1),
    "front_hangs_up": Fault(usual=0.02, most=0.3),
    "front_doubles": Fault(usual=0.02, most=0.5),
    "key_storm": Fault(usual=0.03, most=0.3),
    "token_revoked": Fault(usual=0.1, most=1.0),
    "heartbeat_forged": Fault(usual=0.3, most=6.0),
    "nonsense": Fault(usual=0.5, most=20.0),
}


def params_of(chance: SeededChance, kind: str) -> dict[str, Json]:
    """Draw the parameters of a misdeed's rule, where it takes any."""
    draw, other = chance.uniform(), chance.uniform()
    known: dict[str, dict[str, Json]] = {
        "answer_late": {"seconds": 60 * draw},
        "rate_limited": {"retry_after": 30 * draw, "tells": other < 0.7},
        "create_late": {
            "seconds": 10 + 900 * draw * draw if other < 0.95 else 86_400 * draw,
            "answer": "504" if 10 * other % 1 < 0.5 else "cut",
        },
        "wrong_gpu": {"admits": draw < 0.5},
        "wrong_price": {"admits": draw < 0.5},
        "preempt": {"seconds": 60 + 3000 * draw},
        "create_garbled": {"body": ("no_id", "not_json", "empty")[int(3 * draw)]},
        "label_lost": {"keep": int(58 * draw) if other < 0.7 else 0},
        "slow_boot": {"seconds": 2400 * draw},
        "reserved": {"seconds": 10_800 * draw * draw},
        "resurrected": {"seconds": 60 + 3600 * draw},
        "list_flaps": {"share": 0.5 * draw},
        "list_lag": {"seconds": 300 * draw if other < 0.8 else 600 * draw},
        "list_cut": {"share": draw},
        "slow_destroy": {"seconds": 600 * draw if other < 0.8 else 3600 * draw},
    }
    return known.get(kind, {})
