"""What was read about GPU models, document by document: facts only; `gpu_evidence` says how a line is read."""

from collections.abc import Mapping

# A document's key: who says it (maker, copy, cloud), what and where it is, and which state of it was read.
DOCUMENTS: Mapping[str, tuple[str, str]] = {
    "cuda-gpus": ("maker", "NVIDIA, CUDA GPU Compute Capability, developer.nvidia.com/cuda-gpus, as of 2026 (its list of 8.6 to RTX 3090)"),
    "cuda-legacy": ("maker", "NVIDIA, Legacy CUDA GPU Compute Capability, developer.nvidia.com/cuda-legacy-gpus, as of 2026 (its list to 5.2)"),
    "cuda-gpus-2022": ("copy", "NVIDIA, the same page in 2022, as copied at cnblogs.com/nightnine"),
    "cutlass": ("maker", "NVIDIA, CUTLASS, README.md in NVIDIA/cutlass at 01dad02, 2026; it lists GeForce by series"),
    "mig-guide": ("maker", "NVIDIA, Multi-Instance GPU User Guide, Supported GPUs, docs.nvidia.com/datacenter/tesla/mig-user-guide, releases 590 and 610, 2026"),
    "tensorrt-llm": ("maker", "NVIDIA, TensorRT-LLM, tensorrt_llm/auto_parallel/cluster_info.py in NVIDIA/TensorRT-LLM at 16d2467, 2025; H200 halved: with sparsity; links doubled: one direction"),
    "aiconfigurator": ("maker", "NVIDIA, AIConfigurator, systems/*.yaml in ai-dynamo/aiconfigurator at 095f58a, August 2026; memory in GiB, links doubled: one direction"),
    "exemplar": ("maker", "NVIDIA, Exemplar Performance, README.md in NVIDIA/exemplar-performance at e249aa3, August 2026; dense"),
    "mlperf-nvidia": ("maker", "NVIDIA's descriptions of the systems that it entered for MLPerf Inference v0.5 to v4.1 and Training v5.1, 2019–2025 (mlcommons/inference_results_*, mlcommons/training_results_v5.1); MiB in GiB"),
    "nvml-mock": ("maker", "NVIDIA, simulated NVML devices, pkg/gpu/mocknvml/configs in NVIDIA/k8s-test-infra at 3b2b865, August 2026"),
    "ampere-post": ("copy", "NVIDIA, NVIDIA Ampere Architecture In-Depth, developer.nvidia.com/blog, May 2020, from a copy of its text; the boards are SXM"),
    "turing-post": ("copy", "NVIDIA, NVIDIA Turing Architecture In-Depth, developer.nvidia.com/blog, September 2018, from a copy of its text; reference clocks"),
    "rtx-blackwell-paper": ("copy", "NVIDIA, RTX Blackwell GPU Architecture, table 3, 2025, as quoted by four public repositories"),
    "rtx-pro-paper": ("copy", "NVIDIA, RTX PRO Blackwell GPU Architecture v1.0, table 4, 2025, as quoted by a public repository"),
    "ada-paper-quoted": ("copy", "NVIDIA, Ada GPU Architecture v2.1, appendix A, as quoted by three public repositories"),
    "ga102-paper-quoted": ("copy", "NVIDIA, Ampere GA102 GPU Architecture, tables 2 and 3, as quoted by three public repositories"),
    "pro6000s-quoted": ("copy", "NVIDIA, RTX PRO 6000 Blackwell Server Edition, data sheet of December 2025 and product page, as quoted by two public repositories; GDDR7 by AWS"),
    "h100-sheet-quoted": ("copy", "NVIDIA, H100 data sheet and product page, 2024, as quoted by four public repositories; halved: with sparsity"),
    "h100-brief": ("copy", "NVIDIA, H100 PCIe product brief PB-11133, November 2022, from a copy at manuals.plus"),
    "v100-sheet-quoted": ("copy", "NVIDIA, V100 data sheet r5, 2020, as quoted by PyTorch Lightning and by MosaicML Composer; the PCIe boards"),
    "v100-brief": ("copy", "NVIDIA, Tesla V100 PCIe product brief PB-08744, October 2017, from a copy's history of changes"),
    "t4-sheet-quoted": ("copy", "NVIDIA, T4 data sheet, as quoted by PyTorch Lightning, by MosaicML Composer and by two public repositories"),
    "t4-page": ("copy", "NVIDIA, T4 product page, as quoted by five public repositories"),
    "a16-sheet-quoted": ("copy", "NVIDIA, A16 data sheet, from a dealer's copy at panchaea.com; of one GPU of four"),
    "a16-brief": ("copy", "NVIDIA, A16 product brief PB-10518, June 2021, from a copy's history of changes"),
    "a40-sheet-quoted": ("copy", "NVIDIA, A40 data sheet, from a dealer's copy at ecer.com"),
    "a40-brief": ("copy", "NVIDIA, A40 product brief PB-09976, October 2020, from a copy's history of changes"),
    "a6000-sheet-quoted": ("copy", "NVIDIA, RTX A6000 data sheet, from a magazine's copy at servethehome.com and as quoted by two public repositories; halved: with sparsity"),
    "a5000-sheet-quoted": ("copy", "NVIDIA, RTX A5000 data sheet, from two copies in public repositories; halved: with sparsity"),
    "a4000-sheet-quoted": ("copy", "NVIDIA, RTX A4000 data sheet, from a dealer's copy at ecer.com; halved: with sparsity"),
    "a400-sheet-quoted": ("copy", "NVIDIA, RTX A400 data sheet, from a dealer's copy at tandoanh.vn; halved: with sparsity"),
    "rtx4000ada-quoted": ("copy", "NVIDIA, RTX 4000 Ada data sheet: its first page from a copy, its tensor performance (a quarter of it) as used by a public repository"),
    "quadro-sheets-quoted": ("copy", "NVIDIA, Quadro RTX 5000 data sheet, from a dealer's copy and as quoted by PyTorch Lightning; announcement of Quadro RTX 4000, November 2018, as told by bto-pc-fan.com"),
    "p100-told": ("copy", "NVIDIA's announcement of Tesla P100 for PCIe, June 2016, as told by tech4gamers.com and techwormam"),
    "k80-brief": ("copy", "NVIDIA, Tesla K80 board specification BD-07317, November 2014, from a copy's history of changes; figures of the announcement as told by AnandTech and TweakPC; of one GPU of two"),
    "m60-sheet-quoted": ("copy", "NVIDIA, Tesla M60 data sheet, as told by elprocus.com; of one GPU of two"),
    "rocm-specs": ("maker", "AMD, GPU hardware specifications, docs/reference/gpu-arch-specs.rst in ROCm/ROCm at e396b48, 2025, and rocm.docs.amd.com, 7.13, 2026; of MI250 and MI250X half"),
    "rocm-arch": ("maker", "AMD, microarchitecture of MI100, MI250 and MI300, docs/conceptual/gpu-arch in ROCm/ROCm at e396b48, 2025; of MI250 half"),
    "primus": ("maker", "AMD, Primus, peak_flops_patches.py and sdpa_simulator.py in AMD-AGI/Primus at fd1eeab, August 2026, in round numbers"),
    "mlperf-amd": ("maker", "AMD's descriptions of the systems that it entered for MLPerf Training v5.1, 2025 (mlcommons/training_results_v5.1)"),
    "mlperf-intel": ("maker", "Intel's description of the system that it entered for MLPerf Training v4.0, 2024 (mlcommons/training_results_v4.0); links doubled: one direction"),
    "gaudi-page": ("maker", "Habana Labs (Intel), Gaudi integrated RoCE, habana.ai, introduced on 20 June 2019; links doubled: one direction"),
    "gaudi-told": ("copy", "Habana Labs' announcement of Gaudi, June 2019, as told by newelectronics.co.uk and eeworld.com"),
    "radeon-pro-told": ("copy", "AMD's announcement of Radeon Pro V620, November 2021, as told by inpact-hardware.com and chip.pl, who recall the V520"),
    "tpu-pages": ("maker", "Google, Cloud TPU documentation, docs.cloud.google.com/tpu/docs, pages v3, v4, v5e, v5p, v6e and tpu7x, 2024–2026; per chip"),
    "neuron-pages": ("maker", "AWS, Neuron documentation, about-neuron/arch/neuron-hardware in aws-neuron/aws-neuron-sdk at 81ce03a, August 2026; dense"),
    "ec2-api": ("cloud", "AWS, EC2 DescribeInstanceTypes, as recorded by three public repositories: memory per GPU"),
    "gce-docs": ("cloud", "Google, Compute Engine, GPU machine types, as copied by a public repository, 2024"),
}  # fmt: skip

