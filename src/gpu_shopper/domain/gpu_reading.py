"""What a cloud's row says of its GPUs, read once for all clouds: the model, how many, which part of one, memory of each.

Clouds write the memory of one GPU, of the whole box, or of the box divided twice; they sell halves, MIG slices and vGPU
profiles. The rules, in this order:

1. Memory that a model of that name has is the memory of one GPU.
2. Otherwise memory that fits when divided by the count is that of all of them together, and memory that fits when
   multiplied by it has been divided once too often.
3. Of a single GPU, exactly a half, a third … a 32nd of a model's memory is such a part of it.
4. Several cards are whole ones: memory that contradicts the model is the row's mistake. Of a single one nobody can tell
   what is sold: it stays unknown.

Whatever stays open is read as the least, so that nobody is promised more than is delivered. An unknown GPU keeps the
cloud's own name, and its offer is not lost.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from gpu_shopper.domain.errors import UnknownGpu
from gpu_shopper.domain.gpu import MODELS, GpuModel, candidates, of_size, sold_memory_gb

UNNAMED = "unknown GPU"

_LONGEST_NAME = 100
_MOST_GPUS = 4096
_MIB_PER_GB = 1024
_SMALLEST_PART = 32
_CUT_OFF = 1.01
_LARGEST_GB = max(model.memory_gb for model in MODELS.values())
# "2x A100", "gpu_8x_h100", "8 × L40S"; and "H100 x8", "H100 × 8" (but not "PCIe 4.0 x16", which no model's name ends with).
_COUNT_BEFORE = re.compile(r"^(?:gpu[ _-]+)?(\d{1,3})\s?[x×][ _-]*(?=\D)", re.IGNORECASE)
_COUNT_AFTER = re.compile(r"[ _-][x×]\s?(\d{1,3})$", re.IGNORECASE)
_MIG = re.compile(
    r"[ (_-]*\b(?:mig[ _-]*)?(?P<slices>[1-7])g[._-](?P<gb>\d{1,3})gb(?:[+-]me(?:\.all)?)?\b\)?",
    re.IGNORECASE,
)
_VGPU = re.compile(r"-(?P<gb>\d{1,3})[abcq]$", re.IGNORECASE)
# Of a GPU's memory, as MIG cuts it: how many pieces of a profile's usual size make the whole.
_PIECES_OF_SEVEN = {1: 8, 2: 4, 3: 2, 4: 2, 7: 1}
_PIECES_OF_FOUR = {1: 4, 2: 2, 4: 1}
_CUT_IN_FOUR = ("A30", "RTX PRO 5000", "RTX PRO 5000 72GB", "RTX PRO 6000", "RTX PRO 6000 Max-Q")
_VENDORS = {
    "nvidia": "nvidia", "nvidiacorporation": "nvidia", "amd": "amd", "advancedmicrodevices": "amd", "ati": "amd",
    "intel": "intel", "habana": "intel", "habanalabs": "intel", "google": "google", "aws": "aws", "amazon": "aws",
}  # fmt: skip


class NotAnOffer(ValueError):
    """The row sells nothing: no GPU, less than none, or a number of them that is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuRead:
    """What a row sells. `gpu_type` is canonical if `known`, else the cloud's own name, trimmed.

    `vram_gb` is the memory of each GPU as sold, or of the part of one (`gpu_fraction` below 1); 0 if nobody says. `note`
    says in words what the row got wrong or left open; empty if nothing.
    """

    gpu_type: str
    gpu_count: int
    gpu_fraction: float
    vram_gb: int
    known: bool
    note: str = ""


@dataclass(frozen=True, slots=True)
class _Sold:
    """A model and how much of it; `gb` overrides the model's memory."""

    model: GpuModel
    fraction: float = 1.0
    gb: int | None = None
    note: str = ""


