"""In how many bits weights and the key-value cache are kept: the real ones, with scales and zero points.

Bits of 4-bit formats follow from their block sizes; those of llama.cpp's mixes are the whole-file figures that its
quantisation page prints for Llama 3.1 8B.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum

from gpu_shopper.domain.errors import Invalid

PLAIN_BITS = 16


class Scope(StrEnum):
    """What a quantisation packs; all else stays in 16 bits."""

    ALL = "all weights"
    LINEARS = "all weights but the embeddings"
    EXPERTS = "the experts' weights"


@dataclass(frozen=True, slots=True, kw_only=True)
class Quant:
    """A way to keep weights. `bits` a packed weight, scales included; `gguf` is llama.cpp's kind of file."""

    name: str
    bits: float
    scope: Scope
    means: str
    gguf: bool = False

    def scope_in(self, *, mixed: bool) -> Scope:
        """Return what it packs in a model: a mixture of experts, or one that has none to pack."""
        return Scope.LINEARS if self.scope is Scope.EXPERTS and not mixed else self.scope


def _linears(name: str, bits: float, means: str) -> Quant:
    return Quant(name=name, bits=bits, scope=Scope.LINEARS, means=means)


def _gguf(name: str, bits: float) -> Quant:
    return Quant(name=name, bits=bits, scope=Scope.ALL, means="llama.cpp's mix", gguf=True)


QUANTS: Mapping[str, Quant] = {
    quant.name: quant
    for quant in (
        Quant(name="bf16", bits=PLAIN_BITS, scope=Scope.ALL, means="as trained"),
        Quant(name="fp16", bits=PLAIN_BITS, scope=Scope.ALL, means="as trained"),
        _linears("fp8", 8 + 32 / 128**2, "32-bit scale for each block of 128 × 128"),
        _linears("int8", 8, "scales for each row, too few to count"),
        _linears("awq", 4 + (16 + 4) / 128, "16-bit scale and 4-bit zero point for each 128"),
        _linears("gptq", 4 + (16 + 4) / 128, "16-bit scale and 4-bit zero point for each 128"),
        _linears("nf4", 4 + 32 / 64, "32-bit scale for each 64, no double quantisation"),
        Quant(
            name="mxfp4",
            bits=4 + 8 / 32,
            scope=Scope.EXPERTS,
            means="8-bit scale for each 32",
        ),
        _linears("nvfp4", 4 + 8 / 16, "8-bit scale for each 16"),
        _gguf("q8_0", 8.5008),
        _gguf("q6_k", 6.5633),
        _gguf("q5_k_m", 5.7036),
        _gguf("q5_k_s", 5.5704),
        _gguf("q4_k_m", 4.8944),
        _gguf("q4_k_s", 4.6672),
        _gguf("iq4_xs", 4.4597),
        _gguf("q3_k_l", 4.2979),
        _gguf("q3_k_m", 3.9960),
        _gguf("q3_k_s", 3.6429),
        _gguf("q2_k", 3.1593),
    )
}
# Bits of one number in the cache; llama.cpp's formats carry a 16-bit scale for each 32.
KV_BITS: Mapping[str, float] = {
    "fp16": PLAIN_BITS,
    "fp8": 8,
    "q8_0": 8 + 16 / 32,
    "q4_0": 4 + 16 / 32,
}
_OTHER_NAMES = {"f16": "fp16", "float16": "fp16", "bfloat16": "bf16", "int4": "gptq"}


def read_quant(text: str) -> Quant:
    """Return the quantisation of that name.

    Raises:
        Invalid: none is called so.
    """
    name = text.lower().replace("-", "_")
    quant = QUANTS.get(_OTHER_NAMES.get(name, name))
    if quant is None:
        raise Invalid(f"unknown quantisation {text!r}", path="quant", hint=_known(name, QUANTS))
    return quant


def kv_bits(text: str) -> float:
    """Return the bits of one number in a cache that is kept so.

    Raises:
        Invalid: none is called so.
    """
    name = text.lower()
    found = KV_BITS.get({"f16": "fp16", "bf16": "fp16"}.get(name, name))
    if found is None:
        message = f"unknown quantisation of the cache {text!r}"
        raise Invalid(message, path="kv_quant", hint=_known(name, KV_BITS))
    return found


def _known(name: str, table: Mapping[str, object]) -> str:
    near = get_close_matches(name, table, n=1)
    start = f"did you mean {near[0]}? " if near else ""
    return f"{start}known are {', '.join(table)}"
