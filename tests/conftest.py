"""What holds for every test: generated examples are the same on each run unless asked otherwise, and who runs which."""

import gc
import os
from collections.abc import Generator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from tests.dealing import dealt, unit_of

# A run that is red today and green tomorrow helps nobody, so the default profile draws no dice.
# HYPOTHESIS_PROFILE=soak looks further, by hand; =long looks for hours.
# How long an example took says nothing of the code on a machine that others use too.
settings.register_profile(
    "ci",
    derandomize=True,
    deadline=None,
    database=None,
    max_examples=100,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("soak", deadline=None, max_examples=5000)
settings.register_profile("long", deadline=None, max_examples=100_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put what takes long first, and before all what was given more time than others; the rest keeps the order drawn."""
    items.sort(key=lambda item: item.get_closest_marker("timeout") is None)
    items[:] = [items[place] for place in dealt([item.nodeid for item in items])]


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Look for tests without looking for garbage: what is found stays until the end, and that is a seventh of the time."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Hand out the tests in that order, long ones one by one."""
    from xdist.scheduler import LoadScopeScheduling  # noqa: PLC0415 - there only where several workers share the tests

    class InUnits(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return unit_of(nodeid)

    config.option.loadscopereorder = False
    return InUnits(config, log)
