"""Four clouds: the menu of one never comes, of one is garbage, one asks for patience. The fourth sells, and all is told."""

import json
from dataclasses import dataclass, replace
from typing import Any

from gpu_shopper.domain.ids import ProviderName
from gpu_shopper.domain.offer import Requirements
from gpu_shopper.domain.quirks import seconds
from gpu_shopper.engine.shopping import TOO_OLD
from gpu_shopper.testing.asgi import Asked, Connection
from gpu_shopper.testing.cloud_kinds import SANDBOX_QUIRKS
from gpu_shopper.testing.profiles import WorldProfile
from gpu_shopper.testing.scenarios import Scene, Stage
from tests.sim.perform import perform, run

PERIOD_S = 60.0
FINE, HANGS, GARBLED, BUSY = "fine", "hangs", "garbled", "busy"
BROKEN = {
    HANGS: {"kind": "answer_late", "operations": ["offers"], "params": {"seconds": 3600}},
    GARBLED: {"kind": "offers_garbled", "params": {"body": "rows"}},
    BUSY: {"kind": "rate_limited", "operations": ["offers"], "params": {"retry_after": 240}},
}


@dataclass(frozen=True, kw_only=True)
class FourClouds(Scene):
    def profile(self, seed: int) -> WorldProfile:
        plain = Scene.profile(self, seed)
        clouds = [
            replace(plain.clouds[0], name=ProviderName(name))
            for name in (FINE, HANGS, GARBLED, BUSY)
        ]
        return replace(plain, clouds=tuple(clouds))


SCENE = FourClouds(quirks=replace(SANDBOX_QUIRKS, shop_period=seconds(PERIOD_S)), strays=0)


PARTLY = {GARBLED: {"kind": "offers_garbled", "params": {"body": "rows", "share": 0.9}}}


def break_three(stage: Stage, **otherwise: Any) -> None:
    for name, rule in (BROKEN | otherwise).items():
        stage.world.clouds[ProviderName(name)].misbehave([rule])


async def menu(stage: Stage) -> tuple[dict[str, dict[str, Any]], set[str]]:
    """Return what the API says of each cloud, and whose offers it shows."""
    life = stage.world.house.life
    asked = Asked(
        method="GET",
        path="/api/v1/inventory?limit=1000",
        headers={"host": "127.0.0.1"},
        peer="127.0.0.1",
    )
    answered = await Connection().carry(life.api, asked)
    assert 200 == answered.status, answered.body
    page = json.loads(answered.body)
    return (
        {source["name"]: source for source in page["providers"]},
        {offer["provider"] for offer in page["offers"]},
    )


def lists_asked(stage: Stage, name: str) -> int:
    return stage.world.clouds[ProviderName(name)].struck_rules.total()


def test_three_clouds_break_and_the_market_stays_up() -> None:
    async def script(stage: Stage) -> None:
        break_three(stage)
        await stage.wait(400)
        # The last good menus are still there, and each tells how old it is and what is wrong.
        sources, shown = await menu(stage)
        assert {FINE, *BROKEN} == shown
        assert {FINE} == {name for name, source in sources.items() if source["ok"]}
        assert sources[FINE]["age_s"] <= PERIOD_S * 1.1 + 5
        assert all(300 < sources[name]["age_s"] <= 520 for name in BROKEN)
        assert all(sources[name]["offers"] for name in sources)
        assert "rows cannot be read" in sources[GARBLED]["error"]
        assert "too many requests" in sources[BUSY]["error"]
        assert "no answer" in sources[HANGS]["error"] or "lost" in sources[HANGS]["error"]
        # Their instances can be had all the same: nothing but the menus is broken.
        session = await run(stage)
        asked = {name: lists_asked(stage, name) for name in BROKEN}

        await stage.wait(TOO_OLD.total_seconds())
        sources, shown = await menu(stage)
        assert {FINE} == shown
        assert [0, 0, 0] == [sources[name]["offers"] for name in BROKEN]
        # Nobody was stormed: it is asked later and later, and one that wants patience gets it.
        assert all(lists_asked(stage, name) - asked[name] <= 8 for name in BROKEN)
        others = [await run(stage) for _ in range(3)]
        assert {FINE} == {row.provider for one in others for row in stage.attempts(one)}

        for name in BROKEN:
            stage.world.clouds[ProviderName(name)].behave()
        await stage.wait(400)
        sources, shown = await menu(stage)
        assert {FINE, *BROKEN} == shown
        assert all(source["ok"] and source["error"] is None for source in sources.values())
        for one in (session, *others):
            await stage.finish(one)

    perform(script, SCENE)


def test_a_house_that_starts_among_broken_clouds_sells_what_the_whole_one_has() -> None:
    async def script(stage: Stage) -> None:
        break_three(stage, **PARTLY)
        await stage.leave_house(5)
        await stage.wait(60)
        sources, shown = await menu(stage)
        assert {FINE} | shown == {FINE, GARBLED}, "a tenth of the garbled one can be read"
        assert [None, None] == [sources[name]["age_s"] for name in (HANGS, BUSY)]
        assert sources[GARBLED]["rejected"] > sources[GARBLED]["offers"]
        sessions = [
            await run(stage, requirements=Requirements(providers=frozenset({FINE})))
            for _ in range(3)
        ]
        for one in sessions:
            await stage.finish(one)

    perform(script, SCENE)


def test_what_a_consumer_filters_by_is_nobody_elses_menu() -> None:
    async def script(stage: Stage) -> None:
        life = stage.world.house.life
        for query in ("gpu_type=H100", "max_price=0.01", f"provider={HANGS}", "country=zz"):
            asked = Asked(
                method="GET",
                path=f"/api/v1/inventory?{query}",
                headers={"host": "127.0.0.1"},
                peer="127.0.0.1",
            )
            assert 200 == (await Connection().carry(life.api, asked)).status
        await stage.wait(PERIOD_S * 3)
        assert {FINE, *BROKEN} == (await menu(stage))[1]

    perform(script, SCENE)
