"""What a field can be compared with: amounts with their units, versions, texts and GPUs."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from math import log10

from gpu_shopper.domain.countries import country_of
from gpu_shopper.domain.errors import UnknownGpu
from gpu_shopper.domain.gpu import MODELS, known_gpus, match_gpus
from gpu_shopper.domain.offer_fields import FIELDS, Direction, Field, Kind, version_number
from gpu_shopper.domain.query_errors import Fault, did_you_mean, nearest, shown
from gpu_shopper.domain.query_tokens import is_value, unquoted

SHARE = "0 to 1"
# Longer ones are slips; and a number stays finite.
_LONGEST_NUMBER = 20
# Leading digits are all that a number has to have: what follows them is taken for its unit.
_AMOUNT = re.compile(r"(\$|usd)?([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(.*)", re.DOTALL)
_VERSION = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3}){0,2}")
_MONEY = {"usd": 1.0, "$": 1.0, "dollar": 1.0, "dollars": 1.0}
_SIZES = {
    "gb": 1.0,
    "g": 1.0,
    "gib": 1.0,
    "tb": 1e3,
    "t": 1e3,
    "tib": 1e3,
    "mb": 1e-3,
    "mib": 1 / 1024,
}
# Which words may follow a number, by the unit that the table of fields gives, and how much of it they are. A GiB of
# memory is what is sold as a GB, and what drivers report are MiB.
UNITS: Mapping[str, Mapping[str, float]] = {
    "USD/h": {
        **_MONEY,
        **{f"{money}/{hour}": 1.0 for money in ("usd", "$") for hour in ("h", "hr", "hour")},
        **{f"/{hour}": 1.0 for hour in ("h", "hr", "hour")},
        "cents": 1e-2,
    },
    "USD/GB/month": {**_MONEY, "usd/gb/month": 1.0, "$/gb/month": 1.0, "cents": 1e-2},
    "USD": {**_MONEY, "cents": 1e-2},
    "USD/GB": {**_MONEY, "usd/gb": 1.0, "$/gb": 1.0, "/gb": 1.0, "cents": 1e-2},
    "GB": _SIZES,
    "GB/s": {"gb/s": 1.0, "gbs": 1.0, "tb/s": 1e3, "tbs": 1e3},
    "Mbps": {"mbps": 1.0, "mbit": 1.0, "mbit/s": 1.0, "gbps": 1e3, "gbit": 1e3, "gbit/s": 1e3},
    "TFLOPS": {"tflops": 1.0, "tflop": 1.0, "pflops": 1e3, "pflop": 1e3},
    "h": {
        **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), 1.0),
        **dict.fromkeys(("d", "day", "days"), 24.0),
        **dict.fromkeys(("w", "week", "weeks"), 168.0),
    },
    SHARE: {"%": 1e-2},
}
_LOOK_ALIKES = str.maketrans("OoIl", "0011")
ALL_UNITS = frozenset(word for units in UNITS.values() for word in units)
EVERY_NAME = "write one such as H100 or RTX 4090, the page of GPU models has every name"
_MOST_TOKENS_SHOWN = 8
_LONGEST_SHOWN = 20
_IN_LISTS = frozenset({"(", "[", "{", ","})
OTHER_MONEY = frozenset({"€", "eur", "euro", "euros", "£", "gbp", "¥", "chf"})
_SAMPLES = {
    "year": "2022", "capability": "8.9", "cuda": "12.4", "fraction": "0.5", "disk": "500", "ram": "64",
    "total_vram": "320", "price_per_tflops": "0.005", "price_per_vram": "0.05",
}  # fmt: skip
_SAMPLE_OF_UNIT = {
    "USD/h": "3", "USD/GB/month": "0.1", "USD/GB": "0.02", "USD": "5", "GB": "80", "GB/s": "2000",
    "Mbps": "500", "TFLOPS": "300", "h": "24", SHARE: "0.98",
}  # fmt: skip
_SAMPLE_TEXTS = {
    "country": "DE", "vendor": "nvidia", "architecture": "hopper", "gpu": "H100",
    "memory_type": "hbm3", "interconnect": "nvlink", "city": "Paris", "location": "Paris",
    "provider": "NAME",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Unit:
    """A number is read with `exponent` behind its digits, so that no digit is lost, and then taken so many times."""

    exponent: str
    times: float


def _unit(scale: float) -> _Unit:
    exponent = round(log10(scale))
    decimal = scale == float(f"1e{exponent}")
    return _Unit(f"e{exponent}", 1) if decimal else _Unit("e0", scale)


def _units_of(field: Field) -> dict[str, _Unit]:
    words = {"": 1.0, field.unit.lower(): 1.0, **UNITS.get(field.unit, {})}
    return {word: _unit(field.scale * share) for word, share in words.items() if word != SHARE}


_UNITS: Mapping[str, Mapping[str, _Unit]] = {
    field.name: _units_of(field) for field in FIELDS.values() if field.kind is Kind.NUMBER
}


def sample(field: Field) -> str:
    """Return a comparison with this field as somebody might write it."""
    match field.kind:
        case Kind.FLAG:
            return field.name
        case Kind.TEXT | Kind.GPU:
            sign = "~" if field.name in ("location", "interconnect") else "="
            return f"{field.name}{sign}{_SAMPLE_TEXTS.get(field.name, 'eu-west')}"
        case _:
            sign = "<" if field.first is Direction.LOWEST else ">="
            return f"{field.name}{sign}{sample_number(field)}"


def sample_number(field: Field) -> str:
    """Return a number that such a field might be compared with."""
    return _SAMPLES.get(field.name) or _SAMPLE_OF_UNIT.get(field.unit, "8")


def sample_list(field: Field) -> str:
    """Return a choice of several values as somebody might write it."""
    values = {Kind.GPU: "H100, H200", Kind.TEXT: "A, B", Kind.VERSION: "12.4, 12.8"}
    if field.name == "country":
        return "country in (DE, FR)"
    numbers = "0.98, 1" if field.unit == SHARE else "1, 2"
    return f"{field.name} in ({values.get(field.kind, numbers)})"


def list_of(field: Field, tokens: Sequence[str], at: int) -> str:
    """Return the list that is meant by the values that stand from token `at` on, in whatever brackets or none."""
    names: list[str] = []
    after_comma = True
    for token in tokens[at : at + _MOST_TOKENS_SHOWN]:
        if is_value(token) and len(token) <= _LONGEST_SHOWN:
            word = unquoted(token)
            names = [*names, word] if after_comma else [*names[:-1], f"{names[-1]} {word}"]
        elif token not in _IN_LISTS:
            break
        after_comma = token in _IN_LISTS
    return f"{field.name} in ({', '.join(names)})" if len(names) > 1 else sample_list(field)


def is_unit(field: Field, word: str) -> bool:
    """Return whether a number of this field may be followed by that word, in small letters."""
    return field.kind is Kind.NUMBER and word in _UNITS[field.name]


def starts_number(word: str) -> bool:
    """Return whether the word, in small letters, is a number, perhaps with a unit."""
    return _AMOUNT.match(word) is not None


def number(field: Field, word: str, index: int, *, unit: str = "") -> float:
    """Return what is written in `word`, token `index`, in the unit in which the field is kept.

    `word` is in small letters; `unit` is the unit if that is a word of its own.

    Raises:
        Fault: it is no number, no version, or has another unit.
    """
    if field.kind is Kind.VERSION:
        return _version(field, word, index)
    found = _AMOUNT.fullmatch(word)
    if found is None:
        raise _no_number(field, word, index)
    sign, digits, written = found.groups()
    if sign and not field.unit.startswith("USD"):
        raise Fault(index, f"{shown(word)} is money", _in_unit(field), hint=_write(field))
    units = _UNITS[field.name]
    read = units.get(written or unit)
    if read is None and written[:1] == "-" and starts_number(written[1:]):
        hint = f"a range has two points, write {field.name} {digits}..{written[1:]}"
        raise Fault(index, shown(word), " is no number", hint=hint)
    if read is None:
        raise _wrong_unit(field, written, index, within=found.start(3))
    if len(digits) > _LONGEST_NUMBER:
        raise Fault(
            index, f"the number {shown(digits)}", " is too long", hint="20 digits are the most"
        )
    value = float(digits + read.exponent) * read.times
    if field.unit == SHARE and value > 1:
        hint = f"{field.name} goes from 0 to 1, write {_percent(digits)}"
        raise Fault(index, shown(word), " is above 1", hint=hint)
    return value


def _percent(digits: str) -> str:
    value = float(digits)
    return f"{value:g}% or {value / 100:g}" if value <= 100 else "98% or 0.98"


def _no_number(field: Field, word: str, index: int) -> Fault:
    if word.startswith("-") and starts_number(word[1:]):
        return Fault(
            index, shown(word), f" is below 0, and {field.name} never is", hint=_write(field)
        )
    if word[:1] in OTHER_MONEY:
        return Fault(index, shown(word), " is no price in US dollars", hint=_write(field))
    return Fault(index, shown(word), " is no number", hint=_write(field))


def _wrong_unit(field: Field, unit: str, index: int, *, within: int) -> Fault:
    said = f"the unit {shown(unit)}" if unit[:1].isalnum() else shown(unit)
    after = f" does not belong to {field.name}"
    hint = f"{_in_unit(field).strip(', ')}, {_write(field)}"
    return Fault(index, said, after, hint=hint, within=within)


def _in_unit(field: Field) -> str:
    if field.unit == SHARE:
        return f", {field.name} goes from 0 to 1"
    return f", {field.name} is in {field.unit}" if field.unit else f", {field.name} has no unit"


def _write(field: Field) -> str:
    return f"write {sample(field)}"


def _version(field: Field, word: str, index: int) -> float:
    value = version_number(word) if _VERSION.fullmatch(word) else None
    if value is None:
        raise Fault(index, shown(word), " is no version", hint=_write(field))
    return value


def text_value(field: Field, text: str, index: int, *, providers: Collection[str]) -> str:
    """Return a text in small letters, as conditions have it.

    Raises:
        Fault: no offer can have it.
    """
    value = text.strip().lower()
    if not value:
        raise Fault(index, "an empty text", " is nothing to look for", hint=_write(field))
    if "*" in value:
        part = shown(value.replace("*", "").strip() or "eu")
        quoted = part if part.isalnum() else f'"{part}"'
        hint = f"there are no wildcards, write {field.name}~{quoted}"
        raise Fault(index, shown(text), " is no whole text", hint=hint)
    if field.name == "country" and (meant := country_of(value)) != value.upper():
        codes = "countries go by their code of two letters, write country=DE or country in (DE, FR)"
        hint = did_you_mean((f"country={meant}",)) if meant else codes
        raise Fault(index, shown(text), " is no code of a country", hint=hint)
    if field.name == "provider" and providers and value not in providers:
        near = nearest(value, providers)
        hint = did_you_mean(near) or f"there is {', '.join(sorted(providers)[:5])}"
        raise Fault(index, shown(text), " is no cloud that is connected", hint=hint)
    return value


def gpu_values(text: str, index: int) -> frozenset[str]:
    """Return the canonical names of the GPUs that `text` may mean, in small letters.

    Raises:
        Fault: it means none.
    """
    found = known_gpus(text)
    if "*" in text:
        part = text.replace("*", "")
        hint = (
            f"there are no wildcards, write {_with_that_in_it(part if part.isalnum() else 'RTX')}"
        )
        raise Fault(index, shown(text), " is no GPU", hint=hint)
    if not found:
        raise Fault(index, shown(text), " is no known GPU", hint=near_gpus(text))
    return frozenset(map(str.lower, found))


def _with_that_in_it(part: str) -> str:
    quoted = part if part.isalnum() else f'"{part}"'
    return f"gpu~{quoted} for every GPU with that in its name"


def near_gpus(text: str) -> str:
    """Return the question after the GPUs with a name like that."""
    part = f" {text.lower()}"
    # "RTX" and "Radeon Pro" are no GPU, but begin words in the names of many.
    if len(part) > 3 and sum(part in f" {name.lower()}" for name in MODELS) > 1:
        return f"write {_with_that_in_it(text)}"
    meant = text.translate(_LOOK_ALIKES)
    if meant != text and known_gpus(meant):
        return did_you_mean((meant,))
    try:
        known = match_gpus(text)
    except UnknownGpu as error:
        return did_you_mean(error.nearest) or EVERY_NAME
    # It would be one without the signs around it.
    return did_you_mean(sorted(known)[:3])
