"""Invented kinds of clouds: what a cloud of each family is like on a good day, and what it does wrong by habit.

They are named for what is hard about them; what real clouds do stands behind each, but none is a copy of one. To add a
kind, add a row: nothing else knows their names.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from gpu_shopper.domain.quirks import Capabilities, Quirks, seconds
from gpu_shopper.providers.sandbox import MANIFEST
from gpu_shopper.sandbox.config import ModelConfig
from gpu_shopper.sandbox.messages import Json

SANDBOX_QUIRKS: Final = replace(MANIFEST.quirks, shop_period=seconds(1800))
# A cloud that promises nothing: the defaults, less eager to shop.
WARY_QUIRKS: Final = replace(Quirks(), shop_period=seconds(1800), requests_per_second=5, burst=20)
SANDBOX_CAPABILITIES: Final = MANIFEST.capabilities


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudKind:
    """One family of clouds.

    Attributes:
        quirks: what the engine is told of it.
        capabilities: what it can do.
        config: what it really is like; where `lag_s` is more than 0, the listing's lag is drawn up to that.
        habits: what it does wrong by itself, where faults are on at all: rows as the sandbox takes them.
        offers: fewest and most offers on its market.
        latency_s: shortest and longest way there, and back.
        names_itself: whether it lets a node know by what id it is listed.
        weight: how often it is drawn, against the others.
    """

    quirks: Quirks
    capabilities: Capabilities = SANDBOX_CAPABILITIES
    config: ModelConfig
    lag_s: float = 0.0
    habits: tuple[Mapping[str, Json], ...] = ()
    offers: tuple[int, int] = (20, 50)
    latency_s: tuple[float, float] = (0.02, 0.4)
    names_itself: bool = True
    weight: int = 2


def habit(kind: str, rate: float, **more: Json) -> Mapping[str, Json]:
    """Return a rule of the sandbox for what a cloud does by itself, at this rate."""
    return {"kind": kind, "rate": rate, **more}


KINDS: Final[Mapping[str, CloudKind]] = {
    # The cloud that comes with the project: strong reads, quick answers, a native end.
    "sandbox": CloudKind(quirks=SANDBOX_QUIRKS, config=ModelConfig(boot_s=(2.0, 20.0), stock=2)),
    # A second create under the same name is the first one's; lists are complete and consistent.
    "tokened": CloudKind(
        quirks=replace(SANDBOX_QUIRKS, boot_grace=seconds(300), observe_period=seconds(5)),
        capabilities=replace(SANDBOX_CAPABILITIES, native_idempotency=True),
        config=ModelConfig(
            boot_s=(15.0, 60.0), page_size_instances=1000, stock=20, name_is_token=True
        ),
        latency_s=(0.05, 0.6),
    ),
    # A market of single machines: a label and nothing else, 25 to a page, no native end, hosts that come and go.
    "labelled": CloudKind(
        quirks=replace(WARY_QUIRKS, requests_per_second=2, burst=6),
        capabilities=replace(SANDBOX_CAPABILITIES, native_ttl=False),
        config=ModelConfig(boot_s=(10.0, 180.0), absent_share=0.1, honours_expiry=False, shows_tags=False),
        habits=(
            habit("rate_limited", 0.02, params={"retry_after": 2}),
            habit("no_capacity", 0.1),
            habit("never_boot", 0.03),
        ),
        offers=(25, 60),
        weight=3,
    ),
    # Names mean nothing to it, a create may answer 500 and have happened, and the end that it was told it forgets.
    "unnamed": CloudKind(
        quirks=WARY_QUIRKS,
        capabilities=replace(SANDBOX_CAPABILITIES, native_ttl=False),
        config=ModelConfig(
            boot_s=(5.0, 90.0), stock=5, destroy_s=5.0, honours_expiry=False, shows_tags=False
        ),
        habits=(habit("create_then_500", 0.1), habit("lose_destroy_reply", 0.05)),
        names_itself=False,
    ),
    # Machines that take minutes to start, few orders a minute, and nothing on the node that could end it.
    "slow": CloudKind(
        quirks=replace(
            WARY_QUIRKS, boot_grace=seconds(1200), requests_per_second=1, burst=3, observe_period=seconds(20)
        ),
        capabilities=replace(SANDBOX_CAPABILITIES, native_ttl=False, node_can_end_itself=False),
        config=ModelConfig(
            boot_s=(120.0, 480.0), destroy_s=30.0, stock=3, honours_expiry=False
        ),
        habits=(habit("rate_limited", 0.2, params={"retry_after": 12}, operations=["create"]),),
        offers=(20, 40),
        latency_s=(0.2, 1.5),
        names_itself=False,
    ),
    # All at once: listings that lag, come short and flap, tiny pages, destroys that are taken and not done.
    "nasty": CloudKind(
        quirks=WARY_QUIRKS,
        config=ModelConfig(
            boot_s=(5.0, 150.0), destroy_s=2.0, page_size_instances=3, absent_share=0.1, shows_tags=False
        ),
        lag_s=90.0,
        habits=(
            habit("list_cut", 0.03),
            habit("list_empty", 0.02),
            habit("list_lag", 0.05, params={"seconds": 120}),
            habit("get_false_404", 0.03),
            habit("ignore_destroy", 0.1),
            habit("html_error", 0.02),
        ),
        latency_s=(0.05, 3.0),
    ),
}  # fmt: skip


def kind_of(rule: Json) -> str:
    """Return which fault a rule of the sandbox stands for."""
    assert isinstance(rule, Mapping), rule
    return str(rule["kind"])
