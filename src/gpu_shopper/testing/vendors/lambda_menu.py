"""The price list of the simulated Lambda Cloud: kinds of machines, regions, and which region has one of which kind left."""

import random
from dataclasses import dataclass

from gpu_shopper.sandbox.catalogue import Goods, Offer
from gpu_shopper.sandbox.gpu_models import GPU_MODELS, GpuModel
from gpu_shopper.sandbox.messages import Row

REGIONS = {
    "us-east-1": "Virginia, USA",
    "us-east-2": "Washington DC, USA",
    "us-east-3": "Washington DC, USA",
    "us-midwest-1": "Illinois, USA",
    "us-midwest-2": "Illinois, USA",
    "us-south-1": "Texas, USA",
    "us-south-2": "North Texas, USA",
    "us-south-3": "Central Texas, USA",
    "us-west-1": "California, USA",
    "us-west-2": "Arizona, USA",
    "us-west-3": "Utah, USA",
    "asia-northeast-1": "Osaka, Japan",
    "asia-northeast-2": "Tokyo, Japan",
    "asia-south-1": "Bengaluru, India",
    "australia-east-1": "Sydney, Australia",
    "europe-central-1": "Frankfurt, Germany",
    "me-west-1": "Tel Aviv, Israel",
}


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of machine: the driver's name of its GPU, and the list's own words and figures."""

    name: str
    gpu: str
    driver_name: str
    count: int
    vcpus: int
    memory_gib: int
    storage_gib: int
    cents: int

    def row(self) -> Row:
        """Return it as the API writes it."""
        return {
            "name": self.name,
            "description": f"{self.count}x {self.gpu}" if self.count else "4x CPU General (16 GiB)",
            "gpu_description": self.gpu,
            "price_cents_per_hour": self.cents,
            "specs": {
                "vcpus": self.vcpus,
                "memory_gib": self.memory_gib,
                "storage_gib": self.storage_gib,
                "gpus": self.count,
            },
        }


_A100, _A100_80, _H100 = "NVIDIA A100-PCIE-40GB", "NVIDIA A100-SXM4-80GB", "NVIDIA H100 80GB HBM3"
KINDS = (
    Kind("gpu_1x_a10", "A10 (24 GB PCIe)", "NVIDIA A10", 1, 30, 200, 1400, 75),
    Kind("gpu_1x_a6000", "A6000 (48 GB)", "NVIDIA RTX A6000", 1, 14, 100, 512, 80),
    Kind("gpu_2x_a6000", "A6000 (48 GB)", "NVIDIA RTX A6000", 2, 28, 200, 1024, 160),
    Kind("gpu_4x_a6000", "A6000 (48 GB)", "NVIDIA RTX A6000", 4, 56, 400, 1024, 320),
    Kind("gpu_1x_a100", "A100 (40 GB PCIe)", _A100, 1, 30, 200, 512, 129),
    Kind("gpu_2x_a100", "A100 (40 GB PCIe)", _A100, 2, 60, 400, 1024, 258),
    Kind("gpu_4x_a100", "A100 (40 GB PCIe)", _A100, 4, 120, 800, 1024, 516),
    Kind("gpu_8x_a100_80gb_sxm4", "A100 (80 GB SXM4)", _A100_80, 8, 240, 1800, 20480, 1432),
    Kind("gpu_1x_h100_pcie", "H100 (80 GB PCIe)", "NVIDIA H100 PCIe", 1, 26, 225, 1024, 249),
    Kind("gpu_1x_h100_sxm5", "H100 (80 GB SXM5)", _H100, 1, 26, 225, 2816, 329),
    Kind("gpu_2x_h100_sxm5", "H100 (80 GB SXM5)", _H100, 2, 52, 450, 5632, 638),
    Kind("gpu_4x_h100_sxm5", "H100 (80 GB SXM5)", _H100, 4, 104, 900, 11264, 1236),
    Kind("gpu_8x_h100_sxm5", "H100 (80 GB SXM5)", _H100, 8, 208, 1800, 22528, 2392),
    Kind("gpu_1x_gh200", "GH200 (96 GB)", "NVIDIA GH200 480GB", 1, 64, 432, 4096, 149),
    Kind("gpu_8x_v100", "Tesla V100 (16 GB)", "Tesla V100-SXM2-16GB", 8, 88, 448, 5939, 440),
    Kind("gpu_8x_b200_sxm6", "B200 (180 GB SXM6)", "NVIDIA B200", 8, 208, 2900, 22528, 3992),
)
# It sells machines without a GPU in the same list, and always has some.
NO_GPU = Kind("cpu_4x_general", "N/A", "", 0, 4, 16, 512, 12)
KIND_OF = {kind.name: kind for kind in KINDS}
_MODELS = {model.driver_name: model for model in GPU_MODELS}


def offer_id_of(kind: str, region: str) -> str:
    """Return the model's name for a kind of machine in a region."""
    return f"{kind}.{region}"


def parts_of(offer_id: str) -> tuple[str, str]:
    """Return kind and region of what the model calls an offer."""
    kind, _, region = offer_id.rpartition(".")
    return kind, region


def goods(*, seed: int, size: int) -> list[Goods]:
    """Return what has capacity at all: some of the kinds in some of the regions, and never more than there are."""
    every = [(kind, region) for kind in KINDS for region in REGIONS]
    chance = random.Random(f"lambda:{seed}")
    drawn = set(chance.sample(range(len(every)), min(size, len(every))))
    return [
        Goods(offer=_offer(kind, region), model=_model(kind), price_micros=kind.cents * 10_000)
        for number, (kind, region) in enumerate(every)
        if number in drawn
    ]


def _model(kind: Kind) -> GpuModel:
    return _MODELS[kind.driver_name]


def _offer(kind: Kind, region: str) -> Offer:
    name = offer_id_of(kind.name, region)
    return Offer(
        id=name,
        host_id="lambda",
        machine_id=name,
        region=region,
        city=REGIONS[region],
        country="",
        gpu_name=kind.gpu,
        gpu_count=kind.count,
        gpu_memory_mib=_model(kind).memory_mib,
        vcpus=kind.vcpus,
        ram_gb=kind.memory_gib,
        disk_gb=kind.storage_gib,
        inet_down_mbps=10_000,
        inet_up_mbps=10_000,
        reliability=1.0,
        cuda_max="12.8",
        driver="570.172.08",
        interruptible=False,
        max_hours=0,
        storage_price_per_gb_month=0.0,
        traffic_price_per_gb=0.0,
    )