@lru_cache(maxsize=16_384)
def read_row(
    name: str,
    count: float | str | None = None,
    memory_gb: float | None = None,
    vendor: str = "",
) -> GpuRead:
    """Return what a row sells that names a GPU, how many, and some memory.

    `count` may be a fraction ("0.125", "1/8") or None, if only the name says it ("8x A100") or nothing does. `memory_gb`
    may be that of one GPU or of all, and None or 0 if the row does not say.

    Raises:
        NotAnOffer: the count is zero, negative or no number. Nothing else is an error.
    """
    plain, named_count = _without_count(_trimmed(name))
    gpus, fraction, note = _amount(count, named_count)
    memory = memory_gb if memory_gb is not None and 0 < memory_gb < math.inf else None
    try:
        maker = _VENDORS.get(_letters(vendor), "")
        sold = _sold(plain, maker, gpus=gpus, fraction=fraction, memory=memory)
    except UnknownGpu as unknown:
        return GpuRead(
            gpu_type=plain or UNNAMED,
            gpu_count=gpus,
            gpu_fraction=fraction,
            vram_gb=_of_unknown(memory, gpus),
            known=False,
            note=_joined(note, unknown.message),
        )
    part = fraction * sold.fraction
    return GpuRead(
        gpu_type=sold.model.name,
        gpu_count=gpus,
        gpu_fraction=part,
        vram_gb=int(sold.model.memory_gb * part + 0.01) if sold.gb is None else sold.gb,
        known=True,
        note=_joined(note, sold.note),
    )


def _of_unknown(memory: float | None, gpus: int) -> int:
    """Return the memory of a GPU that nobody knows; what no single one has is that of all, or nothing to go by."""
    if memory is None:
        return 0
    each = memory if memory <= _LARGEST_GB else memory / gpus
    return sold_memory_gb(round(each * _MIB_PER_GB)) if each <= _LARGEST_GB else 0


def _trimmed(name: str) -> str:
    printable = "".join(letter if letter.isprintable() else " " for letter in name)
    return " ".join(printable.split())[:_LONGEST_NAME].strip()


def _letters(text: str) -> str:
    return re.sub(r"[^a-z]", "", text.lower())


def _joined(*notes: str) -> str:
    return "; ".join(filter(None, notes))


def _without_count(name: str) -> tuple[str, int | None]:
    for pattern in (_COUNT_BEFORE, _COUNT_AFTER):
        match = pattern.search(name)
        rest = pattern.sub("", name).strip()
        if match and rest and int(match[1]):
            return rest, int(match[1])
    return name, None


def _amount(count: float | str | None, named: int | None) -> tuple[int, float, str]:
    """Return how many GPUs, which part of each, and a note if name and count contradict each other."""
    if count is None:
        return named or 1, 1.0, ""
    number = _number(count)
    if not 0 < number <= _MOST_GPUS:
        raise NotAnOffer(f"{count!r} is no number of GPUs")
    gpus = math.ceil(number)
    note = ""
    if named is not None and named != number:
        note = f"the name says {named} GPUs, the row {number:g}"
        gpus, number = min((gpus, number), (named, float(named)))
    return gpus, number / gpus, note


def _number(count: float | str) -> float:
    """Return a count as written: "8", "8x", "0.125", "1/8"; not a number for anything else."""
    if not isinstance(count, str):
        return float(count)
    above, _, below = count.strip().lower().rstrip("x×").partition("/")
    try:
        return float(above) / float(below or 1)
    except (ValueError, ZeroDivisionError):
        return math.nan


def _sold(name: str, vendor: str, *, gpus: int, fraction: float, memory: float | None) -> _Sold:
    mig, vgpu = _MIG.search(name), _VGPU.search(name)
    if mig:
        rest = f"{name[: mig.start()]} {name[mig.end() :]}"
        return _slice(_models(rest, vendor), int(mig["slices"]), int(mig["gb"]))
    if vgpu:
        rest = re.sub(r"^(nvidia[ _-]+)?grid[ _-]+", "", name[: vgpu.start()], flags=re.IGNORECASE)
        return _profile(_models(rest, vendor), int(vgpu["gb"]), name)
    models = _models(name, vendor)
    if memory is None:
        return _Sold(models[0], note=_left_open(models))
    return _by_memory(models, name, gpus=gpus, fraction=fraction, memory=memory)


