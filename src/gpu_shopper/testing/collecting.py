"""The garbage collector while many worlds run: most of what a world makes dies by itself, and all of it with the world."""

import contextlib
import gc
from collections.abc import Iterator

_SELDOM = (20_000, 10, 100)


@contextlib.contextmanager
def collected_seldom() -> Iterator[None]:
    """Let the collector pass over what the imports made, and come seldom; afterwards all is as it was."""
    usual = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_SELDOM)
    try:
        yield
    finally:
        gc.set_threshold(*usual)
        gc.unfreeze()
