"""GPU models: canonical names, and the many ways in which clouds, drivers and people write them.

A name is read in three parts: words that only say whose it is, the model, and words that narrow it down (memory, board,
architecture). A word that is none of these makes the name unknown: `Laptop`, `MIG 1g.10gb` or `Max-Q` mean another
thing, and a guess would sell it as the whole one. Where the words and the memory leave several models of a family,
`read_gpu` takes the first in the table, which is the least, and `match_gpus` takes all.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache

from gpu_shopper.domain.errors import UnknownGpu
from gpu_shopper.domain.gpu_models import FAMILIES, LOOSE_NAMES, MODELS, GpuModel

__all__ = [
    "FAMILIES",
    "MODELS",
    "GpuModel",
    "aliases_of",
    "candidates",
    "known_gpus",
    "match_gpus",
    "normalise",
    "of_size",
    "read_gpu",
    "same_gpu",
    "sold_memory_gb",
]

_LONGEST_NAME = 100
_MIB_PER_GB = 1024
# Error correction and the driver keep up to a thirteenth for themselves (an A40 of 48 GB shows 44.99 GiB); some
# clouds divide MiB by 1000, which makes up to a fortieth more of it than was sold.
_LEAST_SHOWN = 0.92
_MOST_SHOWN = 1.03


@dataclass(frozen=True, slots=True, kw_only=True)
class _Facts:
    """What a name says beside the model; empty where it says nothing."""

    vendor: str = ""
    architecture: str = ""
    form: str = ""
    board_memory: str = ""
    memory_gb: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reading:
    """The models that a name may mean, the first one first; `exact` if it names one of them, not their family."""

    models: tuple[GpuModel, ...]
    exact: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Parts:
    """A name cut into the words before the model, the model, and the words after it."""

    before: str
    core: str
    after: tuple[re.Match[str], ...]


def normalise(text: str) -> str:
    """Return `text` without case and separators, which carry no meaning in GPU names."""
    return re.sub(r"[^a-z0-9]", "", text.lower())


def aliases_of(model: GpuModel) -> frozenset[str]:
    """Return every normalised name that means this model and no other."""
    full = normalise(model.name)
    names = {full, *map(normalise, model.aliases)}
    # "4090", "4000 Ada" and "A6000" say enough; "6000", which is in no table, would not.
    short = re.fullmatch(r"[rg]tx(a?\d{4}.*|\d{3,4}.*)", full)
    if short:
        names.add(short[1])
    # "4070S" is how some write "4070 Super".
    names |= {name[: -len("uper")] for name in names if name.endswith("super")}
    return frozenset(names)


def _index() -> dict[str, _Reading]:
    """Return what each normalised name may mean; a model's own name goes before its family's."""
    index = {
        normalise(loose): _Reading(models=tuple(MODELS[name] for name in names), exact=False)
        for loose, names in LOOSE_NAMES.items()
    }
    for family, models in FAMILIES.items():
        reading = _Reading(models=models, exact=False)
        index[normalise(family)] = reading
        short = re.fullmatch(r"[rg]tx(a?\d{4}.*)", normalise(family))
        if short:
            index[short[1]] = reading
    for model in MODELS.values():
        siblings = [other for other in FAMILIES[model.family] if other is not model]
        # Only where model and family share a name can further words lead to a sibling.
        others = siblings if model.name == model.family else []
        for alias in aliases_of(model):
            # A board is read as a word of its own: in "h100sxm580gb" only that tells SXM5 from 580 GB.
            if not (model.form and alias.endswith(model.form)):
                index[alias] = _Reading(models=(model, *others), exact=True)
    return index


_INDEX: Mapping[str, _Reading] = _index()
# The longest first: "CDNA2" is not "CDNA" and a 2 that nobody understands.
_ARCHITECTURES = {
    normalise(name): name
    for name in sorted({model.architecture for model in MODELS.values()}, key=len, reverse=True)
}
_LONGEST_CORE = max(map(len, _INDEX))
_BEFORE = re.compile(
    r"nvidia|amd|intel|google|aws|amazon|corporation|geforce|tesla|quadro|radeon|instinct|cloud|hgx|gpu",
)
# Without separators "SXM4 40GB" and "SXM 40GB" differ only by what follows the first digit.
_AFTER = (
    r"(?P<memory>[1-9]\d{0,2}(?=g(?!pu|ddr|en|ra))|[1-9]\d{1,2}(?=\D|$))(?:gi?b?(?!pu|ddr|en|ra))?"
    # A board with an NVLink bridge is still the board that is named beside it.
    r"|nvlink"
    r"|(?P<form>sxm|hgx|dgxs|mega|oam|pcie|nvl|fhhl)(?:(?<=sxm)[2-6](?=[1-9]\d|\D|$))?"
    r"|(?P<board>hbm[23]?e?|gddr[3-7]?x?)"
    rf"|(?P<architecture>{'|'.join(_ARCHITECTURES)})"
    r"|lovelace|generation|edition|workstation|server|tensorcore|graphics|vws|ac$|gpu"
)
_WORD = re.compile(_AFTER)
_FORMS = {
    "sxm": "sxm",
    "hgx": "sxm",
    "dgxs": "sxm",
    "mega": "sxm",
    "pcie": "pcie",
    "fhhl": "pcie",
    "nvl": "nvl",
}
_VENDOR_WORDS = {
    "nvidia": "nvidia", "geforce": "nvidia", "tesla": "nvidia", "quadro": "nvidia",
    "amd": "amd", "radeon": "amd", "instinct": "amd", "intel": "intel",
    "google": "google", "aws": "aws", "amazon": "aws",
}  # fmt: skip


def read_gpu(text: str, *, memory_gb: float | None = None) -> GpuModel:
    """Return the model that `text` names; `memory_gb` decides between those that a bare name leaves open.

    Without either, the least of the family is taken. Memory that no model of that name has, such as a slice's,
    is not explained away.

    Raises:
        UnknownGpu: no model goes by that name, or none with that memory.
    """
    return _read(text, memory_gb).models[0]


def candidates(text: str) -> tuple[GpuModel, ...]:
    """Return every model that `text` may mean, the one that `read_gpu` takes first.

    Raises:
        UnknownGpu: no model goes by that name.
    """
    return _read(text, None).models


@lru_cache(maxsize=4096)
def match_gpus(text: str) -> frozenset[str]:
    """Return the canonical names that a request for `text` allows: one model, or all of a family.

    Raises:
        UnknownGpu: no model goes by that name.
    """
    reading = _read(text, None)
    chosen = reading.models[:1] if reading.exact else reading.models
    return frozenset(model.name for model in chosen)


def known_gpus(text: str) -> frozenset[str]:
    """Return what `match_gpus` does, and nothing for a name that no model goes by.

    For trying whether words are a name: an unknown one costs no search for those that are near.
    """
    return _known(text) if len(text) <= _LONGEST_NAME else frozenset()


@lru_cache(maxsize=4096)
def _known(text: str) -> frozenset[str]:
    if next(_splits(_plain(text)), None) is None:
        return frozenset()
    try:
        return match_gpus(text)
    except UnknownGpu:
        return frozenset()


def same_gpu(sold: GpuModel, seen_name: str, seen_memory_mib: int) -> bool:
    """Return whether what the driver shows is the GPU that was sold, whatever the spelling.

    The least of a family also stands for what a cloud sells under the family's bare name, so a sibling with the
    same memory (an H100 SXM where an H100 was promised) is as sold; another size or model never is.
    """
    try:
        seen = read_gpu(seen_name, memory_gb=seen_memory_mib / _MIB_PER_GB)
    except UnknownGpu:
        return False
    stands_for_family = FAMILIES[sold.family][0] == sold and sold.family not in MODELS
    sibling = stands_for_family and (seen.family, seen.memory_gb) == (sold.family, sold.memory_gb)
    shown = seen_memory_mib / _MIB_PER_GB / sold.memory_gb
    return (seen == sold or sibling) and _LEAST_SHOWN <= shown <= _MOST_SHOWN


# Of what has a driver that shows its memory in MiB; an accelerator's 95 GB says nothing about a GPU's 96.
_SIZES = sorted(
    {model.memory_gb for model in MODELS.values() if model.vendor in ("nvidia", "amd", "intel")}
)


def sold_memory_gb(mib: int) -> int:
    """Return the size under which a GPU is sold that shows `mib`: 24,564 MiB is a 24 GB one.

    The least known size that holds it, if what is missing can be the driver's share; otherwise whole GB.
    """
    shown = mib / _MIB_PER_GB
    for size in _SIZES:
        # A driver may also round up: 24,576 MiB and a little are still 24 GB.
        if size * 1.005 >= shown >= size * _LEAST_SHOWN:
            return size
    return round(shown)


@lru_cache(maxsize=4096)
def _read(text: str, memory_gb: float | None) -> _Reading:
    plain = _plain(text[: _LONGEST_NAME + 1])
    readings = list(_splits(plain)) if len(text) <= _LONGEST_NAME else []
    if not readings:
        raise UnknownGpu(text[:_LONGEST_NAME], nearest=_nearest(plain))
    # Without separators "Gaudi 32GB" begins like a Gaudi 3 with 2 GB, which no such model has.
    meant, models = next((one for one in readings if one[1]), readings[0])
    fitting = of_size(models, memory_gb)
    if not fitting:
        size = "" if memory_gb is None or not models else f" with {memory_gb:g} GB"
        nearest = tuple(model.name for model in models or meant.models)
        raise UnknownGpu(f"{text}{size}", nearest=nearest)
    return _Reading(models=fitting, exact=meant.exact)


def _plain(text: str) -> str:
    # A fraction of a GB after the point decides nothing; a MIG profile's point does, and stays.
    whole = re.sub(r"(?<=\d)\.\d+(?=\s*gi?b)", "", text.lower())
    return normalise(whole) if "g." not in whole else whole


def _splits(plain: str) -> Iterator[tuple[_Reading, tuple[GpuModel, ...]]]:
    """Yield what the known names in `plain` mean, the longest first, and the models that all around them allows."""
    start = 0
    while True:
        for end in range(min(len(plain), start + _LONGEST_CORE), start, -1):
            words = _words(plain, end) if plain[start:end] in _INDEX else None
            if words is not None:
                parts = _Parts(before=plain[:start], core=plain[start:end], after=words)
                meant, said = _INDEX[parts.core], _facts(parts)
                yield meant, of_size(_narrow(meant.models, said), said.memory_gb)
        word = _BEFORE.match(plain, start)
        if word is None:
            return
        start = word.end()


def _words(plain: str, start: int) -> tuple[re.Match[str], ...] | None:
    words = []
    while start < len(plain):
        word = _WORD.match(plain, start)
        if word is None:
            return None
        words.append(word)
        start = word.end()
    return tuple(words)


def _facts(parts: _Parts) -> _Facts:
    vendors = [vendor for word, vendor in _VENDOR_WORDS.items() if word in parts.before]
    return _Facts(
        vendor=vendors[0] if vendors else "",
        architecture=_ARCHITECTURES.get(_last(parts.after, "architecture"), ""),
        form=_FORMS.get(_last(parts.after, "form") or ("hgx" if "hgx" in parts.before else ""), ""),
        board_memory=_last(parts.after, "board"),
        memory_gb=float(_last(parts.after, "memory") or 0) or None,
    )


def _last(words: Sequence[re.Match[str]], group: str) -> str:
    return next((word[group] for word in reversed(words) if word[group]), "")


def _narrow(models: Sequence[GpuModel], said: _Facts) -> tuple[GpuModel, ...]:
    fitting = [
        model
        for model in models
        if said.vendor in ("", model.vendor)
        and said.architecture in ("", model.architecture)
        # Where the board makes no other model (an A100), its name says nothing.
        and (not model.form or said.form in ("", model.form))
    ]
    # The driver calls an H100 SXM by its memory only: "NVIDIA H100 80GB HBM3".
    if said.board_memory == "hbm3" and not said.form:
        fitting = [model for model in fitting if model.form == "sxm"] or fitting
    return tuple(fitting)


def of_size(models: Sequence[GpuModel], memory_gb: float | None) -> tuple[GpuModel, ...]:
    """Return those of `models` that are sold with so much memory per GPU, the closest first; all of them for None."""
    if memory_gb is None:
        return tuple(models)
    shares = [
        (abs(1 - memory_gb / size), model) for model in models for size in _sizes(model, memory_gb)
    ]
    return tuple(dict.fromkeys(model for _, model in sorted(shares, key=lambda share: share[0])))


def _sizes(model: GpuModel, memory_gb: float) -> list[int]:
    sizes = (model.memory_gb, *model.also_sold_gb)
    return [size for size in sizes if _LEAST_SHOWN <= memory_gb / size <= _MOST_SHOWN]


# Who mistypes a name means one that is rented: an office card of 4 GB is no help, however near its name.
_LEAST_RENTED_GB = 6
_CANONICAL = {
    **{
        alias: model.name
        for model in MODELS.values()
        for alias in aliases_of(model)
        if model.memory_gb >= _LEAST_RENTED_GB
    },
    **{
        normalise(family): family
        for family, members in FAMILIES.items()
        if members[0].memory_gb >= _LEAST_RENTED_GB
    },
}


def _nearest(plain: str) -> tuple[str, ...]:
    bare = _BEFORE.sub("", normalise(plain))
    close = get_close_matches(bare, list(_CANONICAL), n=9, cutoff=0.6)
    return tuple(dict.fromkeys(_CANONICAL[name] for name in close))[:3]
