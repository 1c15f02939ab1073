"""Every GPU model that the house knows, read from the tables beside this module; `gpu.py` reads names by it.

A table is facts only. A section names vendor, architecture and CUDA compute capability (`-`: none). A line is

    canonical name | GB per GPU as sold, kind of memory | GB/s | 16-bit TFLOPS | FP8 TFLOPS | link | year | source | options

with `-` for a figure that its maker does not give or that nobody has checked; of FP8 also for what has none. The source is
a key of `gpu_sources`. Options are `family:` what people call it together with its siblings (default: its own name);
`form:` the board (sxm, pcie, nvl) where that makes another model of it; `also:` other sizes under which the same GPU is
sold, because a cloud counts the whole card, or before what the GPU keeps for itself; `aka:` further names, beside those
that follow from the canonical one. Within a family the least capable model stands first: a name that leaves the choice
open is read as that one, so that nobody is promised more than is delivered. For the same reason the figures of a model
that is made as several boards (an A100 80GB for SXM and PCIe) are the least board's.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from gpu_shopper.domain.gpu_table_geforce import NVIDIA_CONSUMER
from gpu_shopper.domain.gpu_table_nvidia import NVIDIA_DATA_CENTRE
from gpu_shopper.domain.gpu_table_others import OTHERS
from gpu_shopper.domain.gpu_table_rtx_pro import NVIDIA_WORKSTATION

_NOT_KNOWN = "-"


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuModel:
    """One model of GPU. `memory_gb` is per GPU and as sold; `family` is what it shares with its siblings.

    Throughput is dense and in TFLOPS (`tflops` with 16-bit inputs, the better of FP16 and BF16), bandwidth in GB/s; None
    where the maker does not say. `source` is a key of `gpu_sources.SOURCES`.
    """

    name: str
    vendor: str
    architecture: str
    memory_gb: int
    compute_capability: str | None
    launch_year: int
    family: str
    form: str = ""
    also_sold_gb: tuple[int, ...] = ()
    aliases: tuple[str, ...] = ()
    memory_type: str = ""
    bandwidth_gbs: float | None = None
    tflops: float | None = None
    fp8_tflops: float | None = None
    interconnect: str = ""
    source: str = ""


def _parse_table(table: str) -> Iterator[GpuModel]:
    vendor = architecture = capability = ""
    for line in filter(None, map(str.strip, table.splitlines())):
        if line.startswith("["):
            vendor, architecture, capability = line.strip("[]").split()
            continue
        name, memory, bandwidth, tflops, fp8, link, year, source, options = (
            cell.strip() for cell in line.split("|")
        )
        size, kind = memory.split()
        option = _parse_options(options)
        yield GpuModel(
            name=name,
            vendor=vendor,
            architecture=architecture,
            memory_gb=int(size),
            compute_capability=None if capability == _NOT_KNOWN else capability,
            launch_year=int(year),
            family=option.get("family", name),
            form=option.get("form", ""),
            also_sold_gb=tuple(int(size) for size in _listed(option.get("also", ""))),
            aliases=tuple(_listed(option.get("aka", ""))),
            memory_type=kind,
            bandwidth_gbs=_figure(bandwidth),
            tflops=_figure(tflops),
            fp8_tflops=_figure(fp8),
            interconnect="" if link == _NOT_KNOWN else link,
            source=source,
        )


def _figure(text: str) -> float | None:
    return None if text == _NOT_KNOWN else float(text)


def _parse_options(text: str) -> dict[str, str]:
    pairs = (part.split(":", 1) for part in text.split(";") if part.strip())
    return {key.strip(): value.strip() for key, value in pairs}


def _listed(text: str) -> list[str]:
    return [item.strip() for item in text.split(",") if item.strip()]


MODELS: Mapping[str, GpuModel] = {
    model.name: model
    for table in (NVIDIA_DATA_CENTRE, NVIDIA_WORKSTATION, NVIDIA_CONSUMER, OTHERS)
    for model in _parse_table(table)
}


def _families() -> dict[str, tuple[GpuModel, ...]]:
    members: dict[str, tuple[GpuModel, ...]] = {}
    for model in MODELS.values():
        members[model.family] = (*members.get(model.family, ()), model)
    return members


FAMILIES: Mapping[str, tuple[GpuModel, ...]] = _families()

# What people say when they leave the architecture out: the models that may be meant, the least of them first.
LOOSE_NAMES = {
    "RTX 4000": ("Quadro RTX 4000", "RTX 4000 Ada"),
    "RTX 5000": ("Quadro RTX 5000", "RTX 5000 Ada"),
    "RTX 6000": ("Quadro RTX 6000", "RTX 6000 Ada"),
}
