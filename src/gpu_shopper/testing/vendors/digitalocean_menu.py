"""The price list of the simulated DigitalOcean: sizes with and without GPUs, each in some regions; and what its errors say."""

from collections.abc import Iterable, Mapping, Sequence

from gpu_shopper.sandbox.catalogue import DRIVERS, Catalogue, Goods, Offer
from gpu_shopper.sandbox.gpu_models import GPU_MODELS
from gpu_shopper.sandbox.messages import Json, Row

MONTH_HOURS = 672
# Slug, model as it writes it, driver's name, GPUs, memory of all in GB, vCPUs, memory and disk in GB, scratch disk, $/h.
_SIZES = (
    ("gpu-4000adax1-20gb", "nvidia_rtx4000_ada", "NVIDIA RTX 4000 Ada Generation", 1, 20, 8, 32, 500, 0, 0.76),
    ("gpu-6000adax1-48gb", "nvidia_rtx6000_ada", "NVIDIA RTX 6000 Ada Generation", 1, 48, 8, 64, 500, 0, 1.57),
    ("gpu-l40sx1-48gb", "nvidia_l40s", "NVIDIA L40S", 1, 48, 8, 64, 500, 0, 1.57),
    ("gpu-h100x1-80gb", "nvidia_h100", "NVIDIA H100 80GB HBM3", 1, 80, 20, 240, 720, 5120, 3.39),
    ("gpu-h200x1-141gb", "nvidia_h200", "NVIDIA H200", 1, 141, 24, 240, 720, 5120, 3.44),
    ("gpu-h100x8-640gb", "nvidia_h100", "NVIDIA H100 80GB HBM3", 8, 640, 160, 1920, 2046, 40960, 23.92),
    ("gpu-h200x8-1128gb", "nvidia_h200", "NVIDIA H200", 8, 1128, 192, 1920, 2046, 40960, 27.52),
)  # fmt: skip
REGIONS: Mapping[str, tuple[str, str, str]] = {
    "tor1": ("Toronto 1", "Toronto", "CA"),
    "nyc1": ("New York 1", "New York", "US"),
    "nyc2": ("New York 2", "New York", "US"),
    "nyc3": ("New York 3", "New York", "US"),
    "atl1": ("Atlanta 1", "Atlanta", "US"),
    "ric1": ("Richmond 1", "Richmond", "US"),
    "sfo2": ("San Francisco 2", "San Francisco", "US"),
    "sfo3": ("San Francisco 3", "San Francisco", "US"),
    "ams3": ("Amsterdam 3", "Amsterdam", "NL"),
    "fra1": ("Frankfurt 1", "Frankfurt", "DE"),
    "lon1": ("London 1", "London", "GB"),
    "sgp1": ("Singapore 1", "Singapore", "SG"),
    "blr1": ("Bangalore 1", "Bangalore", "IN"),
    "syd1": ("Sydney 1", "Sydney", "AU"),
}
IMAGES = ("gpu-h100x1-base", "gpu-h100x8-base", "gpu-amd-base", "ubuntu-24-04-x64")
_SCRATCH = {slug: scratch for slug, *_, scratch, _ in _SIZES}
# Droplets without GPUs: on the same list, and of no use here.
_PLAIN = tuple(
    (f"s-{vcpus}vcpu-{gb}gb{kind}", vcpus, gb, price)
    for kind, factor in (("", 1.0), ("-amd", 1.17), ("-intel", 1.17))
    for vcpus, gb, price in (
        (1, 1, 0.00893 * factor), (1, 2, 0.01786 * factor), (2, 4, 0.03571 * factor), (4, 8, 0.07143 * factor),
        (8, 16, 0.14286 * factor),
    )
)  # fmt: skip

# A droplet of somebody's without a GPU: the plain list shows it, and that of GPUs does not.
PLAIN_DROPLET: Row = {
    "id": 3_164_444, "name": "web-1", "memory": 1024, "vcpus": 1, "disk": 25, "disk_info": [], "locked": False,
    "status": "active", "kernel": None, "created_at": "2026-01-01T00:00:00Z", "features": [], "backup_ids": [],
    "next_backup_window": None, "snapshot_ids": [], "volume_ids": [], "size_slug": "s-1vcpu-1gb",
    "networks": {"v4": [], "v6": []}, "tags": ["web"],
    "region": {"slug": "nyc3", "name": "New York 3", "features": [], "available": True, "sizes": []},
    "image": {"id": 7, "name": "24.04 x64", "distribution": "Ubuntu", "slug": "ubuntu-24-04-x64", "regions": ["nyc3"]},
    "size": {
        "slug": "s-1vcpu-1gb", "memory": 1024, "vcpus": 1, "disk": 25, "transfer": 1.0, "price_monthly": 6.0,
        "price_hourly": 0.00893, "regions": ["nyc3"], "available": True, "description": "Basic",
    },
}  # fmt: skip

