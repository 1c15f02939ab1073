"""When an account is swept again: often after a start and where something is in doubt, seldom where nothing can be.

What a sweep alone can find is an order that the last life sent and heard no answer to. Each stands in the book from before
it is sent. So an account at which the book holds nothing is in less of a hurry, and its cloud is spared the listings: what
appears there all the same is of a book that was put back.
"""

from typing import Final

# After a start: so many passes, so many seconds apart, where the book holds something open at the account ...
FAST_SWEEPS, FAST_SWEEP_S = 20, 10.0
BRISK_SWEEPS, BRISK_SWEEP_S = 10, 60.0
# ... and where it holds nothing.
CALM_SWEEPS, CALM_SWEEP_S = 9, 30.0
# A listing that failed is tried again soon; after so many in a row, and if nothing is held there, less often.
SOON_TRIED: Final = 5
LATER_S: Final = 180.0
# Somebody who waits to buy there, and may not before it is listed, has it tried sooner: later and later, but no later than this.
HASTE_S, LEAST_HASTE_S = 5.0, 60.0


class SweepPace:
    """One account's pace since the start; `period` is that of a sweep in peace, and the longest pause. All in seconds.

    `least` is how long the account is spared at least after the last sweep, even if somebody waits to buy there.
    """

    def __init__(self, *, period: float) -> None:
        assert period > 0, period
        self._period = period
        self._passes = self._failures = 0
        self.least = HASTE_S

    def swept(self, *, complete: bool, in_haste: bool, holds: bool) -> float:
        """Note a sweep; return how long to wait before the next.

        `in_haste`: what only a listing can show is looked for, or an end is owed to what has no attempt. `holds`: the
        book holds something open at the account.
        """
        self._passes += 1
        self._failures = 0 if complete else self._failures + 1
        pause = min(self._pause(in_haste=in_haste, holds=holds), self._period)
        # What was listed in full may be bought from, so there nobody waits.
        self.least = pause if complete else self._haste()
        return pause

    def _haste(self) -> float:
        return min(HASTE_S * 2.0 ** min(self._failures - 1, 20), LEAST_HASTE_S)

    def _pause(self, *, in_haste: bool, holds: bool) -> float:
        fast, often = (FAST_SWEEPS, FAST_SWEEP_S) if holds else (CALM_SWEEPS, CALM_SWEEP_S)
        if self._passes <= fast:
            return often
        if in_haste or (holds and self._passes <= FAST_SWEEPS + BRISK_SWEEPS):
            return BRISK_SWEEP_S
        if self._failures:
            return BRISK_SWEEP_S if holds or self._failures <= SOON_TRIED else LATER_S
        return self._period
