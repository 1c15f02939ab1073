"""NVIDIA's consumer and mining GPUs: GeForce, TITAN, CMP; `gpu_models` says how a line is read."""

NVIDIA_CONSUMER = """
[nvidia Blackwell 12.0]
RTX 5090          |  32 GDDR7  |  1792 | 209.5 |   419 | PCIe 5.0 x16                | 2025 | rtx50-paper    |
RTX 5090 D        |  32 GDDR7  |  1792 |     - |     - | PCIe 5.0 x16                | 2025 | geforce-pages  |
RTX 5090 D V2     |  24 GDDR7  |  1344 |     - |     - | PCIe 5.0 x16                | 2025 | geforce-pages  |
RTX 5080          |  16 GDDR7  |   960 | 112.6 | 225.1 | PCIe 5.0 x16                | 2025 | rtx50-paper    |
RTX 5070 Ti       |  16 GDDR7  |   896 |  87.9 | 175.8 | PCIe 5.0 x16                | 2025 | rtx50-paper    |
RTX 5070          |  12 GDDR7  |   672 |  61.7 | 123.5 | PCIe 5.0 x16                | 2025 | rtx50-paper    |
RTX 5060 Ti 8GB   |   8 GDDR7  |   448 |  47.4 |  94.8 | PCIe 5.0 x8                 | 2025 | geforce-pages  | family: RTX 5060 Ti
RTX 5060 Ti 16GB  |  16 GDDR7  |   448 |  47.4 |  94.8 | PCIe 5.0 x8                 | 2025 | geforce-pages  | family: RTX 5060 Ti
RTX 5060          |   8 GDDR7  |   448 |  38.4 |  76.7 | PCIe 5.0 x8                 | 2025 | geforce-pages  |
RTX 5050          |   8 GDDR6  |   320 |  26.3 |  52.6 | PCIe 5.0 x8                 | 2025 | geforce-pages  |

[nvidia Ada 8.9]
RTX 4090          |  24 GDDR6X |  1008 | 165.2 | 330.3 | PCIe 4.0 x16                | 2022 | ada-paper      |
RTX 4090 48GB     |  48 GDDR6X |  1008 | 165.2 | 330.3 | PCIe 4.0 x16                | 2024 | ada-rebuilt    | family: RTX 4090
RTX 4090 D        |  24 GDDR6X |  1008 | 147.1 | 294.2 | PCIe 4.0 x16                | 2023 | geforce-pages  |
RTX 4080 Super    |  16 GDDR6X |   736 | 104.4 | 208.9 | PCIe 4.0 x16                | 2024 | geforce-pages  |
RTX 4080          |  16 GDDR6X | 716.8 |  97.5 | 194.9 | PCIe 4.0 x16                | 2022 | ada-paper      |
RTX 4070 Ti Super |  16 GDDR6X |   672 |  88.2 | 176.4 | PCIe 4.0 x16                | 2024 | geforce-pages  | aka: RTX 4070S Ti
RTX 4070 Ti       |  12 GDDR6X |   504 |  80.2 | 160.4 | PCIe 4.0 x16                | 2023 | geforce-pages  |
RTX 4070 Super    |  12 GDDR6X |   504 |  70.9 | 141.9 | PCIe 4.0 x16                | 2024 | geforce-pages  |
RTX 4070          |  12 GDDR6X |   504 |  58.3 | 116.6 | PCIe 4.0 x16                | 2023 | geforce-pages  |
RTX 4060 Ti 8GB   |   8 GDDR6  |   288 |  44.1 |  88.2 | PCIe 4.0 x8                 | 2023 | geforce-pages  | family: RTX 4060 Ti
RTX 4060 Ti 16GB  |  16 GDDR6  |   288 |  44.1 |  88.2 | PCIe 4.0 x8                 | 2023 | geforce-pages  | family: RTX 4060 Ti
RTX 4060          |   8 GDDR6  |   272 |  30.2 |  60.5 | PCIe 4.0 x8                 | 2023 | geforce-pages  |

[nvidia Ampere 8.6]
RTX 3090 Ti       |  24 GDDR6X |  1008 |    80 |     - | NVLink 3 bridge, 112.5 GB/s | 2022 | geforce-pages  |
RTX 3090          |  24 GDDR6X |   936 |    71 |     - | NVLink 3 bridge, 112.5 GB/s | 2020 | ga102-paper    |
RTX 3080 Ti       |  12 GDDR6X |   912 |  68.2 |     - | PCIe 4.0 x16                | 2021 | geforce-pages  |
RTX 3080          |  10 GDDR6X |   760 |  59.5 |     - | PCIe 4.0 x16                | 2020 | ga102-paper    |
RTX 3080 12GB     |  12 GDDR6X |   912 |  61.3 |     - | PCIe 4.0 x16                | 2022 | geforce-pages  | family: RTX 3080
RTX 3080 20GB     |  20 GDDR6X |     - |     - |     - | PCIe 4.0 x16                | 2023 | driver         | family: RTX 3080
RTX 3070 Ti       |   8 GDDR6X |   608 |  43.5 |     - | PCIe 4.0 x16                | 2021 | geforce-pages  |
RTX 3070          |   8 GDDR6  |   448 |  40.6 |     - | PCIe 4.0 x16                | 2020 | ga102-paper    |
RTX 3060 Ti       |   8 GDDR6  |   448 |  32.4 |     - | PCIe 4.0 x16                | 2020 | geforce-pages  |
RTX 3060 8GB      |   8 GDDR6  |   240 |  25.5 |     - | PCIe 4.0 x16                | 2022 | geforce-pages  | family: RTX 3060
RTX 3060          |  12 GDDR6  |   360 |  25.5 |     - | PCIe 4.0 x16                | 2021 | geforce-pages  |
RTX 3050 6GB      |   6 GDDR6  |   168 |  13.5 |     - | PCIe 4.0 x8                 | 2024 | geforce-pages  | family: RTX 3050
RTX 3050          |   8 GDDR6  |   224 |  18.2 |     - | PCIe 4.0 x8                 | 2022 | geforce-pages  |
CMP 90HX          |  10 GDDR6X |     - |     - |     - | -                           | 2021 | driver         |

[nvidia Turing 7.5]
TITAN RTX         |  24 GDDR6  |   672 | 130.5 |     - | NVLink 2 bridge, 100 GB/s   | 2018 | turing-paper   |
RTX 2080 Ti       |  11 GDDR6  |   616 |  53.8 |     - | NVLink 2 bridge, 100 GB/s   | 2018 | turing-paper   |
RTX 2080 Ti 22GB  |  22 GDDR6  |   616 |  53.8 |     - | NVLink 2 bridge, 100 GB/s   | 2023 | turing-rebuilt | family: RTX 2080 Ti
RTX 2080 Super    |   8 GDDR6  |   496 |  44.6 |     - | NVLink 2 bridge, 50 GB/s    | 2019 | geforce-pages  |
RTX 2080          |   8 GDDR6  |   448 |  40.3 |     - | NVLink 2 bridge, 50 GB/s    | 2018 | turing-paper   |
RTX 2070 Super    |   8 GDDR6  |   448 |  36.2 |     - | NVLink 2 bridge, 50 GB/s    | 2019 | geforce-pages  |
RTX 2070          |   8 GDDR6  |   448 |  29.9 |     - | PCIe 3.0 x16                | 2018 | turing-paper   |
RTX 2060 Super    |   8 GDDR6  |   448 |  28.7 |     - | PCIe 3.0 x16                | 2019 | geforce-pages  |
RTX 2060          |   6 GDDR6  |   336 |  25.8 |     - | PCIe 3.0 x16                | 2019 | geforce-pages  |
RTX 2060 12GB     |  12 GDDR6  |   336 |  28.7 |     - | PCIe 3.0 x16                | 2021 | geforce-pages  | family: RTX 2060
GTX 1660 Ti       |   6 GDDR6  |   288 |  10.9 |     - | PCIe 3.0 x16                | 2019 | geforce-pages  |
GTX 1660 Super    |   6 GDDR6  |   336 |    10 |     - | PCIe 3.0 x16                | 2019 | geforce-pages  |
GTX 1660          |   6 GDDR5  |   192 |    10 |     - | PCIe 3.0 x16                | 2019 | geforce-pages  |
GTX 1650 Super    |   4 GDDR6  |   192 |   8.8 |     - | PCIe 3.0 x16                | 2019 | geforce-pages  |
GTX 1650          |   4 GDDR5  |   128 |     6 |     - | PCIe 3.0 x16                | 2019 | geforce-pages  |
GTX 1630          |   4 GDDR6  |    96 |   3.7 |     - | PCIe 3.0 x16                | 2022 | geforce-pages  |
CMP 30HX          |   6 GDDR6  |     - |     - |     - | -                           | 2021 | driver         |
CMP 40HX          |   8 GDDR6  |     - |     - |     - | -                           | 2021 | driver         |
CMP 50HX          |  10 GDDR6  |     - |     - |     - | -                           | 2021 | driver         |

[nvidia Volta 7.0]
TITAN V           |  12 HBM2   | 652.8 |   110 |     - | PCIe 3.0 x16                | 2017 | geforce-pages  |

[nvidia Pascal 6.1]
TITAN Xp          |  12 GDDR5X | 547.7 |  12.1 |     - | PCIe 3.0 x16                | 2017 | geforce-pages  |
TITAN X Pascal    |  12 GDDR5X |   480 |    11 |     - | PCIe 3.0 x16                | 2016 | geforce-pages  |
GTX 1080 Ti       |  11 GDDR5X |   484 |  11.3 |     - | PCIe 3.0 x16                | 2017 | geforce-pages  |
GTX 1080          |   8 GDDR5X |   320 |   8.9 |     - | PCIe 3.0 x16                | 2016 | geforce-pages  |
GTX 1070 Ti       |   8 GDDR5  |   256 |   8.2 |     - | PCIe 3.0 x16                | 2017 | geforce-pages  |
GTX 1070          |   8 GDDR5  |   256 |   6.5 |     - | PCIe 3.0 x16                | 2016 | geforce-pages  |
GTX 1060 3GB      |   3 GDDR5  |   192 |   3.9 |     - | PCIe 3.0 x16                | 2016 | geforce-pages  | family: GTX 1060
GTX 1060 6GB      |   6 GDDR5  |   192 |   4.4 |     - | PCIe 3.0 x16                | 2016 | geforce-pages  | family: GTX 1060
GTX 1050          |   2 GDDR5  |   112 |   1.9 |     - | PCIe 3.0 x16                | 2016 | geforce-pages  |
GTX 1050 3GB      |   3 GDDR5  |    84 |   2.3 |     - | PCIe 3.0 x16                | 2018 | geforce-pages  | family: GTX 1050
GTX 1050 Ti       |   4 GDDR5  |   112 |   2.1 |     - | PCIe 3.0 x16                | 2016 | geforce-pages  |
GT 1030           |   2 GDDR5  |    48 |   1.1 |     - | PCIe 3.0 x4                 | 2017 | geforce-pages  |

[nvidia Maxwell 5.2]
TITAN X           |  12 GDDR5  | 336.5 |   6.7 |     - | PCIe 3.0 x16                | 2015 | geforce-pages  |
GTX 980 Ti        |   6 GDDR5  | 336.5 |   6.1 |     - | PCIe 3.0 x16                | 2015 | geforce-pages  |
GTX 980           |   4 GDDR5  |   224 |     5 |     - | PCIe 3.0 x16                | 2014 | geforce-pages  |
GTX 970           |   4 GDDR5  |   224 |   3.9 |     - | PCIe 3.0 x16                | 2014 | geforce-pages  |
"""
