"""What Hyperstack sends and takes, typed, in its own words."""

from collections.abc import Mapping, Sequence
from typing import Annotated

import msgspec

_Text = Annotated[str, msgspec.Meta(max_length=2000)]
_Count = Annotated[int, msgspec.Meta(ge=0, le=1 << 20)]
_Number = Annotated[float, msgspec.Meta(ge=0, le=1e9)]
_Id = Annotated[int, msgspec.Meta(ge=0, le=1 << 62)]


class FlavorRow(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One kind of machine in one region. RAM and disk are in GB; `ephemeral` is a second disk, which dies with it."""

    name: _Text
    gpu: _Text | None = None
    gpu_count: _Count = 0
    cpu: _Count | None = None
    ram: _Number | None = None
    disk: _Count | None = None
    ephemeral: _Count | None = None
    region_name: _Text | None = None
    stock_available: bool | None = None


class FlavorGroup(msgspec.Struct, frozen=True, kw_only=True):
    """The flavors of one GPU in one region."""

    region_name: _Text = ""
    gpu: _Text | None = None
    flavors: list[msgspec.Raw] = []


class Flavors(msgspec.Struct, frozen=True, kw_only=True):
    """All flavors, sold out or not."""

    data: list[FlavorGroup]


class StockModel(msgspec.Struct, frozen=True, kw_only=True):
    """How many machines with 1, 2, 4, 8 GPUs of a model are left: by `1x`, `2x` and so on."""

    model: _Text
    configurations: Mapping[str, _Count | None] | None = None


class Stock(msgspec.Struct, frozen=True, kw_only=True):
    """What is left in one region."""

    region: _Text
    models: list[StockModel] = []


class Stocks(msgspec.Struct, frozen=True, kw_only=True):
    """What is left in all regions."""

    stocks: list[Stock]


class Price(msgspec.Struct, frozen=True, kw_only=True):
    """What one unit of something costs an hour, discounts included: a GPU, a public address."""

    name: _Text
    value: Annotated[str, msgspec.Meta(max_length=40)] | _Number | None = None


class Region(msgspec.Struct, frozen=True, kw_only=True):
    """One region; some have no public addresses."""

    name: _Text
    country: _Text | None = None
    features: Mapping[str, object] | None = None


class Regions(msgspec.Struct, frozen=True, kw_only=True):
    """All regions."""

    regions: list[Region]


class Named(msgspec.Struct, frozen=True, kw_only=True):
    """Something of which only the name counts."""

    name: _Text | None = None


class Environment(msgspec.Struct, frozen=True, kw_only=True):
    """A place for machines and keys in one region."""

    id: _Id | None = None
    name: _Text | None = None
    region: _Text | None = None


class KeyPair(msgspec.Struct, frozen=True, kw_only=True):
    """A public key in one environment."""

    id: _Id
    name: _Text
    public_key: Annotated[str, msgspec.Meta(max_length=20_000)] | None = None
    environment: Environment | None = None


class ImageGroup(msgspec.Struct, frozen=True, kw_only=True):
    """The images of one kind in one region."""

    images: list[Named] = []
    region_name: _Text | None = None


class VmFlavor(msgspec.Struct, frozen=True, kw_only=True):
    """What a machine consists of."""

    name: _Text | None = None
    gpu: _Text | None = None
    gpu_count: _Count | None = None


class VmRow(msgspec.Struct, frozen=True, kw_only=True):
    """One machine; what is not known yet is null. Its status is a free text."""

    id: _Id
    name: _Text | None = None
    status: _Text | None = None
    labels: list[_Text] | None = None
    environment: Environment | None = None
    keypair: Named | None = None
    flavor: VmFlavor | None = None
    floating_ip: _Text | None = None
    floating_ip_status: _Text | None = None
    created_at: _Text | None = None


class VmsPage(msgspec.Struct, frozen=True, kw_only=True):
    """One page of machines; rows are left for later, each by itself."""

    instances: list[msgspec.Raw]
    count: int | None = None
    page_size: int | None = None


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """What the machine's firewall lets in."""

    port_range_min: int
    port_range_max: int
    direction: str = "ingress"
    ethertype: str = "IPv4"
    protocol: str = "tcp"
    remote_ip_prefix: str = "0.0.0.0/0"


class NewVm(msgspec.Struct, frozen=True, kw_only=True):
    """What a create call carries. A name has 50 characters at most; labels stand beside it from birth."""

    name: str
    environment_name: str
    flavor_name: str
    image_name: str
    key_name: str
    labels: Sequence[str]
    user_data: str
    security_rules: Sequence[Rule]
    count: int = 1
    assign_floating_ip: bool = True
    # Its ports would be moved to others, which nobody tells.
    enable_port_randomization: bool = False


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """One machine."""

    instance: VmRow


class Credit(msgspec.Struct, frozen=True, kw_only=True):
    """The money left, in dollars."""

    credit: Annotated[float, msgspec.Meta(ge=-1e12, le=1e12)] | None = None


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """The account."""

    data: Credit


class Environments(msgspec.Struct, frozen=True, kw_only=True):
    """A page of environments."""

    environments: list[Environment]


class MadeEnvironment(msgspec.Struct, frozen=True, kw_only=True):
    """The environment that was made."""

    environment: Environment


class KeyPairs(msgspec.Struct, frozen=True, kw_only=True):
    """A page of key pairs."""

    keypairs: list[KeyPair]


class MadeKeyPair(msgspec.Struct, frozen=True, kw_only=True):
    """The key pair that was made."""

    keypair: KeyPair


class Images(msgspec.Struct, frozen=True, kw_only=True):
    """All images."""

    images: list[ImageGroup]
