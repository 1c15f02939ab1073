"""What was read about language models, document by document: facts only; `model_evidence` says how a line is read."""

from collections.abc import Mapping

# A document's key: who says it (the model's maker, or a copy of what the maker says), what and where it is, and which state
# of it was read.
DOCUMENTS: Mapping[str, tuple[str, str]] = {
    "deepseek": (
        "maker",
        "DeepSeek, inference/model.py and inference/configs in deepseek-ai/DeepSeek-V3 at 9b4e978, 2025",
    ),
    "deepseek-readme": (
        "maker",
        "DeepSeek, README.md in deepseek-ai/DeepSeek-V3 at 9b4e978, 2025; K is 1,024",
    ),
    "gpt-oss": ("maker", "OpenAI, gpt_oss/torch/model.py in openai/gpt-oss at 7b58334"),
    "gemma": ("maker", "Google, gemma/config.py in google/gemma_pytorch at 014acb7"),
    "olmo": (
        "maker",
        "Ai2, src/olmo_core/nn/transformer/config.py and src/scripts/official/OLMo2 in allenai/OLMo-core at fa6c501",
    ),
    "dbrx": ("maker", "Databricks, model/config.json in databricks/dbrx at a320039, April 2024"),
    "smollm": (
        "maker",
        "Hugging Face, text/pretraining in huggingface/smollm at a041759, April 2026; SmolLM2 was trained with a shorter context than it has",
    ),
    "kimi": (
        "maker",
        "Moonshot AI, README.md in MoonshotAI/Kimi-K2 at c6157be, July 2025; K is 1,024",
    ),
    "llama-readme": (
        "maker",
        "Meta, README.md in meta-llama/llama-models at a9c89c4, July 2025; K is 1,024, M 1,024 times that",
    ),
    "yi-readme": ("maker", "01.AI, README.md in 01-ai/Yi at f73194c, November 2024; K is 1,024"),
    "glm-readme": (
        "maker",
        "Z.ai, README.md in zai-org/GLM-4.5 at 170f20b, February 2026; K is 1,024",
    ),
    "aiconfigurator": (
        "copy",
        "config.json of each, as NVIDIA keeps them: aic-core/src/aiconfigurator_core/model_configs in ai-dynamo/aiconfigurator at 095f58a, August 2026",
    ),
    "bridge": (
        "copy",
        "NVIDIA, src/megatron/bridge/models/*/*_provider.py in NVIDIA-NeMo/Megatron-Bridge at 383b610, February 2026; without its lengths for training",
    ),
    "litgpt": ("copy", "Lightning AI, litgpt/config.py in Lightning-AI/litgpt at 2685705"),
    "mlc": ("copy", "MLC, python/mlc_llm/model/model_preset.py in mlc-ai/mlc-llm at 79d603f"),
    "hub": (
        "copy",
        "config.json as found beside tuned and quantised weights whose config or page names the publisher's model",
    ),
    "glm-quoted": ("copy", "config.json of zai-org/GLM-4.6, as quoted by a public repository"),
}

