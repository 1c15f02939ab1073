"""The table of all rules, in order."""

from typing import Final

from gpu_shopper.testing.removals.buying import BUYING
from gpu_shopper.testing.removals.proving import PROVING
from gpu_shopper.testing.removals.removal import Removal

REMOVALS: Final[tuple[Removal, ...]] = BUYING + PROVING
BY_RULE: Final = {removal.rule: removal for removal in REMOVALS}
