"""What documents say of GPU models and what our tables say is the same, or the difference is named."""

import pytest

from gpu_shopper.domain.gpu import MODELS
from gpu_shopper.testing.gpu_evidence import FIELDS, SAID, Said, rests_on
from gpu_shopper.testing.gpu_evidence_table import DIFFERENCES, DOCUMENTS

MAKER = frozenset({"maker"})
NOT_KNOWLEDGE = frozenset({"maker", "copy", "cloud"})
# The models on some forty clouds' lists, those with the most rows first.
RENTED = (
    "L4", "A100 40GB", "A100 80GB", "H100 PCIe", "RTX PRO 6000", "RTX A6000", "T4", "V100 16GB", "A16", "RTX A5000", "L40S",
    "H200", "RTX A4000", "K80", "A40", "M60", "Radeon Pro V520", "V100 32GB", "RTX 6000 Ada", "P100 16GB", "A10G", "L40",
    "Quadro RTX 5000", "K520", "RTX 4090", "B200", "RTX 5090", "H100 SXM", "A10", "RTX 3080 Ti", "P4", "Quadro RTX 4000",
    "Gaudi", "Quadro RTX 6000", "RTX 4000 Ada", "GH200",
)  # fmt: skip
# Figures of theirs that were found nowhere.
KNOWLEDGE_ALONE = {
    ("GH200", "bandwidth"), ("GH200", "tflops"), ("K520", "memory"), ("K520", "bandwidth"), ("Gaudi", "bandwidth"),
    ("M60", "bandwidth"), ("M60", "tflops"), ("Quadro RTX 4000", "bandwidth"), ("RTX 3080 Ti", "memory"),
    ("RTX 3080 Ti", "bandwidth"), ("RTX 3080 Ti", "tflops"), ("RTX 4000 Ada", "bandwidth"), ("RTX PRO 6000", "tflops"),
    ("Radeon Pro V520", "bandwidth"), ("Radeon Pro V520", "tflops"), ("K520", "cuda"), ("A10G", "cuda"),
}  # fmt: skip
# Held against two documents of the maker's own at least, in all that decides what one rents.
TWICE = (
    "A100 80GB", "A30", "B200", "B300", "H100 PCIe", "H100 SXM", "H200", "L4", "L40S",
)  # fmt: skip


def test_every_document_says_what_our_tables_say_or_differs_knowingly() -> None:
    wrong = [said for said in SAID if said.agrees() == said.differs]

    assert [] == wrong


def test_each_difference_is_explained_and_nothing_else() -> None:
    assert set(DIFFERENCES) == {(said.model, said.document) for said in SAID if said.differs}


def test_every_line_names_a_document_models_and_figures_that_there_are() -> None:
    assert set(DOCUMENTS) == {said.document for said in SAID}
    assert set(MODELS) >= {said.model for said in SAID}
    assert set(FIELDS) >= {said.figure for said in SAID}
    assert {who for who, _ in DOCUMENTS.values()} == NOT_KNOWLEDGE


def test_no_document_says_one_thing_twice() -> None:
    keys = [(said.document, said.model, said.figure) for said in SAID]

    assert sorted(keys) == sorted(set(keys))


@pytest.mark.parametrize("name", RENTED)
def test_what_is_rented_rests_on_documents_but_for_what_is_named(name: str) -> None:
    model = MODELS[name]
    known = [
        figure
        for figure in ("memory", "bandwidth", "tflops", "cuda")
        if getattr(model, FIELDS[figure])
    ]

    alone = {(name, one) for one in known if not rests_on(model, one, who=NOT_KNOWLEDGE)}

    assert {pair for pair in KNOWLEDGE_ALONE if pair[0] == name} == alone


@pytest.mark.parametrize("name", TWICE)
@pytest.mark.parametrize("figure", ["memory", "bandwidth", "tflops"])
def test_what_is_rented_most_agrees_with_two_documents_of_its_maker(name: str, figure: str) -> None:
    twice = 1 if (name, figure) == ("L40S", "memory") else 2

    assert len(rests_on(MODELS[name], figure, who=MAKER)) >= twice


@pytest.mark.parametrize(
    ("model", "figure", "value", "agrees"),
    [
        ("A100 80GB", "bandwidth", "1940", True),
        ("A100 80GB", "bandwidth", "2039", False),
        ("A100 80GB", "fp8", "624", False),
        ("A100 80GB", "kind", "HBM2", False),
        ("A100 80GB", "cuda", "8.0", True),
        ("A100 80GB", "cuda", "8.6", False),
        ("A100 80GB", "link", "600 GB/s", True),
        ("A100 80GB", "link", "NVLink 3, 600 GB/s", True),
        ("A100 80GB", "link", "NVLink 4, 600 GB/s", False),
        ("A100 80GB", "link", "400 GB/s", False),
        ("L4", "link", "PCIe 4.0", True),
        ("L4", "link", "PCIe 4.0 x8", False),
        ("L4", "year", "2023", True),
        ("L4", "year", "2022", False),
    ],
)
def test_to_agree_is_to_say_the_same_within_a_hundredth(
    model: str, figure: str, value: str, agrees: bool
) -> None:
    said = Said(document="cuda-gpus", model=model, figure=figure, value=value, differs=False)

    assert agrees == said.agrees()