# How an error of the model's is worded: status, id, message.
ERRORS: Mapping[str, tuple[int, str, str]] = {
    "unauthorized": (401, "Unauthorized", "Unable to authenticate you"),
    "rate_limited": (429, "too_many_requests", "API rate limit exceeded."),
    "unavailable": (503, "service_unavailable", "The service is temporarily unavailable."),
    "region_unavailable": (503, "service_unavailable", "The region cannot be reached."),
    "internal": (500, "server_error", "Unexpected server-side error"),
    "timeout": (504, "gateway_timeout", "The upstream server did not answer."),
    "not_found": (404, "not_found", "The resource you were accessing could not be found."),
    "reserved": (422, "unprocessable_entity", "Droplet already has a pending event."),
    "bad_request": (422, "unprocessable_entity", "The request makes no sense."),
    "offer_gone": (422, "unprocessable_entity", "Size is not available in this region."),
    "no_capacity": (422, "unprocessable_entity", "The region is at capacity for this size."),
    "price_changed": (422, "unprocessable_entity", "Size is not available in this region."),
    "insufficient_balance": (422, "unprocessable_entity", "creating this/these droplet(s) will exceed your droplet limit"),
}  # fmt: skip
STATUSES: Mapping[str, str] = {
    "creating": "new",
    "booting": "new",
    "running": "active",
    "stopping": "active",
    "stopped": "off",
    "error": "off",
}


def goods(size: int) -> list[Goods]:
    """Return as much of the price list as `size` offers: each size in each region."""
    models = {model.driver_name: model for model in GPU_MODELS}
    driver, cuda = DRIVERS[-2]
    found = [
        Goods(
            offer=Offer(
                id=f"{slug}.{region}",
                host_id="do",
                machine_id=f"{slug}.{region}",
                region=region,
                city=REGIONS[region][1],
                country=REGIONS[region][2],
                gpu_name=name,
                gpu_count=count,
                gpu_memory_mib=models[driver_name].memory_mib,
                vcpus=vcpus,
                ram_gb=ram_gb,
                disk_gb=disk_gb,
                inet_down_mbps=10_000,
                inet_up_mbps=10_000,
                reliability=1.0,
                cuda_max=cuda,
                driver=driver,
                interruptible=False,
                max_hours=0,
                storage_price_per_gb_month=0.0,
                traffic_price_per_gb=0.0,
            ),
            model=models[driver_name],
            price_micros=round(price * 1_000_000),
        )
        for slug, name, driver_name, count, _, vcpus, ram_gb, disk_gb, _, price in _SIZES
        for region in REGIONS
    ]
    return found[:size]


def sizes(catalogue: Catalogue, rows: Sequence[Row]) -> list[Row]:
    """Return the whole list of sizes, of the model's rows that are on sale; a size that is nowhere to be had stays on it."""
    prices: dict[str, Json] = {}
    regions: dict[str, list[Json]] = {}
    for row in rows:
        slug, _, region = str(row["id"]).rpartition(".")
        prices[slug] = row["price_per_hour"]
        regions.setdefault(slug, []).append(region)
    first = {offer.id.rpartition(".")[0]: index for index, offer in enumerate(catalogue.offers)}
    with_gpus = [
        size_row(catalogue, index, price=prices.get(slug), regions=regions.get(slug, []))
        for slug, index in first.items()
    ]
    return [*map(_plain_row, _PLAIN), *with_gpus]


def droplet_row(catalogue: Catalogue, row: Row, *, image: str, tags: Sequence[Json]) -> Row:
    """Return an instance of the model's as a droplet; a stranger's, of which only its name is known, as a plain one."""
    index = catalogue.index_of(str(row.get("offer_id", "")))
    if index is None:
        return PLAIN_DROPLET | {"id": number_of(str(row["id"])), "name": row["name"]}
    region, state = str(row["region"]), str(row["status"])
    size = size_row(catalogue, index, price=row.get("price_per_hour"), regions=[region])
    gpus = _gpus_shown(catalogue, index, row)
    return {
        "id": number_of(str(row["id"])),
        "name": row["name"],
        "memory": size["memory"],
        "vcpus": size["vcpus"],
        "disk": size["disk"],
        "disk_info": size["disk_info"],
        "locked": state in {"creating", "booting", "stopping"},
        "status": STATUSES.get(state, state),
        "kernel": None,
        "created_at": row.get("created_at"),
        "features": ["droplet_agent", "private_networking"],
        "backup_ids": [],
        "next_backup_window": None,
        "snapshot_ids": [],
        "image": _image_row(image),
        "volume_ids": [],
        "size": {**size, "gpu_info": gpus},
        "size_slug": size["slug"],
        "networks": _networks(row),
        "region": region_row(region),
        "tags": list(tags),
        "vpc_uuid": "e2fdd15c-6ae6-4c11-8c5d-72dae2ba1ad1",
        "gpu_info": gpus,
    }


