"""The documents that the figures in the GPU tables come from, by the keys that stand in the tables.

Data sheets of NVIDIA since Ampere print throughput with sparsity, marked by an asterisk: the tables hold half of it.
"""

from collections.abc import Mapping

SOURCES: Mapping[str, str] = {
    "blackwell-brief": "NVIDIA Blackwell Architecture Technical Brief, 2024; halved: with sparsity",
    "hgx-sheet": "NVIDIA HGX Platform (B200, B300) data sheet, 2025: an eighth of the board's; halved: with sparsity",
    "gb200-sheet": "NVIDIA GB200 NVL72 data sheet, 2024: half of the superchip's; halved: with sparsity",
    "gb300-sheet": "NVIDIA GB300 NVL72 data sheet, 2025: a 72nd of the rack's; halved: with sparsity",
    "gb10-sheet": "NVIDIA DGX Spark data sheet, 2025; it gives FP4 only",
    "h100-sheet": "NVIDIA H100 Tensor Core GPU data sheet, 2022 (PCIe) and 2024 (SXM, NVL); halved: with sparsity",
    "h200-sheet": "NVIDIA H200 Tensor Core GPU data sheet, 2024; halved: with sparsity",
    "h20-sheet": "NVIDIA H20 product brief, 2023; dense",
    "h800-sheet": "NVIDIA H800 Tensor Core GPU data sheet, 2023, the PCIe board; halved: with sparsity",
    "gh200-sheet": "NVIDIA GH200 Grace Hopper Superchip data sheet, 2023; halved: with sparsity",
    "l4-sheet": "NVIDIA L4 Tensor Core GPU data sheet, 2023; halved: with sparsity",
    "l20-sheet": "NVIDIA L20 and L2 product briefs, 2023; dense",
    "l40-sheet": "NVIDIA L40 data sheet, 2022; dense",
    "l40s-sheet": "NVIDIA L40S data sheet, 2023; dense",
    "a100-sheet": "NVIDIA A100 Tensor Core GPU data sheet, 2021; of 80 GB the PCIe board's bandwidth; dense",
    "a800-sheet": "NVIDIA A800 data sheet, 2022; of 80 GB the PCIe board's bandwidth; dense",
    "a30-sheet": "NVIDIA A30 data sheet, 2021; dense",
    "a2-sheet": "NVIDIA A2 data sheet, 2021; dense",
    "a10-sheet": "NVIDIA A10 data sheet, 2021; dense",
    "a10g-sheet": "NVIDIA A10G data sheet (with AWS), 2021; dense",
    "a16-sheet": "NVIDIA A16 data sheet, 2021: one of the board's four GPUs; dense",
    "a40-sheet": "NVIDIA A40 data sheet, 2020; dense",
    "t4-sheet": "NVIDIA T4 data sheet, 2018",
    "v100-sheet": "NVIDIA V100 and V100S data sheet, 2020; the PCIe board's throughput",
    "p100-sheet": "NVIDIA Tesla P100 PCIe data sheet, 2016",
    "p4-sheet": "NVIDIA Tesla P4 data sheet, 2016; FP32",
    "p40-sheet": "NVIDIA Tesla P40 data sheet, 2016; FP32",
    "m4-sheet": "NVIDIA Tesla M4 data sheet, 2015; FP32",
    "m10-sheet": "NVIDIA Tesla M10 product brief, 2016: one of the board's four GPUs",
    "m40-sheet": "NVIDIA Tesla M40 data sheet, 2015; FP32",
    "m60-sheet": "NVIDIA Tesla M60 product brief, 2015: one of the board's two GPUs; FP32",
    "k40-sheet": "NVIDIA Tesla K40 data sheet, 2013; FP32",
    "k80-sheet": "NVIDIA Tesla K80 data sheet, 2014: one of the board's two GPUs; FP32",
    "k520-sheet": "NVIDIA GRID K520 board specification, 2013: one of the board's two GPUs",
    "pro-bw-sheets": "NVIDIA RTX PRO Blackwell data sheets, 2025: AI TOPS (FP4, with sparsity), an eighth for 16 bits, a quarter for FP8",
    "pro6000s-sheet": "NVIDIA RTX PRO 6000 Blackwell Server Edition data sheet, 2025: 4 × FP32 for 16 bits, 8 × for FP8",
    "ada-pro-sheets": "NVIDIA RTX Ada Generation data sheets, 2022–2024: tensor performance (FP8, with sparsity), a quarter for 16 bits",
    "ampere-pro-sheets": "NVIDIA RTX A data sheets, 2020–2024: tensor performance, halved: with sparsity",
    "turing-pro-sheets": "NVIDIA Quadro RTX and T data sheets, 2018–2021; of T models 2 × FP32 for 16 bits",
    "gv100-sheet": "NVIDIA Quadro GV100 data sheet, 2018",
    "pascal-pro-sheets": "NVIDIA Quadro P and GP100 data sheets, 2016–2019; of P models FP32",
    "maxwell-pro-sheets": "NVIDIA Quadro M data sheets, 2015–2016; FP32",
    "rtx50-paper": "NVIDIA RTX Blackwell GPU Architecture white paper, 2025: tensor rates with FP32 accumulate, dense",
    "ada-paper": "NVIDIA Ada GPU Architecture white paper, 2022: tensor rates with FP32 accumulate, dense",
    "ada-rebuilt": "the chip's figures from the NVIDIA Ada white paper, 2022; the board is rebuilt with more memory",
    "ga102-paper": "NVIDIA Ampere GA102 GPU Architecture white paper, 2021: tensor rates with FP32 accumulate, dense",
    "turing-paper": "NVIDIA Turing GPU Architecture white paper, 2018: tensor rates with FP32 accumulate, reference clocks",
    "turing-rebuilt": "the chip's figures from the NVIDIA Turing white paper, 2018; the board is rebuilt with more memory",
    "geforce-pages": "NVIDIA's pages of specifications per GeForce and TITAN: cores × boost clock, by the rules of docs/reference/gpus.md",
    "driver": "name and memory as drivers and clouds show them; no sheet of the maker, so no figures",
    "mi-sheets": "AMD Instinct (Radeon Instinct) data sheets of the model, 2016–2025; matrix rates, dense; MI250: one of two GPUs",
    "radeon-pro-pages": "AMD's pages of specifications per Radeon Pro: peak half precision, of RDNA 4 matrix rates, dense",
    "radeon-pages": "AMD's pages of specifications per Radeon RX: peak half precision, of RDNA 4 matrix rates, dense",
    "gaudi-papers": "Intel (Habana) Gaudi white papers, 2019, 2022 and 2024; of the third the rates of its accelerator card HL-325L",
    "max-brief": "Intel Data Center GPU Max Series product brief, 2022; XMX rates of BF16",
    "tpu-docs": "Google Cloud TPU documentation, system architecture per version, 2025; per chip",
    "neuron-docs": "AWS Neuron documentation, architecture per chip, 2025; dense",
}  # fmt: skip

