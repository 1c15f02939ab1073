"""What documents say of language models and what our table says is the same, or the difference is named."""

from pathlib import Path

import pytest

from gpu_shopper.domain.known_models import KNOWN_MODELS
from gpu_shopper.testing.model_evidence import EXPLAINED, FIGURES, SAID, Said, rests_on
from gpu_shopper.testing.model_evidence_table import DOCUMENTS
from gpu_shopper.testing.model_page import BEGIN, generated, rewritten

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "models.md"
# What decides the memory of weights and of a text, beside what only some models have.
DECIDES = ("layers", "hidden", "heads", "kv heads", "head size", "feed-forward", "vocabulary")
ONLY_SOME = ("moe", "in", "shared", "latent", "window", "state")
FOUND_NOWHERE = {
    "Mistral Small 3.1 24B", "Mistral Small 3.2 24B", "Devstral Small 24B", "Phi 3 Medium 128K", "Phi 3.5 MoE",
    "Kimi K2 0905", "Command A", "Granite 3.1 8B",
}  # fmt: skip
# Of these only the context was found.
CONTEXT_ALONE = {"Yi 6B", "Yi 9B"}


def said(model: str, figure: str, value: str) -> Said:
    return Said(document="aiconfigurator", model=model, figure=figure, value=value, differs=False)


def test_every_document_says_what_our_table_says_or_differs_knowingly() -> None:
    wrong = [one for one in SAID if one.agrees() == one.differs]

    assert [] == wrong


def test_each_difference_is_explained_and_nothing_else() -> None:
    assert set(EXPLAINED) == {(one.model, one.document) for one in SAID if one.differs}


def test_every_line_names_a_document_models_and_figures_that_there_are() -> None:
    assert set(DOCUMENTS) == {one.document for one in SAID}
    assert set(KNOWN_MODELS) == {one.model for one in SAID} | FOUND_NOWHERE
    assert set(FIGURES) == {one.figure for one in SAID}
    assert {who for who, _ in DOCUMENTS.values()} == {"maker", "copy"}


def test_no_document_says_one_thing_twice() -> None:
    keys = [(one.document, one.model, one.figure) for one in SAID]

    assert sorted(keys) == sorted(set(keys))


def test_the_shapes_rest_on_documents_but_for_what_is_named() -> None:
    alone = {
        (name, figure)
        for name, shape in KNOWN_MODELS.items()
        for figure in (*DECIDES, *ONLY_SOME)
        if FIGURES[figure](shape)
        and not any(rests_on(shape, figure, who=who) for who in ("maker", "copy"))
    }

    nothing = {
        (name, figure)
        for name in FOUND_NOWHERE | CONTEXT_ALONE
        for figure in (*DECIDES, *ONLY_SOME)
        if FIGURES[figure](KNOWN_MODELS[name])
    }
    assert {("OLMo 2 1B", "vocabulary")} == alone - nothing
    assert nothing <= alone


@pytest.mark.parametrize(
    ("one", "agrees"),
    [
        (said("Llama 3.1 8B", "kv heads", "8"), True),
        (said("Llama 3.1 8B", "kv heads", "32"), False),
        (said("DeepSeek V3", "moe", "256x2048 top 8"), True),
        (said("DeepSeek V3", "moe", "256x2048 top 6"), False),
        (said("DeepSeek V3", "in", "58"), True),
        (said("DeepSeek V3", "latent", "576"), True),
        (said("DeepSeek V3", "kv heads", "128"), False),  # They are latent: it has none to keep.
        (said("Llama 3.1 8B", "window", "4096"), False),
        (said("Gemma 3 1B", "window", "512"), True),
        (said("Qwen3 Next 80B A3B", "state", "548864"), True),
        (said("Llama 3.2 1B", "tied", "no"), False),
    ],
)
def test_a_figure_agrees_to_the_digit_or_not_at_all(one: Said, agrees: bool) -> None:
    assert agrees == one.agrees()


def test_the_page_is_as_the_tables_are() -> None:
    page = PAGE.read_text(encoding="utf-8")

    assert page == rewritten(page), "hint: make models"


def test_the_page_lists_every_model_once_and_what_it_was_held_against() -> None:
    models, held_against = generated().split("## What each figure was held against\n")

    for name in KNOWN_MODELS:
        assert 1 == models.count(f"\n| {name} |"), name
        in_the_list = f" {name}," in held_against or f" {name}." in held_against
        assert f"\n| {name} |" in held_against or in_the_list, name


def test_what_is_written_by_hand_stays_and_an_old_table_goes() -> None:
    assert f"By hand.\n{generated()}" == rewritten(f"By hand.\n{BEGIN}an old table")
    assert f"By hand.\n{generated()}" == rewritten("By hand.\n")
