"""Fields of forms: each with its label, each keeping what was given."""

from collections.abc import Iterable

from gpu_shopper.dashboard.links import Pairs, first, without
from gpu_shopper.dashboard.markup import Html, el

NEED = ("hours", "disk_gb", "traffic_gb")


def text_field(
    pairs: Pairs, name: str, label: str, *, example: str = "", wide: bool = False
) -> Html:
    """Return a field for a text."""
    field = el(
        "input",
        name=name,
        value=first(pairs, name),
        placeholder=example or None,
        autocomplete="off",
    )
    return el("label", label, field, class_="wide" if wide else None)


def number_field(pairs: Pairs, name: str, label: str, *, step: str = "1") -> Html:
    """Return a field for an amount, which a phone shows digits for."""
    field = el(
        "input", type="number", name=name, value=first(pairs, name), min="0", step=step, inputmode="decimal",
        autocomplete="off",
    )  # fmt: skip
    return el("label", label, field)


def choice_field(pairs: Pairs, name: str, label: str, choices: Iterable[tuple[str, str]]) -> Html:
    """Return a field for one of some values, each with what it is called."""
    given = first(pairs, name)
    options = [
        el("option", called, value=value, selected=value == given) for value, called in choices
    ]
    return el("label", label, el("select", options, name=name))


def need_fields(pairs: Pairs) -> list[Html]:
    """Return the fields for what is needed, from which the true price follows."""
    return [
        number_field(pairs, "hours", "Hours of use", step="any"),
        number_field(pairs, "disk_gb", "Disk GB"),
        number_field(pairs, "traffic_gb", "Traffic GB"),
    ]


def kept(pairs: Pairs, *, but: Iterable[str]) -> list[Html]:
    """Return what else the address says, so that sending the form does not lose it."""
    return [
        el("input", type="hidden", name=name, value=value) for name, value in without(pairs, but)
    ]


def need_of(pairs: Pairs) -> Pairs:
    """Return what is needed, as it was given."""
    return [pair for pair in pairs if pair[0] in NEED]
