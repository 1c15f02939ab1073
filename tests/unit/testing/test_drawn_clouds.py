"""Worlds hold clouds after all real ones, each with its own quirks, and made to need them."""

from dataclasses import replace
from datetime import timedelta

import pytest

from gpu_shopper.bootstrap.boot_scripts import AgentBootScripts
from gpu_shopper.bootstrap.clouds import built_in
from gpu_shopper.domain.deadlines import Limits
from gpu_shopper.domain.ids import ProviderName
from gpu_shopper.domain.quirks import seconds
from gpu_shopper.testing.chance import SeededChance
from gpu_shopper.testing.cloud_kinds import KINDS, CloudKind
from gpu_shopper.testing.drawn_clouds import draw_names, kind_like, real_clouds
from gpu_shopper.testing.node_habits import SCRIPT_BYTES
from gpu_shopper.testing.profiles import draw_profile
from tests.sim.test_seeds import HOURS, PARTS, SEEDS_A_PART

REAL = sorted(real_clouds())
CHANCES = [SeededChance(seed) for seed in range(50)]


def kinds(name: str, **changes: object) -> list[CloudKind]:
    """Return what is made of a cloud whose quirks were changed so, in fifty worlds."""
    manifest = real_clouds()[ProviderName(name)]
    changed = replace(manifest, quirks=replace(manifest.quirks, **changes))
    return [kind_like(changed, chance.fork("kind")) for chance in CHANCES]


def most(name: str, what: str, **changes: object) -> float:
    """Return the largest of a number that is drawn for it."""
    found = [getattr(kind.config, what) for kind in kinds(name, **changes)]
    return max(max(one) if isinstance(one, tuple) else one for one in found)


def test_every_cloud_of_the_project_stands_in_the_worlds_of_each_change() -> None:
    seeds = range(PARTS * SEEDS_A_PART)
    drawn = [cloud for seed in seeds for cloud in draw_profile(seed, hours=HOURS).clouds]

    assert set(built_in()) <= {cloud.name for cloud in drawn}
    for cloud in drawn:
        if cloud.name not in KINDS:
            manifest = built_in()[cloud.name]
            assert (manifest.quirks, manifest.capabilities) == (cloud.quirks, cloud.capabilities)


@pytest.mark.parametrize("name", REAL)
def test_a_cloud_is_made_to_need_its_quirks_and_no_more(name: str) -> None:
    manifest = real_clouds()[ProviderName(name)]
    quirks = manifest.quirks
    for kind in kinds(name):
        assert kind.quirks is quirks or kind.quirks == quirks
        assert kind.config.boot_s[1] < quirks.boot_grace.total_seconds()
        assert kind.lag_s < quirks.quarantine.total_seconds()
        assert kind.latency_s[1] < quirks.call_deadline.total_seconds()
        assert kind.config.name_is_token == manifest.capabilities.native_idempotency
        assert kind.config.honours_expiry == manifest.capabilities.native_ttl
        assert kind.config.start_script_bytes == quirks.start_script_limit
        assert kind.names_itself == (manifest.instance_id_env is not None)
    assert most(name, "boot_s") > 0.7 * quirks.boot_grace.total_seconds()


def test_a_cloud_follows_its_quirks_when_they_change() -> None:
    name = REAL[0]
    slow = most(name, "boot_s", boot_grace=timedelta(hours=2))

    assert 3600 < slow < 7200
    bills_on = {"destroy_ends_billing": False, "leaving_bills": True}
    assert most(name, "destroy_s", destroy_settle=seconds(100), **bills_on) > 300
    assert {True} == {kind.config.bills_leaving for kind in kinds(name, **bills_on)}
    ends = {"destroy_ends_billing": True}
    assert 0 == most(name, "destroy_s", leaving_bills=True, **ends)
    assert most(name, "destroy_s", leaving_bills=False, **ends) > 10
    assert {False} == {kind.config.bills_leaving for kind in kinds(name, **ends)}
    assert {600.0} == {kind.lag_s for kind in kinds(name, quarantine=seconds(12_000))}
    assert {5.0} == {kind.latency_s[1] for kind in kinds(name, call_deadline=seconds(200))}
    assert {0} == {kind.config.start_script_bytes for kind in kinds(name, start_script_limit=0)}
    waits = {kind.habits[0]["params"]["retry_after"] for kind in kinds(name, requests_per_second=4)}
    assert {0.25} == waits


def test_a_cloud_that_is_added_changes_only_those_worlds_that_it_is_in() -> None:
    for chance in CHANCES:
        now = draw_names(chance.fork("names"), real=[*REAL, "another"])
        before = draw_names(chance.fork("names"), real=REAL)

        assert now == before or "another" in now
    assert any(
        "another" in draw_names(one.fork("names"), real=[*REAL, "another"]) for one in CHANCES
    )


def test_the_agent_takes_in_worlds_what_it_really_takes() -> None:
    """Or orders that hold less would carry it there, and nowhere else."""
    scripts = AgentBootScripts(built_in(), public_url="https://shop.test", limits=Limits())

    for name in built_in():
        assert SCRIPT_BYTES == pytest.approx(scripts.size_bytes(name, None), rel=0.1)
