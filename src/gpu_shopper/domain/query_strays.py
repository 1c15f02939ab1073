"""What to say where a query cannot go on: the words that strangers write, and what the language calls them."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from gpu_shopper.domain.gpu import MODELS, known_gpus
from gpu_shopper.domain.offer_fields import WORDS, Field, Kind
from gpu_shopper.domain.query_errors import Fault, did_you_mean, nearest, shown
from gpu_shopper.domain.query_tokens import (
    AND,
    KEYWORDS,
    NOT,
    OPERATORS,
    OR,
    SMART_QUOTES,
    is_quoted,
    is_value,
    unquoted,
)
from gpu_shopper.domain.query_values import (
    ALL_UNITS,
    EVERY_NAME,
    is_unit,
    near_gpus,
    sample,
    sample_list,
    starts_number,
)

_COUNTED = re.compile(r"([0-9]+)x(.*)|x([0-9]+)")
# What others call our fields, where no likeness of letters tells.
_OTHER_NAMES: Mapping[str, str] = {
    "memory": "vram", "mem": "vram", "cost": "price", "rate": "price", "usd": "price",
    "cores": "vcpus", "threads": "vcpus", "storage": "disk", "ssd": "disk", "hdd": "disk",
    "preemptible": "spot", "num_gpus": "count", "quantity": "count", "datacenter": "region",
    "zone": "region", "host": "provider", "vendor_name": "vendor", "uptime": "reliability",
    "duration": "max_hours", "hours": "max_hours", "download": "down", "upload": "up",
    "network": "down", "flops": "tflops", "driver": "cuda", "dph": "price", "dph_total": "price", "price/h": "price", "price/hr": "price",
    "dlperf": "tflops", "gpu_name": "gpu", "gpu_ram": "vram", "geolocation": "country",
    "compute_cap": "capability", "rentable": "available",
}  # fmt: skip
_CHEAPER, _MORE = "to stay below, write price<3", "to have at least so much, write vram>=80"
_OTHER_WORDS: Mapping[str, str] = {
    **dict.fromkeys(("under", "below", "less", "than", "max", "cheaper", "upto"), _CHEAPER),
    **dict.fromkeys(("over", "above", "more", "min", "least", "minimum"), _MORE),
    **dict.fromkeys(("order", "orderby", "order_by"), "end with sort price"),
    **dict.fromkeys(
        ("cheap", "cheapest", "lowest"), "for the lowest price first, end with sort price"
    ),
    **dict.fromkeys(("fast", "fastest", "best"), "for the fastest first, end with sort tflops"),
    **dict.fromkeys(
        ("where", "select", "from", "with", "having"), "leave it out, conditions need no such word"
    ),
    **dict.fromkeys(("ondemand", "on-demand", "on_demand", "reserved"), "write !spot"),
    **dict.fromkeys(("asc", "desc", "by"), "write it behind sort, as in sort price desc"),
    **dict.fromkeys(("like", "contains", "matches"), "write location~Paris"),
    **dict.fromkeys(("is", "equals", "eq"), "write ="),
    **dict.fromkeys(("top", "first", "show"), "for so many, end with limit 10"),
    "between": "write price 1..3",
    **dict.fromkeys(
        ("*", "all", "any", "everything"), "leave it out, an empty query is everything"
    ),
}
_FACTS = {
    **{model.vendor.lower(): f"vendor={model.vendor}" for model in MODELS.values()},
    **{
        model.architecture.lower(): f"architecture={model.architecture.lower()}"
        for model in MODELS.values()
    },
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a reader stands: before token `at`; `last` is the field that was asked last."""

    tokens: Sequence[str]
    low: Sequence[str]
    at: int
    last: Field | None
    providers: Collection[str]

    def token(self, ahead: int = 0) -> str:
        """Return the token that stands so many ahead, an empty one outside."""
        return self.tokens[self.at + ahead] if 0 <= self.at + ahead < len(self.tokens) else ""


