"""What cannot be read of a GPU is waited for; what certainly is another GPU is not."""

import pytest

from gpu_shopper.domain.hearing import GpuSeen, NodeReport, Verdict, judge, other_gpus
from gpu_shopper.testing.builders import GPU_MIB, an_instance, an_offer


def a_report(gpus: tuple[GpuSeen, ...]) -> NodeReport:
    return NodeReport(boot_id="boot", counter=1, gpus=gpus, idle_seconds=0, host_key=None)


@pytest.mark.parametrize(
    "name", ["", "[N/A]", "[Unknown Error]", "ERR!", "NVIDIA Graphics Device", "[GPU is lost]"]
)
def test_what_has_no_name_yet_speaks_against_nobody(name: str) -> None:
    assert Verdict.NOT_READABLE is judge(an_offer(), a_report(gpus=(GpuSeen(name, GPU_MIB),)))


@pytest.mark.parametrize(
    ("sold", "name", "verdict"),
    [
        ({}, "NVIDIA GeForce RTX 4090", Verdict.NOT_READABLE),
        ({}, "NVIDIA GeForce RTX 3090", Verdict.NOT_AS_SOLD),
        ({"gpu_type": "GB10", "vram_gb": 128}, "NVIDIA GB10", Verdict.AS_SOLD),
        ({"gpu_type": "A100 80GB", "vram_gb": 80}, "NVIDIA A100", Verdict.NOT_READABLE),
        ({"gpu_type": "A100 80GB", "vram_gb": 80}, "NVIDIA H100", Verdict.NOT_AS_SOLD),
    ],
)
def test_memory_that_nobody_tells_leaves_it_to_the_name(
    sold: dict[str, object], name: str, verdict: Verdict
) -> None:
    assert verdict is judge(an_offer(**sold), a_report(gpus=(GpuSeen(name, 0),)))


def test_one_gpu_that_is_certainly_another_outweighs_those_that_cannot_be_read() -> None:
    sold = an_offer(gpu_count=2)
    unread, other = GpuSeen("[N/A]", 0), GpuSeen("Tesla T4", 15_360)
    good = GpuSeen("NVIDIA GeForce RTX 4090", GPU_MIB)

    assert Verdict.NOT_READABLE is judge(sold, a_report(gpus=(good, unread)))
    assert Verdict.NOT_AS_SOLD is judge(sold, a_report(gpus=(unread, other)))


def test_a_cloud_that_names_the_gpu_and_not_its_memory_is_left_to_the_node() -> None:
    granted = an_instance(gpu_name="RTX 4090", gpu_count=1, gpu_memory_mib=0)
    another = an_instance(gpu_name="RTX 3090", gpu_count=1, gpu_memory_mib=0)

    assert other_gpus(an_offer(), granted) is None
    assert other_gpus(an_offer(), another) is not None
