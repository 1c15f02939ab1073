"""What goes wrong at the clouds of a fleet, in turns.

Five kinds of weather make up what has been seen to go wrong at real clouds. Each cloud has each of them in turn, and
neighbours never the same at once. What needs no rule is there all the time: foreign things in each account, pages, late
addresses, and what a machine leaves behind.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from gpu_shopper.testing.fleet.vendor import Vendor

Rule = Mapping[str, Any]


def _rule(kind: str, rate: float, **params: object) -> Rule:
    return {"kind": kind, "rate": rate, **({"params": params} if params else {})}


WEATHERS: Final[tuple[tuple[Rule, ...], ...]] = (
    # Orders that were heard and not answered, and lists that do not show them yet.
    (
        _rule("lose_create_reply", 0.2),
        _rule("create_then_500", 0.15),
        _rule("list_lag", 0.3, seconds=5.0),
        _rule("no_capacity", 0.15),
    ),
    # Machines that are there in spite of an error, cannot be ended yet, are not what was sold, or never come up.
    (
        _rule("create_error_with_id", 0.15),
        _rule("reserved", 0.1, seconds=20.0),
        _rule("wrong_gpu", 0.1),
        _rule("boot_fails", 0.1),
        _rule("starts_stopped", 0.05),
    ),
    # Ends that are not answered, are denied, take their time, are not done, or only half.
    (
        _rule("lose_destroy_reply", 0.2),
        _rule("destroy_false_404", 0.1),
        _rule("slow_destroy", 0.2, seconds=8.0),
        _rule("ignore_destroy", 0.15),
        _rule("stop_instead_of_destroy", 0.1),
    ),
    # Answers that are none: limits told and untold, pages of HTML, halves of lists.
    (
        _rule("rate_limited", 0.1, retry_after=1.0),
        _rule("rate_limited", 0.05, tells=False),
        _rule("html_error", 0.1),
        _rule("create_garbled", 0.1),
        _rule("list_cut", 0.15),
        _rule("down", 0.05),
    ),
    # What is late, lost or stale.
    (
        _rule("slow_boot", 0.2, seconds=10.0),
        _rule("stale_status", 0.05),
        _rule("get_false_404", 0.05),
        _rule("list_empty", 0.05),
        _rule("lose_request", 0.03),
    ),
)


def turn(vendors: Iterable[Vendor], number: int) -> None:
    """Give each cloud its weather for this turn, instead of the last one's."""
    for place, vendor in enumerate(vendors):
        vendor.misbehave(*WEATHERS[(place + number) % len(WEATHERS)])
