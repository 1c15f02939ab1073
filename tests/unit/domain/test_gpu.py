"""Every way of writing a GPU's name leads to one model, or to a clear no."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpu_shopper.domain.errors import UnknownGpu
from gpu_shopper.domain.gpu import (
    FAMILIES,
    MODELS,
    GpuModel,
    aliases_of,
    candidates,
    known_gpus,
    match_gpus,
    normalise,
    of_size,
    read_gpu,
    same_gpu,
    sold_memory_gb,
)

SPELLINGS = [
    ("RTX 4090", "RTX 4090"),
    ("rtx4090", "RTX 4090"),
    ("RTX_4090", "RTX 4090"),
    ("4090", "RTX 4090"),
    ("geforcertx4090-pcie-24gb", "RTX 4090"),
    ("NVIDIA GeForce RTX 4090", "RTX 4090"),
    ("NVIDIA GeForce RTX 4090 D", "RTX 4090 D"),
    ("geforce rtx 4090-pcie-48gb", "RTX 4090 48GB"),
    ("RTX_4070S_Ti", "RTX 4070 Ti Super"),
    ("RTX_4070S", "RTX 4070 Super"),
    ("RTX 3080 12GB", "RTX 3080 12GB"),
    ("3080Ti", "RTX 3080 Ti"),
    ("NVIDIA H100 80GB HBM3", "H100 SXM"),
    ("NVIDIA H100 PCIe", "H100 PCIe"),
    ("NVIDIA H100 NVL", "H100 NVL"),
    ("H100 94GB", "H100 NVL"),
    ("H100 SXM5", "H100 SXM"),
    ("h100-sxm5-80gb", "H100 SXM"),
    ("H100 (80 GB SXM5)", "H100 SXM"),
    ("H100 SXM 80GB", "H100 SXM"),
    ("H100 HGX", "H100 SXM"),
    ("nvidia-h100-mega-80gb", "H100 SXM"),
    ("NVIDIA H200", "H200"),
    ("H200 141GB NVL", "H200 NVL"),
    ("NVIDIA GH200 480GB", "GH200"),
    ("NVIDIA GH200 144G HBM3e", "GH200 144GB"),
    ("A100-80G", "A100 80GB"),
    ("A100 SXM4 80GB", "A100 80GB"),
    ("A100 SXM 40GB", "A100 40GB"),
    ("NVIDIA A100-SXM4-40GB", "A100 40GB"),
    ("NVIDIA A100 80GB PCIe", "A100 80GB"),
    ("Tesla T4", "T4"),
    ("T4G", "T4G"),
    ("NVIDIA A10G Tensor Core GPU", "A10G"),
    ("A6000", "RTX A6000"),
    ("RTX_6000Ada", "RTX 6000 Ada"),
    ("NVIDIA RTX 6000 Ada Generation", "RTX 6000 Ada"),
    ("Q_RTX_8000", "Quadro RTX 8000"),
    ("RTXPRO6000", "RTX PRO 6000"),
    ("NVIDIA RTX PRO 6000 Blackwell Server Edition", "RTX PRO 6000"),
    ("NVIDIA RTX PRO 6000 Blackwell Max-Q Workstation Edition", "RTX PRO 6000 Max-Q"),
    ("Tesla V100-FHHL-16GB", "V100 16GB"),
    ("Tesla V100-SXM2-32GB", "V100 32GB"),
    ("Tesla V100-SXM3-32GB", "V100 32GB"),
    ("V100 SXM 32GB", "V100 32GB"),
    ("Tesla P100-PCIE-16GB", "P100 16GB"),
    ("AMD Instinct MI300X OAM", "MI300X"),
    ("Gaudi HL-205", "Gaudi"),
    ("A100 80 GPU", "A100 80GB"),
    ("B200 179.1 GB", "B200"),
    ("Gaudi 32GB", "Gaudi"),
    ("Gaudi 3 128GB", "Gaudi 3"),
    ("Trainium 32 GB", "Trainium"),
    ("HGX H100", "H100 SXM"),
    ("H100-80G-PCIe-NVLink", "H100 PCIe"),
    ("RTX-PRO6000-SE", "RTX PRO 6000"),
    ("NVIDIA B300 SXM6 AC", "B300"),
    ("Tesla V100-DGXS-32GB", "V100 32GB"),
    ("AMD Instinct MI325X", "MI325X"),
    ("AMD Radeon PRO W7900", "Radeon Pro W7900"),
    ("MI210 CDNA2", "MI210"),
    ("Intel Data Center GPU Max 1550", "Max 1550"),
    ("Google Cloud TPU v5e", "TPU v5e"),
    ("tpu-v5-lite-podslice", "TPU v5e"),
    ("TPU7x", "TPU v7"),
    ("AWS Inferentia2", "Inferentia2"),
    ("nvidia-tesla-t4-vws", "T4"),
]

STRANGERS = [
    "",
    "   ",
    "gpu",
    "nvidia",
    "RTX 4095",
    "NVIDIA GeForce RTX 4090 Laptop GPU",
    "Quadro RTX 6000 with Max-Q Design",
    "NVIDIA A100-SXM4-80GB MIG 1g.10gb",
    "A100 1g.10gb",
    "A100 7g.40gb",
    "GRID T4-16Q",
    "NVIDIA A40-48Q",
    "NVIDIA MI300X",
    "RTX 6000 Blackwell",
    "A6000 Ada",
    "A100 23 GB",
    "2x RTX 4090",
    "Gaudi 2GB",
    "AWS TPU v5e",
    "nvidia" * 40,
    "A100" + "1g" * 45,
]


@pytest.mark.parametrize(("text", "name"), SPELLINGS)
def test_the_ways_in_which_clouds_and_drivers_write_a_gpu_are_understood(
    text: str, name: str
) -> None:
    assert name == read_gpu(text).name


@pytest.mark.parametrize("text", STRANGERS)
def test_what_is_not_wholly_understood_is_unknown(text: str) -> None:
    with pytest.raises(UnknownGpu):
        read_gpu(text)


@given(
    model=st.sampled_from(list(MODELS.values())),
    separators=st.lists(st.sampled_from(["", " ", "-", "_", "  "]), min_size=8, max_size=8),
    case=st.sampled_from([str.lower, str.upper, str.title, str]),
    prefixed=st.booleans(),
)
def test_every_spelling_of_a_canonical_name_reads_back(
    model: GpuModel, separators: list[str], case: type[str], prefixed: bool
) -> None:
    words = [*([model.vendor] if prefixed else []), *model.name.split()]
    text = "".join(word + separator for word, separator in zip(words, separators, strict=False))

    assert model == read_gpu(case(text))
    assert frozenset({model.name}) == match_gpus(case(text))


@given(
    model=st.sampled_from(list(MODELS.values())),
    written=st.sampled_from(["{name} {gb}GB", "{name}-{gb}g", "{gb_first}"]),
)
def test_the_memory_of_a_model_may_follow_its_name(model: GpuModel, written: str) -> None:
    gb = model.memory_gb
    text = written.format(name=model.name, gb=gb, gb_first=f"{model.name} ({gb} GiB)")

    assert model == read_gpu(text)


@pytest.mark.parametrize("model", MODELS.values(), ids=str)
def test_every_alias_reads_as_its_model(model: GpuModel) -> None:
    assert {model} == {read_gpu(alias) for alias in aliases_of(model)}


def test_no_two_models_share_an_alias() -> None:
    owners: dict[str, set[str]] = {}
    for model in MODELS.values():
        for alias in aliases_of(model):
            owners.setdefault(alias, set()).add(model.name)

    assert {} == {alias: names for alias, names in owners.items() if len(names) > 1}


def test_a_family_named_like_a_model_contains_it() -> None:
    namesakes = {family: MODELS.get(family) for family in FAMILIES}

    assert all(model in FAMILIES[name] for name, model in namesakes.items() if model)


def test_no_family_is_an_alias_of_a_stranger() -> None:
    for family, members in FAMILIES.items():
        owners = {model.name for model in MODELS.values() if normalise(family) in aliases_of(model)}
        assert owners <= {model.name for model in members}, family


@pytest.mark.parametrize(
    ("text", "memory_gb", "name"),
    [
        ("A100", 40, "A100 40GB"),
        ("A100", 80, "A100 80GB"),
        ("A100", 81.92, "A100 80GB"),
        ("A100", None, "A100 40GB"),
        ("H100", 80, "H100 PCIe"),
        ("H100", 94, "H100 NVL"),
        ("V100", 31.7, "V100 32GB"),
        ("RTX 4090", 48, "RTX 4090 48GB"),
        ("RTX 4090", 24.564, "RTX 4090"),
        ("RTX 6000", 24, "Quadro RTX 6000"),
        ("RTX 6000", 48, "RTX 6000 Ada"),
        ("RTX4000", 20, "RTX 4000 Ada"),
        ("A16", 64, "A16"),
        ("B200", 192, "B200"),
        ("A100", 82.4, "A100 80GB"),
        ("B300", 248.4, "B300"),
    ],
)
def test_memory_decides_what_the_name_leaves_open(
    text: str, memory_gb: float | None, name: str
) -> None:
    assert name == read_gpu(text, memory_gb=memory_gb).name


def test_of_two_models_that_memory_fits_the_closer_one_comes_first() -> None:
    smaller, larger = MODELS["H100 NVL"], MODELS["RTX PRO 6000"]

    for models in ((smaller, larger), (larger, smaller)):
        assert (smaller, larger) == of_size(models, 94)
        assert (larger, smaller) == of_size(models, 95.9)


def test_memory_that_no_such_gpu_has_is_not_explained_away() -> None:
    with pytest.raises(UnknownGpu) as caught:
        read_gpu("A100", memory_gb=10)

    assert ("A100 with 10 GB", ("A100 40GB", "A100 80GB")) == (
        caught.value.name,
        caught.value.nearest,
    )


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("A100", {"A100 40GB", "A100 80GB"}),
        ("a100-80g", {"A100 80GB"}),
        ("H100", {"H100 PCIe", "H100 SXM", "H100 NVL"}),
        ("H100 80GB", {"H100 PCIe", "H100 SXM"}),
        ("h100 sxm5", {"H100 SXM"}),
        ("V100", {"V100 16GB", "V100 32GB"}),
        ("RTX 4090", {"RTX 4090"}),
        ("4090", {"RTX 4090"}),
        ("RTX 3080", {"RTX 3080"}),
        ("4060 Ti", {"RTX 4060 Ti 8GB", "RTX 4060 Ti 16GB"}),
        ("RTX 6000", {"Quadro RTX 6000", "RTX 6000 Ada"}),
    ],
)
def test_a_request_for_a_family_allows_all_of_it_and_a_name_only_itself(
    text: str, names: set[str]
) -> None:
    assert names == match_gpus(text)


@pytest.mark.parametrize(
    ("text", "nearest"),
    [
        ("RTX 4091", "RTX 4090"),
        ("NVIDIA GeForce RTX 4090 Laptop GPU", "RTX 4090"),
        ("H1000", "H100"),
        ("L4OS", "L40S"),
        ("RTX A600", "RTX A6000"),
    ],
)
def test_an_unknown_name_comes_back_with_the_nearest_known_ones(text: str, nearest: str) -> None:
    with pytest.raises(UnknownGpu) as caught:
        match_gpus(text)

    assert nearest in caught.value.nearest
    assert nearest in caught.value.hint


@pytest.mark.parametrize("text", ["RTX 4091", "RTX PRO 6000 SX"])
def test_three_models_are_named_as_near_however_many_aliases_each_has(text: str) -> None:
    with pytest.raises(UnknownGpu) as caught:
        match_gpus(text)

    assert 3 == len({*caught.value.nearest}) == len(caught.value.nearest)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("A100", ["A100 40GB", "A100 80GB"]),
        ("A100 40GB", ["A100 40GB"]),
        ("RTX 3080", ["RTX 3080", "RTX 3080 12GB", "RTX 3080 20GB"]),
    ],
)
def test_all_that_a_name_leaves_open_is_told_and_no_more(text: str, names: list[str]) -> None:
    assert names == [model.name for model in candidates(text)]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("A100", {"A100 40GB", "A100 80GB"}),
        ("RTX 4090" + 92 * " ", {"RTX 4090"}),
        ("RTX 4090" + 93 * " ", set()),
        ("RTX 4095", set()),
        ("A100 7g.40gb", set()),
    ],
)
def test_words_that_may_be_a_name_are_tried_without_harm(text: str, names: set[str]) -> None:
    assert names == known_gpus(text)


@given(st.text(max_size=120))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        model = read_gpu(text)
    except UnknownGpu:
        return
    assert MODELS[model.name] is model


@pytest.mark.parametrize(
    ("mib", "gb"),
    [
        (24_564, 24), (24_576, 24), (23_034, 24), (81_559, 80), (81_920, 80), (32_607, 32),
        (49_140, 48), (46_068, 48), (143_771, 141), (15_360, 16), (16_376, 16), (11_441, 12),
        (11_264, 11), (12_288, 12), (10_240, 10), (22_528, 22), (20_475, 20), (95_830, 94),
        (97_871, 96), (183_359, 180), (275_040, 270), (196_592, 192), (40_960, 40), (8_192, 8),
        (6_144, 6), (500 * 1024, 500),
    ],
)  # fmt: skip
def test_what_a_driver_shows_is_the_size_that_was_sold(mib: int, gb: int) -> None:
    assert gb == sold_memory_gb(mib)


@pytest.mark.parametrize(
    ("sold", "seen", "mib"),
    [
        ("RTX 4090", "NVIDIA GeForce RTX 4090", 24_564),
        ("A100 80GB", "NVIDIA A100-SXM4-80GB", 81_920),
        ("A100 80GB", "NVIDIA A100 80GB PCIe", 81_920),
        ("A100 80GB", "NVIDIA A100", 81_920),
        ("A100 40GB", "NVIDIA A100-PCIE-40GB", 40_960),
        ("H100 SXM", "NVIDIA H100 80GB HBM3", 81_559),
        ("H100 PCIe", "NVIDIA H100 PCIe", 81_559),
        ("H100 PCIe", "NVIDIA H100 80GB HBM3", 81_559),
        ("H100 NVL", "NVIDIA H100 NVL", 95_830),
        ("H200", "NVIDIA H200", 143_771),
        ("B200", "NVIDIA B200", 183_359),
        ("GH200", "NVIDIA GH200 480GB", 97_871),
        ("A40", "NVIDIA A40", 46_068),
        ("T4", "Tesla T4", 15_360),
        ("K80", "Tesla K80", 11_441),
        ("RTX 6000 Ada", "NVIDIA RTX 6000 Ada Generation", 49_140),
        ("Quadro RTX 6000", "Quadro RTX 6000", 24_220),
        ("MI300X", "AMD Instinct MI300X OAM", 196_592),
    ],
)
def test_the_gpu_that_was_sold_is_recognised(sold: str, seen: str, mib: int) -> None:
    assert same_gpu(MODELS[sold], seen, mib)


@pytest.mark.parametrize(
    ("sold", "seen", "mib"),
    [
        ("RTX 4090", "NVIDIA GeForce RTX 4090 D", 24_564),
        ("RTX 4090 D", "NVIDIA GeForce RTX 4090", 24_564),
        ("RTX 4090", "NVIDIA GeForce RTX 4090 Laptop GPU", 16_376),
        ("RTX 4090", "NVIDIA GeForce RTX 4090", 12_282),
        ("RTX 4090", "NVIDIA GeForce RTX 3090", 24_576),
        ("RTX 4090", "", 24_564),
        ("RTX 4090", "NVIDIA GeForce RTX 4090", 0),
        ("A100 80GB", "NVIDIA A100-SXM4-40GB", 40_960),
        ("A100 80GB", "NVIDIA A100-SXM4-80GB", 9_856),
        ("A100 80GB", "NVIDIA A100-SXM4-80GB MIG 1g.10gb", 9_856),
        ("A100 40GB", "NVIDIA A100-SXM4-80GB", 81_920),
        ("H100 SXM", "NVIDIA H100 PCIe", 81_559),
        ("H100 PCIe", "NVIDIA H100 NVL", 95_830),
        ("H200", "NVIDIA H200 NVL", 143_771),
        ("H200 NVL", "NVIDIA H200", 143_771),
        ("RTX 6000 Ada", "Quadro RTX 6000", 24_220),
        ("RTX A6000", "NVIDIA RTX 6000 Ada Generation", 49_140),
        ("T4", "GRID T4-16Q", 16_384),
        ("K80", "Tesla K80", 24_000),
    ],
)
def test_another_gpu_than_the_one_sold_is_noticed(sold: str, seen: str, mib: int) -> None:
    assert not same_gpu(MODELS[sold], seen, mib)
