"""Well-known open models by name: the many ways in which people and hubs write them, and the shape that they mean.

A publisher before the slash carries no meaning, nor do case, separators and words about tuning (`Instruct`, `chat`,
`it`). A word that names a quantisation (`AWQ`, `q4_K_M`) says how the weights are kept. All else must be known: a
model that nobody has heard of is refused, never guessed from its size.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from gpu_shopper.domain.errors import UnknownModel
from gpu_shopper.domain.known_model_table import TABLE
from gpu_shopper.domain.model_shape import (
    Attention,
    Experts,
    FullAttention,
    Latent,
    LinearHybrid,
    ModelShape,
    SlidingWindow,
)
from gpu_shopper.domain.quantisation import QUANTS

_BILLION = 10**9
_LONGEST_NAME = 128
_TUNING = frozenset({"instruct", "chat", "it", "hf", "base", "pt", "text", "gguf", "latest"})
_QUANT_WORDS: Mapping[str, str] = {
    **{name.replace("_", ""): name for name in QUANTS},
    "f16": "fp16", "int4": "gptq", "bnb4bit": "nf4",
}  # fmt: skip
_EXPERTS = re.compile(r"(\d+)x(\d+) top (\d+) in (\d+)(?: shared (\d+))?")
_PAIR = re.compile(r"(\d+) full (\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedModel:
    """What a name says: the model, and the quantisation if the name has a word for it."""

    shape: ModelShape
    quant: str | None


def _parse_table(table: str) -> Iterator[ModelShape]:
    source = ""
    for line in filter(None, map(str.strip, table.splitlines())):
        if line.startswith("["):
            source = line.strip("[]")
            continue
        yield _parse_line([cell.strip() for cell in line.split("|")], source)


def _parse_line(cells: list[str], source: str) -> ModelShape:
    name, params, layers, hidden, heads, feed_forward, vocab, context, *options = cells
    option = _parse_options("".join(options))
    query, key_value, size = map(int, heads.split("/"))
    active = option.get("active")
    return ModelShape(
        name=name,
        params=_billions(params),
        active_params=None if active is None else _billions(active),
        layers=int(layers),
        hidden=int(hidden),
        heads=query,
        kv_heads=key_value,
        head_dim=size,
        feed_forward=int(feed_forward),
        vocab=int(vocab),
        max_context=int(context),
        attention=_attention(option),
        experts=_experts(option.get("moe")),
        tied="tied" in option,
        beside=_billions(option.get("beside", "0")),
        native=option.get("native", "bf16"),
        source=source,
        aliases=tuple(filter(None, map(str.strip, option.get("aka", "").split(",")))),
    )


def _parse_options(text: str) -> dict[str, str]:
    pairs = (part.partition(":") for part in text.split(";") if part.strip())
    return {name.strip(): value.strip() for name, _, value in pairs}


def _billions(text: str) -> int:
    return round(float(text) * _BILLION)


def _attention(option: Mapping[str, str]) -> Attention:
    if "window" in option:
        window, full = _pair(option["window"])
        return SlidingWindow(window=window, full_layers=full)
    if "linear" in option:
        state, full = _pair(option["linear"])
        return LinearHybrid(full_layers=full, state=state)
    if "latent" in option:
        return Latent(width=int(option["latent"]))
    return FullAttention()


def _pair(text: str) -> tuple[int, int]:
    found = _PAIR.fullmatch(text)
    assert found is not None, text
    return int(found[1]), int(found[2])


def _experts(text: str | None) -> Experts | None:
    if text is None:
        return None
    found = _EXPERTS.fullmatch(text)
    assert found is not None, text
    count, width, per_token, layers, shared = (int(part or 0) for part in found.groups())
    return Experts(
        count=count, feed_forward=width, per_token=per_token, layers=layers, shared=shared
    )


KNOWN_MODELS: Mapping[str, ModelShape] = {shape.name: shape for shape in _parse_table(TABLE)}


def read_model(text: str) -> NamedModel:
    """Return the model that `text` names.

    Raises:
        UnknownModel: no known model goes by that name.
    """
    words = _words(text[:_LONGEST_NAME])
    quant, said = None, ""
    while words and "".join(words) not in _INDEX:
        # "q4_K_M" stands at the end and in three words.
        taken = next((n for n in (3, 2, 1) if "".join(words[-n:]) in _QUANT_WORDS), 0)
        if not taken:
            break
        word = "".join(words[-taken:])
        # "AWQ-INT4" says how first; of "GPTQ-Int8" only the second word tells the bits.
        quant = _QUANT_WORDS[word] if quant is None or said == "int4" else quant
        said = word
        words = words[:-taken]
    shape = _INDEX.get("".join(words))
    if shape is None or len(text) > _LONGEST_NAME:
        near = get_close_matches("".join(words), _INDEX, n=6, cutoff=0.6)
        nearest = tuple(dict.fromkeys(_INDEX[name].name for name in near))[:3]
        raise UnknownModel(text[:_LONGEST_NAME], nearest=nearest)
    return NamedModel(shape=shape, quant=quant)


def _words(text: str) -> list[str]:
    name = text.lower().rpartition("/")[2].removeprefix("meta-").replace("+", "plus")
    words = (word.replace(".", "") for word in re.split(r"[^a-z0-9.]+", name))
    return [word for word in words if word and word not in _TUNING]


def _index() -> dict[str, ModelShape]:
    index: dict[str, ModelShape] = {}
    for shape in KNOWN_MODELS.values():
        for name in (shape.name, *shape.aliases):
            key = "".join(_words(name))
            assert key not in index, name
            index[key] = shape
    return index


_INDEX: Mapping[str, ModelShape] = _index()