EVIDENCE = """
[cuda-gpus]
GB10 | cuda 12.1
RTX PRO 6000, RTX PRO 6000 Max-Q, RTX PRO 5000, RTX PRO 5000 72GB, RTX PRO 4500, RTX PRO 4000, RTX PRO 4000 SFF, RTX PRO 2000 | cuda 12.0
RTX 5090, RTX 5080, RTX 5070 Ti, RTX 5070, RTX 5060 Ti 8GB, RTX 5060 Ti 16GB, RTX 5060, RTX 5050 | cuda 12.0
GB300, B300 | cuda 10.3
GB200, B200 | cuda 10.0
GH200, GH200 144GB, H200, H200 NVL, H100 PCIe, H100 SXM, H100 NVL | cuda 9.0
L4, L40, L40S, RTX 6000 Ada, RTX 5000 Ada, RTX 4500 Ada, RTX 4000 Ada, RTX 4000 SFF Ada, RTX 2000 Ada | cuda 8.9
RTX 4090, RTX 4080, RTX 4070 Ti, RTX 4070, RTX 4060 Ti 8GB, RTX 4060 Ti 16GB, RTX 4060 | cuda 8.9
A40, A10, A16, A2, RTX A6000, RTX A5000, RTX A4000, RTX A2000 6GB, RTX A2000 12GB, RTX 3090 | cuda 8.6

[cuda-legacy]
V100 16GB, V100 32GB, Quadro GV100, TITAN V | cuda 7.0
P40, P4, Quadro P6000, Quadro P5000, Quadro P4000, Quadro P2200, Quadro P2000, Quadro P1000, Quadro P620, Quadro P600, Quadro P400 | cuda 6.1
TITAN Xp, TITAN X Pascal, GTX 1080 Ti, GTX 1080, GTX 1070 Ti, GTX 1070, GTX 1060 3GB, GTX 1060 6GB, GTX 1050, GTX 1050 3GB | cuda 6.1
P100 12GB, P100 16GB, Quadro GP100 | cuda 6.0
M60, M40 12GB, M40 24GB, Quadro M6000 24GB, Quadro M6000, Quadro M5000, Quadro M4000, Quadro M2000 | cuda 5.2
TITAN X, GTX 980 Ti, GTX 980, GTX 970 | cuda 5.2

[cuda-gpus-2022]
A100 40GB, A100 80GB, A30 | cuda 8.0
T4, T1000, T1000 8GB, T600, T400, T400 4GB, Quadro RTX 8000, Quadro RTX 6000, Quadro RTX 5000, Quadro RTX 4000 | cuda 7.5
K80 | cuda 3.7
K40 | cuda 3.5

[cutlass]
V100 16GB, V100 32GB, TITAN V | cuda 7.0
RTX 2080 Ti, RTX 2080 Super, RTX 2080, RTX 2070 Super, RTX 2070, RTX 2060 Super, RTX 2060, RTX 2060 12GB, T4 | cuda 7.5
A100 40GB, A100 80GB | cuda 8.0
A10, RTX 3090 Ti, RTX 3090, RTX 3080 Ti, RTX 3080, RTX 3080 12GB, RTX 3070 Ti, RTX 3070, RTX 3060 Ti, RTX 3060, RTX 3050 | cuda 8.6
L40, RTX 4090, RTX 4080 Super, RTX 4080, RTX 4070 Ti Super, RTX 4070 Ti, RTX 4070 Super, RTX 4070, RTX 4060 | cuda 8.9
H100 PCIe, H100 SXM, H100 NVL, H200, H200 NVL | cuda 9.0
B200 | cuda 10.0
B300 | cuda 10.3
RTX 5090, RTX 5080, RTX 5070 Ti, RTX 5070, RTX 5060, RTX 5050 | cuda 12.0
GB10 | cuda 12.1

[mig-guide]
RTX PRO 6000, RTX PRO 6000 Max-Q | memory 96; cuda 12.0
RTX PRO 5000 | memory 48; cuda 12.0
RTX PRO 4500 | memory 32; cuda 12.0
GB200 | memory 186; cuda 10.0
B200 | memory 180; cuda 10.0
H100 SXM, H100 PCIe | memory 80; cuda 9.0
H100 NVL | memory 94; cuda 9.0
GH200, H20 | memory 96; cuda 9.0
H200, H200 NVL | memory 141; cuda 9.0
A100 40GB | memory 40; cuda 8.0
A100 80GB | memory 80; cuda 8.0
A30 | memory 24; cuda 8.0

[tensorrt-llm]
A100 40GB | memory 40; bandwidth 1555; tflops 312
A100 80GB | memory 80; bandwidth 1935; tflops 312
H100 SXM | memory 80; bandwidth 3350; tflops 989; fp8 1979; link 900 GB/s
H100 PCIe | memory 80; bandwidth 2000; tflops 756; fp8 1513
H20 | memory 96; bandwidth 4000; tflops 147; fp8 !293; link 900 GB/s
H200 | memory 141; bandwidth 4800; tflops 989.5; fp8 1979; link 900 GB/s
H200 NVL | memory 141; bandwidth 4800; tflops 835.5; fp8 1670.5; link 900 GB/s
A40 | memory 48; bandwidth 696; tflops 150
A30 | memory 24; bandwidth 933; tflops 165
A10 | memory 24; bandwidth 600; tflops 125; link PCIe 4.0
A10G | memory 24; bandwidth 600; tflops 70; link PCIe 4.0
L40S | memory 48; bandwidth 864; tflops 362; fp8 733; link PCIe 4.0
L40 | memory 48; bandwidth 864; tflops 181; fp8 362; link PCIe 4.0
L20 | memory 48; bandwidth 864; tflops 119; fp8 238; link PCIe 4.0
L4 | memory 24; bandwidth 300; tflops 120; fp8 242; link PCIe 4.0
L2 | memory 24; bandwidth 300; tflops 97; fp8 193; link PCIe 4.0

[aiconfigurator]
A100 80GB | memory 80; bandwidth 1935; tflops 312; cuda 8.0
A30 | memory 24; bandwidth 933; tflops 165; cuda 8.0
B200 | memory 180; bandwidth 7700; tflops 2250; fp8 4500; cuda 10.0; link 1800 GB/s
B300 | memory 268.6; bandwidth 7750; tflops 2250; fp8 4500; cuda 10.3; link 1800 GB/s
GB200 | memory 185; bandwidth 8000; tflops 2500; fp8 5000; cuda 10.0; link 1800 GB/s
GB300 | memory 277.5; bandwidth 8000; tflops 2500; fp8 5000; cuda 10.3; link 1800 GB/s
H100 PCIe | memory 80; bandwidth 2000; tflops 756.5; fp8 1513; cuda 9.0
H100 SXM | memory 80; bandwidth 3350; tflops 989; fp8 1978; cuda 9.0; link 900 GB/s
H200 | memory 141; bandwidth 4800; tflops 989; fp8 1978; cuda 9.0; link 900 GB/s
L4 | memory 24; bandwidth 300; tflops 121; fp8 242; cuda 8.9; link PCIe 4.0 x16
L40S | bandwidth 864; tflops 362.05; fp8 733; cuda 8.9; link PCIe 4.0
RTX PRO 6000 | memory 95.6; bandwidth !1792; tflops !467.8; fp8 !935.6; cuda 12.0; link PCIe 5.0 x16

[exemplar]
GB300 | memory 279; kind HBM3e; bandwidth 8000; tflops !2450; fp8 !4900; link NVLink 5, 1800 GB/s
GB200 | memory 186; kind HBM3e; bandwidth 8000; tflops !2450; fp8 !4900; link NVLink 5, 1800 GB/s
B300 | memory 270; kind HBM3e; bandwidth 7700; tflops 2250; fp8 4500; link NVLink 5, 1800 GB/s
B200 | memory 180; kind HBM3e; bandwidth 7700; tflops 2250; fp8 4500; link NVLink 5, 1800 GB/s
H100 SXM | memory 80; kind HBM3; bandwidth !3200; tflops 989; fp8 1979; link NVLink 4, 900 GB/s

[mlperf-nvidia]
H100 PCIe | memory 80; kind HBM2e
H100 SXM | memory 80; kind HBM3; link NVLink 4, 900 GB/s
H100 NVL | memory 94; kind HBM3; link NVLink 4, 600 GB/s
H200 | memory 141; kind HBM3e; link NVLink 4, 900 GB/s
GH200 | memory 96; kind HBM3
GH200 144GB | memory 144; kind HBM3e
B200 | memory 180; kind HBM3e
GB200 | memory 185; kind HBM3e; link NVLink 5, 1800 GB/s
GB300 | memory 277.5; kind HBM3e; link NVLink 5, 1800 GB/s
L4 | memory 24; kind GDDR6; link PCIe 4.0 x16
L40S | memory 48; kind GDDR6; link PCIe 4.0 x16
A100 40GB | memory 40; kind HBM2
A100 80GB | memory 80; kind HBM2e
A30 | memory 24; kind HBM2
A10 | memory !16; kind GDDR6
T4 | memory 16; kind GDDR6
TITAN RTX | memory 24; kind GDDR6

[nvml-mock]
T4 | memory 16; kind GDDR6; cuda 7.5; link PCIe 3.0 x16
L40S | memory 48; kind GDDR6; cuda 8.9; link PCIe 4.0 x16
A100 40GB | memory 40; kind !HBM2e; cuda 8.0; link NVLink 3, 600 GB/s
H100 SXM | memory 80; kind HBM3; cuda 9.0; link NVLink 4, 900 GB/s

[ampere-post]
A100 40GB | memory 40; kind HBM2; bandwidth 1555; tflops 312; year 2020
V100 16GB | memory 16; kind HBM2; bandwidth 900; tflops !125
V100 32GB | memory 32; kind HBM2; bandwidth 900; tflops !125
P100 16GB | memory 16; kind HBM2; bandwidth !720; tflops !21.2

[turing-post]
RTX 2080 Ti | memory 11; kind GDDR6; bandwidth 616; tflops 53.8; link NVLink 2, 100 GB/s; year 2018
Quadro RTX 6000 | memory 24; kind GDDR6; bandwidth 672; tflops 130.5; link NVLink 2, 100 GB/s; year 2018
GTX 1080 Ti | memory 11; kind GDDR5X; bandwidth 484; tflops 11.3
Quadro P6000 | memory 24; kind GDDR5X; bandwidth 432; tflops !12.6

[rtx-blackwell-paper]
RTX 3090 | memory 24; bandwidth 936; tflops 71.2
RTX 4090 | memory 24; bandwidth 1008; tflops 165.2
RTX 5090 | memory 32; kind GDDR7; bandwidth 1792; tflops 209.5; fp8 419

[rtx-pro-paper]
RTX 6000 Ada | memory 48; bandwidth 960; tflops 364

[ada-paper-quoted]
RTX 4090 | bandwidth 1008; tflops 165.2; fp8 330.3

[ga102-paper-quoted]
RTX 3090 | bandwidth 936; tflops 71
RTX A6000 | tflops 154.8

[pro6000s-quoted]
RTX PRO 6000 | memory 96; kind GDDR7; bandwidth 1597

[h100-sheet-quoted]
H100 NVL | memory 94; bandwidth 3900; tflops 835.5; fp8 1670.5; link 600 GB/s
H100 SXM | memory 80; bandwidth 3350; tflops 989.5; fp8 1979; link 900 GB/s
H100 PCIe | memory 80; bandwidth 2000; tflops 756.5

[h100-brief]
H100 PCIe | bandwidth 2000; year 2022

[v100-sheet-quoted]
V100 16GB, V100 32GB | tflops 112
V100S | tflops 130

[v100-brief]
V100 16GB | year 2017

[t4-sheet-quoted]
T4 | memory 16; bandwidth !300; tflops 65

[t4-page]
T4 | memory 16; kind GDDR6; bandwidth 320; tflops 65

[a16-sheet-quoted]
A16 | memory 16; kind GDDR6; bandwidth 200; tflops 17.9; link PCIe 4.0 x16

[a16-brief]
A16 | year 2021

[a40-sheet-quoted]
A40 | memory 48; kind GDDR6; bandwidth 696; tflops 149.7; link 112.5 GB/s

[a40-brief]
A40 | year 2020

[a6000-sheet-quoted]
RTX A6000 | memory 48; kind GDDR6; bandwidth 768; tflops 154.85; link 112.5 GB/s; year 2020

[a5000-sheet-quoted]
RTX A5000 | memory 24; bandwidth 768; tflops 111.1; link 112.5 GB/s

[a4000-sheet-quoted]
RTX A4000 | memory 16; kind GDDR6; bandwidth 448; tflops 76.7; link PCIe 4.0 x16

[a400-sheet-quoted]
RTX A400 | memory 4; kind GDDR6; bandwidth 96; tflops 10.85; link PCIe 4.0 x8

[rtx4000ada-quoted]
RTX 4000 Ada | memory 20; tflops 81.9

[quadro-sheets-quoted]
Quadro RTX 5000 | memory 16; kind GDDR6; bandwidth 448; tflops 89.2; link 50 GB/s
Quadro RTX 4000 | memory 8; kind GDDR6; tflops 57; year 2018

[p100-told]
P100 16GB | memory 16; kind HBM2; bandwidth 732; tflops 18.7; year 2016
P100 12GB | memory 12; kind HBM2; bandwidth 549; tflops 18.7; year 2016

[k80-brief]
K80 | memory 12; kind GDDR5; bandwidth 240; tflops 4.37; year 2014

[m60-sheet-quoted]
M60 | memory 8; kind GDDR5; year 2015

[rocm-specs]
MI355X, MI350X | memory 288
MI325X | memory 256
MI300X | memory 192
MI300A | memory 128
MI250X, MI250, MI210 | memory 64
MI100, MI60, MI50 32GB | memory 32
MI50 16GB, MI25, MI6 | memory 16
MI8 | memory 4
Radeon Pro V710 | memory 28
Radeon Pro W7900 | memory 48
Radeon Pro W7800, Radeon Pro W6800, Radeon Pro V620 | memory 32
Radeon Pro W7700, Radeon Pro VII | memory 16
Radeon Pro W6600, Radeon Pro W5500 | memory 8
RX 7900 XTX | memory 24
RX 7900 XT | memory 20
RX 7900 GRE, RX 7800 XT, RX 6950 XT, RX 6900 XT, RX 6800 XT, RX 6800, Radeon VII | memory 16
RX 7700 XT, RX 6700 XT | memory 12
RX 7600, RX 6600 XT, RX 6600 | memory 8

[rocm-arch]
MI300X | bandwidth 5300; tflops 1307.4; fp8 2614.9
MI250 | bandwidth !1600; tflops 181.05
MI100 | memory 32; kind HBM2; bandwidth 1228; tflops 184.6

[primus]
MI300X | bandwidth 5300; tflops 1307; fp8 2614
MI325X | bandwidth 6000; tflops 1307; fp8 2614
MI350X | tflops 2300
MI355X | bandwidth 8000; tflops 2500; fp8 5000

[mlperf-amd]
MI300X | memory 192; kind HBM3
MI325X | memory 256; kind HBM3e
MI350X, MI355X | memory 288; kind HBM3e

[mlperf-intel]
Gaudi 2 | memory 96; kind HBM2e; link Ethernet, 600 GB/s

[gaudi-page]
Gaudi | link Ethernet, 250 GB/s; year 2019

[gaudi-told]
Gaudi | memory 32; kind HBM2

[radeon-pro-told]
Radeon Pro V620 | memory 32; kind GDDR6; bandwidth 512; year 2021
Radeon Pro V520 | memory 8; kind HBM2

[tpu-pages]
TPU v3 | memory 32; kind HBM2; bandwidth 900; tflops 123
TPU v4 | memory 32; kind HBM2; bandwidth 1200; tflops 275
TPU v5e | memory 16; kind HBM2; bandwidth 819; tflops 197; link ICI, 400 GB/s
TPU v5p | memory 95; kind HBM2e; bandwidth 2765; tflops 459; fp8 459; link ICI, 1200 GB/s
TPU v6e | memory 32; bandwidth 1638; tflops 918; fp8 918; link ICI, 800 GB/s
TPU v7 | memory 192; tflops 2307; fp8 4614

[neuron-pages]
Inferentia | memory 8; bandwidth 50; tflops 64; link NeuronLink 1
Inferentia2 | memory 32; kind HBM; bandwidth 820; tflops 190; fp8 190; link NeuronLink 2
Trainium | memory 32; bandwidth 820; tflops 190; fp8 190; link NeuronLink 2
Trainium2 | memory 96; kind HBM; bandwidth 2900; tflops 667; fp8 1299; link NeuronLink 3, 1280 GB/s
Trainium3 | memory 144; kind HBM; bandwidth 4900; tflops 671; fp8 2517; link NeuronLink 4, 2560 GB/s

[ec2-api]
Radeon Pro V520 | memory 8
Gaudi | memory 32

[gce-docs]
H100 SXM | memory 80; kind HBM3; bandwidth 3350; link NVLink, 900 GB/s
A100 40GB | memory 40; kind HBM2; link NVLink, 600 GB/s
A100 80GB | memory 80; kind HBM2e; link NVLink, 600 GB/s
L4 | memory 24; kind GDDR6; bandwidth 300
T4 | memory 16; kind GDDR6; bandwidth 320
V100 16GB | memory 16; kind HBM2; bandwidth 900
P4 | memory 8; kind GDDR5; bandwidth 192; tflops 5.5
"""

