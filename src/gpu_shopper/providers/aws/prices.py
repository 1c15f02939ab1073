"""What instances cost on demand: facts with a date, since the API that sells instances does not tell their prices.

Linux, shared tenancy, dollars an hour, of `AS_OF`, from AWS's price list. What is not here has no on-demand offer, unless
the setting `prices` says what it costs; prices of spot instances are asked for.
"""

import re
from collections.abc import Mapping
from datetime import date

AS_OF = date(2026, 7, 20)
# These three are priced alike.
_REGIONS = ("us-east-1", "us-east-2", "us-west-2")
_TABLE = """
g4dn: xlarge 0.526, 2xlarge 0.752, 4xlarge 1.204, 8xlarge 2.176, 12xlarge 3.912, 16xlarge 4.352, metal 7.824
g5: xlarge 1.006, 2xlarge 1.212, 4xlarge 1.624, 8xlarge 2.448, 16xlarge 4.096, 12xlarge 5.672, 24xlarge 8.144, 48xlarge 16.288
g6: xlarge 0.8048, 2xlarge 0.9776, 4xlarge 1.3232, 8xlarge 2.0144, 16xlarge 3.3968, 12xlarge 4.6016, 24xlarge 6.6752, 48xlarge 13.3504
g6e: xlarge 1.861, 2xlarge 2.24208, 4xlarge 3.00424, 8xlarge 4.52856, 16xlarge 7.57719, 12xlarge 10.49264, 24xlarge 15.06559, 48xlarge 30.13118
g6f: large 0.202, xlarge 0.2375, 2xlarge 0.475, 4xlarge 0.95
g7: 2xlarge 2.52, 4xlarge 3.04208, 8xlarge 4.08624, 12xlarge 7.12832, 24xlarge 14.25664, 48xlarge 28.51328
g7e: 2xlarge 3.36312, 4xlarge 3.99816, 8xlarge 5.26824, 12xlarge 8.28608, 24xlarge 16.57216, 48xlarge 33.14432
gr6: 4xlarge 1.5392, 8xlarge 2.4464
gr6f: 4xlarge 1.066
p3: 2xlarge 3.06, 8xlarge 12.24, 16xlarge 24.48
p3dn: 24xlarge 31.212
p4d: 24xlarge 21.957642
p4de: 24xlarge 27.44705
p5: 4xlarge 6.88, 48xlarge 55.04
p5en: 48xlarge 63.296
p6-b200: 48xlarge 113.9328
p6-b300: 48xlarge 142.416
"""
# A public IPv4 address is billed beside the instance, everywhere alike, per hour.
ADDRESS = 0.005
# A volume of the kind gp3, per GB and month; elsewhere as in the dearest of these.
_STORAGE: Mapping[str, float] = {
    "us-east-1": 0.08, "us-east-2": 0.08, "us-west-1": 0.096, "us-west-2": 0.08, "ca-central-1": 0.088,
    "eu-west-1": 0.088, "eu-west-2": 0.0928, "eu-central-1": 0.0952, "eu-north-1": 0.0836, "ap-south-1": 0.0912,
    "ap-northeast-1": 0.096, "ap-southeast-1": 0.096, "ap-southeast-2": 0.096, "sa-east-1": 0.152,
}  # fmt: skip
_GIVEN = re.compile(
    r"([a-z]{2}(?:-[a-z]+)+-\d+)[:/]([a-z0-9-]+\.[a-z0-9-]+)=(\d{1,6}(?:\.\d{1,9})?)"
)


def _table() -> dict[tuple[str, str], float]:
    found = {}
    for line in _TABLE.strip().splitlines():
        family, _, sizes = line.partition(": ")
        for entry in sizes.split(", "):
            size, price = entry.split(" ")
            found.update({(region, f"{family}.{size}"): float(price) for region in _REGIONS})
    return found


ON_DEMAND: Mapping[tuple[str, str], float] = _table()


def price_list(given: str) -> Mapping[tuple[str, str], float]:
    """Return dollars an hour by region and type: the table, and what `given` says (`eu-west-1/g5.xlarge=1.123, …`).

    Raises:
        ValueError: an entry is of another form.
    """
    found = dict(ON_DEMAND)
    for entry in filter(None, re.split(r"[\s,]+", given)):
        matched = _GIVEN.fullmatch(entry)
        if matched is None:
            raise ValueError(f"prices: {entry[:60]!r} is not of the form eu-west-1/g5.xlarge=1.123")
        found[matched[1], matched[2]] = float(matched[3])
    return found


def storage_price(region: str) -> float:
    """Return what a GB of disk costs a month."""
    return _STORAGE.get(region, max(_STORAGE.values()))
