"""Every open model whose shape the house knows: facts only, one line each; `known_models.py` gives them their meaning.

A section names its source: the `config.json` that the publisher keeps beside the weights, and its year. A line is

    name | parameters (billions) | layers | hidden | heads/key-value heads/head size | feed-forward | vocabulary | context | options

with the feed-forward width of a dense layer (of one expert, where no layer is dense). Options, split by semicolons:
`tied` (one embedding for input and output); `active:` billions of parameters that a token goes through; `beside:`
billions beside the language model; `moe: COUNTxWIDTH top N in LAYERS [shared WIDTH]`; `window: TOKENS full LAYERS`;
`latent: WIDTH`; `linear: STATE full LAYERS`; `native:` the quantisation that it is published in, bf16 if none is given;
`aka:` further names, beside those that follow from its own. Parameters are those of the weights; what is not sure of a
model keeps it out of the table.
"""

# The state of Qwen3-Next's linear layers: 32 heads of 128 × 128, and 3 tokens of 8,192 channels.
TABLE = """
[Meta: config.json of meta-llama/Llama-2-*-hf, 2023]
Llama 2 7B           | 6.738  | 32 | 4096  | 32/32/128  | 11008 | 32000  | 4096
Llama 2 13B          | 13.016 | 40 | 5120  | 40/40/128  | 13824 | 32000  | 4096
Llama 2 70B          | 68.977 | 80 | 8192  | 64/8/128   | 28672 | 32000  | 4096

[Meta: config.json of codellama/CodeLlama-*-hf, 2023]
CodeLlama 7B         | 6.739  | 32 | 4096  | 32/32/128  | 11008 | 32016  | 16384
CodeLlama 13B        | 13.016 | 40 | 5120  | 40/40/128  | 13824 | 32016  | 16384
CodeLlama 34B        | 33.744 | 48 | 8192  | 64/8/128   | 22016 | 32000  | 16384

[Meta: config.json of meta-llama/Meta-Llama-3-*, 2024]
Llama 3 8B           | 8.030  | 32 | 4096  | 32/8/128   | 14336 | 128256 | 8192
Llama 3 70B          | 70.554 | 80 | 8192  | 64/8/128   | 28672 | 128256 | 8192

[Meta: config.json of meta-llama/Llama-3.1-*, 2024]
Llama 3.1 8B         | 8.030  | 32 | 4096  | 32/8/128   | 14336 | 128256 | 131072
Llama 3.1 70B        | 70.554 | 80 | 8192  | 64/8/128   | 28672 | 128256 | 131072 | aka: Llama 3.1 Nemotron 70B
Llama 3.1 405B       | 405.85 | 126 | 16384 | 128/8/128 | 53248 | 128256 | 131072

[Meta: config.json of meta-llama/Llama-3.2-*, 2024]
Llama 3.2 1B         | 1.236  | 16 | 2048  | 32/8/64    | 8192  | 128256 | 131072 | tied
Llama 3.2 3B         | 3.213  | 28 | 3072  | 24/8/128   | 8192  | 128256 | 131072 | tied

[Meta: config.json of meta-llama/Llama-3.3-70B-Instruct, 2024]
Llama 3.3 70B        | 70.554 | 80 | 8192  | 64/8/128   | 28672 | 128256 | 131072

[Meta: config.json of meta-llama/Llama-4-*, 2025]
Llama 4 Scout        | 108.64 | 48 | 5120  | 40/8/128   | 8192  | 202048 | 10485760 | active: 17; beside: 0.86; moe: 16x8192 top 1 in 48 shared 8192; window: 8192 full 12; aka: Llama 4 Scout 17B 16E
Llama 4 Maverick     | 401.65 | 48 | 5120  | 40/8/128   | 16384 | 202048 | 1048576 | active: 17; beside: 0.86; moe: 128x8192 top 1 in 24 shared 8192; window: 8192 full 12; aka: Llama 4 Maverick 17B 128E

[Zhang Peiyuan: config.json of TinyLlama/TinyLlama-1.1B-Chat-v1.0, 2024]
TinyLlama 1.1B       | 1.100  | 22 | 2048  | 32/4/64    | 5632  | 32000  | 2048 | aka: TinyLlama 1.1B v1.0

[Mistral AI: config.json of mistralai/*, 2023 and 2024]
Mistral 7B v0.1      | 7.242  | 32 | 4096  | 32/8/128   | 14336 | 32000  | 32768 | window: 4096 full 0
Mistral 7B v0.2      | 7.242  | 32 | 4096  | 32/8/128   | 14336 | 32000  | 32768
Mistral 7B v0.3      | 7.248  | 32 | 4096  | 32/8/128   | 14336 | 32768  | 32768 | aka: Mistral 7B
Mixtral 8x7B         | 46.703 | 32 | 4096  | 32/8/128   | 14336 | 32000  | 32768 | active: 12.9; moe: 8x14336 top 2 in 32; aka: Mixtral 8x7B v0.1
Mixtral 8x22B        | 140.63 | 56 | 6144  | 48/8/128   | 16384 | 32768  | 65536 | active: 39; moe: 8x16384 top 2 in 56; aka: Mixtral 8x22B v0.1
Mistral Nemo 12B     | 12.248 | 40 | 5120  | 32/8/128   | 14336 | 131072 | 131072 | aka: Mistral Nemo, Mistral Nemo 2407
Mistral Small 22B    | 22.247 | 56 | 6144  | 48/8/128   | 16384 | 32768  | 32768 | aka: Mistral Small 2409
Codestral 22B        | 22.247 | 56 | 6144  | 48/8/128   | 16384 | 32768  | 32768 | aka: Codestral 22B v0.1, Codestral
Mistral Large 2      | 122.61 | 88 | 12288 | 96/8/128   | 28672 | 32768  | 131072 | aka: Mistral Large 2407, Mistral Large 123B, Mistral Large

[Mistral AI: config.json of mistralai/*, 2025]
Mistral Small 3 24B  | 23.572 | 40 | 5120  | 32/8/128   | 32768 | 131072 | 32768 | aka: Mistral Small 24B 2501
Mistral Small 3.1 24B | 24.011 | 40 | 5120 | 32/8/128   | 32768 | 131072 | 131072 | beside: 0.439; aka: Mistral Small 3.1 24B 2503
Mistral Small 3.2 24B | 24.011 | 40 | 5120 | 32/8/128   | 32768 | 131072 | 131072 | beside: 0.439; aka: Mistral Small 3.2 24B 2506, Mistral Small 24B
Devstral Small 24B   | 23.572 | 40 | 5120  | 32/8/128   | 32768 | 131072 | 131072 | aka: Devstral Small 2505

[Alibaba: config.json of Qwen/Qwen2-*, 2024]
Qwen2 7B             | 7.616  | 28 | 3584  | 28/4/128   | 18944 | 152064 | 32768
Qwen2 72B            | 72.706 | 80 | 8192  | 64/8/128   | 29568 | 152064 | 32768

[Alibaba: config.json and cards (context with YaRN) of Qwen/Qwen2.5-*, 2024]
Qwen2.5 0.5B         | 0.494  | 24 | 896   | 14/2/64    | 4864  | 151936 | 32768 | tied; aka: Qwen2.5 Coder 0.5B
Qwen2.5 1.5B         | 1.544  | 28 | 1536  | 12/2/128   | 8960  | 151936 | 32768 | tied; aka: Qwen2.5 Coder 1.5B
Qwen2.5 3B           | 3.086  | 36 | 2048  | 16/2/128   | 11008 | 151936 | 32768 | tied; aka: Qwen2.5 Coder 3B
Qwen2.5 7B           | 7.616  | 28 | 3584  | 28/4/128   | 18944 | 152064 | 131072 | aka: Qwen2.5 Coder 7B
Qwen2.5 14B          | 14.770 | 48 | 5120  | 40/8/128   | 13824 | 152064 | 131072 | aka: Qwen2.5 Coder 14B
Qwen2.5 32B          | 32.764 | 64 | 5120  | 40/8/128   | 27648 | 152064 | 131072 | aka: Qwen2.5 Coder 32B
Qwen2.5 72B          | 72.706 | 80 | 8192  | 64/8/128   | 29568 | 152064 | 131072
QwQ 32B              | 32.764 | 64 | 5120  | 40/8/128   | 27648 | 152064 | 131072

[Alibaba: config.json and cards (context with YaRN) of Qwen/Qwen3-*, 2025]
Qwen3 0.6B           | 0.596  | 28 | 1024  | 16/8/128   | 3072  | 151936 | 40960 | tied
Qwen3 1.7B           | 1.721  | 28 | 2048  | 16/8/128   | 6144  | 151936 | 40960 | tied
Qwen3 4B             | 4.022  | 36 | 2560  | 32/8/128   | 9728  | 151936 | 131072 | tied
Qwen3 8B             | 8.191  | 36 | 4096  | 32/8/128   | 12288 | 151936 | 131072
Qwen3 14B            | 14.768 | 40 | 5120  | 40/8/128   | 17408 | 151936 | 131072
Qwen3 32B            | 32.762 | 64 | 5120  | 64/8/128   | 25600 | 151936 | 131072
Qwen3 30B A3B        | 30.532 | 48 | 2048  | 32/4/128   | 768   | 151936 | 131072 | active: 3.3; moe: 128x768 top 8 in 48; aka: Qwen3 30B
Qwen3 30B A3B 2507   | 30.532 | 48 | 2048  | 32/4/128   | 768   | 151936 | 262144 | active: 3.3; moe: 128x768 top 8 in 48; aka: Qwen3 30B A3B Thinking 2507, Qwen3 Coder 30B A3B, Qwen3 Coder 30B
Qwen3 235B A22B      | 235.09 | 94 | 4096  | 64/4/128   | 1536  | 151936 | 131072 | active: 22; moe: 128x1536 top 8 in 94; aka: Qwen3 235B
Qwen3 235B A22B 2507 | 235.09 | 94 | 4096  | 64/4/128   | 1536  | 151936 | 262144 | active: 22; moe: 128x1536 top 8 in 94; aka: Qwen3 235B A22B Thinking 2507
Qwen3 Coder 480B A35B | 480.15 | 62 | 6144 | 96/8/128   | 2560  | 151936 | 262144 | active: 35; moe: 160x2560 top 8 in 62; aka: Qwen3 Coder 480B, Qwen3 Coder
Qwen3 Next 80B A3B   | 79.674 | 48 | 2048  | 16/2/256   | 512   | 151936 | 262144 | active: 3; moe: 512x512 top 10 in 48 shared 512; linear: 548864 full 12; aka: Qwen3 Next 80B A3B Thinking, Qwen3 Next 80B, Qwen3 Next

[Google: config.json of google/gemma-2-*, 2024]
Gemma 2 2B           | 2.614  | 26 | 2304  | 8/4/256    | 9216  | 256000 | 8192 | tied; window: 4096 full 13
Gemma 2 9B           | 9.242  | 42 | 3584  | 16/8/256   | 14336 | 256000 | 8192 | tied; window: 4096 full 21
Gemma 2 27B          | 27.227 | 46 | 4608  | 32/16/128  | 36864 | 256000 | 8192 | tied; window: 4096 full 23

[Google: config.json of google/gemma-3-*, 2025]
Gemma 3 1B           | 1.000  | 26 | 1152  | 4/1/256    | 6912  | 262144 | 32768 | tied; window: 512 full 4
Gemma 3 4B           | 4.300  | 34 | 2560  | 8/4/256    | 10240 | 262208 | 131072 | tied; beside: 0.42; window: 1024 full 5
Gemma 3 12B          | 12.187 | 48 | 3840  | 16/8/256   | 15360 | 262208 | 131072 | tied; beside: 0.42; window: 1024 full 8
Gemma 3 27B          | 27.432 | 62 | 5376  | 32/16/128  | 21504 | 262208 | 131072 | tied; beside: 0.42; window: 1024 full 10

[Microsoft: config.json of microsoft/Phi-3*, 2024]
Phi 3 Mini 4K        | 3.821  | 32 | 3072  | 32/32/96   | 8192  | 32064  | 4096
Phi 3 Mini 128K      | 3.821  | 32 | 3072  | 32/32/96   | 8192  | 32064  | 131072
Phi 3 Medium 4K      | 13.960 | 40 | 5120  | 40/10/128  | 17920 | 32064  | 4096
Phi 3 Medium 128K    | 13.960 | 40 | 5120  | 40/10/128  | 17920 | 32064  | 131072
Phi 3.5 Mini         | 3.821  | 32 | 3072  | 32/32/96   | 8192  | 32064  | 131072
Phi 3.5 MoE          | 41.873 | 32 | 4096  | 32/8/128   | 6400  | 32064  | 131072 | active: 6.6; moe: 16x6400 top 2 in 32

[Microsoft: config.json of microsoft/phi-4 and Phi-4-mini-instruct, 2024 and 2025]
Phi 4                | 14.660 | 40 | 5120  | 40/10/128  | 17920 | 100352 | 16384 | aka: Phi 4 14B
Phi 4 Mini           | 3.836  | 32 | 3072  | 24/8/128   | 8192  | 200064 | 131072 | tied; aka: Phi 4 Mini 3.8B

[DeepSeek: config.json of deepseek-ai/DeepSeek-V2*, 2024]
DeepSeek V2 Lite     | 15.706 | 27 | 2048  | 16/16/192  | 10944 | 102400 | 163840 | active: 2.4; moe: 64x1408 top 6 in 26 shared 2816; latent: 576; aka: DeepSeek V2 Lite 16B, DeepSeek Coder V2 Lite, DeepSeek Coder V2 16B
DeepSeek V2          | 235.74 | 60 | 5120  | 128/128/192 | 12288 | 102400 | 163840 | active: 21; moe: 160x1536 top 6 in 59 shared 3072; latent: 576; aka: DeepSeek V2 236B, DeepSeek V2.5, DeepSeek Coder V2, DeepSeek Coder V2 236B

[DeepSeek: config.json of deepseek-ai/DeepSeek-V3* and -R1*, 2024 and 2025]
DeepSeek V3          | 671.03 | 61 | 7168  | 128/128/192 | 18432 | 129280 | 163840 | active: 37; moe: 256x2048 top 8 in 58 shared 2048; latent: 576; native: fp8; aka: DeepSeek V3 671B, DeepSeek V3 0324
DeepSeek V3.1        | 671.03 | 61 | 7168  | 128/128/192 | 18432 | 129280 | 163840 | active: 37; moe: 256x2048 top 8 in 58 shared 2048; latent: 576; native: fp8; aka: DeepSeek V3.1 671B, DeepSeek V3.1 Terminus
DeepSeek R1          | 671.03 | 61 | 7168  | 128/128/192 | 18432 | 129280 | 163840 | active: 37; moe: 256x2048 top 8 in 58 shared 2048; latent: 576; native: fp8; aka: DeepSeek R1 671B, DeepSeek R1 0528
DeepSeek R1 Distill Qwen 1.5B | 1.777 | 28 | 1536 | 12/2/128 | 8960 | 151936 | 131072 | aka: DeepSeek R1 1.5B
DeepSeek R1 Distill Qwen 7B | 7.616 | 28 | 3584 | 28/4/128 | 18944 | 152064 | 131072 | aka: DeepSeek R1 7B
DeepSeek R1 Distill Llama 8B | 8.030 | 32 | 4096 | 32/8/128 | 14336 | 128256 | 131072 | aka: DeepSeek R1 8B
DeepSeek R1 Distill Qwen 14B | 14.770 | 48 | 5120 | 40/8/128 | 13824 | 152064 | 131072 | aka: DeepSeek R1 14B
DeepSeek R1 Distill Qwen 32B | 32.764 | 64 | 5120 | 40/8/128 | 27648 | 152064 | 131072 | aka: DeepSeek R1 32B
DeepSeek R1 Distill Llama 70B | 70.554 | 80 | 8192 | 64/8/128 | 28672 | 128256 | 131072 | aka: DeepSeek R1 70B

[Moonshot AI: config.json of moonshotai/Kimi-K2-*, 2025]
Kimi K2              | 1026.4 | 61 | 7168  | 64/64/192  | 18432 | 163840 | 131072 | active: 32; moe: 384x2048 top 8 in 60 shared 2048; latent: 576; native: fp8
Kimi K2 0905         | 1026.4 | 61 | 7168  | 64/64/192  | 18432 | 163840 | 262144 | active: 32; moe: 384x2048 top 8 in 60 shared 2048; latent: 576; native: fp8

[OpenAI: config.json of openai/gpt-oss-*, 2025]
GPT-OSS 20B          | 20.915 | 24 | 2880  | 64/8/64    | 2880  | 201088 | 131072 | active: 3.6; moe: 32x2880 top 4 in 24; window: 128 full 12; native: mxfp4
GPT-OSS 120B         | 116.83 | 36 | 2880  | 64/8/64    | 2880  | 201088 | 131072 | active: 5.1; moe: 128x2880 top 4 in 36; window: 128 full 18; native: mxfp4

[01.AI: config.json of 01-ai/Yi-*, 2023 and 2024]
Yi 6B                | 6.061  | 32 | 4096  | 32/4/128   | 11008 | 64000  | 4096 | aka: Yi 1.5 6B
Yi 9B                | 8.829  | 48 | 4096  | 32/4/128   | 11008 | 64000  | 4096 | aka: Yi 1.5 9B
Yi 34B               | 34.389 | 60 | 7168  | 56/8/128   | 20480 | 64000  | 4096 | aka: Yi 1.5 34B

[Cohere: config.json of CohereForAI/c4ai-command-*, 2024 and 2025]
Command R            | 34.981 | 40 | 8192  | 64/64/128  | 22528 | 256000 | 131072 | tied; aka: c4ai Command R v01, Command R 35B
Command R 08-2024    | 32.296 | 40 | 8192  | 64/8/128   | 24576 | 256000 | 131072 | tied; aka: c4ai Command R 08-2024
Command R+           | 103.81 | 64 | 12288 | 96/8/128   | 33792 | 256000 | 131072 | tied; aka: c4ai Command R Plus, Command R Plus 104B, Command R Plus 08-2024, c4ai Command R Plus 08-2024
Command A            | 111.06 | 64 | 12288 | 96/8/128   | 36864 | 256000 | 262144 | tied; window: 4096 full 16; aka: c4ai Command A 03-2025, Command A 111B

[TII: config.json of tiiuae/Falcon3-*, 2024]
Falcon 3 7B          | 7.456  | 28 | 3072  | 12/4/256   | 23040 | 131072 | 32768
Falcon 3 10B         | 10.306 | 40 | 3072  | 12/4/256   | 23040 | 131072 | 32768

[Zhipu AI: config.json of THUDM/glm-4-9b-chat-hf and GLM-4-32B-0414, 2024 and 2025]
GLM 4 9B             | 9.400  | 40 | 4096  | 32/2/128   | 13696 | 151552 | 131072
GLM 4 32B            | 32.566 | 61 | 6144  | 48/2/128   | 23040 | 151552 | 32768 | aka: GLM 4 32B 0414

[Z.ai: config.json of zai-org/GLM-4.5*, 2025, without the layer that only drafts]
GLM 4.5              | 352.80 | 92 | 5120  | 96/8/128   | 12288 | 151552 | 131072 | active: 32; moe: 160x1536 top 8 in 89 shared 1536; aka: GLM 4.5 355B
GLM 4.5 Air          | 106.85 | 46 | 4096  | 96/8/128   | 10944 | 151552 | 131072 | active: 12; moe: 128x1408 top 8 in 45 shared 1408; aka: GLM 4.5 Air 106B
GLM 4.6              | 352.80 | 92 | 5120  | 96/8/128   | 12288 | 151552 | 202752 | active: 32; moe: 160x1536 top 8 in 89 shared 1536

[Ai2: config.json of allenai/OLMo-2-*, 2024 and 2025]
OLMo 2 1B            | 1.485  | 16 | 2048  | 16/16/128  | 8192  | 100352 | 4096 | aka: OLMo 2 0425 1B
OLMo 2 7B            | 7.299  | 32 | 4096  | 32/32/128  | 11008 | 100352 | 4096 | aka: OLMo 2 1124 7B
OLMo 2 13B           | 13.716 | 40 | 5120  | 40/40/128  | 13824 | 100352 | 4096 | aka: OLMo 2 1124 13B
OLMo 2 32B           | 32.234 | 64 | 5120  | 40/8/128   | 27648 | 100352 | 4096 | aka: OLMo 2 0325 32B

[IBM: config.json of ibm-granite/granite-3.*, 2024 and 2025]
Granite 3.1 2B       | 2.534  | 40 | 2048  | 32/8/64    | 8192  | 49155  | 131072 | tied; aka: Granite 3.2 2B, Granite 3.3 2B
Granite 3.1 8B       | 8.171  | 40 | 4096  | 32/8/128   | 12800 | 49155  | 131072 | tied; aka: Granite 3.2 8B, Granite 3.3 8B

[Hugging Face: config.json of HuggingFaceTB/SmolLM*, 2024 and 2025]
SmolLM2 135M         | 0.1345 | 30 | 576   | 9/3/64     | 1536  | 49152  | 8192 | tied
SmolLM2 360M         | 0.3618 | 32 | 960   | 15/5/64    | 2560  | 49152  | 8192 | tied
SmolLM2 1.7B         | 1.711  | 24 | 2048  | 32/32/64   | 8192  | 49152  | 8192 | tied
SmolLM3 3B           | 3.075  | 36 | 2048  | 16/4/128   | 11008 | 128256 | 65536 | tied

[Databricks: config.json of databricks/dbrx-instruct, 2024]
DBRX                 | 131.60 | 40 | 6144  | 48/8/128   | 10752 | 100352 | 32768 | active: 36; moe: 16x10752 top 4 in 40
"""
