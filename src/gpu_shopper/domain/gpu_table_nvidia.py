"""NVIDIA's data-centre GPUs; `gpu_models` says how a line is read."""

NVIDIA_DATA_CENTRE = """
[nvidia Blackwell 10.0]
B100        | 192 HBM3e   | 8000 |  1750 |  3500 | NVLink 5, 1800 GB/s         | 2024 | blackwell-brief | aka: HGX B100
B200        | 180 HBM3e   | 7700 |  2250 |  4500 | NVLink 5, 1800 GB/s         | 2024 | hgx-sheet       | also: 192; aka: HGX B200
GB200       | 186 HBM3e   | 8000 |  2500 |  5000 | NVLink 5, 1800 GB/s         | 2024 | gb200-sheet     | also: 192; aka: GB200 NVL72

[nvidia Blackwell 10.3]
B300        | 270 HBM3e   | 7700 |  2250 |  4500 | NVLink 5, 1800 GB/s         | 2025 | hgx-sheet       | also: 288; aka: HGX B300
GB300       | 279 HBM3e   | 8000 |  2500 |  5000 | NVLink 5, 1800 GB/s         | 2025 | gb300-sheet     | also: 288; aka: GB300 NVL72

[nvidia Blackwell 12.1]
GB10        | 128 LPDDR5X |  273 |     - |     - | -                           | 2025 | gb10-sheet      | aka: GB10 Superchip

[nvidia Hopper 9.0]
H100 PCIe   |  80 HBM2e   | 2000 | 756.5 |  1513 | NVLink 4 bridge, 600 GB/s   | 2022 | h100-sheet      | family: H100; form: pcie
H100 SXM    |  80 HBM3    | 3350 | 989.5 |  1979 | NVLink 4, 900 GB/s          | 2022 | h100-sheet      | family: H100; form: sxm
H100 NVL    |  94 HBM3    | 3900 |   835 |  1671 | NVLink 4 bridge, 600 GB/s   | 2023 | h100-sheet      | family: H100; form: nvl
H100 CNX    |  80 HBM2e   |    - |     - |     - | PCIe 5.0 x16                | 2022 | driver          |
H200 NVL    | 141 HBM3e   | 4800 |   835 |  1671 | NVLink 4 bridge, 900 GB/s   | 2024 | h200-sheet      | family: H200; form: nvl
H200        | 141 HBM3e   | 4800 | 989.5 |  1979 | NVLink 4, 900 GB/s          | 2023 | h200-sheet      | form: sxm
H20         |  96 HBM3    | 4000 |   148 |   296 | NVLink 4, 900 GB/s          | 2023 | h20-sheet       |
H20 141GB   | 141 HBM3e   |    - |   148 |   296 | NVLink 4, 900 GB/s          | 2025 | h20-sheet       | family: H20; aka: H20-3e
H800        |  80 HBM2e   | 2000 |   756 |  1513 | NVLink 4 bridge, 400 GB/s   | 2023 | h800-sheet      |
GH200       |  96 HBM3    | 4000 |   990 |  1979 | NVLink 4, 900 GB/s          | 2023 | gh200-sheet     | aka: GH200 480GB, GH200 96GB 480GB, GH200 Superchip, Grace Hopper
GH200 144GB | 144 HBM3e   | 4900 |   990 |  1979 | NVLink 4, 900 GB/s          | 2024 | gh200-sheet     | family: GH200

[nvidia Ada 8.9]
L4          |  24 GDDR6   |  300 |   121 | 242.5 | PCIe 4.0 x16                | 2023 | l4-sheet        |
L2          |  24 GDDR6   |  300 |  96.5 |   193 | PCIe 4.0 x16                | 2023 | l20-sheet       |
L20         |  48 GDDR6   |  864 | 119.5 |   239 | PCIe 4.0 x16                | 2023 | l20-sheet       |
L40         |  48 GDDR6   |  864 |   181 |   362 | PCIe 4.0 x16                | 2022 | l40-sheet       |
L40S        |  48 GDDR6   |  864 |   362 |   733 | PCIe 4.0 x16                | 2023 | l40s-sheet      |
L40G        |  24 GDDR6   |    - |     - |     - | PCIe 4.0 x16                | 2022 | driver          |

[nvidia Ampere 8.0]
A100 40GB   |  40 HBM2    | 1555 |   312 |     - | NVLink 3 bridge, 600 GB/s   | 2020 | a100-sheet      | family: A100
A100 80GB   |  80 HBM2e   | 1935 |   312 |     - | NVLink 3 bridge, 600 GB/s   | 2020 | a100-sheet      | family: A100
A100X       |  80 HBM2e   |    - |     - |     - | PCIe 4.0 x16                | 2021 | driver          |
A800 40GB   |  40 HBM2    | 1555 |   312 |     - | NVLink 3 bridge, 400 GB/s   | 2022 | a800-sheet      | family: A800
A800 80GB   |  80 HBM2e   | 1935 |   312 |     - | NVLink 3 bridge, 400 GB/s   | 2022 | a800-sheet      | family: A800
A30         |  24 HBM2    |  933 |   165 |     - | NVLink 3 bridge, 200 GB/s   | 2021 | a30-sheet       |
A30X        |  24 HBM2e   |    - |     - |     - | PCIe 4.0 x16                | 2021 | driver          |
CMP 170HX   |   8 HBM2e   |    - |     - |     - | -                           | 2021 | driver          |

[nvidia Ampere 8.6]
A2          |  16 GDDR6   |  200 |    18 |     - | PCIe 4.0 x8                 | 2021 | a2-sheet        |
A10         |  24 GDDR6   |  600 |   125 |     - | PCIe 4.0 x16                | 2021 | a10-sheet       |
A10G        |  24 GDDR6   |  600 |    70 |     - | PCIe 4.0 x16                | 2021 | a10g-sheet      |
A16         |  16 GDDR6   |  200 |  17.9 |     - | PCIe 4.0 x16                | 2021 | a16-sheet       | also: 64
A40         |  48 GDDR6   |  696 | 149.7 |     - | NVLink 3 bridge, 112.5 GB/s | 2020 | a40-sheet       |

[nvidia Turing 7.5]
T4          |  16 GDDR6   |  320 |    65 |     - | PCIe 3.0 x16                | 2018 | t4-sheet        |
T4G         |  16 GDDR6   |    - |     - |     - | PCIe 3.0 x16                | 2021 | driver          |
T10         |  16 GDDR6   |    - |     - |     - | PCIe 3.0 x16                | 2020 | driver          |

[nvidia Volta 7.0]
V100 16GB   |  16 HBM2    |  900 |   112 |     - | PCIe 3.0 x16                | 2017 | v100-sheet      | family: V100
V100 32GB   |  32 HBM2    |  900 |   112 |     - | PCIe 3.0 x16                | 2018 | v100-sheet      | family: V100
V100S       |  32 HBM2    | 1134 |   130 |     - | PCIe 3.0 x16                | 2019 | v100-sheet      |

[nvidia Pascal 6.0]
P100 12GB   |  12 HBM2    |  549 |  18.7 |     - | PCIe 3.0 x16                | 2016 | p100-sheet      | family: P100
P100 16GB   |  16 HBM2    |  732 |  18.7 |     - | PCIe 3.0 x16                | 2016 | p100-sheet      | family: P100

[nvidia Pascal 6.1]
P4          |   8 GDDR5   |  192 |   5.5 |     - | PCIe 3.0 x16                | 2016 | p4-sheet        |
P6          |  16 GDDR5   |    - |     - |     - | PCIe 3.0 x16                | 2017 | driver          |
P40         |  24 GDDR5   |  346 |    12 |     - | PCIe 3.0 x16                | 2016 | p40-sheet       |

[nvidia Maxwell 5.2]
M4          |   4 GDDR5   |   88 |   2.2 |     - | PCIe 3.0 x16                | 2015 | m4-sheet        |
M6          |   8 GDDR5   |    - |     - |     - | PCIe 3.0 x16                | 2015 | driver          |
M40 12GB    |  12 GDDR5   |  288 |     7 |     - | PCIe 3.0 x16                | 2015 | m40-sheet       | family: M40
M40 24GB    |  24 GDDR5   |  288 |     7 |     - | PCIe 3.0 x16                | 2016 | m40-sheet       | family: M40
M60         |   8 GDDR5   |  160 |   4.8 |     - | PCIe 3.0 x16                | 2015 | m60-sheet       | also: 16

[nvidia Maxwell 5.0]
M10         |   8 GDDR5   |   83 |     - |     - | PCIe 3.0 x16                | 2016 | m10-sheet       | also: 32

[nvidia Kepler 3.7]
K80         |  12 GDDR5   |  240 |  4.37 |     - | PCIe 3.0 x16                | 2014 | k80-sheet       | also: 24

[nvidia Kepler 3.5]
K40         |  12 GDDR5   |  288 |  4.29 |     - | PCIe 3.0 x16                | 2013 | k40-sheet       | aka: K40m, K40c

[nvidia Kepler 3.0]
K520        |   4 GDDR5   |  160 |     - |     - | PCIe 3.0 x16                | 2013 | k520-sheet      | aka: GRID K520; also: 8
"""
