"""What to say where a query cannot go on: what is wrong, and what to write instead."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from gpu_shopper.domain.countries import country_of
from gpu_shopper.domain.gpu import known_gpus
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
    OTHER_MONEY,
    is_unit,
    list_of,
    near_gpus,
    sample,
    starts_number,
)
from gpu_shopper.domain.query_words import ENDINGS, FACTS, OTHER_NAMES, OTHER_WORDS

_SPAN = re.compile(r"([$.0-9]{1,12})-([$.0-9]{1,12}[a-zA-Z/%]{0,8})")
_LONGEST_NUMBER = 20
_WRITE = "write conditions such as price<3, or the name of a GPU"
_NEGATED = re.compile(
    rf"(?:non|not|no|un)[-_]?({'|'.join(w for w, f in WORDS.items() if f.kind is Kind.FLAG)})"
)
_ONE_OF = frozenset({"any", "one", "either", "some"})
_IN_THREES = re.compile(r"[0-9]{1,3}(\.[0-9]{3})+")
_COUNTED = re.compile(r"([0-9]+)x(.*)|x([0-9]+)")


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
    if token in (":", ";", "!") or low in OTHER_WORDS:
        hint = f"write {_as_asked(place, field)}"
        return Fault(place.at, shown(token), " is no comparison", hint=hint)
    hint = f"write {sample(field)}"
    if (ends := _two_ends(place)) and field.sortable:
        hint = f"write {field.name} {ends}"
    elif is_value(token) and low not in KEYWORDS and low not in WORDS:
        hint = f"write {' or '.join(_compared(field, token))}"
    return Fault(place.at - 1, f"{shown(place.token(-1))} is compared with nothing", hint=hint)


def _two_ends(place: Place) -> str:
    """Return the range that is meant by "1-3", "1 to 3" or "1 - 3"; nothing if none is."""
    found = _SPAN.fullmatch(place.token())
    if found:
        return f"{found[1]}..{found[2]}"
    if place.token(1).lower() in ("to", "-", "until") and all(
        map(_is_number, (place.token(), place.token(2)))
    ):
        return f"{place.token()}..{place.token(2)}"
    return ""


def _is_number(token: str) -> bool:
    return is_value(token) and len(token) <= _LONGEST_NUMBER and starts_number(token.lower())


def _as_asked(place: Place, field: Field) -> str:
    low, value = place.low[place.at], place.token(1)
    if low in _ONE_OF and value.lower() == "of" and not field.sortable:
        return list_of(field, place.tokens, place.at + 2)
    if low in ("between", "from") and field.sortable:
        ends = (value, place.token(3))
        told = all(map(_is_number, ends)) and place.token(2).lower() in ("and", "to")
        return f"{field.name} {'..'.join(ends) if told else '1..3'}"
    part = unquoted(value).strip("%* ") if is_value(value) else ""
    if low in ("like", "contains", "matches") and not field.sortable and part:
        return f"{field.name}~{shown(part)}"
    return sample(field)


def _compared(field: Field, word: str) -> tuple[str, ...]:
    word = shown(word)
    if field.kind in (Kind.TEXT, Kind.GPU):
        return (f"{field.name}={word}",)
    if not is_unit(field, word.lower().lstrip("$.0123456789")) or not starts_number(word.lower()):
        return (sample(field),)
    return (f"{field.name}{_usual_sign(field)}{word}", f"{field.name}={word}")


def no_value(place: Place, field: Field) -> Fault:
    """Return what is wrong where a value of `field` should stand and does not."""
    token = place.token()
    if token in ("(", "["):
        return Fault(
            place.at,
            f"'{token}'",
            " opens no list here",
            hint=f"write {list_of(field, place.tokens, place.at)}",
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
        # Where points stand before threes, they are no decimal ones either.
        left = left.replace(".", "") if _IN_THREES.fullmatch(left) else left
        number = f"{left}{right}" if thousands else f"{left}.{right}"
        return Fault(place.at, "','", " splits a number", hint=f"write {shown(number)}")
    field = place.last
    if known_gpus(left) or (field is not None and field.kind in (Kind.TEXT, Kind.GPU)):
        name = field.name if field is not None and not known_gpus(left) else "gpu"
        if name == "location" and is_value(right):
            hint = f'a text with a comma needs quotes, location="{left}, {right[:40]}"'
            return Fault(place.at, "','", " ends the text", hint=hint)
        hint = f"write {name} in ({shown(left)}, {shown(right) if is_value(right) else '…'})"
        return Fault(place.at, "','", " stands outside of a list", hint=hint)
    return Fault(place.at, "','", " stands outside of a list", hint="separate conditions by spaces")


def _stray_word(place: Place) -> Fault:
    token, low = unquoted(place.token()), unquoted(place.low[place.at])
    if low == "in":
        country = country_of(place.token(1).strip("\"'"))
        named = f"did you mean country={country}?" if country else ""
        hint = named or "write a field first, as in country in (DE, FR)"
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
    after = WORDS.get(place.low[place.at + 1])
    if after is not None and after.kind is Kind.NUMBER and is_unit(after, unit):
        # A number is mostly said before what is counted.
        sign = "=" if after.name == "count" else _usual_sign(after)
        hint = f"write {after.name}{sign}{shown(token)}"
        return Fault(place.at, shown(token), " stands before its field", hint=hint)
    if not unit and (gpu := _counted_gpu(place)):
        hint = f"write count={shown(token)} {gpu}"
        return Fault(place.at, shown(token), " is a number without a field", hint=hint)
    sign = "<" if asked and asked[0] == "price" else ">="
    example = f"{asked[0]}{sign}{token[:20]}" if unit or token[0] == "$" else "count=8"
    hint = f"write a field first, as in {example}"
    return Fault(place.at, shown(token), " is a number without a field", hint=hint)


def _usual_sign(field: Field) -> str:
    return "<" if "<" in sample(field) else ">="


def _counted_gpu(place: Place) -> str:
    """Return the name that follows a number, perhaps with an x between, if it is one of a GPU."""
    ahead = 2 if place.low[place.at + 1] in ("x", "×", "*") else 1
    name = place.token(ahead)
    return name if name and is_value(name) and known_gpus(unquoted(name)) else ""


def _unknown_field(place: Place, token: str, low: str) -> Fault:
    if known_gpus(token):
        hint = f"write a field before '{place.token(1)}', as in {token} price<3"
        return Fault(place.at, shown(token), " is a GPU and no field", hint=hint)
    if starts_number(low):
        return _number_alone(place, token)
    near = (OTHER_NAMES[low],) if low in OTHER_NAMES else nearest(low, WORDS)[:1]
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
    if low in OTHER_NAMES:
        return did_you_mean((sample(WORDS[OTHER_NAMES[low]]),))
    if negated := _NEGATED.fullmatch(low):
        return f"write !{negated[1]}"
    if low in OTHER_WORDS:
        return _other_word(place, low)
    if low in FACTS:
        return did_you_mean((FACTS[low],))
    if low in place.providers:
        return did_you_mean((f"provider={low}",))
    return _rest_of_text(place, token)


def _other_word(place: Place, low: str) -> str:
    if low in _ONE_OF and place.low[place.at + 1] == "of":
        return f"write {list_of(WORDS['gpu'], place.tokens, place.at + 2)}"
    return OTHER_WORDS[low]


def _rest_of_text(place: Place, token: str) -> str:
    """Return how to write a text of which the first word alone was taken."""
    field, before = place.last, place.token(-1)
    if token.lower() in ENDINGS and known_gpus(before):
        return near_gpus(f"{before} {token}")
    if field is not None and before[-1:].isdigit() and token.lower() in OTHER_MONEY:
        return f"prices are in US dollars, write {sample(field)}"
    counted = before[-1:].isdigit() or before.lower() in ALL_UNITS
    if field is not None and counted and token.lower() in ("per", "/", "each"):
        unit = f"{field.name} is in {field.unit} already" if field.unit else "it has no unit"
        return f"leave it out, {unit}"
    if field is not None and token.lower() in ALL_UNITS and before[-1:].isdigit():
        unit = f"in {field.unit}" if field.unit else "without a unit"
        return f"{field.name} is {unit}, write {sample(field)}"
    asked = field is not None and field.kind is Kind.TEXT and field.name != "country"
    if asked and field is not None and place.token(-2) in OPERATORS and not is_quoted(before):
        return f'a text of several words needs quotes, {field.name}="{before} {token[:40]}"'
    country = country_of(f"{token} {place.token(1)}") or country_of(token)
    # Two small letters are a word as well.
    if country and (len(token) > 2 or token.isupper()):
        return did_you_mean((f"country={country}",))
    return ""


def _likely(low: str) -> str:
    if len(low) < 2:
        return _WRITE
    fields = nearest(low, (*WORDS, *KEYWORDS), cutoff=0.7)
    if fields:
        return did_you_mean(fields[:1])
    gpus = near_gpus(low)
    if gpus != EVERY_NAME:
        return gpus
    return did_you_mean(nearest(low, (*WORDS, *KEYWORDS))[:1]) or _WRITE
