"""The garbage collector while many worlds run."""

import gc

from gpu_shopper.testing.collecting import collected_seldom


def test_the_collector_comes_seldom_and_is_afterwards_as_it_was() -> None:
    before = gc.get_threshold(), gc.get_freeze_count()

    with collected_seldom():
        assert gc.get_threshold() > before[0]
        assert gc.get_freeze_count() > 0

    assert (gc.get_threshold(), gc.get_freeze_count()) == (before[0], 0)
