"""A row's GPUs are read as a human would read them, and nothing but a senseless count is refused."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpu_shopper.domain.gpu import MODELS, GpuModel
from gpu_shopper.domain.gpu_reading import GpuRead, NotAnOffer, read_row

LARGEST = max(model.memory_gb for model in MODELS.values())
WRONG = [
    ("A100", 8, 10),
    ("A5000", 4, 18),
    ("A100", 1, 4),
    ("GRID T4-32Q",),
    ("H100",),
    ("8x A100", 4, 10),
]


def read(*row: object) -> tuple[str, int, float, int]:
    gpu = read_row(*row)  # type: ignore[arg-type]
    assert gpu.known, gpu
    return gpu.gpu_type, gpu.gpu_count, round(gpu.gpu_fraction, 3), gpu.vram_gb


@pytest.mark.parametrize(
    ("row", "sold"),
    [
        (("A100", 8, 80), ("A100 80GB", 8, 1, 80)),
        (("A100", 8, 640), ("A100 80GB", 8, 1, 80)),
        (("A100", 8, 320), ("A100 40GB", 8, 1, 40)),
        (("A100", 8, 10), ("A100 80GB", 8, 1, 80)),
        (("A100", 2, 40), ("A100 40GB", 2, 1, 40)),
        (("A100", 2, 160), ("A100 80GB", 2, 1, 80)),
        (("H100", 2, 40), ("H100 PCIe", 2, 1, 80)),
        (("H100 NVL", 2, 188), ("H100 NVL", 2, 1, 94)),
        (("MI300X", 8, 1536, "AMD"), ("MI300X", 8, 1, 192)),
        (("A5000", 4, 18), ("RTX A5000", 4, 1, 24)),
        (("A4000", 8, 8), ("RTX A4000", 8, 1, 16)),
        (("K80", 2, 12), ("K80", 2, 1, 12)),
        (("L4", 1, 22), ("L4", 1, 1, 24)),
        (("L40S", 4, 44), ("L40S", 4, 1, 48)),
        (("RTX 4090", 1, 24_564 / 1024), ("RTX 4090", 1, 1, 24)),
    ],
)
def test_memory_of_one_of_all_and_divided_once_too_often(row: tuple, sold: tuple) -> None:
    assert sold == read(*row)


@pytest.mark.parametrize(
    ("row", "sold"),
    [
        (("RTXPRO6000", 0.125, 96), ("RTX PRO 6000", 1, 0.125, 12)),
        (("RTXPRO6000", "1/8", 12), ("RTX PRO 6000", 1, 0.125, 12)),
        (("RTXPRO6000", 0.5, None), ("RTX PRO 6000", 1, 0.5, 48)),
        (("A100", 0.5, 40), ("A100 40GB", 1, 0.5, 20)),
        (("NVIDIA A16", 1, 2), ("A16", 1, 0.125, 2)),
        (("NVIDIA A100", 1, 4), ("A100 80GB", 1, 0.05, 4)),
        (("NVIDIA A40", 1, 24), ("A40", 1, 0.5, 24)),
        (("H100", 1, 10), ("H100 PCIe", 1, 0.125, 10)),
        (("A100 80GB", 1, 19.9), ("A100 80GB", 1, 0.25, 19)),
        (("A100 80GB", 1, 2.5), ("A100 80GB", 1, 0.031, 2)),
        (("NVIDIA A100-SXM4-80GB MIG 1g.10gb", 1, 10), ("A100 80GB", 1, 0.143, 10)),
        (("A100 1g.5gb",), ("A100 40GB", 1, 0.143, 5)),
        (("A100 (MIG 2g.20gb)",), ("A100 80GB", 1, 0.286, 20)),
        (("H100 MIG 3g.40gb",), ("H100 PCIe", 1, 0.429, 40)),
        (("H100 SXM5 MIG 1g.20gb+me",), ("H100 SXM", 1, 0.143, 20)),
        (("H100 1g.12gb",), ("H100 NVL", 1, 0.143, 12)),
        (("H200 MIG 1g.18gb",), ("H200", 1, 0.143, 18)),
        (("A30 2g.12gb",), ("A30", 1, 0.5, 12)),
        (("RTX PRO 6000 1g.24gb",), ("RTX PRO 6000", 1, 0.25, 24)),
        (("A100 MIG 7g.80gb",), ("A100 80GB", 1, 1, 80)),
        (("GRID T4-16Q", 1), ("T4", 1, 1, 16)),
        (("NVIDIA A10-12Q", 1), ("A10", 1, 0.5, 12)),
        (("GRID T4-1Q",), ("T4", 1, 0.062, 1)),
        (("NVIDIA A100-8C",), ("A100 80GB", 1, 0.1, 8)),
    ],
)
def test_parts_of_a_gpu_keep_its_name_and_their_own_memory(row: tuple, sold: tuple) -> None:
    assert sold == read(*row)


@pytest.mark.parametrize(
    ("row", "sold"),
    [
        (("8x A100 80GB",), ("A100 80GB", 8, 1, 80)),
        (("gpu_8x_h100_sxm5", 8), ("H100 SXM", 8, 1, 80)),
        (("RTX 5090 x2",), ("RTX 5090", 2, 1, 32)),
        (("4 × L40S", None), ("L40S", 4, 1, 48)),
        (("A10", "2x"), ("A10", 2, 1, 24)),
        (("8x A100 80GB", 1), ("A100 80GB", 1, 1, 80)),
        (("MI300X",), ("MI300X", 1, 1, 192)),
    ],
)
def test_a_count_may_stand_in_the_name_and_the_lesser_of_two_is_believed(
    row: tuple, sold: tuple
) -> None:
    assert sold == read(*row)


@pytest.mark.parametrize(
    ("name", "sold"),
    [
        ("A100 80GB 2g.10gb", ("A100 80GB", 1, 0.286, 10)),
        ("A100 80GB 2g.40gb", ("A100 80GB", 1, 0.286, 40)),
        ("A100 80GB 3g.80gb", ("A100 80GB", 1, 0.429, 80)),
        ("H100 1g.11gb", ("H100 NVL", 1, 0.143, 11)),
        ("B300 7g.250gb", ("B300", 1, 1, 250)),
    ],
)
def test_a_slice_may_have_more_or_less_memory_than_is_usual(name: str, sold: tuple) -> None:
    assert sold == read(name)


@pytest.mark.parametrize("name", ["A30 3g.12gb", "A100 1g.6gb", "GRID T4-0Q", "GRID T4-32Q"])
def test_a_slice_or_profile_that_no_model_is_cut_into_is_unknown(name: str) -> None:
    gpu = read_row(name)

    assert (name, 1, 1, 0, False) == (
        gpu.gpu_type, gpu.gpu_count, gpu.gpu_fraction, gpu.vram_gb, gpu.known,
    )  # fmt: skip


def test_memory_is_taken_for_cut_off_only_where_it_is_whole() -> None:
    assert ("L4", 24) == (read_row("L4", 1, 22).gpu_type, read_row("L4", 1, 22).vram_gb)
    assert not read_row("L4", 1, 21.9).known


def test_what_the_row_got_wrong_is_said() -> None:
    notes = [read_row(*row).note for row in WRONG]

    assert [
        "10 GB is the memory of one, divided by 8",
        "18 GB contradicts the 24 GB of RTX A5000",
        "4 GB is 1/20 of one",
        "unknown GPU 'GRID T4-32Q'",
        "the row leaves open which H100",
        "the name says 8 GPUs, the row 4; 10 GB is the memory of one, divided by 4",
    ] == notes


@pytest.mark.parametrize(
    "row",
    [
        ("L4",),
        ("8x L4", 8),
        ("A100", 1, 80),
        ("RTXPRO6000", "1/8", 12),
        ("RTX 3080",),
        ("H100 80GB",),
    ],
)
def test_of_a_row_that_leaves_nothing_open_nothing_is_said(row: tuple) -> None:
    assert not read_row(*row).note


@pytest.mark.parametrize(
    ("row", "sold"),
    [
        (("  Voodoo \n 2 ", 1, 12), GpuRead(gpu_type="Voodoo 2", gpu_count=1, gpu_fraction=1, vram_gb=12, known=False, note="unknown GPU 'Voodoo 2'")),
        (("", 2), GpuRead(gpu_type="unknown GPU", gpu_count=2, gpu_fraction=1, vram_gb=0, known=False, note="unknown GPU ''")),
        (("A100", 1, 23), GpuRead(gpu_type="A100", gpu_count=1, gpu_fraction=1, vram_gb=24, known=False, note="unknown GPU 'A100 with 23 GB'")),
        (("A100 5g.3gb",), GpuRead(gpu_type="A100 5g.3gb", gpu_count=1, gpu_fraction=1, vram_gb=0, known=False, note="unknown GPU 'A100 40GB MIG 5g.3gb'")),
        (("RTX 4090 Laptop GPU", 1, 16), GpuRead(gpu_type="RTX 4090 Laptop GPU", gpu_count=1, gpu_fraction=1, vram_gb=16, known=False, note="unknown GPU 'RTX 4090 Laptop GPU'")),
        (("X9000", 8, 1536), GpuRead(gpu_type="X9000", gpu_count=8, gpu_fraction=1, vram_gb=192, known=False, note="unknown GPU 'X9000'")),
        (("X9000", 1, 99_999), GpuRead(gpu_type="X9000", gpu_count=1, gpu_fraction=1, vram_gb=0, known=False, note="unknown GPU 'X9000'")),
        (("MI300X", 1, 192, "NVIDIA Corporation"), GpuRead(gpu_type="MI300X", gpu_count=1, gpu_fraction=1, vram_gb=192, known=False, note="unknown GPU 'MI300X of nvidia'")),
    ],
    ids=lambda value: repr(value)[:30].replace("\\", ""),
)  # fmt: skip
def test_an_unknown_gpu_keeps_the_clouds_own_name(row: tuple, sold: GpuRead) -> None:
    assert sold == read_row(*row)


@pytest.mark.parametrize(
    ("count", "memory", "each"),
    [(8, 24, 24), (2, LARGEST, LARGEST), (2, 2 * LARGEST, LARGEST), (2, 3 * LARGEST, 0)],
)
def test_memory_that_one_gpu_may_have_is_that_of_each_unknown_one(
    count: int, memory: int, each: int
) -> None:
    assert each == read_row("X9000", count, memory).vram_gb


def test_what_cannot_be_printed_stands_between_words() -> None:
    assert "Voodoo 2" == read_row("Voodoo\x002\x1b").gpu_type


@pytest.mark.parametrize("name", ["A100", "A100 1g.5gb", "T4-8Q"])
def test_a_gpu_or_a_part_of_one_that_its_maker_does_not_make_is_unknown(name: str) -> None:
    assert read_row(name, 1, None, "NVIDIA").known
    assert not read_row(name, 1, None, "AMD").known


def test_a_rack_may_be_sold_and_no_more() -> None:
    assert 4096 == read_row("A100", 4096, 80).gpu_count
    with pytest.raises(NotAnOffer):
        read_row("A100", 4097, 80)


@pytest.mark.parametrize("count", [0, -1, math.nan, math.inf, "none", "", "1/0", "0", 1e9])
def test_a_row_without_a_gpu_is_no_offer(count: float | str) -> None:
    with pytest.raises(NotAnOffer) as caught:
        read_row("A100", count, 80)

    assert repr(count) in str(caught.value)


@pytest.mark.parametrize("memory", [None, 0, -1, math.nan, math.inf])
def test_memory_that_is_none_decides_nothing(memory: float | None) -> None:
    assert ("RTX 3090", 2, 1, 24) == read("RTX 3090", 2, memory)


@given(
    model=st.sampled_from(list(MODELS.values())),
    count=st.integers(min_value=1, max_value=16),
    shown=st.sampled_from(["one", "all", "nothing"]),
)
def test_every_model_comes_back_however_its_memory_is_counted(
    model: GpuModel, count: int, shown: str
) -> None:
    memory = {"one": model.memory_gb, "all": model.memory_gb * count, "nothing": None}[shown]

    gpu = read_row(model.name, count, memory, model.vendor)

    assert gpu.known
    assert (count, 1) == (gpu.gpu_count, gpu.gpu_fraction)
    if shown != "all":
        assert (model.name, model.memory_gb) == (gpu.gpu_type, gpu.vram_gb)
    assert MODELS[gpu.gpu_type].family == model.family


@given(
    name=st.text(max_size=130) | st.sampled_from(["A100", "H100 1g.10gb", "T4-8Q", "2x L4"]),
    count=st.none() | st.floats() | st.text(max_size=5),
    memory=st.none() | st.floats(),
    vendor=st.text(max_size=8) | st.sampled_from(["nvidia", "AMD"]),
)
def test_any_row_is_read_or_refused(
    name: str, count: float | str | None, memory: float | None, vendor: str
) -> None:
    try:
        gpu = read_row(name, count, memory, vendor)
    except NotAnOffer:
        return
    assert gpu.gpu_type
    assert gpu.gpu_count >= 1
    assert 0 < gpu.gpu_fraction <= 1
    assert gpu.vram_gb >= 0