# Where a document says otherwise than the tables, why the tables stay: by model and document.
DIFFERENCES: Mapping[tuple[str, str], str] = {
    ("H20", "tensorrt-llm"): "147 and 293 TFLOPS, a hundredth less than the brief's 148 and 296",
    ("RTX PRO 6000", "aiconfigurator"): "the bandwidth of the workstation's board (1,792 GB/s), and TFLOPS scaled to a clock of 2,430 MHz; the data sheet of the server's board, which clouds rent, has 1,597 GB/s and 120 TFLOPS of FP32, whose fourfold is 480",
    ("GB300", "exemplar"): "2,450 and 4,900 TFLOPS, a fiftieth less than the data sheet and NVIDIA's AIConfigurator have",
    ("GB200", "exemplar"): "2,450 and 4,900 TFLOPS, a fiftieth less than the data sheet and NVIDIA's AIConfigurator have",
    ("H100 SXM", "exemplar"): "3.2 TB/s, where the data sheet and two other documents of NVIDIA have 3,350 GB/s",
    ("A10", "mlperf-nvidia"): "16 GB, of a board before its launch; the data sheet and TensorRT-LLM have 24",
    ("A100 40GB", "nvml-mock"): "HBM2e in a remark, where NVIDIA's other documents have HBM2 for 40 GB",
    ("V100 16GB", "ampere-post"): "125 TFLOPS of the SXM board; the least board, for PCIe, has 112",
    ("V100 32GB", "ampere-post"): "125 TFLOPS of the SXM board; the least board, for PCIe, has 112",
    ("P100 16GB", "ampere-post"): "21.2 TFLOPS of the SXM board, where the one for PCIe has 18.7; 720 GB/s, where the announcement of the latter has 732",
    ("Quadro P6000", "turing-post"): "12.6 TFLOPS, where the data sheet has 12",
    ("T4", "t4-sheet-quoted"): "300 GB/s, where NVIDIA's product page has 320 and more: 256 bits at 10 Gbps are 320",
    ("MI250", "rocm-arch"): "1.6 TB/s per GPU in round numbers; 4,096 bits at 3.2 Gbps are 1,638 GB/s",
}  # fmt: skip
