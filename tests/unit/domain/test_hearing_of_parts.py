"""Whether a node that was sold as a part of a GPU shows that part."""

import pytest

from gpu_shopper.domain.hearing import GpuSeen, Verdict, judge
from gpu_shopper.testing.builders import a_report, an_offer


@pytest.mark.parametrize(
    ("name", "mib", "verdict"),
    [
        ("NVIDIA A100-SXM4-80GB MIG 1g.10gb", 9_856, Verdict.AS_SOLD),
        ("NVIDIA A100-SXM4-80GB", 81_920, Verdict.AS_SOLD),
        ("NVIDIA A100-SXM4-80GB MIG 1g.5gb", 4_864, Verdict.NOT_AS_SOLD),
        ("NVIDIA A100-SXM4-40GB MIG 1g.5gb", 4_864, Verdict.NOT_AS_SOLD),
        ("NVIDIA A100-SXM4-80GB", 8_192, Verdict.NOT_AS_SOLD),
        ("NVIDIA H100 80GB HBM3 MIG 1g.10gb", 9_984, Verdict.NOT_AS_SOLD),
        ("NVIDIA Zeta", 81_920, Verdict.NOT_AS_SOLD),
        # Within a container the driver tells no memory: then the profile's name has it.
        ("NVIDIA A100-SXM4-80GB MIG 1g.10gb", 0, Verdict.AS_SOLD),
        ("NVIDIA A100-SXM4-80GB MIG 1g.20gb", 0, Verdict.AS_SOLD),
        ("NVIDIA A100-SXM4-80GB MIG 7g.80gb", 0, Verdict.AS_SOLD),
        ("NVIDIA A100-SXM4-40GB MIG 1g.5gb", 0, Verdict.NOT_AS_SOLD),
        ("NVIDIA H100 80GB HBM3 MIG 1g.10gb", 0, Verdict.NOT_AS_SOLD),
        # And if there is not even that, nothing can be told.
        ("NVIDIA A100-SXM4-80GB", 0, Verdict.NOT_READABLE),
        ("NVIDIA H100 80GB HBM3", 0, Verdict.NOT_AS_SOLD),
    ],
)
def test_of_a_part_a_node_may_show_itself_or_the_whole(
    name: str, mib: int, verdict: Verdict
) -> None:
    sold = an_offer(gpu_type="A100 80GB", gpu_fraction=1 / 7, vram_gb=10, gpu_count=1)

    assert verdict is judge(sold, a_report(gpus=(GpuSeen(name, mib),)))


@pytest.mark.parametrize(
    ("fraction", "name", "verdict"),
    [
        (2 / 7, "NVIDIA A100-SXM4-80GB MIG 2g.20gb", Verdict.AS_SOLD),
        (0.25, "NVIDIA A100-SXM4-80GB MIG 2g.20gb", Verdict.AS_SOLD),
        (2 / 7, "NVIDIA A100-SXM4-80GB MIG 1g.20gb", Verdict.NOT_AS_SOLD),
        (0.25, "NVIDIA A100-SXM4-80GB MIG 1g.20gb", Verdict.NOT_AS_SOLD),
        (2 / 7, "NVIDIA A100-SXM4-80GB MIG 3g.40gb", Verdict.AS_SOLD),
    ],
)
def test_a_slice_with_the_memory_but_not_the_share_of_the_computing_is_not_as_sold(
    fraction: float, name: str, verdict: Verdict
) -> None:
    sold = an_offer(gpu_type="A100 80GB", gpu_fraction=fraction, vram_gb=20, gpu_count=1)

    assert verdict is judge(sold, a_report(gpus=(GpuSeen(name, 0),)))


def test_one_slice_that_differs_is_enough_and_one_that_tells_nothing_is_not_believed() -> None:
    sold = an_offer(gpu_type="A100 80GB", gpu_fraction=1 / 7, vram_gb=10, gpu_count=2)
    good, blank = GpuSeen("A100-SXM4-80GB MIG 1g.10gb", 0), GpuSeen("A100-SXM4-80GB", 0)

    assert Verdict.AS_SOLD is judge(sold, a_report(gpus=(good, good)))
    assert Verdict.NOT_READABLE is judge(sold, a_report(gpus=(good, blank)))
    assert Verdict.NOT_AS_SOLD is judge(sold, a_report(gpus=(blank, GpuSeen("Tesla T4", 15_360))))
