"""The collector of a server: it passes over what the start made, and works from then on."""

import gc

from gpu_shopper.bootstrap.memory import collect_seldom


def test_a_start_without_the_collector_ends_with_it() -> None:
    usual = gc.get_threshold()
    gc.disable()
    try:
        collect_seldom()

        assert gc.isenabled()
        assert gc.get_freeze_count() > 0
        assert gc.get_threshold()[2] > usual[2]
    finally:
        gc.enable()
        gc.set_threshold(*usual)
        gc.unfreeze()
