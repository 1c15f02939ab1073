"""Bought by the true bill: what the list has cheaper and the bill dearer is left alone, and the bill is what was told."""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from gpu_shopper.domain.ids import ProviderName
from gpu_shopper.domain.true_price import BillingTerms, Costing, Need
from gpu_shopper.domain.workload import Workload, WorkloadType
from gpu_shopper.sandbox.catalogue import Catalogue, Goods
from gpu_shopper.sandbox.gpu_models import GPU_MODELS
from gpu_shopper.testing.cloud_kinds import SANDBOX_QUIRKS
from gpu_shopper.testing.clouds import CloudProfile
from gpu_shopper.testing.drawn_clouds import SECOND, whole_step_s
from gpu_shopper.testing.process import CrashPlan
from gpu_shopper.testing.profiles import WorldProfile
from gpu_shopper.testing.scenarios import Scene, Stage, play
from tests.sim.perform import perform, run

HOUR = timedelta(hours=1)
MODEL = GPU_MODELS[0]
# Cheap by the list, and dear by the bill.
LURE, PLAIN = ProviderName("lure"), ProviderName("plain")
BY_THE_SECOND = SANDBOX_QUIRKS.billing


def goods(count: int, price_micros: int, *, disk_month: float = 0.0) -> tuple[Goods, ...]:
    """So many machines alike."""
    (drawn,) = Catalogue(seed=1, size=1, models=(MODEL,)).offers
    offers = [
        msgspec.structs.replace(
            drawn, id=f"o-{number}", machine_id=f"m-{number}", interruptible=False, reliability=1.0,
            gpu_count=1, disk_gb=1000, max_hours=0, storage_price_per_gb_month=disk_month,
            traffic_price_per_gb=0.0,
        )
        for number in range(count)
    ]  # fmt: skip
    return tuple(Goods(offer=offer, model=MODEL, price_micros=price_micros) for offer in offers)


@dataclass(frozen=True, kw_only=True)
class Case(Scene):
    """A lure with its terms, and a plain cloud; and what an hour, or more, is ordered with."""

    terms: BillingTerms = BY_THE_SECOND
    disk_month: float = 0.0
    lure_micros: int = 400_000
    plain_micros: int = 700_000
    disk_gb: int | None = None

    @property
    def wish(self) -> dict[str, Any]:
        workload = Workload(kind=WorkloadType.TRAINING, disk_gb=self.disk_gb)
        return {"workload": workload, "price_cap": None}

    def profile(self, seed: int) -> WorldProfile:
        plain = Scene.profile(self, seed)
        lure = self._cloud(
            plain.clouds[0],
            LURE,
            self.terms,
            goods(1, self.lure_micros, disk_month=self.disk_month),
        )
        honest = self._cloud(plain.clouds[0], PLAIN, BY_THE_SECOND, goods(2, self.plain_micros))
        return replace(plain, clouds=(lure, honest))

    @staticmethod
    def _cloud(
        like: CloudProfile, name: ProviderName, terms: BillingTerms, sold: tuple[Goods, ...]
    ) -> CloudProfile:
        config = replace(
            like.config,
            least_billed_s=terms.minimum / SECOND,
            billing_step_s=whole_step_s(terms),
        )
        quirks = replace(like.quirks, billing=terms)
        return replace(like, name=name, quirks=quirks, config=config, goods=sold)


LEAST = Case(terms=replace(BY_THE_SECOND, minimum=2 * HOUR), strays=0)
STEPS = Case(terms=replace(BY_THE_SECOND, increment=HOUR), strays=0)
DISK = Case(disk_month=0.73, disk_gb=500, strays=0)
EACH = pytest.mark.parametrize("case", [LEAST, STEPS, DISK], ids=["minimum", "increment", "disk"])


def said(stage: Stage, session: str) -> int:
    ours = {row.id for row in stage.attempts(session)}
    return sum(
        amount for attempt, *_, amount in stage.world.oracle.book.charges() if attempt in ours
    )