EVIDENCE = """
[deepseek]
DeepSeek V2 Lite | 27 | 2048 | 16/-/192 | 10944 | 102400 | - | moe 64x1408 top 6; in 26; shared 2816; latent 576; tied no
DeepSeek V2 | 60 | 5120 | 128/-/192 | 12288 | 102400 | - | moe 160x1536 top 6; in 59; shared 3072; latent 576; tied no
DeepSeek V3, DeepSeek V3.1 | 61 | 7168 | 128/-/192 | 18432 | 129280 | - | moe 256x2048 top 8; in 58; shared 2048; latent 576; tied no

[deepseek-readme]
DeepSeek V3 | - | - | -/-/- | - | - | !131072

[gpt-oss]
GPT-OSS 120B | 36 | 2880 | 64/8/64 | - | 201088 | - | moe 128x2880 top 4; window 128; full 18; tied no

[gemma]
Gemma 2 2B | 26 | 2304 | 8/4/256 | 9216 | 256000 | 8192 | window 4096; full 13; tied yes
Gemma 2 9B | 42 | 3584 | 16/8/256 | 14336 | 256000 | 8192 | window 4096; full 21; tied yes
Gemma 2 27B | 46 | 4608 | 32/16/128 | 36864 | 256000 | 8192 | window 4096; full 23; tied yes
Gemma 3 1B | 26 | 1152 | 4/1/256 | 6912 | 262144 | 32768 | window 512; full 4; tied yes
Gemma 3 4B | 34 | 2560 | 8/4/256 | 10240 | !262144 | - | window 1024; full 5; tied yes
Gemma 3 12B | 48 | 3840 | 16/8/256 | 15360 | !262144 | 131072 | window 1024; full 8; tied yes
Gemma 3 27B | 62 | 5376 | 32/16/128 | 21504 | !262144 | 131072 | window 1024; full 10; tied yes

[olmo]
OLMo 2 1B | 16 | 2048 | 16/16/128 | 8192 | - | -
OLMo 2 7B | 32 | 4096 | 32/32/128 | 11008 | - | -
OLMo 2 13B | 40 | 5120 | 40/40/128 | 13824 | - | -
OLMo 2 32B | 64 | 5120 | 40/8/128 | 27648 | 100352 | 4096

[dbrx]
DBRX | 40 | 6144 | 48/8/128 | - | 100352 | 32768 | moe 16x10752 top 4; tied no

[smollm]
SmolLM2 135M | 30 | 576 | 9/3/64 | 1536 | 49152 | - | tied yes
SmolLM2 360M | 32 | 960 | 15/5/64 | 2560 | 49152 | - | tied yes
SmolLM2 1.7B | 24 | 2048 | 32/32/64 | 8192 | 49152 | - | tied yes
SmolLM3 3B | 36 | 2048 | 16/4/128 | 11008 | 128256 | 65536 | tied yes

[kimi]
Kimi K2 | 61 | 7168 | 64/-/- | - | 163840 | 131072 | moe 384x2048 top 8; in 60; shared 2048

[llama-readme]
Llama 2 7B, Llama 2 13B, Llama 2 70B | - | - | -/-/- | - | - | 4096
Llama 3 8B, Llama 3 70B | - | - | -/-/- | - | - | 8192
Llama 3.1 8B, Llama 3.1 70B, Llama 3.1 405B, Llama 3.2 1B, Llama 3.2 3B, Llama 3.3 70B | - | - | -/-/- | - | - | 131072
Llama 4 Scout | - | - | -/-/- | - | - | 10485760
Llama 4 Maverick | - | - | -/-/- | - | - | 1048576

[yi-readme]
Yi 6B, Yi 9B, Yi 34B | - | - | -/-/- | - | - | 4096

[glm-readme]
GLM 4.5, GLM 4.5 Air | - | - | -/-/- | - | - | 131072

[aiconfigurator]
Llama 3.1 8B | 32 | 4096 | 32/8/128 | 14336 | 128256 | 131072 | tied no
Llama 3.1 70B | 80 | 8192 | 64/8/128 | 28672 | 128256 | 131072 | tied no
Llama 3.1 405B | 126 | 16384 | 128/8/128 | 53248 | 128256 | 131072 | tied no
Llama 4 Scout | 48 | 5120 | 40/8/128 | - | 202048 | 10485760 | moe 16x8192 top 1; window 8192
Llama 4 Maverick | 48 | 5120 | 40/8/128 | 16384 | 202048 | 1048576 | moe 128x8192 top 1; in 24; window 8192
Mixtral 8x7B | 32 | 4096 | 32/8/128 | - | 32000 | 32768 | moe 8x14336 top 2; tied no
Mixtral 8x22B | 56 | 6144 | 48/8/128 | - | !32000 | 65536 | moe 8x16384 top 2; tied no
Qwen3 0.6B | 28 | 1024 | 16/8/128 | 3072 | 151936 | 40960 | tied yes
Qwen3 1.7B | 28 | 2048 | 16/8/128 | 6144 | 151936 | 40960 | tied yes
Qwen3 8B | 36 | 4096 | 32/8/128 | 12288 | 151936 | !40960 | tied no
Qwen3 32B | 64 | 5120 | 64/8/128 | 25600 | 151936 | !40960 | tied no
Qwen3 30B A3B | 48 | 2048 | 32/4/128 | - | 151936 | !40960 | moe 128x768 top 8; tied no
Qwen3 235B A22B | 94 | 4096 | 64/4/128 | - | 151936 | !40960 | moe 128x1536 top 8; tied no
Qwen3 Coder 480B A35B | 62 | 6144 | 96/8/128 | - | 151936 | 262144 | moe 160x2560 top 8; tied no
DeepSeek V3, DeepSeek V3.1, DeepSeek R1 | 61 | 7168 | 128/-/192 | 18432 | 129280 | 163840 | moe 256x2048 top 8; in 58; shared 2048; latent 576; tied no
Kimi K2 | 61 | 7168 | 64/-/192 | 18432 | 163840 | 131072 | moe 384x2048 top 8; in 60; shared 2048; latent 576; tied no
GPT-OSS 20B | 24 | 2880 | 64/8/64 | - | 201088 | 131072 | moe 32x2880 top 4; window 128; tied no
GPT-OSS 120B | 36 | 2880 | 64/8/64 | - | 201088 | 131072 | moe 128x2880 top 4; window 128; tied no

[bridge]
Llama 2 7B | 32 | 4096 | 32/32/128 | 11008 | - | - | tied no
Llama 2 13B | 40 | 5120 | 40/40/128 | 13824 | - | - | tied no
Llama 2 70B | 80 | 8192 | 64/8/128 | 28672 | - | - | tied no
Llama 3 8B | 32 | 4096 | 32/8/128 | 14336 | - | 8192 | tied no
Llama 3 70B | 80 | 8192 | 64/8/128 | 28672 | - | 8192 | tied no
Llama 3.1 8B | 32 | 4096 | 32/8/128 | 14336 | - | 131072 | tied no
Llama 3.1 70B | 80 | 8192 | 64/8/128 | 28672 | - | 131072 | tied no
Llama 3.1 405B | 126 | 16384 | 128/8/128 | 53248 | - | 131072 | tied no
Llama 3.2 1B | 16 | 2048 | 32/8/64 | 8192 | - | 131072 | tied yes
Llama 3.2 3B | 28 | 3072 | 24/8/128 | 8192 | - | 131072 | tied yes
Llama 4 Scout | 48 | 5120 | 40/8/128 | - | 202048 | - | moe 16x8192 top 1; shared 8192; window 8192; full 12
Llama 4 Maverick | 48 | 5120 | 40/8/128 | 16384 | 202048 | - | moe 128x8192 top 1; in 24; shared 8192; window 8192; full 12
Mistral 7B v0.3 | 32 | 4096 | 32/8/128 | 14336 | 32768 | 32768 | tied no
Mistral Small 3 24B | 40 | 5120 | 32/8/128 | 32768 | 131072 | 32768 | tied no
Qwen2 7B | 28 | 3584 | 28/4/128 | 18944 | 152064 | 32768 | tied no
Qwen2 72B | 80 | 8192 | 64/8/128 | 29568 | 152064 | 32768 | tied no
Qwen2.5 0.5B | 24 | 896 | 14/2/64 | 4864 | 151936 | - | tied yes
Qwen2.5 1.5B | 28 | 1536 | 12/2/128 | 8960 | 151936 | - | tied yes
Qwen2.5 3B | 36 | 2048 | 16/2/128 | 11008 | 151936 | - | tied yes
Qwen2.5 7B | 28 | 3584 | 28/4/128 | 18944 | 152064 | - | tied no
Qwen2.5 14B | 48 | 5120 | 40/8/128 | 13824 | 152064 | - | tied no
Qwen2.5 32B | 64 | 5120 | 40/8/128 | 27648 | 152064 | - | tied no
Qwen2.5 72B | 80 | 8192 | 64/8/128 | 29568 | 152064 | - | tied no
Qwen3 0.6B | 28 | 1024 | 16/8/128 | 3072 | 151936 | 40960 | tied yes
Qwen3 1.7B | 28 | 2048 | 16/8/128 | 6144 | 151936 | 40960 | tied yes
Qwen3 4B | 36 | 2560 | 32/8/128 | 9728 | 151936 | !40960 | tied yes
Qwen3 8B | 36 | 4096 | 32/8/128 | 12288 | 151936 | !40960 | tied no
Qwen3 14B | 40 | 5120 | 40/8/128 | 17408 | 151936 | !40960 | tied no
Qwen3 32B | 64 | 5120 | 64/8/128 | 25600 | 151936 | !40960 | tied no
Qwen3 30B A3B | 48 | 2048 | 32/4/128 | - | 151936 | !40960 | moe 128x768 top 8; tied no
Qwen3 235B A22B | 94 | 4096 | 64/4/128 | - | 151936 | !40960 | moe 128x1536 top 8; tied no
Qwen3 Next 80B A3B | 48 | 2048 | 16/2/256 | - | 151936 | 262144 | moe 512x512 top 10; shared 512; full 12; state 548864; tied no
Gemma 2 2B | 26 | 2304 | 8/4/256 | 9216 | 256000 | 8192 | window 4096
Gemma 2 9B | 42 | 3584 | 16/8/256 | 14336 | 256000 | 8192 | window 4096
Gemma 3 1B | 26 | 1152 | 4/1/256 | 6912 | 262144 | 32768 | window 512
Gemma 3 4B | 34 | 2560 | 8/4/256 | 10240 | 262208 | 131072 | window 1024
Gemma 3 12B | 48 | 3840 | 16/8/256 | 15360 | 262208 | 131072 | window 1024
Gemma 3 27B | 62 | 5376 | 32/16/128 | 21504 | 262208 | 131072 | window 1024
DeepSeek V2 Lite | 27 | 2048 | 16/-/- | 10944 | 102400 | - | moe 64x1408 top 6; in 26; shared 2816
DeepSeek V2 | 60 | 5120 | -/-/- | 12288 | 102400 | - | moe 160x1536 top 6; in 59; shared 3072
DeepSeek V3 | 61 | 7168 | -/-/- | 18432 | 129280 | - | moe 256x2048 top 8; shared 2048
Kimi K2 | 61 | 7168 | 64/-/192 | 18432 | 163840 | - | moe 384x2048 top 8; in 60; shared 2048; latent 576
GPT-OSS 20B | 24 | 2880 | 64/8/64 | - | 201088 | 131072 | moe 32x2880 top 4; window 128; full 12
GPT-OSS 120B | 36 | 2880 | 64/8/64 | - | 201088 | 131072 | moe 128x2880 top 4; window 128; full 18
GLM 4.5 | 92 | 5120 | 96/8/128 | 12288 | 151552 | 131072 | moe 160x1536 top 8; in 89; shared 1536; tied no
GLM 4.5 Air | 46 | 4096 | 96/8/128 | 10944 | 151552 | 131072 | moe 128x1408 top 8; in 45; shared 1408; tied no

[litgpt]
Llama 2 7B | 32 | 4096 | 32/32/128 | 11008 | 32000 | 4096
Llama 2 13B | 40 | 5120 | 40/40/128 | 13824 | 32000 | 4096
Llama 2 70B | 80 | 8192 | 64/8/128 | 28672 | 32000 | 4096
CodeLlama 7B | 32 | 4096 | 32/32/128 | 11008 | 32016 | 16384
CodeLlama 13B | 40 | 5120 | 40/40/128 | 13824 | 32016 | 16384
CodeLlama 34B | 48 | 8192 | 64/8/128 | 22016 | 32000 | 16384
Llama 3 8B | 32 | 4096 | 32/8/128 | 14336 | 128256 | 8192
Llama 3 70B | 80 | 8192 | 64/8/128 | 28672 | 128256 | 8192
Llama 3.1 8B, DeepSeek R1 Distill Llama 8B | 32 | 4096 | 32/8/128 | 14336 | 128256 | 131072
Llama 3.1 70B, Llama 3.3 70B, DeepSeek R1 Distill Llama 70B | 80 | 8192 | 64/8/128 | 28672 | 128256 | 131072
Llama 3.1 405B | 126 | 16384 | 128/8/128 | 53248 | 128256 | 131072
Llama 3.2 1B | 16 | 2048 | 32/8/64 | 8192 | 128256 | 131072
Llama 3.2 3B | 28 | 3072 | 24/8/128 | 8192 | 128256 | 131072
TinyLlama 1.1B | 22 | 2048 | 32/4/64 | 5632 | 32000 | 2048
Mistral 7B v0.1 | 32 | 4096 | 32/8/128 | 14336 | 32000 | !4096 | window 4096
Mistral 7B v0.2 | 32 | 4096 | 32/8/128 | 14336 | 32000 | 32768
Mistral 7B v0.3 | 32 | 4096 | 32/8/128 | 14336 | 32768 | 32768
Mixtral 8x7B | 32 | 4096 | 32/8/128 | - | 32000 | 32768 | moe 8x14336 top 2
Mixtral 8x22B | 56 | 6144 | 48/8/128 | - | 32768 | 65536 | moe 8x16384 top 2
Mistral Large 2 | 88 | 12288 | 96/8/128 | 28672 | 32768 | !32768
Qwen2.5 0.5B | 24 | 896 | 14/2/64 | 4864 | 151936 | 32768
Qwen2.5 1.5B | 28 | 1536 | 12/2/128 | 8960 | 151936 | !131072
Qwen2.5 3B | 36 | 2048 | 16/2/128 | 11008 | 151936 | 32768
Qwen2.5 7B | 28 | 3584 | 28/4/128 | 18944 | 152064 | 131072
Qwen2.5 14B | 48 | 5120 | 40/8/128 | 13824 | 152064 | 131072
Qwen2.5 32B, QwQ 32B | 64 | 5120 | 40/8/128 | 27648 | 152064 | 131072
Qwen2.5 72B | 80 | 8192 | 64/8/128 | 29568 | 152064 | 131072
Qwen3 0.6B | 28 | 1024 | 16/8/128 | 3072 | 151936 | 40960
Qwen3 1.7B | 28 | 2048 | 16/8/128 | 6144 | 151936 | 40960
Qwen3 4B | 36 | 2560 | 32/8/128 | 9728 | 151936 | !40960
Qwen3 8B | 36 | 4096 | 32/8/128 | 12288 | 151936 | !40960
Qwen3 14B | 40 | 5120 | 40/8/128 | 17408 | 151936 | !40960
Qwen3 32B | 64 | 5120 | 64/8/128 | 25600 | 151936 | !40960
Qwen3 30B A3B | 48 | 2048 | 32/4/128 | - | 151936 | !40960 | moe 128x768 top 8
Qwen3 30B A3B 2507 | 48 | 2048 | 32/4/128 | - | 151936 | 262144 | moe 128x768 top 8
Qwen3 235B A22B | 94 | 4096 | 64/4/128 | - | 151936 | !40960 | moe 128x1536 top 8
Qwen3 235B A22B 2507 | 94 | 4096 | 64/4/128 | - | 151936 | 262144 | moe 128x1536 top 8
Gemma 2 2B | 26 | 2304 | 8/4/256 | 9216 | 256000 | 8192 | window 4096
Gemma 2 9B | 42 | 3584 | 16/8/256 | 14336 | 256000 | 8192 | window 4096
Gemma 2 27B | 46 | 4608 | 32/16/128 | 36864 | 256000 | 8192 | window 4096
Gemma 3 1B | 26 | 1152 | 4/1/256 | 6912 | 262144 | !131072 | window 512
Gemma 3 4B | 34 | 2560 | 8/4/256 | 10240 | !262144 | 131072 | window 1024
Gemma 3 12B | 48 | 3840 | 16/8/256 | 15360 | !262144 | 131072 | window 1024
Gemma 3 27B | 62 | 5376 | 32/16/128 | 21504 | !262144 | 131072 | window 1024
Phi 3 Mini 4K | 32 | 3072 | 32/32/96 | 8192 | 32064 | 4096
Phi 3 Mini 128K | 32 | 3072 | 32/32/96 | 8192 | 32064 | 131072
Phi 3.5 Mini | 32 | 3072 | 32/32/96 | 8192 | 32064 | !4096
Phi 4 | 40 | 5120 | 40/10/128 | 17920 | 100352 | 16384
Phi 4 Mini | 32 | 3072 | 24/8/128 | 8192 | 200064 | 131072
Falcon 3 7B | 28 | 3072 | 12/4/256 | 23040 | 131072 | 32768
Falcon 3 10B | 40 | 3072 | 12/4/256 | 23040 | 131072 | 32768
OLMo 2 7B | 32 | 4096 | 32/32/128 | 11008 | 100352 | 4096
OLMo 2 13B | 40 | 5120 | 40/40/128 | 13824 | 100352 | 4096
SmolLM2 135M | 30 | 576 | 9/3/64 | 1536 | 49152 | 8192
SmolLM2 360M | 32 | 960 | 15/5/64 | 2560 | 49152 | 8192
SmolLM2 1.7B | 24 | 2048 | 32/32/64 | 8192 | 49152 | 8192

[mlc]
Llama 2 7B | 32 | 4096 | 32/32/128 | 11008 | 32000 | !2048 | tied no
Llama 2 13B | 40 | 5120 | 40/40/128 | 13824 | 32000 | !2048 | tied no
Llama 2 70B | 80 | 8192 | 64/8/128 | 28672 | 32000 | !2048 | tied no
CodeLlama 7B | 32 | 4096 | 32/32/128 | 11008 | 32016 | 16384 | tied no
CodeLlama 13B | 40 | 5120 | 40/40/128 | 13824 | 32016 | 16384 | tied no
CodeLlama 34B | 48 | 8192 | 64/8/128 | 22016 | !32016 | 16384 | tied no
Llama 3.1 8B | 32 | 4096 | 32/8/128 | 14336 | 128256 | 131072 | tied no
Llama 3.1 70B | 80 | 8192 | 64/8/128 | 28672 | 128256 | 131072 | tied no
Llama 3.2 1B | 16 | 2048 | 32/8/64 | 8192 | 128256 | 131072 | tied yes
Llama 3.2 3B | 28 | 3072 | 24/8/128 | 8192 | 128256 | 131072 | tied yes
TinyLlama 1.1B | 22 | 2048 | 32/4/64 | 5632 | 32000 | 2048 | tied no
Mistral 7B v0.3 | 32 | 4096 | 32/8/128 | 14336 | 32768 | 32768 | tied no
Qwen2 7B | 28 | 3584 | 28/4/128 | 18944 | 152064 | 32768 | tied no
Qwen2.5 3B | 36 | 2048 | 16/2/128 | 11008 | 151936 | 32768 | tied yes
Qwen3 0.6B | 28 | 1024 | 16/8/128 | 3072 | 151936 | 40960 | tied yes
Qwen3 1.7B | 28 | 2048 | 16/8/128 | 6144 | 151936 | 40960 | tied yes
Gemma 2 2B | 26 | 2304 | 8/4/256 | 9216 | 256000 | 8192 | window 4096
Gemma 2 9B | 42 | 3584 | 16/8/256 | 14336 | 256000 | 8192 | window 4096
Gemma 2 27B | 46 | 4608 | 32/16/128 | 36864 | 256000 | 8192 | window 4096
Gemma 3 1B | 26 | 1152 | 4/1/256 | 6912 | 262144 | 32768 | window 512
Phi 3.5 Mini | 32 | 3072 | 32/32/96 | 8192 | 32064 | 131072 | tied no
Phi 4 Mini | 32 | 3072 | 24/8/128 | 8192 | 200064 | 131072 | tied yes
DeepSeek V2 Lite | 27 | 2048 | 16/-/192 | 10944 | 102400 | 163840 | moe 64x1408 top 6; in 26; shared 2816; latent 576
OLMo 2 7B | 32 | 4096 | 32/32/128 | 11008 | 100352 | 4096 | tied no
OLMo 2 13B | 40 | 5120 | 40/40/128 | 13824 | 100352 | 4096 | tied no
OLMo 2 32B | 64 | 5120 | 40/8/128 | 27648 | 100352 | 4096 | tied no
SmolLM2 135M | 30 | 576 | 9/3/64 | 1536 | 49152 | 8192 | tied yes
SmolLM2 360M | 32 | 960 | 15/5/64 | 2560 | 49152 | 8192 | tied yes

[hub]
Mistral Nemo 12B | 40 | 5120 | 32/8/128 | 14336 | 131072 | 131072
Mistral Small 22B | 56 | 6144 | 48/8/128 | 16384 | 32768 | 32768
Codestral 22B | 56 | 6144 | 48/8/128 | 16384 | 32768 | 32768
Phi 3 Medium 4K | 40 | 5120 | 40/10/128 | 17920 | 32064 | 4096
DeepSeek R1 Distill Qwen 1.5B | 28 | 1536 | 12/2/128 | 8960 | 151936 | 131072
DeepSeek R1 Distill Qwen 7B | 28 | 3584 | 28/4/128 | 18944 | 152064 | 131072
DeepSeek R1 Distill Qwen 14B | 48 | 5120 | 40/8/128 | 13824 | 152064 | 131072
DeepSeek R1 Distill Qwen 32B | 64 | 5120 | 40/8/128 | 27648 | 152064 | 131072
Yi 34B | 60 | 7168 | 56/8/128 | 20480 | 64000 | 4096
Command R | 40 | 8192 | 64/64/128 | 22528 | 256000 | -
Command R 08-2024 | 40 | 8192 | 64/8/128 | 24576 | 256000 | 131072
Command R+ | 64 | 12288 | 96/8/128 | 33792 | 256000 | 131072
GLM 4 9B | 40 | 4096 | 32/2/128 | 13696 | 151552 | 131072
GLM 4 32B | 61 | 6144 | 48/2/128 | 23040 | 151552 | 32768
GLM 4.5 Air | 46 | 4096 | 96/8/128 | 10944 | - | 131072 | moe 128x1408 top 8; in 45; shared 1408
Granite 3.1 2B | 40 | 2048 | 32/8/64 | 8192 | 49155 | -

[glm-quoted]
GLM 4.6 | 92 | 5120 | 96/8/128 | 12288 | 151552 | 202752 | moe 160x1536 top 8; in 89; shared 1536; tied no
"""

