"""gpuhunt, the catalogue behind dstack, reads the offers of our simulated clouds; so do our adapters, and both must agree.

It knows no address but the vendors' own, so it runs in a pretended internet. What it reads otherwise is explained line by
line in `differences/<cloud>-gpuhunt.txt`: a line holds for all offers that it counts.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gpu_shopper.domain.offer import Offer
from gpu_shopper.providers.digitalocean import MANIFEST as DIGITALOCEAN
from gpu_shopper.providers.lambda_cloud import MANIFEST as LAMBDA
from gpu_shopper.providers.manifest import Manifest
from gpu_shopper.providers.vast import MANIFEST as VAST
from gpu_shopper.providers.verda import MANIFEST as VERDA
from gpu_shopper.testing.vendors import digitalocean, lambda_cloud, vast, verda
from gpu_shopper.testing.vendors.vendor import VendorCloud
from tests.conformance.foreign import KEY, Hurried, client_folder, explained, simulated, with_ours
from tests.conformance.pretended_internet import PretendedInternet

Theirs = Mapping[str, Any]
ALMOST = 1e-5
TELL = (
    "\nimport dataclasses, json\nprint(json.dumps([dataclasses.asdict(item) for item in items]))\n"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cloud:
    """How gpuhunt is asked about one cloud; its `id_of` says by which id we know what it found."""

    manifest: Manifest
    build: Callable[..., VendorCloud]
    host: str
    script: str
    id_of: Callable[[Theirs], str]
    settings: Mapping[str, str]


def in_region(item: Theirs) -> str:
    return f"{item['instance_name']}.{item['location']}"


CLOUDS = {
    "vast": Cloud(
        manifest=VAST,
        build=vast.build,
        host="console.vast.ai",
        # Both with the disk that our prices are with.
        script="from gpuhunt import QueryFilter\nfrom gpuhunt.providers.vastai import VastAIProvider\n"
        "items = VastAIProvider().get(QueryFilter(min_disk_size=20))",
        id_of=lambda item: f"{item['instance_name']}{'-bid' if item['spot'] else ''}",
        settings={"unverified": "true"},
    ),
    "lambda": Cloud(
        manifest=LAMBDA,
        build=lambda_cloud.build,
        host="cloud.lambdalabs.com",
        script="from gpuhunt.providers.lambdalabs import LambdaLabsProvider\n"
        f"items = LambdaLabsProvider({KEY!r}).get()",
        id_of=in_region,
        settings={},
    ),
    "verda": Cloud(
        manifest=VERDA,
        build=verda.build,
        host="api.verda.com",
        script="from gpuhunt.providers.verda import VerdaProvider\n"
        f"items = VerdaProvider('account-id', {KEY!r}).get()",
        id_of=lambda item: (
            f"{item['instance_name']}@{item['location']}{'-spot' if item['spot'] else ''}"
        ),
        settings={"client_id": "account-id"},
    ),
    "digitalocean": Cloud(
        manifest=DIGITALOCEAN,
        build=digitalocean.build,
        host="api.digitalocean.com",
        script="from gpuhunt.providers.digitalocean import DigitalOceanProvider\n"
        f"items = DigitalOceanProvider({KEY!r}).get()",
        id_of=in_region,
        settings={},
    ),
}


def read_by_both(cloud: Cloud, folder: Path) -> tuple[list[Theirs], Sequence[Offer]]:
    """Return what gpuhunt and our adapter find on sale at one and the same simulated cloud."""
    python = client_folder("gpuhunt") / "bin" / "python"
    # An hour that ends in between must not change prices.
    with simulated(cloud.build, offers=100, drift_period_s=1e12) as there:
        with PretendedInternet({cloud.host: there.url}, folder) as internet:
            said = internet.run([python, "-c", cloud.script + TELL], home=folder, env={})
        assert said.returncode == 0, said.stderr

        async def ours(us: Any) -> Any:
            return await us.list_offers()

        listing = with_ours(cloud.manifest, there.url, ours, clock=Hurried(), **cloud.settings)
    return json.loads(said.stdout.splitlines()[-1]), listing.offers


def disagreements(
    theirs: Iterable[Theirs], ours: Iterable[Offer], id_of: Callable[[Theirs], str]
) -> list[str]:
    """Return a line for each thing that is told differently, and how it differs."""
    rows = list(theirs)
    found = {id_of(item): item for item in rows if item["gpu_count"]}
    known = {offer.provider_id: offer for offer in ours}
    both = [(found[name], known[name]) for name in sorted(found.keys() & known.keys())]
    assert both, (sorted(found), sorted(known))
    counts = {
        "without a GPU": len([item for item in rows if not item["gpu_count"]]),
        "on sale by theirs alone": len(found.keys() - known.keys()),
        "on sale by ours alone": len(known.keys() - found.keys()),
    }
    lines = [f"{what} | {count}" for what, count in counts.items() if count]
    names = {(item["gpu_name"], offer.gpu_type) for item, offer in both}
    lines += [
        f"GPU | theirs {one} | ours {other}" for one, other in names if plain(one) != plain(other)
    ]
    lines += _numbers("GPUs", [(item["gpu_count"], offer.gpu_count) for item, offer in both])
    lines += _numbers("GPU memory", [(item["gpu_memory"], offer.vram_gb) for item, offer in both])
    lines += _numbers("vCPUs", [(item["cpu"], offer.vcpus) for item, offer in both])
    lines += _numbers("RAM", [(item["memory"], offer.ram_gb) for item, offer in both])
    lines += _numbers("disk", [(item["disk_size"], offer.disk_gb) for item, offer in both])
    lines += _numbers("price", [(item["price"], offer.price.dollars) for item, offer in both])
    lines += _numbers("spot", [(item["spot"], offer.interruptible) for item, offer in both])
    return lines


def plain(name: str) -> str:
    """Return a name without what everybody writes as he likes."""
    return name.lower().replace(" ", "")


def _numbers(what: str, pairs: Sequence[tuple[float | None, float]]) -> list[str]:
    """Return how theirs follow from ours, where they are not the same: by a factor, a sum, or within bounds."""
    if all(theirs is None for theirs, _ in pairs):
        return [f"{what} | theirs (absent)"] if any(ours for _, ours in pairs) else []
    told = [(0.0 if theirs is None else theirs, ours) for theirs, ours in pairs]
    differ = [(theirs, ours) for theirs, ours in told if abs(theirs - ours) > ALMOST]
    if not differ:
        return []
    count = f"{len(differ)} of {len(pairs)}"
    ratios = [theirs / ours if ours else 0.0 for theirs, ours in differ]
    sums = [theirs - ours for theirs, ours in differ]
    if max(ratios) - min(ratios) < 1e-5:
        return [f"{what} | theirs is ours × {ratios[0]:.4g} | {count}"]
    if max(sums) - min(sums) < 2 * ALMOST:
        return [f"{what} | theirs is ours {sums[0]:+.4f} | {count}"]
    return [f"{what} | theirs is ours × {min(ratios):.4f} to {max(ratios):.4f} | {count}"]


@pytest.mark.parametrize("name", CLOUDS)
def test_what_it_reads_differently_is_explained_line_by_line(name: str, tmp_path: Path) -> None:
    cloud = CLOUDS[name]
    theirs, ours = read_by_both(cloud, tmp_path)
    assert sorted(disagreements(theirs, ours, cloud.id_of)) == sorted(explained(f"{name}-gpuhunt"))


def test_it_finds_asks_where_we_find_them(tmp_path: Path) -> None:
    cloud = CLOUDS["vast"]
    theirs, ours = read_by_both(cloud, tmp_path)
    places = {cloud.id_of(item): item["location"] for item in theirs}
    read = {offer.provider_id: offer for offer in ours if offer.provider_id in places}
    # We keep a city that we know.
    known = {name: offer for name, offer in read.items() if offer.city}
    assert len(known) > 10
    assert {name: places[name].partition("-")[0] for name in read} == {
        name: offer.country.lower() for name, offer in read.items()
    }
    assert {name: places[name].partition("-")[2] for name in known} == {
        name: plain(offer.city) for name, offer in known.items()
    }
