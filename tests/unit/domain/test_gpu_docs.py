"""The page of GPU models and the table say the same."""

from pathlib import Path

from gpu_shopper.domain.gpu import MODELS, GpuModel

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "gpus.md"


def _row(model: GpuModel) -> str:
    capability = model.compute_capability or "–"
    cells = (model.name, model.family, f"{model.memory_gb} GB", model.architecture, capability)
    return f"| {' | '.join(cells)} | {model.launch_year} |"


def test_the_page_lists_every_model_as_the_table_has_it() -> None:
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    listed = [line for line in lines if line.startswith("| ")][1:]

    assert [_row(model) for model in MODELS.values()] == listed
