"""Where an offer is, from a cloud's free text: country by ISO 3166, state or region, city. What is not known stays empty.

A text is a cloud's code of a region ("europe-west4", "fra1", "US-CA-2"), a slug ("montreal-canada-4"), or names with
commas ("Dallas, TX, USA"). Each name may mean several things: "Georgia" a state or a country, "CA" California or Canada,
"DE" Delaware or Germany, "San Jose" a city in two countries. What the names of one text can mean together is kept; if
that leaves two answers, there is none.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

from gpu_shopper.domain.countries import CODES, NAMES, country_of
from gpu_shopper.domain.place_names import letters
from gpu_shopper.domain.place_table import CITIES, REGIONS, SITES, STATE_ALIASES, STATES

_LONGEST_TEXT = 200
_MOST_NAMES = 5


@dataclass(frozen=True, slots=True)
class Place:
    """A place as far as it is known: two letters of its country, the name of its state or province, its city."""

    country: str = ""
    region: str = ""
    city: str = ""

    @property
    def kind(self) -> str:
        """What the name of this place is the name of."""
        return "city" if self.city else "region" if self.region else "country"


NOWHERE = Place()


def _states() -> dict[str, list[Place]]:
    found: dict[str, list[Place]] = {}
    for country, table in STATES.items():
        for entry in table.split(" | "):
            code, name = entry.split(" ", 1)
            aliases = (alias for alias, state in STATE_ALIASES.items() if state == name)
            for key in (code, *map(letters, (name, *aliases))):
                found.setdefault(key, []).append(Place(country, name))
    return found


def _cities() -> dict[str, list[Place]]:
    found: dict[str, list[Place]] = {}
    for line in CITIES.split("\n"):
        where, _, names = line.partition(": ")
        country, _, state = where.partition(" ")
        for name in filter(None, names.split(", ")):
            found.setdefault(letters(name), []).append(Place(country, state, name))
    return found


_STATES = _states()
_CITIES = _cities()


def _site(text: str) -> Place:
    country, _, city = text.partition(" ")
    known = (place for place in _CITIES.get(letters(city), ()) if place.country == country)
    return next(known, Place(country))


_REGIONS = {
    code: _site(where)
    for where, _, codes in (line.partition(": ") for line in REGIONS.split("\n"))
    for code in filter(None, codes.split(", "))
}
_SITES = {code: _site(where) for code, where in SITES.items()}

_ZONE = re.compile(r"(?<=\d)-?[a-f]$")
_SITE = re.compile(r"([a-z]{3})[ -]?(?:\d{1,3}[a-z]?)?")
_CONTINENT_AND_COUNTRY = re.compile(r"(?:eur?|ap|oc|sea|as|na|me|af)-([a-z]{2})(?:-\d+[a-z]?)?")
_COUNTRY_AND_PART = re.compile(r"([a-z]{2})-([a-z]{2,3})(?:-\d+[a-z]?)?")
_DIRECTION = r"(?:north|south|east|west|central|northeast|northwest|southeast|southwest)"
_COUNTRY_AND_DIRECTION = re.compile(rf"([a-z]{{2}})-{_DIRECTION}-?\d+[a-z]?")
_LEADING = re.compile(rf"^{_DIRECTION}")
_TRAILING = re.compile(rf"{_DIRECTION}$")
_SLUG = re.compile(r"[a-z.]+[-_][a-z._-]*\d*|[a-z]+-?\d+")
# Two letters that mean a part of the world where a region's code begins, and a country elsewhere.
_PARTS_OF_THE_WORLD = {"af", "ap", "as", "eu", "me", "na", "sa"}


@lru_cache(maxsize=8192)
def read_place(text: str) -> Place:
    """Return the place that `text` names, as far as it can be told; never a guess."""
    plain = " ".join(text[:_LONGEST_TEXT].split()).strip(" ,;")
    code = plain.lower()
    found = _by_code(code) or _by_code(_ZONE.sub("", code))
    if found is not None:
        return found
    cut = r"[-_\d]+" if _SLUG.fullmatch(code) else r"[,;/()|]"
    return _agreed(re.split(cut, plain))


def read_city_and_country(text: str) -> Place:
    """Return the place of a cloud whose texts all end in a country: there ", CA" is Canada, and "Saxony, DE" is Germany."""
    before, _, last = text[:_LONGEST_TEXT].strip().rpartition(",")
    country = country_of(last)
    return _agreed(before.split(","), country=country) if country else read_place(text)


def _by_code(code: str) -> Place | None:
    """Return the place of a code that is known, or made by a known rule."""
    known = _REGIONS.get(code) or _REGIONS.get(code.replace(" ", ""))
    site = _SITE.fullmatch(code)
    # "fra1" is Frankfurt; "fra" alone may as well be France.
    if known is None and site and (code[3:] or site[1].upper() not in CODES):
        known = _SITES.get(site[1])
    return known or _by_rule(code) or _by_direction(code)


def _by_rule(code: str) -> Place | None:
    if (match := _CONTINENT_AND_COUNTRY.fullmatch(code)) and match[1].upper() in CODES:
        return Place(CODES[match[1].upper()])
    if match := _COUNTRY_AND_DIRECTION.fullmatch(code):
        known = match[1] not in _PARTS_OF_THE_WORLD and match[1].upper() in CODES
        return Place(CODES[match[1].upper()]) if known else None
    if match := _COUNTRY_AND_PART.fullmatch(code):
        return _by_parts(match[1].upper(), match[2])
    return None


def _by_parts(country: str, part: str) -> Place | None:
    """Return the place of "us-ca-2", "ca-mtl-1" or "de-be": a country, and a state or a site in it."""
    if country.lower() in _PARTS_OF_THE_WORLD or country not in CODES:
        return None
    sites = [_SITES[part]] if part in _SITES else []
    inside: list[Place] = [
        place for place in (*_STATES.get(part.upper(), ()), *sites) if place.country == country
    ]
    if inside:
        return inside[0]
    # Either half may be what is known: "ca-sfo-1" is in California.
    return None if sites or country in _STATES else Place(country)


def _by_direction(code: str) -> Place | None:
    """Return the country of "eastus2", "East US 2" or "germanywestcentral"."""
    name = letters(code)
    if name in NAMES or name in _STATES or name in _CITIES:
        return None
    for _ in range(3):
        shorter = _TRAILING.sub("", name)
        name = shorter if shorter != name else _LEADING.sub("", name)
        if name in NAMES and name not in _STATES:
            return Place(NAMES[name])
    return None


def _meanings(name: str) -> Iterator[Place]:
    """Yield everything that a name may mean."""
    plain, code = letters(name), name.strip().upper().replace(".", "")
    country = CODES.get(code) or NAMES.get(plain)
    if country:
        yield Place(country)
    yield from _STATES.get(code, ()) or _STATES.get(plain, ())
    yield from _CITIES.get(plain, ())
    if code in CODES and plain in _SITES:
        yield _SITES[plain]


def _agreed(names: Sequence[str], *, country: str = "") -> Place:
    """Return what all the ways to understand the names together have in common; empty where they differ."""
    meant = [list(_meanings(name)) for name in names if name.strip()][-_MOST_NAMES:]
    given = [[Place(country)]] if country else []
    readings = _fitting([*given, *filter(None, meant)])
    if not readings:
        # No table holds every town: "Paris, TX" is in Texas, whatever Paris is the name of.
        wide = [[place for place in places if place.kind != "city"] for places in meant]
        readings = _fitting([*given, *filter(None, wide)])
    return Place(
        _common(place.country for place in readings),
        _common(place.region for place in readings),
        _common(place.city for place in readings),
    )


def _fitting(meant: Sequence[Sequence[Place]]) -> list[Place]:
    """Return the places that names can mean together; those first that need no two names for one thing."""
    fitting: list[tuple[bool, Place]] = []
    for places in product(*meant) if meant else ():
        parts = [{getattr(place, field) for place in places} - {""} for field in Place.__slots__]
        if all(len(part) <= 1 for part in parts):
            kinds = [place.kind for place in places]
            merged = Place(*(next(iter(part), "") for part in parts))
            fitting.append((len(set(kinds)) == len(kinds), merged))
    distinct = [place for is_distinct, place in fitting if is_distinct]
    return distinct or [place for _, place in fitting]


def _common(values: Iterable[str]) -> str:
    different = set(values)
    return different.pop() if len(different) == 1 else ""
