"""NVIDIA's workstation GPUs: RTX PRO, RTX Ada, RTX A, T and Quadro; `gpu_models` says how a line is read."""

NVIDIA_WORKSTATION = """
[nvidia Blackwell 12.0]
RTX PRO 2000       |  16 GDDR7  |  288 |  68.1 | 136.2 | PCIe 5.0 x8                 | 2025 | pro-bw-sheets      |
RTX PRO 4000 SFF   |  24 GDDR7  |  432 |  96.2 | 192.5 | PCIe 5.0 x8                 | 2025 | pro-bw-sheets      | aka: RTX PRO 4000 Blackwell SFF
RTX PRO 4000       |  24 GDDR7  |  672 | 147.2 | 294.5 | PCIe 5.0 x16                | 2025 | pro-bw-sheets      |
RTX PRO 4500       |  32 GDDR7  |  896 | 210.9 | 421.8 | PCIe 5.0 x16                | 2025 | pro-bw-sheets      |
RTX PRO 5000       |  48 GDDR7  | 1344 | 267.8 | 535.5 | PCIe 5.0 x16                | 2025 | pro-bw-sheets      |
RTX PRO 5000 72GB  |  72 GDDR7  | 1344 | 267.8 | 535.5 | PCIe 5.0 x16                | 2025 | pro-bw-sheets      | family: RTX PRO 5000
RTX PRO 6000       |  96 GDDR7  | 1597 |   480 |   960 | PCIe 5.0 x16                | 2025 | pro6000s-sheet     | aka: RTX PRO 6000 WS, RTX PRO 6000 S, RTX PRO 6000 SE
RTX PRO 6000 Max-Q |  96 GDDR7  | 1792 | 438.9 | 877.8 | PCIe 5.0 x16                | 2025 | pro-bw-sheets      | aka: RTX PRO 6000 Blackwell Max-Q
RTX PRO 6000D      |  84 GDDR7  |    - |     - |     - | PCIe 5.0 x16                | 2025 | driver             |

[nvidia Ada 8.9]
RTX 2000 Ada       |  16 GDDR6  |  224 |    48 |  95.9 | PCIe 4.0 x8                 | 2024 | ada-pro-sheets     |
RTX 4000 SFF Ada   |  20 GDDR6  |  280 |  76.7 | 153.4 | PCIe 4.0 x16                | 2023 | ada-pro-sheets     |
RTX 4000 Ada       |  20 GDDR6  |  360 |  81.9 | 163.8 | PCIe 4.0 x16                | 2023 | ada-pro-sheets     |
RTX 4500 Ada       |  24 GDDR6  |  432 | 158.5 |   317 | PCIe 4.0 x16                | 2023 | ada-pro-sheets     |
RTX 5000 Ada       |  32 GDDR6  |  576 | 261.1 | 522.2 | PCIe 4.0 x16                | 2023 | ada-pro-sheets     |
RTX 5880 Ada       |  48 GDDR6  |  960 | 277.1 | 554.2 | PCIe 4.0 x16                | 2024 | ada-pro-sheets     |
RTX 6000 Ada       |  48 GDDR6  |  960 | 364.2 | 728.5 | PCIe 4.0 x16                | 2022 | ada-pro-sheets     |

[nvidia Ampere 8.6]
RTX A400           |   4 GDDR6  |   96 |  10.8 |     - | PCIe 4.0 x8                 | 2024 | ampere-pro-sheets  |
RTX A1000          |   8 GDDR6  |  192 |  26.9 |     - | PCIe 4.0 x8                 | 2024 | ampere-pro-sheets  |
RTX A2000 6GB      |   6 GDDR6  |  288 |    32 |     - | PCIe 4.0 x16                | 2021 | ampere-pro-sheets  | family: RTX A2000
RTX A2000 12GB     |  12 GDDR6  |  288 |    32 |     - | PCIe 4.0 x16                | 2021 | ampere-pro-sheets  | family: RTX A2000
RTX A4000          |  16 GDDR6  |  448 |  76.7 |     - | PCIe 4.0 x16                | 2021 | ampere-pro-sheets  |
RTX A4500          |  20 GDDR6  |  640 |  94.6 |     - | NVLink 3 bridge, 112.5 GB/s | 2021 | ampere-pro-sheets  |
RTX A5000          |  24 GDDR6  |  768 | 111.1 |     - | NVLink 3 bridge, 112.5 GB/s | 2021 | ampere-pro-sheets  |
RTX A5500          |  24 GDDR6  |  768 | 136.4 |     - | NVLink 3 bridge, 112.5 GB/s | 2022 | ampere-pro-sheets  |
RTX A6000          |  48 GDDR6  |  768 | 154.8 |     - | NVLink 3 bridge, 112.5 GB/s | 2020 | ampere-pro-sheets  |

[nvidia Turing 7.5]
T400               |   2 GDDR6  |   80 |   2.2 |     - | PCIe 3.0 x16                | 2021 | turing-pro-sheets  |
T400 4GB           |   4 GDDR6  |   80 |   2.2 |     - | PCIe 3.0 x16                | 2021 | turing-pro-sheets  | family: T400
T600               |   4 GDDR6  |  160 |   3.4 |     - | PCIe 3.0 x16                | 2021 | turing-pro-sheets  |
T1000              |   4 GDDR6  |  160 |     5 |     - | PCIe 3.0 x16                | 2021 | turing-pro-sheets  |
T1000 8GB          |   8 GDDR6  |  160 |     5 |     - | PCIe 3.0 x16                | 2021 | turing-pro-sheets  | family: T1000
Quadro RTX 4000    |   8 GDDR6  |  416 |    57 |     - | PCIe 3.0 x16                | 2018 | turing-pro-sheets  | aka: Q RTX 4000
Quadro RTX 5000    |  16 GDDR6  |  448 |  89.2 |     - | NVLink 2 bridge, 50 GB/s    | 2018 | turing-pro-sheets  | aka: Q RTX 5000
Quadro RTX 6000    |  24 GDDR6  |  672 | 130.5 |     - | NVLink 2 bridge, 100 GB/s   | 2018 | turing-pro-sheets  | aka: Q RTX 6000
Quadro RTX 8000    |  48 GDDR6  |  672 | 130.5 |     - | NVLink 2 bridge, 100 GB/s   | 2018 | turing-pro-sheets  | aka: Q RTX 8000, RTX 8000

[nvidia Volta 7.0]
Quadro GV100       |  32 HBM2   |  870 | 118.5 |     - | NVLink 2 bridge, 200 GB/s   | 2018 | gv100-sheet        | aka: GV100

[nvidia Pascal 6.0]
Quadro GP100       |  16 HBM2   |  717 |  20.7 |     - | PCIe 3.0 x16                | 2016 | pascal-pro-sheets  | aka: GP100

[nvidia Pascal 6.1]
Quadro P400        |   2 GDDR5  |   32 |   0.6 |     - | PCIe 3.0 x16                | 2017 | pascal-pro-sheets  | aka: P400
Quadro P600        |   2 GDDR5  |   64 |   1.2 |     - | PCIe 3.0 x16                | 2017 | pascal-pro-sheets  | aka: P600
Quadro P620        |   2 GDDR5  |   80 |   1.4 |     - | PCIe 3.0 x16                | 2018 | pascal-pro-sheets  | aka: P620
Quadro P1000       |   4 GDDR5  |   82 |   1.9 |     - | PCIe 3.0 x16                | 2017 | pascal-pro-sheets  | aka: P1000
Quadro P2000       |   5 GDDR5  |  140 |     3 |     - | PCIe 3.0 x16                | 2017 | pascal-pro-sheets  | aka: P2000
Quadro P2200       |   5 GDDR5X |  200 |   3.8 |     - | PCIe 3.0 x16                | 2019 | pascal-pro-sheets  | aka: P2200
Quadro P4000       |   8 GDDR5  |  243 |   5.3 |     - | PCIe 3.0 x16                | 2017 | pascal-pro-sheets  | aka: P4000
Quadro P5000       |  16 GDDR5X |  288 |   8.9 |     - | PCIe 3.0 x16                | 2016 | pascal-pro-sheets  | aka: P5000
Quadro P6000       |  24 GDDR5X |  432 |    12 |     - | PCIe 3.0 x16                | 2016 | pascal-pro-sheets  | aka: P6000

[nvidia Maxwell 5.2]
Quadro M2000       |   4 GDDR5  |  106 |   1.8 |     - | PCIe 3.0 x16                | 2016 | maxwell-pro-sheets | aka: M2000
Quadro M4000       |   8 GDDR5  |  192 |   2.6 |     - | PCIe 3.0 x16                | 2015 | maxwell-pro-sheets | aka: M4000
Quadro M5000       |   8 GDDR5  |  211 |   4.3 |     - | PCIe 3.0 x16                | 2015 | maxwell-pro-sheets | aka: M5000
Quadro M6000       |  12 GDDR5  |  317 |   6.8 |     - | PCIe 3.0 x16                | 2015 | maxwell-pro-sheets | aka: M6000
Quadro M6000 24GB  |  24 GDDR5  |  317 |   6.8 |     - | PCIe 3.0 x16                | 2016 | maxwell-pro-sheets | family: Quadro M6000; aka: M6000 24GB
"""