def no_comparison(place: Place, field: Field) -> Fault:
    """Return what is wrong where a field is followed by nothing that compares it."""
    token, low = place.token(), place.low[place.at]
    if token in ("~", "!~"):
        after = f" looks into texts, and {field.name} is a number"
        return Fault(place.at, f"'{token}'", after, hint=f"write {sample(field)}")
    if token in OPERATORS:
        after = f" compares numbers, and {field.name} is a text"
        return Fault(place.at, f"'{token}'", after, hint=f"write {sample(field)}")
    if token in (":", ";", "!") or low in _OTHER_WORDS:
        hint = f"write {_as_asked(place, field)}"
        return Fault(place.at, shown(token), " is no comparison", hint=hint)
    hint = f"write {sample(field)}"
    if is_value(token) and low not in KEYWORDS and low not in WORDS:
        hint = f"write {' or '.join(_compared(field, token))}"
    return Fault(place.at - 1, f"{shown(place.token(-1))} is compared with nothing", hint=hint)


def _as_asked(place: Place, field: Field) -> str:
    low, value = place.low[place.at], place.token(1)
    if low == "between" and field.sortable:
        return f"{field.name} 1..3"
    if low in ("like", "contains", "matches") and not field.sortable and is_value(value):
        return f"{field.name}~{shown(value)}"
    return sample(field)


def _compared(field: Field, word: str) -> tuple[str, ...]:
    word = shown(word)
    if field.kind in (Kind.TEXT, Kind.GPU):
        return (f"{field.name}={word}",)
    if not is_unit(field, word.lower().lstrip("$.0123456789")) or not starts_number(word.lower()):
        return (sample(field),)
    sign = "<" if "<" in sample(field) else ">="
    return (f"{field.name}{sign}{word}", f"{field.name}={word}")


def no_value(place: Place, field: Field) -> Fault:
    """Return what is wrong where a value of `field` should stand and does not."""
    token = place.token()
    if token in ("(", "["):
        return Fault(
            place.at, f"'{token}'", " opens no list here", hint=f"write {sample_list(field)}"
        )
    if token in SMART_QUOTES or token in ('"', "'"):
        return stray(place)
    before = f" before '{token}'" if token else ""
    return Fault(
        place.at, f"a value for {field.name} is missing", before, hint=f"write {sample(field)}"
    )


def stray(place: Place) -> Fault:
    """Return what is wrong where a condition should begin and none does."""
    if is_value(place.token()) and place.low[place.at] not in AND | OR | NOT | {"sort", "limit"}:
        return _stray_word(place)
    return _stray_sign(place)


def _stray_sign(place: Place) -> Fault:
    at, sign, low = place.at, place.token(), place.low[place.at]
    if sign in ('"', "'"):
        return Fault(
            at, "the quote that opens", " is never closed", hint=f"add {sign} where the text ends"
        )
    if sign in SMART_QUOTES:
        return Fault(at, sign, " is no plain quote", hint="write \" or '")
    if sign == ",":
        return _comma(place)
    if sign in ("[", "]", "{", "}"):
        return Fault(at, f"'{sign}'", " means nothing here", hint="use round brackets")
    if sign in (";", ":"):
        return Fault(
            at, f"'{sign}'", " means nothing here", hint="conditions are separated by spaces"
        )
    if sign in OPERATORS or sign == "..":
        return Fault(
            at, f"'{sign}'", " has no field before it", hint="write a field first, as in price<3"
        )
    before = place.low[at - 1] if at else ""
    after = f" after {_named(before)}" if before in AND | OR | NOT | {"("} else ""
    if not after and low:
        after = f" before {_named(low)}"
    return Fault(at, "a condition is missing", after, hint="write one, such as price<3")


def _named(token: str) -> str:
    return token if token.isalpha() else f"'{token}'"


def _comma(place: Place) -> Fault:
    left, right = place.token(-1), place.token(1)
    if left[-1:].isdigit() and right[:1].isdigit():
        thousands = len(right) >= 3 and right[:3].isdigit()
        number = f"{left}{right}" if thousands else f"{left}.{right}"
        return Fault(place.at, "','", " splits a number", hint=f"write {shown(number)}")
    field = place.last
    if known_gpus(left) or (field is not None and field.kind in (Kind.TEXT, Kind.GPU)):
        name = field.name if field is not None and not known_gpus(left) else "gpu"
        hint = f"write {name} in ({shown(left)}, {shown(right) if is_value(right) else '…'})"
        return Fault(place.at, "','", " stands outside of a list", hint=hint)
    return Fault(place.at, "','", " stands outside of a list", hint="separate conditions by spaces")


