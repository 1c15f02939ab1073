"""Between an offer and its row of JSON, both ways and exact.

A row is encoded once, when its cloud is heard, and then only copied. Most of a row is alike in many: the GPU, the place
and the terms are pieces of their own, kept once each; the head, which is the row's own, comes before them. What changes
without a word from the cloud (when it was fetched, how likely it is still to be had) is in none of them; it is put in
when a page is made.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any, Final

from msgspec import Struct, json

from gpu_shopper.domain.ids import OfferId, ProviderName
from gpu_shopper.domain.money import MICROS, rate
from gpu_shopper.domain.offer import Offer
from gpu_shopper.domain.offer_prices import per_gpu, per_tflops, per_vram
from gpu_shopper.domain.true_price import Costing
from gpu_shopper.wire.offers import EffectivePrice, OfferBody, OfferFacts

# Never written to once it is in use.
Block = bytes | bytearray

_facts = json.Decoder(OfferFacts)
_bodies = json.Decoder(OfferBody)
_encoder = json.Encoder()


class Head(Struct, frozen=True, gc=False):
    """What a row has for itself. A price that is not known is None or NaN: both are written as null."""

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


class GpuPiece(Struct, frozen=True, gc=False):
    """What is sold."""

    gpu_type: str
    gpu_count: int
    gpu_fraction: float
    vram_gb: int


class PlacePiece(Struct, frozen=True, gc=False):
    """Where it stands."""

    location: str
    city: str
    country: str
    region: str


class TermsPiece(Struct, frozen=True, gc=False):
    """What comes with it."""

    available: bool
    max_duration_hours: int
    cuda_version: str
    interruptible: bool
    vcpus: int
    ram_gb: int
    disk_gb: int
    storage_price_per_gb_month: float
    traffic_price_per_gb: float


class _Id(Struct):
    id: str


PIECES: Final[tuple[type[Struct], ...]] = (GpuPiece, PlacePiece, TermsPiece)
# What each kind of piece is made of, of an offer.
READERS: Final[tuple[Callable[[Offer], tuple[Any, ...]], ...]] = tuple(
    attrgetter(*kind.__struct_fields__) for kind in PIECES
)

_terms = json.Decoder(TermsPiece)
_ID_AT: Final = len(b'{"id":"')
_facts_id = json.Decoder(_Id)


def row_of(offer: Offer) -> bytes:
    """Return the offer as an open JSON object: whoever uses it adds what changes, and the last brace."""
    head = Head(
        id=offer.id,
        provider=offer.provider,
        provider_id=offer.provider_id,
        machine_id=offer.machine_id,
        price_per_hour=offer.price.micros / MICROS,
        price_per_gpu_hour=round(per_gpu(offer)) / MICROS,
        price_per_tflops_hour=_rounded(per_tflops(offer)),
        price_per_gb_vram_hour=_rounded(per_vram(offer)),
        reliability=offer.reliability,
        inet_down_mbps=offer.inet_down_mbps,
        inet_up_mbps=offer.inet_up_mbps,
    )
    pieces = (piece_of(kind, read(offer)) for kind, read in zip(PIECES, READERS, strict=True))
    return b"".join((_encoder.encode(head)[:-1], *pieces))


def piece_of(kind: type[Struct], values: Sequence[Any]) -> bytes:
    """Return a piece as the inside of a JSON object, with a comma before it."""
    return b"," + _encoder.encode(kind(*values))[1:-1]


def lines_of(parts: Sequence[Struct]) -> bytes:
    """Return heads, or pieces, as closed JSON objects, each with a line's end behind it."""
    return _encoder.encode_lines(parts)


def line_of(piece: bytes) -> bytes:
    """Return a piece as a line, without its end."""
    return b"{" + piece[1:] + b"}"


def piece_in(line: bytes) -> bytes:
    """Return the piece that was written as a line, which is here without its end."""
    return b"," + line[1:-1]


def terms_in(lines: Sequence[bytes]) -> list[TermsPiece]:
    """Return the terms that were written as these lines."""
    return _terms.decode_lines(b"\n".join(lines))


