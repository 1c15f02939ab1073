"""The generated part of the page of language models: every model with its shape, and the documents that it was held against.

`python -m gpu_shopper.testing.model_page PAGE` writes it into the page, below what is written by hand.
"""

import sys
from collections import Counter
from pathlib import Path

from gpu_shopper.domain.known_models import KNOWN_MODELS
from gpu_shopper.domain.model_shape import Latent, LinearHybrid, ModelShape, SlidingWindow
from gpu_shopper.testing.markdown import table
from gpu_shopper.testing.model_evidence import EXPLAINED, FIGURES, SAID, rests_on
from gpu_shopper.testing.model_evidence_table import DOCUMENTS

BEGIN = "## The models\n"
_BILLION = 10**9
_COLUMNS = (
    "model", "billions", "active", "layers", "hidden", "heads", "feed-forward", "vocabulary", "context", "attention",
    "experts", "published in", "source", "also written",
)  # fmt: skip
_HOW_TO_READ = """\
Each cell names the documents below that say what our table says, to the digit; those that are not the publisher's own stand in brackets.
`-`: known, and found in no document; an empty cell: the model has no such figure.
`moe`, `in` and `shared` are of the experts: how many of which width, in how many layers if not in all, and the width that every token takes beside them.
`latent`, `window`, `full` and `state` are of the attention, `tied` says whether input and output share one embedding.
"""
_NUMBERED = {document: str(number) for number, document in enumerate(DOCUMENTS, start=1)}
_WHOSE = {"maker": "the publisher's own", "copy": "a copy"}


def generated() -> str:
    """Return the generated part, from its headline on."""
    parts = [BEGIN]
    for publisher in dict.fromkeys(_publisher(shape) for shape in KNOWN_MODELS.values()):
        shapes = [shape for shape in KNOWN_MODELS.values() if _publisher(shape) == publisher]
        parts.append(f"### {publisher} ({len(shapes)})\n")
        parts.append(table(_COLUMNS, [_cells(shape) for shape in shapes]))
    parts.extend(_read_documents())
    return "\n".join(parts)


def rewritten(page: str) -> str:
    """Return the page with its generated part as it is now."""
    return page[: page.index(BEGIN)] + generated() if BEGIN in page else page + generated()


def _publisher(shape: ModelShape) -> str:
    return shape.source.partition(":")[0]


def _cells(shape: ModelShape) -> tuple[str, ...]:
    return (
        shape.name,
        _billions(shape.params),
        "" if shape.active_params is None else _billions(shape.active_params),
        str(shape.layers),
        str(shape.hidden),
        f"{shape.heads}/{shape.kv_heads}/{shape.head_dim}",
        str(shape.feed_forward),
        f"{shape.vocab} tied" if shape.tied else str(shape.vocab),
        str(shape.max_context),
        _attention(shape),
        _experts(shape),
        shape.native,
        shape.source.partition(": ")[2].replace("*", r"\*"),
        ", ".join(shape.aliases),
    )


def _billions(params: int) -> str:
    return f"{params / _BILLION:g}"


def _attention(shape: ModelShape) -> str:
    match shape.attention:
        case SlidingWindow(window=window, full_layers=full):
            return f"window {window}, full in {full}"
        case LinearHybrid(full_layers=full):
            return f"linear, full in {full}"
        case Latent(width=width):
            return f"latent {width}"
        case _:
            return "full"


def _experts(shape: ModelShape) -> str:
    mix = shape.experts
    if mix is None:
        return ""
    shared = f", shared {mix.shared}" if mix.shared else ""
    return f"{mix.count}x{mix.feed_forward} top {mix.per_token} in {mix.layers}{shared}"


def _read_documents() -> list[str]:
    read = {said.model for said in SAID}
    shown = [shape for shape in KNOWN_MODELS.values() if shape.name in read]
    unread = [name for name in KNOWN_MODELS if name not in read]
    otherwise = [
        f"- {name}, document {_NUMBERED[document]}: {why}."
        for (name, document), why in EXPLAINED.items()
    ]
    documents = [
        f"{number}. {DOCUMENTS[key][1]} ({_WHOSE[DOCUMENTS[key][0]]})."
        for key, number in _NUMBERED.items()
    ]
    return [
        "## What each figure was held against\n",
        _counted() + "\n",
        _HOW_TO_READ,
        table(("model", *FIGURES), [_evidence(shape) for shape in shown]),
        f"Found in no document ({len(unread)} models): {', '.join(unread)}.\n",
        "### The documents\n",
        "\n".join(documents) + "\n",
        "### Documents that say otherwise\n",
        "\n".join(otherwise) + "\n",
    ]


def _counted() -> str:
    ranks = Counter(
        _rank(shape, figure)
        for shape in KNOWN_MODELS.values()
        for figure in FIGURES
        if FIGURES[figure](shape)
    )
    return (
        f"Of {ranks.total()} figures of {len(KNOWN_MODELS)} models, {ranks['maker']} agree with a document of the publisher"
        f" that was read itself, {ranks['copy']} with a copy of its `config.json`;"
        f" {ranks['']} rest on knowledge of it alone, and on the parameters that they add up to."
    )


def _rank(shape: ModelShape, figure: str) -> str:
    return next((who for who in _WHOSE if rests_on(shape, figure, who=who)), "")


def _evidence(shape: ModelShape) -> tuple[str, ...]:
    return (shape.name, *(_documents(shape, figure) for figure in FIGURES))


def _documents(shape: ModelShape, figure: str) -> str:
    own = ", ".join(_NUMBERED[one] for one in rests_on(shape, figure, who="maker"))
    copies = ", ".join(_NUMBERED[one] for one in rests_on(shape, figure, who="copy"))
    text = " ".join(filter(None, (own, f"({copies})" if copies else "")))
    return text or ("-" if FIGURES[figure](shape) else "")


if __name__ == "__main__":
    PAGE = Path(sys.argv[1])
    PAGE.write_text(rewritten(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
