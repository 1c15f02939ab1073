"""The made-up companies whose machines the sandbox sells, and the places where they stand.

None of them exists. They differ in the ways in which real ones do: what they sell, how dear and how
dependable they are, how they spell a GPU's name, and how long they rent it out.
"""

import msgspec

from gpu_shopper.sandbox.gpu_models import Tier


class Region(msgspec.Struct, frozen=True):
    """One place: the host's name for it, the city, and its country in ISO 3166 letters."""

    name: str
    city: str
    country: str


class Host(msgspec.Struct, frozen=True, kw_only=True):
    """One made-up company."""

    host_id: str
    share: int
    spelling: int
    price_factor: float
    reliability: tuple[float, float]
    inet_mbps: tuple[int, int]
    tiers: tuple[Tier, ...]
    max_hours: tuple[int, ...]
    interruptible_share: float
    regions: tuple[Region, ...]


_C, _W, _D = Tier.CONSUMER, Tier.WORKSTATION, Tier.DATACENTRE

HOSTS: tuple[Host, ...] = (
    Host(
        host_id="attic-rigs",
        share=16,
        spelling=0,
        price_factor=0.80,
        reliability=(0.870, 0.995),
        inet_mbps=(80, 1000),
        tiers=(_C,),
        max_hours=(0, 24, 72, 168),
        interruptible_share=0.25,
        regions=(
            Region("pl-1", "Wroclaw", "PL"),
            Region("cz-1", "Brno", "CZ"),
            Region("us-tx", "Austin", "US"),
            Region("ca-qc", "Montreal", "CA"),
            Region("bg-1", "Plovdiv", "BG"),
        ),
    ),
    Host(
        host_id="basement-cloud",
        share=14,
        spelling=1,
        price_factor=0.86,
        reliability=(0.900, 0.997),
        inet_mbps=(100, 2000),
        tiers=(_C, _W),
        max_hours=(0, 48, 720),
        interruptible_share=0.20,
        regions=(
            Region("sweden", "Umea", "SE"),
            Region("ohio", "Dayton", "US"),
            Region("spain", "Valencia", "ES"),
            Region("korea", "Daejeon", "KR"),
        ),
    ),
    Host(
        host_id="fjordlys",
        share=9,
        spelling=0,
        price_factor=0.97,
        reliability=(0.985, 0.9995),
        inet_mbps=(2000, 10000),
        tiers=(_W, _D),
        max_hours=(0,),
        interruptible_share=0.05,
        regions=(
            Region("no-west", "Bergen", "NO"),
            Region("no-north", "Narvik", "NO"),
            Region("is-1", "Keflavik", "IS"),
        ),
    ),
    Host(
        host_id="granite-peak",
        share=9,
        spelling=2,
        price_factor=1.10,
        reliability=(0.992, 0.9999),
        inet_mbps=(5000, 25000),
        tiers=(_D,),
        max_hours=(0,),
        interruptible_share=0.10,
        regions=(
            Region("us-west-a", "Reno", "US"),
            Region("us-central-b", "Omaha", "US"),
            Region("us-east-c", "Richmond", "US"),
        ),
    ),
    Host(
        host_id="harbourlight",
        share=7,
        spelling=3,
        price_factor=1.02,
        reliability=(0.975, 0.999),
        inet_mbps=(1000, 10000),
        tiers=(_W, _D),
        max_hours=(0, 720),
        interruptible_share=0.10,
        regions=(
            Region("sg-1", "Singapore", "SG"),
            Region("au-1", "Newcastle", "AU"),
            Region("jp-1", "Osaka", "JP"),
        ),
    ),
    Host(
        host_id="kiln-compute",
        share=7,
        spelling=1,
        price_factor=0.93,
        reliability=(0.960, 0.998),
        inet_mbps=(500, 5000),
        tiers=(_C, _W, _D),
        max_hours=(0, 168),
        interruptible_share=0.15,
        regions=(
            Region("de-fsn", "Cottbus", "DE"),
            Region("nl-1", "Groningen", "NL"),
            Region("fr-1", "Lille", "FR"),
        ),
    ),
    Host(
        host_id="monsoon-gpu",
        share=6,
        spelling=4,
        price_factor=0.88,
        reliability=(0.940, 0.996),
        inet_mbps=(200, 4000),
        tiers=(_C, _W, _D),
        max_hours=(0, 24),
        interruptible_share=0.20,
        regions=(
            Region("in-south", "Chennai", "IN"),
            Region("in-west", "Pune", "IN"),
            Region("vn-1", "Da Nang", "VN"),
        ),
    ),
    Host(
        host_id="northgate",
        share=7,
        spelling=2,
        price_factor=1.06,
        reliability=(0.990, 0.9998),
        inet_mbps=(5000, 20000),
        tiers=(_D,),
        max_hours=(0,),
        interruptible_share=0.08,
        regions=(
            Region("uk-north", "Leeds", "GB"),
            Region("ie-1", "Galway", "IE"),
            Region("fi-1", "Oulu", "FI"),
        ),
    ),
    Host(
        host_id="pampa-nodes",
        share=5,
        spelling=3,
        price_factor=0.90,
        reliability=(0.930, 0.995),
        inet_mbps=(200, 2000),
        tiers=(_C, _W),
        max_hours=(0, 72),
        interruptible_share=0.15,
        regions=(
            Region("ar-1", "Rosario", "AR"),
            Region("br-1", "Curitiba", "BR"),
            Region("cl-1", "Valdivia", "CL"),
        ),
    ),
    Host(
        host_id="redwood-hpc",
        share=8,
        spelling=1,
        price_factor=1.14,
        reliability=(0.995, 0.9999),
        inet_mbps=(10000, 40000),
        tiers=(_D,),
        max_hours=(0,),
        interruptible_share=0.05,
        regions=(Region("us-or", "Eugene", "US"), Region("us-wa", "Spokane", "US")),
    ),
    Host(
        host_id="savanna-one",
        share=4,
        spelling=0,
        price_factor=0.99,
        reliability=(0.950, 0.997),
        inet_mbps=(300, 5000),
        tiers=(_W, _D),
        max_hours=(0, 168),
        interruptible_share=0.10,
        regions=(Region("za-1", "Durban", "ZA"), Region("ke-1", "Nakuru", "KE")),
    ),
    Host(
        host_id="tessera",
        share=8,
        spelling=3,
        price_factor=1.00,
        reliability=(0.980, 0.9993),
        inet_mbps=(1000, 10000),
        tiers=(_C, _W, _D),
        max_hours=(0, 336),
        interruptible_share=0.12,
        regions=(
            Region("it-1", "Bologna", "IT"),
            Region("pt-1", "Braga", "PT"),
            Region("ro-1", "Cluj-Napoca", "RO"),
            Region("us-ga", "Macon", "US"),
        ),
    ),
)
