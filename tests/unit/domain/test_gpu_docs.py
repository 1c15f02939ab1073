"""The page of GPU models and the tables say the same."""

from pathlib import Path

from gpu_shopper.domain.gpu import MODELS
from gpu_shopper.testing.gpu_page import BEGIN, generated, rewritten

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "gpus.md"


def test_the_page_is_as_the_tables_are() -> None:
    page = PAGE.read_text(encoding="utf-8")

    assert page == rewritten(page), "hint: make gpus"


def test_the_page_lists_every_model_once() -> None:
    models, held_against = generated().split("## What each figure was held against\n")

    for name in MODELS:
        assert 1 == models.count(f"\n| {name} |"), name
        in_a_row, in_the_list = f"\n| {name} |" in held_against, f" {name}," in held_against
        assert in_a_row or in_the_list or f" {name}." in held_against, name


def test_what_is_written_by_hand_stays_and_an_old_table_goes() -> None:
    assert f"By hand.\n{generated()}" == rewritten(f"By hand.\n{BEGIN}an old table")
    assert f"By hand.\n{generated()}" == rewritten("By hand.\n")