# The documents whose own text the figures were compared with. The others were written down from knowledge of the document.
CHECKED = frozenset({"tpu-docs", "neuron-docs"})

# NVIDIA's own figures in the code of TensorRT-LLM (tensorrt_llm/auto_parallel/cluster_info.py, 2025), which names the sheets that
# it has them from. With sparsity of H200, and halved.
_BY_NVIDIA = "with NVIDIA's own table in TensorRT-LLM"

# What the figures of the models that are rented most were compared with, where the document itself was not at hand. They
# agree but where it says so.
COMPARED: Mapping[str, str] = {
    "hgx-sheet": "B200 and B300, per GPU and dense, with notes on NVIDIA's brief of the architecture; B200's bandwidth with the bus (7,680 bits) and clock that its driver shows; others give B300 8 TB/s",
    "h100-sheet": f"SXM and PCIe {_BY_NVIDIA}, PCIe's bandwidth with product brief PB-11133 of 2022 too; NVL with nothing",
    "h200-sheet": f"SXM and NVL {_BY_NVIDIA}, which gives them with sparsity",
    "h20-sheet": f"H20 {_BY_NVIDIA}, which has 147 and 293 TFLOPS; not of 141 GB",
    "a100-sheet": f"40 GB and 80 GB {_BY_NVIDIA}",
    "a30-sheet": f"A30 {_BY_NVIDIA}",
    "l4-sheet": f"L4 {_BY_NVIDIA}, which rounds down to 120 and 242 TFLOPS",
    "l20-sheet": f"L20 and L2 {_BY_NVIDIA}, in whole TFLOPS",
    "l40-sheet": f"L40 {_BY_NVIDIA}",
    "l40s-sheet": f"L40S {_BY_NVIDIA}",
    "a40-sheet": f"A40 {_BY_NVIDIA}, which rounds to 150 TFLOPS",
    "a10-sheet": f"A10 {_BY_NVIDIA}",
    "a10g-sheet": f"A10G {_BY_NVIDIA}",
    "ada-paper": "RTX 4090 with a database of GPUs that tells both kinds of accumulation",
    "rtx50-paper": "RTX 5090 with a magazine's test: 838 TFLOPS with sparsity and FP16 sums are 209.5 dense with FP32 sums",
    "ampere-pro-sheets": "RTX A6000's memory and bandwidth with a magazine's copy of the sheet; not its throughput",
    "ada-pro-sheets": "RTX 6000 Ada's bandwidth with a cloud's comparison; not its throughput",
    "mi-sheets": "MI300X and MI325X with a cloud's documentation and others' copies of AMD's pages",
    "gaudi-papers": "Gaudi 2 and 3 with Intel's slides at Hot Chips 2024, which round their bandwidth to 2.46 and 3.67 TB/s",
}  # fmt: skip
