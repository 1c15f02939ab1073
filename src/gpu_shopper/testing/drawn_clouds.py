"""Which clouds a world has: one to three, each of an invented kind or after a real cloud, about half of them each.

What a real cloud is like follows from its own manifest: the engine is given its very quirks and capabilities, and the cloud
is made to need them. What they leave open is drawn: how many instances a page holds, how slow its boots are today, whether it
keeps a second mark, what it does wrong. A cloud that is added is found by itself, and changes only those worlds that it is in.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import timedelta
from functools import cache
from typing import Final

from gpu_shopper.bootstrap.clouds import built_in
from gpu_shopper.domain.ids import ProviderName
from gpu_shopper.domain.true_price import BillingTerms
from gpu_shopper.providers.manifest import Manifest
from gpu_shopper.sandbox.config import ModelConfig
from gpu_shopper.sandbox.messages import Json
from gpu_shopper.testing.chance import SeededChance
from gpu_shopper.testing.cloud_kinds import KINDS, CloudKind, habit, kind_of
from gpu_shopper.testing.clouds import CloudProfile

SECOND: Final = timedelta(seconds=1)
_REAL: Final = 0.5
_PAGES: Final = (3, 25, 100, 1000)
# What no manifest tells, and any cloud may do now and then.
_HABITS: Final[tuple[Mapping[str, Json], ...]] = (
    habit("create_then_500", 0.1),
    habit("lose_destroy_reply", 0.05),
    habit("ignore_destroy", 0.1),
    habit("no_capacity", 0.1),
    habit("never_boot", 0.03),
    habit("list_cut", 0.03),
    habit("list_lag", 0.05, params={"seconds": 120}),
    habit("get_false_404", 0.03),
    habit("html_error", 0.02),
)
_HABIT: Final = 0.25


@cache
def real_clouds() -> Mapping[str, Manifest]:
    """Return the manifests after which clouds are made: all that come with the project and are no invented kind."""
    return {name: manifest for name, manifest in built_in().items() if name not in KINDS}


def kind_like(manifest: Manifest, chance: SeededChance) -> CloudKind:
    """Return a kind of cloud for which that cloud's quirks and capabilities are what is needed, and no more.

    Its instances boot within its grace, its listings lag by less than its quarantine is long, what is destroyed is gone
    after some of its settling times, its answers come within its deadline, and it refuses launches that come too fast.
    """
    quirks, can = manifest.quirks, manifest.capabilities
    grace, settle = quirks.boot_grace.total_seconds(), quirks.destroy_settle.total_seconds()
    takes = 6 * chance.uniform()
    slowest = grace * (0.1 + 0.8 * chance.uniform())
    patience = habit("rate_limited", 0.02, params={"retry_after": 1 / quirks.requests_per_second})
    return CloudKind(
        quirks=quirks,
        capabilities=can,
        config=ModelConfig(
            boot_s=(slowest * 0.3, slowest),
            # Where what is destroyed bills no more, it either says that it is on its way out, or is gone at once.
            destroy_s=0.0
            if quirks.destroy_ends_billing and quirks.leaving_bills
            else settle * takes,
            bills_leaving=not quirks.destroy_ends_billing,
            page_size_instances=_PAGES[chance.below(len(_PAGES))],
            stock=1 + chance.below(20),
            absent_share=0.1 * chance.below(2),
            bills_boot=bool(quirks.billing.billed_boot),
            least_billed_s=quirks.billing.minimum / SECOND,
            billing_step_s=whole_step_s(quirks.billing),
            stopped_bill_percent=round(100 * quirks.billing.stopped_share),
            honours_expiry=can.native_ttl,
            shows_tags=bool(chance.below(2)),
            name_is_token=can.native_idempotency,
            start_script_bytes=quirks.start_script_limit,
        ),
        lag_s=quirks.quarantine.total_seconds() / 20,
        habits=(patience, *(one for one in _HABITS if chance.uniform() < _HABIT)),
        latency_s=(0.05, quirks.call_deadline.total_seconds() / 40),
        names_itself=manifest.instance_id_env is not None,
    )


def whole_step_s(terms: BillingTerms) -> float:
    """Return the step that a cloud with these terms bills whole; what is a second or less is less than anybody can tell."""
    return terms.increment / SECOND if terms.increment > SECOND else 0.0


def draw_names(chance: SeededChance, *, real: Iterable[str]) -> tuple[str, ...]:
    """Return the names of one to three clouds, each once: invented kinds, and some of the `real` ones."""
    draw = chance.uniform()
    count = 1 + (draw < 0.35) + (draw < 0.1)
    # A real cloud keeps its worlds whatever others are added: each throws its own die, and the highest wins.
    thrown = {name: chance.fork(f"real {name}").uniform() for name in real}
    after_real = sorted(thrown, key=lambda name: (-thrown[name], name))
    left = dict(KINDS)
    drawn = []
    for _ in range(count):
        if chance.uniform() < _REAL:
            drawn.append(after_real.pop(0))
            continue
        tickets = [name for name, kind in left.items() for _ in range(kind.weight)]
        name = tickets[chance.below(len(tickets))]
        drawn.append(name)
        del left[name]
    return tuple(drawn)


def draw_cloud(
    name: str, chance: SeededChance, *, faults: tuple[Json, ...], with_habits: bool
) -> CloudProfile:
    """Return the cloud of that name; `faults` strike on top of its habits, and instead where both know one."""
    kind = KINDS[name] if name in KINDS else kind_like(real_clouds()[name], chance.fork("kind"))
    few, many = kind.offers
    config = replace(
        kind.config, listing_lag_s=kind.lag_s * chance.uniform() if with_habits else 0.0
    )
    drawn = {kind_of(rule) for rule in faults}
    habits = [dict(one) for one in kind.habits if with_habits and one["kind"] not in drawn]
    return CloudProfile(
        name=ProviderName(name),
        quirks=kind.quirks,
        capabilities=kind.capabilities,
        config=config,
        offers=few + chance.below(many - few),
        latency_s=kind.latency_s,
        names_itself=kind.names_itself,
        rules=(*faults, *habits),
    )
