"""The table of all rules, in order, and the rules that no world can miss yet."""

from typing import Final

from gpu_shopper.testing.removals.billing import BILLING
from gpu_shopper.testing.removals.buying import BUYING
from gpu_shopper.testing.removals.owing import OWING
from gpu_shopper.testing.removals.proving import PROVING
from gpu_shopper.testing.removals.removal import Removal

REMOVALS: Final[tuple[Removal, ...]] = BUYING + PROVING + OWING + BILLING
BY_RULE: Final = {removal.rule: removal for removal in REMOVALS}
# Said plainly, so that nobody takes them for proved; there is none just now.
NOT_IN_WORLDS: Final[dict[str, str]] = {}