def _stray_word(place: Place) -> Fault:
    token, low = unquoted(place.token()), unquoted(place.low[place.at])
    if low == "in":
        hint = "write a field first, as in country in (DE, FR)"
        return Fault(place.at, "in", " has no field before it", hint=hint)
    if place.token(1) in OPERATORS or place.token(1) == ":" or place.low[place.at + 1] == "in":
        return _unknown_field(place, token, low)
    hint = _instead(place, token, low)
    if hint:
        return Fault(place.at, f"{shown(token)} is unknown", hint=hint)
    if starts_number(low):
        return _number_alone(place, token)
    return Fault(place.at, f"{shown(token)} is unknown", hint=_likely(low))


def _number_alone(place: Place, token: str) -> Fault:
    unit = token.lower().lstrip("$.0123456789")
    asked = [
        name for name in ("price", "vram", "reliability", "down") if is_unit(WORDS[name], unit)
    ]
    if not asked and unit:
        return Fault(place.at, f"{shown(token)} is unknown", hint=_likely(token.lower()))
    sign = "<" if asked and asked[0] == "price" else ">="
    example = f"{asked[0]}{sign}{token[:20]}" if unit or token[0] == "$" else "count=8"
    hint = f"write a field first, as in {example}"
    return Fault(place.at, shown(token), " is a number without a field", hint=hint)


def _unknown_field(place: Place, token: str, low: str) -> Fault:
    if known_gpus(token):
        hint = f"write a field before '{place.token(1)}', as in {token} price<3"
        return Fault(place.at, shown(token), " is a GPU and no field", hint=hint)
    if starts_number(low):
        return _number_alone(place, token)
    near = (_OTHER_NAMES[low],) if low in _OTHER_NAMES else nearest(low, WORDS)[:1]
    hint = did_you_mean(near) or "fields are price, vram, gpu, count, country and others"
    return Fault(place.at, f"{shown(token)} is unknown", hint=hint)


def _instead(place: Place, token: str, low: str) -> str:
    """Return what to write for a word that is well known, only not here."""
    counted = _COUNTED.fullmatch(low)
    if counted:
        model = token[len(counted[1]) + 1 :] if counted[1] and known_gpus(counted[2]) else ""
        return f"write count={counted[1] or counted[3]}{f' gpu={model}' if model else ''}"
    if low[:1] in "-+" and low[1:] in WORDS:
        return f"write !{low[1:]}" if WORDS[low[1:]].kind is Kind.FLAG else "write it behind sort"
    if low in _OTHER_NAMES:
        return did_you_mean((sample(WORDS[_OTHER_NAMES[low]]),))
    if low in _OTHER_WORDS:
        return _OTHER_WORDS[low]
    if low in _FACTS:
        return did_you_mean((_FACTS[low],))
    if low in place.providers:
        return did_you_mean((f"provider={low}",))
    return _rest_of_text(place, token)


def _rest_of_text(place: Place, token: str) -> str:
    """Return how to write a text of which the first word alone was taken."""
    field, before = place.last, place.token(-1)
    if field is not None and token.lower() in ALL_UNITS and before[-1:].isdigit():
        unit = f"in {field.unit}" if field.unit else "without a unit"
        return f"{field.name} is {unit}, write {sample(field)}"
    asked = field is not None and field.kind is Kind.TEXT and field.name != "country"
    if asked and field is not None and place.token(-2) in OPERATORS and not is_quoted(before):
        return f'a text of several words needs quotes, {field.name}="{before} {token[:40]}"'
    if len(token) == 2 and token.isascii() and token.isalpha() and token.isupper():
        return did_you_mean((f"country={token}",))
    return ""


def _likely(low: str) -> str:
    fields = nearest(low, (*WORDS, *KEYWORDS), cutoff=0.7)
    if fields:
        return did_you_mean(fields[:1])
    gpus = near_gpus(low)
    if gpus != EVERY_NAME:
        return gpus
    return did_you_mean(nearest(low, (*WORDS, *KEYWORDS))[:1]) or (
        "write conditions such as price<3, or the name of a GPU"
    )
