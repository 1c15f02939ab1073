"""GPUs and accelerators of AMD, Intel, Google and AWS; `gpu_models` says how a line is read."""

OTHERS = """
[amd GCN3 -]
MI8                   |   4 HBM   |    512 |    8.2 |      - | PCIe 3.0 x16               | 2016 | mi-sheets        |

[amd GCN4 -]
MI6                   |  16 GDDR5 |    224 |    5.7 |      - | PCIe 3.0 x16               | 2016 | mi-sheets        |
Radeon Pro WX 5100    |   8 GDDR5 |    160 |    3.9 |      - | PCIe 3.0 x16               | 2016 | radeon-pro-pages | aka: WX 5100
Radeon Pro WX 7100    |   8 GDDR5 |    224 |    5.7 |      - | PCIe 3.0 x16               | 2016 | radeon-pro-pages | aka: WX 7100

[amd Vega -]
MI25                  |  16 HBM2  |    484 |   24.6 |      - | PCIe 3.0 x16               | 2017 | mi-sheets        |
MI50 16GB             |  16 HBM2  |   1024 |   26.5 |      - | PCIe 4.0 x16               | 2018 | mi-sheets        | family: MI50
MI50 32GB             |  32 HBM2  |   1024 |   26.5 |      - | PCIe 4.0 x16               | 2018 | mi-sheets        | family: MI50
MI60                  |  32 HBM2  |   1024 |   29.5 |      - | PCIe 4.0 x16               | 2018 | mi-sheets        |
Radeon Pro WX 8200    |   8 HBM2  |    512 |   21.5 |      - | PCIe 3.0 x16               | 2018 | radeon-pro-pages | aka: WX 8200
Radeon Pro WX 9100    |  16 HBM2  |    484 |   24.6 |      - | PCIe 3.0 x16               | 2017 | radeon-pro-pages | aka: WX 9100
Radeon Pro V340       |  16 HBM2  |    512 |      - |      - | PCIe 3.0 x16               | 2018 | radeon-pro-pages | aka: V340; also: 32
Radeon Pro VII        |  16 HBM2  |   1024 |   26.2 |      - | PCIe 4.0 x16               | 2020 | radeon-pro-pages |
Radeon VII            |  16 HBM2  |   1024 |   26.9 |      - | PCIe 3.0 x16               | 2019 | radeon-pages     |

[amd CDNA -]
MI100                 |  32 HBM2  |   1229 |  184.6 |      - | Infinity Fabric, 276 GB/s  | 2020 | mi-sheets        |

[amd CDNA2 -]
MI210                 |  64 HBM2e |   1638 |    181 |      - | Infinity Fabric, 300 GB/s  | 2021 | mi-sheets        |
MI250                 |  64 HBM2e |   1638 |    181 |      - | Infinity Fabric            | 2021 | mi-sheets        | also: 128
MI250X                |  64 HBM2e |   1638 |  191.5 |      - | Infinity Fabric            | 2021 | mi-sheets        | also: 128

[amd CDNA3 -]
MI300A                | 128 HBM3  |   5300 |  980.6 | 1961.2 | Infinity Fabric            | 2023 | mi-sheets        |
MI300X                | 192 HBM3  |   5325 | 1307.4 | 2614.9 | Infinity Fabric, 896 GB/s  | 2023 | mi-sheets        |
MI308X                | 192 HBM3  |      - |      - |      - | Infinity Fabric            | 2024 | driver           |
MI325X                | 256 HBM3e |   6000 | 1307.4 | 2614.9 | Infinity Fabric, 896 GB/s  | 2024 | mi-sheets        |

[amd CDNA4 -]
MI350X                | 288 HBM3e |   8000 | 2306.9 | 4613.7 | Infinity Fabric, 1075 GB/s | 2025 | mi-sheets        |
MI355X                | 288 HBM3e |   8000 | 2516.6 | 5033.2 | Infinity Fabric, 1075 GB/s | 2025 | mi-sheets        |

[amd RDNA -]
Radeon Pro V520       |   8 HBM2  |    512 |   14.7 |      - | PCIe 4.0 x16               | 2020 | radeon-pro-pages | aka: V520
Radeon Pro W5500      |   8 GDDR6 |    224 |   10.7 |      - | PCIe 4.0 x8                | 2020 | radeon-pro-pages | aka: W5500
Radeon Pro W5700      |   8 GDDR6 |    448 |   17.8 |      - | PCIe 4.0 x16               | 2019 | radeon-pro-pages | aka: W5700

[amd RDNA2 -]
Radeon Pro V620       |  32 GDDR6 |    512 |   40.5 |      - | PCIe 4.0 x16               | 2021 | radeon-pro-pages | aka: V620
Radeon Pro W6400      |   4 GDDR6 |    128 |    7.1 |      - | PCIe 4.0 x4                | 2022 | radeon-pro-pages | aka: W6400
Radeon Pro W6600      |   8 GDDR6 |    224 |   20.8 |      - | PCIe 4.0 x8                | 2021 | radeon-pro-pages | aka: W6600
Radeon Pro W6800      |  32 GDDR6 |    512 |   35.7 |      - | PCIe 4.0 x16               | 2021 | radeon-pro-pages | aka: W6800
RX 6600               |   8 GDDR6 |    224 |   17.9 |      - | PCIe 4.0 x8                | 2021 | radeon-pages     |
RX 6600 XT            |   8 GDDR6 |    256 |   21.2 |      - | PCIe 4.0 x8                | 2021 | radeon-pages     |
RX 6700 XT            |  12 GDDR6 |    384 |   26.4 |      - | PCIe 4.0 x16               | 2021 | radeon-pages     |
RX 6800               |  16 GDDR6 |    512 |   32.3 |      - | PCIe 4.0 x16               | 2020 | radeon-pages     |
RX 6800 XT            |  16 GDDR6 |    512 |   41.5 |      - | PCIe 4.0 x16               | 2020 | radeon-pages     |
RX 6900 XT            |  16 GDDR6 |    512 |   46.1 |      - | PCIe 4.0 x16               | 2020 | radeon-pages     |
RX 6950 XT            |  16 GDDR6 |    576 |   47.3 |      - | PCIe 4.0 x16               | 2022 | radeon-pages     |

[amd RDNA3 -]
Radeon Pro V710       |  28 GDDR6 |    448 |      - |      - | PCIe 4.0 x16               | 2024 | radeon-pro-pages | aka: V710; also: 24
Radeon Pro W7500      |   8 GDDR6 |    172 |   24.4 |      - | PCIe 4.0 x8                | 2023 | radeon-pro-pages | aka: W7500
Radeon Pro W7600      |   8 GDDR6 |    288 |     40 |      - | PCIe 4.0 x8                | 2023 | radeon-pro-pages | aka: W7600
Radeon Pro W7700      |  16 GDDR6 |    576 |   56.5 |      - | PCIe 4.0 x16               | 2023 | radeon-pro-pages | aka: W7700
Radeon Pro W7800      |  32 GDDR6 |    576 |   90.5 |      - | PCIe 4.0 x16               | 2023 | radeon-pro-pages | aka: W7800
Radeon Pro W7800 48GB |  48 GDDR6 |    864 |   90.5 |      - | PCIe 4.0 x16               | 2024 | radeon-pro-pages | family: Radeon Pro W7800; aka: W7800 48GB
Radeon Pro W7900      |  48 GDDR6 |    864 |  122.6 |      - | PCIe 4.0 x16               | 2023 | radeon-pro-pages | aka: W7900
RX 7600               |   8 GDDR6 |    288 |   43.5 |      - | PCIe 4.0 x8                | 2023 | radeon-pages     |
RX 7600 XT            |  16 GDDR6 |    288 |   45.1 |      - | PCIe 4.0 x8                | 2024 | radeon-pages     |
RX 7700 XT            |  12 GDDR6 |    432 |   70.3 |      - | PCIe 4.0 x16               | 2023 | radeon-pages     |
RX 7800 XT            |  16 GDDR6 |    624 |   74.6 |      - | PCIe 4.0 x16               | 2023 | radeon-pages     |
RX 7900 GRE           |  16 GDDR6 |    576 |     92 |      - | PCIe 4.0 x16               | 2023 | radeon-pages     |
RX 7900 XT            |  20 GDDR6 |    800 |    103 |      - | PCIe 4.0 x16               | 2022 | radeon-pages     |
RX 7900 XTX           |  24 GDDR6 |    960 |  122.8 |      - | PCIe 4.0 x16               | 2022 | radeon-pages     |

[amd RDNA4 -]
Radeon AI Pro R9700   |  32 GDDR6 |    640 |    191 |    383 | PCIe 5.0 x16               | 2025 | radeon-pro-pages | aka: R9700, AI Pro R9700
RX 9060 XT 8GB        |   8 GDDR6 |    320 |    103 |    205 | PCIe 5.0 x16               | 2025 | radeon-pages     | family: RX 9060 XT
RX 9060 XT 16GB       |  16 GDDR6 |    320 |    103 |    205 | PCIe 5.0 x16               | 2025 | radeon-pages     | family: RX 9060 XT
RX 9070               |  16 GDDR6 |    640 |    145 |    289 | PCIe 5.0 x16               | 2025 | radeon-pages     |
RX 9070 XT            |  16 GDDR6 |    640 |    195 |    389 | PCIe 5.0 x16               | 2025 | radeon-pages     |

[intel Gaudi -]
Gaudi                 |  32 HBM2  |   1000 |      - |      - | Ethernet, 250 GB/s         | 2019 | gaudi-papers     | aka: HL-205, Gaudi HL-205

[intel Gaudi2 -]
Gaudi 2               |  96 HBM2e |   2450 |    432 |    865 | Ethernet, 600 GB/s         | 2022 | gaudi-papers     | aka: HL-225, Gaudi HL-225, HL-225H

[intel Gaudi3 -]
Gaudi 3               | 128 HBM2e |   3700 |   1835 |   1835 | Ethernet, 1200 GB/s        | 2024 | gaudi-papers     | aka: HL-325, Gaudi HL-325, HL-325L, HL-338

[intel Xe-HPC -]
Max 1100              |  48 HBM2e | 1228.8 |    352 |      - | Xe Link bridge             | 2022 | max-brief        | aka: GPU Max 1100, Data Center GPU Max 1100
Max 1550              | 128 HBM2e | 3276.8 |    839 |      - | Xe Link                    | 2022 | max-brief        | aka: GPU Max 1550, Data Center GPU Max 1550

[intel Xe-HPG -]
Flex 140              |   6 GDDR6 |      - |      - |      - | PCIe 4.0 x8                | 2022 | driver           | also: 12; aka: GPU Flex 140, Data Center GPU Flex 140
Flex 170              |  16 GDDR6 |      - |      - |      - | PCIe 4.0 x16               | 2022 | driver           | aka: GPU Flex 170, Data Center GPU Flex 170

[google TPUv2 -]
TPU v2                |  16 HBM   |    700 |     46 |      - | ICI                        | 2017 | tpu-docs         |

[google TPUv3 -]
TPU v3                |  32 HBM2  |    900 |    123 |      - | ICI                        | 2018 | tpu-docs         |

[google TPUv4 -]
TPU v4                |  32 HBM2  |   1200 |    275 |      - | ICI                        | 2021 | tpu-docs         | aka: tpu-v4-podslice

[google TPUv5e -]
TPU v5e               |  16 HBM2  |    819 |    197 |      - | ICI, 400 GB/s              | 2023 | tpu-docs         | aka: v5e, TPU v5 Lite, v5litepod, tpu-v5-lite-podslice, tpu-v5-lite-device

[google TPUv5p -]
TPU v5p               |  95 HBM2e |   2765 |    459 |    459 | ICI, 1200 GB/s             | 2023 | tpu-docs         | aka: v5p, tpu-v5p-slice

[google TPUv6e -]
TPU v6e               |  32 HBM   |   1638 |    918 |    918 | ICI, 800 GB/s              | 2024 | tpu-docs         | aka: v6e, Trillium, tpu-v6e-slice, TPU v6e Trillium

[google TPUv7 -]
TPU v7                | 192 HBM   |   7380 |   2307 |   4614 | ICI, 1200 GB/s             | 2025 | tpu-docs         | aka: TPU7x, TPU v7x, Ironwood, TPU v7 Ironwood, TPU7x Ironwood

[aws NeuronCore-v1 -]
Inferentia            |   8 DDR4  |     50 |     64 |      - | NeuronLink 1               | 2019 | neuron-docs      | aka: Inf1

[aws NeuronCore-v2 -]
Inferentia2           |  32 HBM   |    820 |    190 |    190 | NeuronLink 2               | 2023 | neuron-docs      | aka: Inf2
Trainium              |  32 HBM   |    820 |    190 |    190 | NeuronLink 2               | 2021 | neuron-docs      | aka: Trainium1, Trn1

[aws NeuronCore-v3 -]
Trainium2             |  96 HBM   |   2900 |    667 |   1299 | NeuronLink 3, 1280 GB/s    | 2024 | neuron-docs      | aka: Trn2

[aws NeuronCore-v4 -]
Trainium3             | 144 HBM   |   4900 |    671 |   2517 | NeuronLink 4, 2560 GB/s    | 2025 | neuron-docs      | aka: Trn3
"""