def billed(stage: Stage, name: ProviderName) -> int:
    return sum(
        entry.billed_micros
        for entry in stage.world.clouds[name].ledger()
        if stage.world.oracle.is_ours(entry.name)
    )


async def told(stage: Stage, case: Case, name: ProviderName) -> int:
    """What the offer of a cloud was said to cost when it was ordered."""
    terms = tuple(
        (cloud.name, cloud.profile.quirks.billing) for cloud in stage.world.clouds.values()
    )
    costing = Costing(Need(hours=1, disk_gb=case.disk_gb or 0), terms)
    offer = next(offer for offer in await stage.offers() if offer.provider == name)
    price = costing.price(offer)
    assert price is not None
    return price.total.micros


async def whole(stage: Stage, case: Case, **wish: object) -> str:
    """Rent for the hour that is asked for, to its end."""
    session = await run(stage, **(case.wish | wish))
    await stage.until_state(session, "stopped", limit=2 * 3600)
    assert "expired" == stage.reason(session)
    return session


@EACH
def test_the_cheaper_by_the_bill_is_bought_and_the_bill_is_what_was_told(case: Case) -> None:
    async def script(stage: Stage) -> None:
        session = await whole(stage, case)
        assert [PLAIN] == [row.provider for row in stage.attempts(session)]
        # Who insists on what the list has cheaper pays more.
        (lure,) = (one for one in await stage.offers() if one.provider == LURE)
        insisted = await whole(stage, case, offer_id=lure.id)
        await stage.at_rest()

        assert billed(stage, PLAIN) < billed(stage, LURE)
        for one, name in ((session, PLAIN), (insisted, LURE)):
            assert said(stage, one) == pytest.approx(billed(stage, name), abs=5_000)
            # Of its start, a few seconds are more or less than is usual; nobody bills another minimum or step for it.
            assert said(stage, one) == pytest.approx(await told(stage, case, name), abs=5_000)

    perform(script, case)


def test_who_leaves_early_pays_the_minimum_and_no_more() -> None:
    async def script(stage: Stage) -> None:
        (lure,) = (one for one in await stage.offers() if one.provider == LURE)
        session = await run(stage, **LEAST.wish, offer_id=lure.id)
        await stage.wait(600)
        await stage.finish(session)
        await stage.until_state(session, "stopped")
        await stage.at_rest()

        assert 800_000 == billed(stage, LURE)
        assert said(stage, session) == pytest.approx(800_000, abs=2_000)

    perform(script, LEAST)


def test_the_minimum_is_booked_also_by_a_clock_so_slow_that_the_end_seems_to_be_before_the_begin() -> (
    None
):
    async def script(stage: Stage) -> None:
        (lure,) = (one for one in await stage.offers() if one.provider == LURE)
        stage.world.house.around.clock.jump(-20.0)
        stage.world.oracle.clock_set(-20.0)
        session = await stage.request(**LEAST.wish, offer_id=lure.id)
        await stage.until(lambda: bool(stage.alive()))
        await stage.finish(session)
        await stage.until_state(session, "stopped")
        await stage.at_rest()

        assert 800_000 == billed(stage, LURE)
        assert said(stage, session) == pytest.approx(800_000, abs=10_000)

    perform(script, LEAST)


async def buying(stage: Stage) -> None:
    stage.open_window()
    session = await run(stage, **STEPS.wish)
    stage.close_window()
    await stage.finish(session)
    await stage.until_state(session, "stopped")
    # What may have been bought is not bought again: then it is another machine there.
    assert {PLAIN} == {row.provider for row in stage.attempts(session)}


def test_a_crash_between_the_choice_and_the_order_changes_nothing_of_it() -> None:
    effects = play(buying, scene=STEPS, thorough=False).effects

    for effect in effects[:8]:
        played = play(buying, scene=STEPS, plans=[CrashPlan(at_effect=effect)], thorough=False)
        assert [] == played.outcome.violations, effect
        assert 2 == played.outcome.lives
