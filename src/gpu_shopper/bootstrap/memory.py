"""Memory of a server that runs for months: what it is made of stays, what menus were made of goes back to the system."""

import ctypes
import gc
import sys
from typing import Final

_SELDOM: Final = (700, 10, 1_000)
# From glibc's malloc.h.
_M_MMAP_THRESHOLD: Final = -3
# From Linux's prctl.h.
_PR_SET_THP_DISABLE: Final = 41
# Larger than a bitmap of a million offers, which is made and let go in every question.
_LARGE_BLOCK: Final = 256 * 1024


def collect_seldom() -> None:
    """Keep full collections of garbage from stopping the loop; from now on there are some, if there were none."""
    # What was imported lives as long as the process; a full collection over it would stop the loop for 70 ms. So may the
    # garbage that it left, less than a hundredth of it: to look for that takes a tenth of the start.
    gc.freeze()
    # Nor must one come while a menu of many thousand offers is being read: the engine has it made between two of those.
    gc.set_threshold(*_SELDOM)
    gc.enable()


def keep_blocks_apart() -> None:
    """Let large blocks go back to the system by themselves, and not stay behind as holes in the heap.

    By itself glibc takes ever larger blocks out of its heap, once such have been let go; a fixed limit keeps them apart.
    Other C libraries do without.
    """
    limit = getattr(ctypes.CDLL(None), "mallopt", None)
    if limit is not None:
        limit(_M_MMAP_THRESHOLD, _LARGE_BLOCK)


def use_small_pages() -> None:
    """Have memory handed out a small page at a time.

    A huge page is cleared whole when its first byte is written, which stops the loop for milliseconds where a machine is
    itself a guest, and what of it is never used is held all the same. Only Linux has them.
    """
    control = getattr(ctypes.CDLL(None), "prctl", None)
    if control is not None and sys.platform == "linux":
        control(_PR_SET_THP_DISABLE, 1, 0, 0, 0)


def tidy() -> None:
    """Collect garbage, and give back what is free in the heap: some milliseconds, after which the next menu asks for it anew."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