def body_of(offer: Offer) -> OfferBody:
    """Shape one offer, as it was when it was fetched."""
    end = ending(
        marks=offer.marks,
        confidence=offer.availability_confidence,
        fetched_at=_encoder.encode(offer.fetched_at),
    )
    return _bodies.decode(row_of(offer) + end)


def body_for(costing: Costing, offer: Offer) -> bytes:
    """Shape one offer as JSON, with what it costs for a need, as a page of the menu says it."""
    opened = _encoder.encode(body_of(offer))[:-1]
    price = costing.price(offer)
    if price is None:
        return opened + NOT_SERVED
    parts = (price.use, price.unused, price.disk, price.traffic, price.exchange, price.rounding)
    return opened + costed_ending(
        price.per_hour.micros,
        [*(part.micros for part in parts), price.total.micros, price.per_gpu_hour.micros],
    )


def costed_ending(per_hour: int, parts: Sequence[int]) -> bytes:
    """Return what closes a row that says what it costs for a need: the `parts` of EffectivePrice, in micro-dollars."""
    shown = EffectivePrice(*(part / MICROS for part in parts))
    return b',"effective_price_per_hour":%s,"effective_price":%s}' % (
        _encoder.encode(per_hour / MICROS),
        _encoder.encode(shown),
    )


# What closes the row of an offer that cannot be had for so long, or with so much disk.
NOT_SERVED: Final = b',"effective_price_per_hour":null,"effective_price":null}'


def offer_of(
    row: bytes, *, marks: tuple[str, ...], confidence: float, fetched_at: datetime
) -> Offer:
    """Return the offer that was encoded as `row`."""
    facts = _facts.decode(row + b"}")
    return Offer(
        id=OfferId(facts.id),
        provider=ProviderName(facts.provider),
        provider_id=facts.provider_id,
        machine_id=facts.machine_id,
        gpu_type=facts.gpu_type,
        gpu_count=facts.gpu_count,
        gpu_fraction=facts.gpu_fraction,
        vram_gb=facts.vram_gb,
        price=rate(facts.price_per_hour),
        location=facts.location,
        city=facts.city,
        country=facts.country,
        region=facts.region,
        reliability=facts.reliability,
        available=facts.available,
        max_duration_hours=facts.max_duration_hours,
        cuda_version=facts.cuda_version,
        interruptible=facts.interruptible,
        vcpus=facts.vcpus,
        ram_gb=facts.ram_gb,
        disk_gb=facts.disk_gb,
        inet_down_mbps=facts.inet_down_mbps,
        inet_up_mbps=facts.inet_up_mbps,
        storage_price_per_gb_month=facts.storage_price_per_gb_month,
        traffic_price_per_gb=facts.traffic_price_per_gb,
        marks=marks,
        availability_confidence=confidence,
        fetched_at=fetched_at,
    )


def id_in(heads: Block, begin: int) -> str:
    """Return the id of the head that begins there; a line's end closes each."""
    first = begin + _ID_AT
    written = heads[first : heads.index(b'"', first)]
    if b"\\" not in written:
        return written.decode()
    # It is seldom one that JSON has to write in another way.
    return _facts_id.decode(heads[begin : heads.index(b"\n", begin)]).id


def ids_in(heads: Block, begins: Sequence[int]) -> list[str]:
    """Return the ids of heads that stand one behind another; the last of `begins` is where the last head ends."""
    first = begins[0]
    lines = heads[first : begins[-1]]
    if b"\\" in lines or not lines.isascii():
        return [id_in(heads, begin) for begin in begins[:-1]]
    # Mostly a letter is a byte, and nothing is written in another way: then it is enough to cut them out.
    text, shift = lines.decode("ascii"), _ID_AT - first
    return [text[begin + shift : text.index('"', begin + shift)] for begin in begins[:-1]]


def ending(*, marks: tuple[str, ...], confidence: float, fetched_at: bytes) -> bytes:
    """Return what closes a row; `fetched_at` is a time as JSON."""
    return b',"marks":%s,"availability_confidence":%s,"fetched_at":%s}' % (
        _encoder.encode(marks),
        _encoder.encode(confidence),
        fetched_at,
    )


def _rounded(micros: float | None) -> float | None:
    return None if micros is None else round(micros) / MICROS
