"""Bodies about offers and the clouds that sell them. Memory and disk in GB, network in Mbps, money in USD."""

from datetime import datetime

from msgspec import Struct


class OfferFacts(Struct, frozen=True, kw_only=True):
    """What a cloud says of one offer, in one vocabulary.

    `vram_gb` is per GPU, or of the part that is sold where `gpu_fraction` is below 1; `price_per_hour` is for the whole
    offer. Prices per TFLOPS (dense, 16 bit) are null where the GPU is not known. What an offer has for itself comes first,
    then what many are alike in: so the market keeps them.
    """

    id: str
    provider: str
    provider_id: str
    machine_id: str
    price_per_hour: float
    price_per_gpu_hour: float
    price_per_tflops_hour: float | None
    price_per_gb_vram_hour: float | None
    reliability: float
    inet_down_mbps: int
    inet_up_mbps: int
    gpu_type: str
    gpu_count: int
    gpu_fraction: float
    vram_gb: int
    location: str
    city: str
    country: str
    region: str
    available: bool
    max_duration_hours: int
    cuda_version: str
    interruptible: bool
    vcpus: int
    ram_gb: int
    disk_gb: int
    storage_price_per_gb_month: float
    traffic_price_per_gb: float


class EffectivePrice(Struct, frozen=True):
    """What an offer costs for the hours, disk and traffic that were asked for; the parts add up to the total.

    `use` is the list price times the hours; `unused` what is billed beyond them (start, minimum, begun increments);
    `exchange` what paying in another currency adds, `rounding` what rounding the bill up does.
    """

    use: float
    unused: float
    disk: float
    traffic: float
    exchange: float
    rounding: float
    total: float
    per_gpu_hour: float


class OfferBody(OfferFacts, frozen=True, kw_only=True, omit_defaults=True):
    """One offer, with what changes while its cloud says nothing new.

    Where hours, disk or traffic were asked for, `effective_price_per_hour` is what an hour of them costs in truth; null
    where the offer cannot be had for so long or with so much disk.
    `marks` say what is odd about its price, held against what the whole market asks; such an offer comes last.
    """

    marks: tuple[str, ...]
    availability_confidence: float
    fetched_at: datetime
    effective_price_per_hour: float | None = None
    effective_price: EffectivePrice | None = None


class MarketSource(Struct, frozen=True, kw_only=True):
    """How one cloud's part of the menu stands. `age_s` is None before its first answer."""

    name: str
    ok: bool
    age_s: float | None
    error: str | None
    offers: int
    rejected: int


class OfferPage(Struct, frozen=True, kw_only=True):
    """A page of the menu; `total` counts all that match.

    `facets` counts by GPU, cloud or country what matches all but what was asked of that very thing.
    """

    offers: list[OfferBody]
    count: int
    total: int
    providers: list[MarketSource]
    next_cursor: str | None = None
    facets: dict[str, dict[str, int]] | None = None


class BillingBody(Struct, frozen=True, kw_only=True):
    """How a cloud bills: what stands between a list price and what is paid.

    Of a use at least `minimum_s` is billed, and beyond it every `increment_s` that was begun; `billed_start_s` is how long
    it usually takes to start, where that is billed. A stopped instance costs `stopped_share` of its price, a volume that
    outlives its instance `volume_price_per_gb_month`; null where there is none. `destroy_ends_billing` says that the bill
    ends with the order to destroy, not when the instance is gone.
    """

    minimum_s: float
    increment_s: float
    billed_start_s: float
    included_disk_gb: int
    currency: str
    usd_per_unit: float
    exchange_fee: float
    smallest_charge: float
    stopped_share: float
    volume_price_per_gb_month: float | None
    destroy_ends_billing: bool


class ProviderBody(Struct, frozen=True, kw_only=True):
    """One configured cloud: what it can do, which safety layers hold, how it has been lately."""

    name: str
    capabilities: dict[str, bool]
    safety_layers: dict[str, bool]
    offers: int
    market_age_s: float | None
    last_error: str | None
    last_sweep_at: datetime | None
    last_complete_sweep_at: datetime | None
    instances_seen: int
    strays_seen: int
    orphans_seen: int
    open_obligations: int
    frozen_since: datetime | None
    frozen_because: str
    unauthorized_since: datetime | None
    balance: float | None
    billing: BillingBody


class ProviderList(Struct, frozen=True, kw_only=True):
    """All configured clouds."""

    providers: list[ProviderBody]
    count: int