def region_row(slug: str) -> Row:
    """Return a region as the cloud shows it."""
    name = REGIONS[slug][0]
    return {"slug": slug, "name": name, "features": ["metadata"], "available": True, "sizes": []}


def _gpus_shown(catalogue: Catalogue, index: int, row: Row) -> Row:
    offer, count = catalogue.offers[index], row.get("gpu_count")
    if row.get("gpu_name") == offer.gpu_name and count == offer.gpu_count:
        return gpu_info(catalogue, index)
    # A lesser machine that is admitted to be one.
    memory = float(str(row.get("gpu_memory_mib"))) * float(str(count)) / 1024
    vram = {"amount": round(memory), "unit": "gib"}
    return {"count": count, "model": row.get("gpu_name"), "vram": vram}


def _networks(row: Row) -> Row:
    host, port = row.get("ssh_host"), row.get("ssh_port")
    if not host or not port:
        return {"v4": [], "v6": []}
    # Real droplets answer at port 22; those here share one address, and each has a port of its own. What has no processes
    # gets an address of the range for examples.
    is_real = str(host).replace(".", "").isdigit()
    public = f"{host}:{port}" if is_real else f"203.0.113.{number_of(str(row['id'])) % 254 + 1}"
    private = "10.128.192.124"
    return {
        "v4": [
            {"ip_address": private, "netmask": "255.255.0.0", "gateway": "nil", "type": "private"},
            {"ip_address": public, "netmask": "255.255.255.0", "gateway": "192.0.2.1", "type": "public"},
        ],
        "v6": [],
    }  # fmt: skip


def _image_row(image: str) -> Row:
    return {
        "id": 166_407_044, "name": "AI/ML Ready", "distribution": "Ubuntu", "slug": image, "public": True,
        "regions": ["tor1", "nyc2"], "created_at": "2024-09-27T15:35:19Z", "min_disk_size": 25, "type": "base",
        "size_gigabytes": 18.47, "description": "GPU Base Image", "tags": [], "status": "available",
    }  # fmt: skip


def number_of(instance_id: str) -> int:
    """Return the number of an instance; a stranger's comes from another account, and may be written otherwise."""
    return (
        int(instance_id) if instance_id.isdigit() else 1 + int(instance_id.replace("i-", "0x"), 0)
    )


def size_row(
    catalogue: Catalogue, index: int, *, price: Json = None, regions: Iterable[Json] = ()
) -> Row:
    """Return the size of an offer."""
    offer = catalogue.offers[index]
    slug = offer.id.rpartition(".")[0]
    listed = catalogue.price_micros(index, 0) / 1_000_000
    hourly = listed if price is None else price
    scratch = _SCRATCH[slug]
    disks = [("local", offer.disk_gb), *([("scratch", scratch)] if scratch else [])]
    return {
        "slug": slug,
        "memory": offer.ram_gb * 1024,
        "vcpus": offer.vcpus,
        "disk": offer.disk_gb,
        "transfer": 15.0,
        "price_monthly": round(listed * MONTH_HOURS, 2),
        "price_hourly": hourly,
        "regions": list(regions),
        "available": True,
        "description": f"{offer.gpu_name} - {offer.gpu_count}X",
        "gpu_info": gpu_info(catalogue, index),
        "disk_info": [
            {"type": kind, "size": {"amount": amount, "unit": "gib"}} for kind, amount in disks
        ],
    }


def gpu_info(catalogue: Catalogue, index: int) -> Row:
    """Return what a size, and a droplet of it, say of their GPUs: the memory is that of all."""
    offer = catalogue.offers[index]
    slug = offer.id.rpartition(".")[0]
    gb = next(gb for name, _, _, _, gb, *_ in _SIZES if name == slug)
    vram = {"amount": gb, "unit": "gib"}
    return {"count": offer.gpu_count, "model": offer.gpu_name, "vram": vram}


def _plain_row(size: tuple[str, int, int, float]) -> Row:
    slug, vcpus, gb, price = size
    return {
        "slug": slug, "memory": gb * 1024, "vcpus": vcpus, "disk": 25 * gb, "transfer": float(gb),
        "price_monthly": round(price * MONTH_HOURS, 2), "price_hourly": round(price, 5),
        "regions": list(REGIONS), "available": True, "description": "Basic",
        "disk_info": [{"type": "local", "size": {"amount": 25 * gb, "unit": "gib"}}],
    }  # fmt: skip
