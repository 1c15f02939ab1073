"""Addresses within the dashboard, and the parameters that they carry."""

from collections.abc import Iterable, Sequence
from urllib.parse import parse_qsl, quote, urlencode

ROOT = "/dashboard"
INVENTORY = f"{ROOT}/inventory"
FIT = f"{ROOT}/fit"
SIGN_IN = f"{ROOT}/sign-in"
SIGN_OUT = f"{ROOT}/sign-out"

Pairs = Sequence[tuple[str, str]]


def pairs_of(query: bytes) -> Pairs:
    """Return the parameters that were given; an empty field of a form is none."""
    return [pair for pair in parse_qsl(query.decode("latin-1")) if pair[1].strip()]


def first(pairs: Pairs, name: str) -> str:
    """Return the first value of a parameter, empty if there is none."""
    return next((value for given, value in pairs if given == name), "")


def without(pairs: Pairs, names: Iterable[str]) -> Pairs:
    """Return the parameters but for those of these names."""
    left_out = frozenset(names)
    return [pair for pair in pairs if pair[0] not in left_out]


def changed(pairs: Pairs, **values: str) -> Pairs:
    """Return the parameters with these values; an empty one takes its parameter out."""
    kept = without(pairs, values)
    return [*kept, *((name, value) for name, value in values.items() if value)]


def address(path: str, pairs: Pairs = ()) -> str:
    """Return a path with parameters behind it."""
    return f"{path}?{urlencode(pairs)}" if pairs else path


def page_of(offer_id: str, pairs: Pairs = ()) -> str:
    """Return the address of an offer's page; an id may hold anything."""
    return address(f"{INVENTORY}/{quote(offer_id, safe='')}", pairs)


def inside(target: str) -> str:
    """Return an address to go on to if it is a page of the dashboard, else its first page: never another site's."""
    path = target.partition("?")[0]
    ours = path.startswith(f"{ROOT}/") and target.isascii() and target.isprintable()
    steps = path.split("/")
    return target if ours and "\\" not in target and ".." not in steps else INVENTORY
