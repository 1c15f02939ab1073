"""The generated half of the page of GPUs: every model with its figures, and the documents that they come from.

`python -m gpu_shopper.testing.gpu_page PAGE` writes it into the page, below what is written by hand.
"""

import sys
from pathlib import Path

from gpu_shopper.domain.gpu import MODELS, GpuModel
from gpu_shopper.domain.gpu_sources import CHECKED, COMPARED, SOURCES

BEGIN = "## The models\n"
_COLUMNS = (
    "model", "family", "memory", "GB/s", "16-bit", "FP8", "architecture", "CUDA", "link", "year", "source", "also written",
)  # fmt: skip


def generated() -> str:
    """Return the generated half, from its headline on."""
    parts = [BEGIN]
    for vendor in dict.fromkeys(model.vendor for model in MODELS.values()):
        models = [model for model in MODELS.values() if model.vendor == vendor]
        parts.append(f"### {vendor} ({len(models)})\n")
        parts.append(_table(models))
    parts.append("## Where the figures come from\n")
    parts.append("\n".join(_source(key, title) for key, title in SOURCES.items()) + "\n")
    return "\n".join(parts)


def rewritten(page: str) -> str:
    """Return the page with its generated half as it is now."""
    return page[: page.index(BEGIN)] + generated() if BEGIN in page else page + generated()


def _source(key: str, title: str) -> str:
    compared = f" Compared: {COMPARED[key]}." if key in COMPARED else ""
    return f"- `{key}`{' (checked)' if key in CHECKED else ''}: {title}.{compared}"


def _table(models: list[GpuModel]) -> str:
    lines = [_row(_COLUMNS), _row(("---",) * len(_COLUMNS)), *(_row(_cells(one)) for one in models)]
    return "\n".join(lines) + "\n"


def _row(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |".replace("|  |", "| |").replace("|  |", "| |")


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
