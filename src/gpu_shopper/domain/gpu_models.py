"""Every GPU model that the house knows: facts only, one line each; `gpu.py` gives them their meaning.

A section names vendor, architecture and CUDA compute capability (`-`: none). A line is

    canonical name | GB of memory per GPU as sold | year of launch | options

and its options are `family:` what people call it together with its siblings (default: its own name); `form:` the
board (sxm, pcie, nvl) where that makes another model of it; `also:` other sizes under which the same GPU is sold,
because a cloud counts the whole card, or before what the GPU keeps for itself; `aka:` further names, beside those
that follow from the canonical one. Within a family the least capable model stands first: a name that leaves the
choice open is read as that one, so that nobody is promised more than is delivered.
"""

TABLE = """
[nvidia Blackwell 10.0]
B200                 | 180 | 2024 | also: 192; aka: HGX B200
GB200                | 186 | 2024 | also: 192

[nvidia Blackwell 10.3]
B300                 | 288 | 2025 | also: 270; aka: HGX B300
GB300                | 288 | 2025 | also: 279

[nvidia Blackwell 12.0]
RTX PRO 4000         | 24  | 2025 |
RTX PRO 4500         | 32  | 2025 |
RTX PRO 5000         | 48  | 2025 |
RTX PRO 5000 72GB    | 72  | 2025 | family: RTX PRO 5000
RTX PRO 6000         | 96  | 2025 | aka: RTX PRO 6000 WS, RTX PRO 6000 S, RTX PRO 6000 SE
RTX PRO 6000 Max-Q   | 96  | 2025 | aka: RTX PRO 6000 Blackwell Max-Q
RTX 5090             | 32  | 2025 |
RTX 5090 D           | 32  | 2025 |
RTX 5080             | 16  | 2025 |
RTX 5070 Ti          | 16  | 2025 |
RTX 5070             | 12  | 2025 |
RTX 5060 Ti 8GB      | 8   | 2025 | family: RTX 5060 Ti
RTX 5060 Ti 16GB     | 16  | 2025 | family: RTX 5060 Ti
RTX 5060             | 8   | 2025 |
RTX 5050             | 8   | 2025 |

[nvidia Hopper 9.0]
H100 PCIe            | 80  | 2022 | family: H100; form: pcie
H100 SXM             | 80  | 2022 | family: H100; form: sxm
H100 NVL             | 94  | 2023 | family: H100; form: nvl
H200 NVL             | 141 | 2024 | family: H200; form: nvl
H200                 | 141 | 2023 | form: sxm
H20                  | 96  | 2023 |
H20 141GB            | 141 | 2025 | family: H20; aka: H20-3e
H800                 | 80  | 2023 |
GH200                | 96  | 2023 | aka: GH200 480GB, GH200 96GB 480GB, GH200 Superchip, Grace Hopper
GH200 144GB          | 144 | 2024 | family: GH200

[nvidia Ada 8.9]
L4                   | 24  | 2023 |
L2                   | 24  | 2023 |
L20                  | 48  | 2023 |
L40                  | 48  | 2022 |
L40S                 | 48  | 2023 |
RTX 2000 Ada         | 16  | 2024 |
RTX 4000 SFF Ada     | 20  | 2023 |
RTX 4000 Ada         | 20  | 2023 |
RTX 4500 Ada         | 24  | 2023 |
RTX 5000 Ada         | 32  | 2023 |
RTX 5880 Ada         | 48  | 2024 |
RTX 6000 Ada         | 48  | 2022 |
RTX 4090             | 24  | 2022 |
RTX 4090 48GB        | 48  | 2024 | family: RTX 4090
RTX 4090 D           | 24  | 2023 |
RTX 4080 Super       | 16  | 2024 |
RTX 4080             | 16  | 2022 |
RTX 4070 Ti Super    | 16  | 2024 | aka: RTX 4070S Ti
RTX 4070 Ti          | 12  | 2023 |
RTX 4070 Super       | 12  | 2024 |
RTX 4070             | 12  | 2023 |
RTX 4060 Ti 8GB      | 8   | 2023 | family: RTX 4060 Ti
RTX 4060 Ti 16GB     | 16  | 2023 | family: RTX 4060 Ti
RTX 4060             | 8   | 2023 |

[nvidia Ampere 8.0]
A100 40GB            | 40  | 2020 | family: A100
A100 80GB            | 80  | 2020 | family: A100
A800 40GB            | 40  | 2022 | family: A800
A800 80GB            | 80  | 2022 | family: A800
A30                  | 24  | 2021 |

[nvidia Ampere 8.6]
A2                   | 16  | 2021 |
A10                  | 24  | 2021 |
A10G                 | 24  | 2021 |
A16                  | 16  | 2021 | also: 64
A40                  | 48  | 2020 |
RTX A2000 6GB        | 6   | 2021 | family: RTX A2000
RTX A2000 12GB       | 12  | 2021 | family: RTX A2000
RTX A4000            | 16  | 2021 |
RTX A4500            | 20  | 2021 |
RTX A5000            | 24  | 2021 |
RTX A5500            | 24  | 2022 |
RTX A6000            | 48  | 2020 |
RTX 3090 Ti          | 24  | 2022 |
RTX 3090             | 24  | 2020 |
RTX 3080 Ti          | 12  | 2021 |
RTX 3080             | 10  | 2020 |
RTX 3080 12GB        | 12  | 2022 | family: RTX 3080
RTX 3080 20GB        | 20  | 2023 | family: RTX 3080
RTX 3070 Ti          | 8   | 2021 |
RTX 3070             | 8   | 2020 |
RTX 3060 Ti          | 8   | 2020 |
RTX 3060 8GB         | 8   | 2022 | family: RTX 3060
RTX 3060             | 12  | 2021 |
RTX 3050             | 8   | 2022 |

[nvidia Turing 7.5]
T4                   | 16  | 2018 |
T4G                  | 16  | 2021 |
Quadro RTX 4000      | 8   | 2018 | aka: Q RTX 4000
Quadro RTX 5000      | 16  | 2018 | aka: Q RTX 5000
Quadro RTX 6000      | 24  | 2018 | aka: Q RTX 6000
Quadro RTX 8000      | 48  | 2018 | aka: Q RTX 8000, RTX 8000
TITAN RTX            | 24  | 2018 |
RTX 2080 Ti          | 11  | 2018 |
RTX 2080 Ti 22GB     | 22  | 2023 | family: RTX 2080 Ti
RTX 2080 Super       | 8   | 2019 |
RTX 2080             | 8   | 2018 |
RTX 2070 Super       | 8   | 2019 |
RTX 2070             | 8   | 2018 |
RTX 2060 Super       | 8   | 2019 |
RTX 2060             | 6   | 2019 |
RTX 2060 12GB        | 12  | 2021 | family: RTX 2060
GTX 1660 Ti          | 6   | 2019 |
GTX 1660 Super       | 6   | 2019 |
GTX 1660             | 6   | 2019 |
GTX 1650 Super       | 4   | 2019 |
GTX 1650             | 4   | 2019 |

[nvidia Volta 7.0]
V100 16GB            | 16  | 2017 | family: V100
V100 32GB            | 32  | 2018 | family: V100
V100S                | 32  | 2019 |
TITAN V              | 12  | 2017 |
Quadro GV100         | 32  | 2018 | aka: GV100

[nvidia Pascal 6.0]
P100 12GB            | 12  | 2016 | family: P100
P100 16GB            | 16  | 2016 | family: P100
Quadro GP100         | 16  | 2016 | aka: GP100

[nvidia Pascal 6.1]
P4                   | 8   | 2016 |
P40                  | 24  | 2016 |
Quadro P4000         | 8   | 2017 | aka: P4000
Quadro P5000         | 16  | 2016 | aka: P5000
Quadro P6000         | 24  | 2016 | aka: P6000
TITAN Xp             | 12  | 2017 |
TITAN X Pascal       | 12  | 2016 |
GTX 1080 Ti          | 11  | 2017 |
GTX 1080             | 8   | 2016 |
GTX 1070 Ti          | 8   | 2017 |
GTX 1070             | 8   | 2016 |
GTX 1060 3GB         | 3   | 2016 | family: GTX 1060
GTX 1060 6GB         | 6   | 2016 | family: GTX 1060
GTX 1050 Ti          | 4   | 2016 |

[nvidia Maxwell 5.2]
M4                   | 4   | 2015 |
M40 12GB             | 12  | 2015 | family: M40
M40 24GB             | 24  | 2016 | family: M40
M60                  | 8   | 2015 | also: 16
Quadro M4000         | 8   | 2015 | aka: M4000
Quadro M6000         | 12  | 2015 | aka: M6000
TITAN X              | 12  | 2015 |
GTX 980 Ti           | 6   | 2015 |

[nvidia Kepler 3.7]
K80                  | 12  | 2014 | also: 24

[nvidia Kepler 3.0]
K520                 | 4   | 2013 | aka: GRID K520; also: 8

[amd CDNA -]
MI100                | 32  | 2020 |

[amd CDNA2 -]
MI210                | 64  | 2021 |
MI250                | 64  | 2021 | also: 128
MI250X               | 64  | 2021 | also: 128

[amd CDNA3 -]
MI300X               | 192 | 2023 |
MI308X               | 192 | 2024 |
MI325X               | 256 | 2024 |

[amd CDNA4 -]
MI350X               | 288 | 2025 |
MI355X               | 288 | 2025 |

[amd RDNA -]
Radeon Pro V520      | 8   | 2020 | aka: V520

[amd RDNA2 -]
Radeon Pro V620      | 32  | 2021 | aka: V620
Radeon Pro W6800     | 32  | 2021 | aka: W6800

[amd RDNA3 -]
Radeon Pro V710      | 24  | 2024 | aka: V710; also: 28
Radeon Pro W7900     | 48  | 2023 | aka: W7900
RX 7900 XT           | 20  | 2022 |
RX 7900 XTX          | 24  | 2022 |

[intel Gaudi -]
Gaudi                | 32  | 2019 | aka: HL-205, Gaudi HL-205
Gaudi 2              | 96  | 2022 | aka: HL-225, Gaudi HL-225
Gaudi 3              | 128 | 2024 | aka: HL-325, Gaudi HL-325
"""

# What people say when they leave the architecture out: the models that may be meant, the least of them first.
LOOSE_NAMES = {
    "RTX 4000": ("Quadro RTX 4000", "RTX 4000 Ada"),
    "RTX 5000": ("Quadro RTX 5000", "RTX 5000 Ada"),
    "RTX 6000": ("Quadro RTX 6000", "RTX 6000 Ada"),
}