def _models(name: str, vendor: str) -> Sequence[GpuModel]:
    models = candidates(name)
    if vendor and any(model.vendor != vendor for model in models):
        raise UnknownGpu(f"{name} of {vendor}")
    return models


def _left_open(models: Sequence[GpuModel]) -> str:
    first = models[0]
    named = first.name == first.family
    alike = len({model.memory_gb for model in models}) == 1
    return "" if named or alike else f"the row leaves open which {first.family}"


def _slice(models: Sequence[GpuModel], slices: int, gb: int) -> _Sold:
    """Return a MIG slice: its share of the computing is the fraction, its memory stands in the profile's name.

    Raises:
        UnknownGpu: no such model is cut like that.
    """
    for usual in (True, False):
        for model in models:
            four = model.name in _CUT_IN_FOUR
            pieces = (_PIECES_OF_FOUR if four else _PIECES_OF_SEVEN).get(slices)
            allowed = () if pieces is None else (pieces,) if usual else (8, 4, 2, 1)
            if any(abs(gb - model.memory_gb / cut) <= max(0.08 * gb, 0.6) for cut in allowed):
                return _Sold(model, slices / (4 if four else 7), min(gb, model.memory_gb))
    raise UnknownGpu(f"{models[0].name} MIG {slices}g.{gb}gb")


def _profile(models: Sequence[GpuModel], gb: int, name: str) -> _Sold:
    """Return a vGPU profile, which names its memory: the rest of the GPU is shared in proportion.

    Raises:
        UnknownGpu: no such model has so much memory.
    """
    holding = [model for model in models if 0 < gb <= model.memory_gb]
    if not holding:
        raise UnknownGpu(name)
    model = max(holding, key=lambda model: model.memory_gb)
    return _Sold(model, gb / model.memory_gb, gb)


def _by_memory(
    models: Sequence[GpuModel], name: str, *, gpus: int, fraction: float, memory: float
) -> _Sold:
    """Return the model that the memory decides for, by the rules above.

    Raises:
        UnknownGpu: a single GPU with memory that no such model has.
    """
    readings = [(memory, "")]
    if fraction < 1:
        readings.append((memory / fraction, ""))
    if gpus > 1:
        readings.append((memory / gpus, f"{memory:g} GB is the memory of all {gpus}"))
        readings.append((memory * gpus, f"{memory:g} GB is the memory of one, divided by {gpus}"))
    for gb, note in readings:
        fitting = of_size(models, gb) or _rounded_down(models, gb)
        if fitting:
            return _Sold(fitting[0], note=note)
    if gpus == 1 and fraction == 1:
        return _part(models, memory, name)
    said = f"{memory:g} GB contradicts the {models[0].memory_gb} GB of {models[0].name}"
    return _Sold(models[0], note=said)


def _rounded_down(models: Sequence[GpuModel], gb: float) -> Sequence[GpuModel]:
    """Return what fits whole GB whose fraction was cut off: the 22 GB of an L4 that shows 22.4 GiB."""
    return of_size(models, gb * _CUT_OFF) if gb == int(gb) else ()


def _part(models: Sequence[GpuModel], memory: float, name: str) -> _Sold:
    """Return the smallest part of a model that its memory is exactly, such as an eighth of 80 GB.

    Raises:
        UnknownGpu: it is no such part of any.
    """
    parts = [
        (round(model.memory_gb / memory), model)
        for model in models
        if _divides(model.memory_gb, memory)
    ]
    if not parts:
        raise UnknownGpu(f"{name} with {memory:g} GB")
    share, model = max(parts, key=lambda part: part[0])
    return _Sold(model, 1 / share, int(memory), f"{memory:g} GB is 1/{share} of one")


def _divides(whole: int, part: float) -> bool:
    share = round(whole / part)
    return 2 <= share <= _SMALLEST_PART and abs(whole / part - share) <= 0.01 * share