# What a document says otherwise, in a section of that document: the models, and why ours stays.
DIFFERENCES = """
[deepseek-readme]
DeepSeek V3 | It says what was tested; the config has 163,840 positions, and that is what servers go by

[gemma]
Gemma 3 4B, Gemma 3 12B, Gemma 3 27B | It has the text's vocabulary; the config of the models with an eye has 64 words more

[aiconfigurator]
Mixtral 8x22B | It keeps the base model's config; the tuned model, which is served, has further words for tools
Qwen3 8B, Qwen3 32B, Qwen3 30B A3B, Qwen3 235B A22B | Its config has the 40,960 tokens without YaRN; ours are those of the card, with it

[bridge]
Qwen3 4B, Qwen3 8B, Qwen3 14B, Qwen3 32B, Qwen3 30B A3B, Qwen3 235B A22B | Its config has the 40,960 tokens without YaRN; ours are those of the card, with it

[litgpt]
Qwen3 4B, Qwen3 8B, Qwen3 14B, Qwen3 32B, Qwen3 30B A3B, Qwen3 235B A22B | Its config has the 40,960 tokens without YaRN; ours are those of the card, with it
Mistral 7B v0.1 | It ends the text at the window, which it does not slide
Mistral Large 2 | It has the config's first number; the publisher's announcement says 128K, and the config has since
Qwen2.5 1.5B | It has the base model's; the card of the tuned one, which is served, says 32,768
Gemma 3 1B | It has the larger models'; Google's own code says 32,768 of this one
Phi 3.5 Mini | It has the length before it is stretched; the config has 131,072 with it
Gemma 3 4B, Gemma 3 12B, Gemma 3 27B | It has the text's vocabulary; the config of the models with an eye has 64 words more

[mlc]
Llama 2 7B, Llama 2 13B, Llama 2 70B | It has the length that the first config named; Meta says 4K
CodeLlama 34B | It has the smaller models' vocabulary; the 34B model was trained without their 16 words for filling in
"""
