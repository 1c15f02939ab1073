"""What documents say of the figures in a table, as the evidence tables write it: read one way, whatever the figures are of."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Saying:
    """One figure of one model in one document; `differs` where our table has another one, knowingly."""

    document: str
    model: str
    figure: str
    value: str
    differs: bool


def sections(text: str) -> Iterator[tuple[str, list[str], list[str]]]:
    """Yield each line of an evidence table with its document, the models that it is about, and its other cells."""
    document = ""
    for line in filter(None, map(str.strip, text.splitlines())):
        if line.startswith("["):
            document = line.strip("[]")
            continue
        names, *cells = map(str.strip, line.split("|"))
        yield document, [name.strip() for name in names.split(",")], cells


def by_figure(said: Iterable[Saying]) -> Mapping[tuple[str, str], tuple[str, ...]]:
    """Return the documents that say what our table says, by model and figure."""
    found: dict[tuple[str, str], tuple[str, ...]] = {}
    for one in said:
        if not one.differs:
            key = one.model, one.figure
            found[key] = (*found.get(key, ()), one.document)
    return found
