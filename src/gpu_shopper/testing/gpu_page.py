"""The generated part of the page of GPUs: every model with its figures, the documents that they come from, and what was read.

`python -m gpu_shopper.testing.gpu_page PAGE` writes it into the page, below what is written by hand.
"""

import sys
from collections import Counter
from pathlib import Path

from gpu_shopper.domain.gpu import MODELS, GpuModel
from gpu_shopper.domain.gpu_sources import SOURCES
from gpu_shopper.testing.gpu_evidence import FIELDS, SAID, differences, rests_on
from gpu_shopper.testing.gpu_evidence_table import DOCUMENTS
from gpu_shopper.testing.markdown import table

BEGIN = "## The models\n"
_COLUMNS = (
    "model", "family", "memory", "GB/s", "16-bit", "FP8", "architecture", "CUDA", "link", "year", "source", "also written",
)  # fmt: skip
_EVIDENCE_COLUMNS = ("model", "GB", "kind", "GB/s", "16-bit", "FP8", "CUDA", "link", "year")
_HOW_TO_READ = """\
Each cell names the documents below that say what our table says; those that are not the maker's own stand in brackets.
`-`: known, and found in no document; an empty cell: the model has no such figure.
"""
_NUMBERED = {document: str(number) for number, document in enumerate(DOCUMENTS, start=1)}
_MAKER, _COPY, _CLOUD = (frozenset({who}) for who in ("maker", "copy", "cloud"))
_WHOSE = {
    "maker": "the maker's own",
    "copy": "the maker's, as others copy or quote it",
    "cloud": "of a cloud that rents it",
}


def generated() -> str:
    """Return the generated part, from its headline on."""
    parts = [BEGIN]
    for vendor in dict.fromkeys(model.vendor for model in MODELS.values()):
        models = [model for model in MODELS.values() if model.vendor == vendor]
        parts.append(f"### {vendor} ({len(models)})\n")
        parts.append(table(_COLUMNS, [_cells(model) for model in models]))
    parts.append("## Where the figures come from\n")
    parts.append("\n".join(f"- `{key}`: {title}." for key, title in SOURCES.items()) + "\n")
    parts.extend(_read_documents())
    return "\n".join(parts)


def rewritten(page: str) -> str:
    """Return the page with its generated part as it is now."""
    return page[: page.index(BEGIN)] + generated() if BEGIN in page else page + generated()


def _read_documents() -> list[str]:
    read = {said.model for said in SAID}
    shown = [model for model in MODELS.values() if model.name in read]
    unread = [model.name for model in MODELS.values() if model.name not in read]
    otherwise = [
        f"- {model.name}, document {_NUMBERED[document]}: {why}."
        for model in shown
        for document, why in differences(model)
    ]
    return [
        "## What each figure was held against\n",
        _counted() + "\n",
        _HOW_TO_READ,
        table(_EVIDENCE_COLUMNS, [_evidence(model) for model in shown]),
        f"Found in no document ({len(unread)} models): {', '.join(unread)}.\n",
        "### The documents\n",
        "\n".join(
            f"{number}. {DOCUMENTS[key][1]} ({_WHOSE[DOCUMENTS[key][0]]})."
            for key, number in _NUMBERED.items()
        )
        + "\n",
        "### Documents that say otherwise\n",
        "\n".join(otherwise) + "\n",
    ]


def _counted() -> str:
    ranks = Counter(
        _rank(model, figure)
        for model in MODELS.values()
        for figure in FIELDS
        if _has(model, figure)
    )
    return (
        f"Of {ranks.total()} figures of {len(MODELS)} models, {ranks['maker']} agree with a document of the maker"
        f" that was read itself, {ranks['copy']} with one that others copy or quote, {ranks['cloud']} with one of a"
        f" cloud that rents the model; {ranks['']} rest on knowledge of the document in the column *source* alone."
    )


def _rank(model: GpuModel, figure: str) -> str:
    for who in (_MAKER, _COPY, _CLOUD):
        if rests_on(model, figure, who=who):
            return next(iter(who))
    return ""


def _has(model: GpuModel, figure: str) -> bool:
    return bool(getattr(model, FIELDS[figure]))


def _evidence(model: GpuModel) -> tuple[str, ...]:
    return (model.name, *(_documents(model, figure) for figure in FIELDS))


def _documents(model: GpuModel, figure: str) -> str:
    own = ", ".join(_NUMBERED[one] for one in rests_on(model, figure, who=_MAKER))
    others = ", ".join(_NUMBERED[one] for one in rests_on(model, figure, who=_COPY | _CLOUD))
    text = " ".join(filter(None, (own, f"({others})" if others else "")))
    return text or ("-" if _has(model, figure) else "")


def _cells(model: GpuModel) -> tuple[str, ...]:
    return (
        model.name,
        model.family,
        f"{model.memory_gb} GB {model.memory_type}",
        _figure(model.bandwidth_gbs),
        _figure(model.tflops),
        _figure(model.fp8_tflops),
        model.architecture,
        model.compute_capability or "",
        model.interconnect,
        str(model.launch_year),
        model.source,
        ", ".join(model.aliases),
    )


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:g}"


if __name__ == "__main__":
    PAGE = Path(sys.argv[1])
    PAGE.write_text(rewritten(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
