"""The words that strangers write, and what the language calls them."""

from collections.abc import Mapping

from gpu_shopper.domain.gpu import MODELS

# What others call our fields, where no likeness of letters tells.
OTHER_NAMES: Mapping[str, str] = {
    "memory": "vram", "mem": "vram", "cost": "price", "rate": "price", "usd": "price",
    "cores": "vcpus", "threads": "vcpus", "storage": "disk", "ssd": "disk", "hdd": "disk",
    "preemptible": "spot", "num_gpus": "count", "quantity": "count", "datacenter": "region",
    "zone": "region", "host": "provider", "vendor_name": "vendor", "uptime": "reliability",
    "duration": "max_hours", "hours": "max_hours", "download": "down", "upload": "up",
    "network": "down", "flops": "tflops", "driver": "cuda", "dph": "price", "dph_total": "price", "price/h": "price", "price/hr": "price",
    "dlperf": "tflops", "arch": "architecture", "generation": "architecture", "series": "gpu", "card": "gpu", "gpu_model": "gpu",
    "vcores": "vcpus", "cpu_cores": "vcpus", "cpu_ram": "ram", "latency": "location", "provider_name": "provider", "effective_price/h": "effective_price",
    "gpu_name": "gpu", "gpu_ram": "vram", "geolocation": "country",
    "compute_cap": "capability", "rentable": "available",
}  # fmt: skip
_CHEAPER, _MORE = "to stay below, write price<3", "to have at least so much, write vram>=80"
OTHER_WORDS: Mapping[str, str] = {
    **dict.fromkeys(
        ("under", "below", "less", "than", "max", "most", "maximum", "cheaper", "upto"), _CHEAPER
    ),
    **dict.fromkeys(("over", "above", "more", "min", "least", "minimum", "at"), _MORE),
    **dict.fromkeys(("order", "orderby", "order_by"), "end with sort price"),
    **dict.fromkeys(
        ("cheap", "cheapest", "lowest"), "for the lowest price first, end with sort price"
    ),
    **dict.fromkeys(
        ("fast", "fastest", "best", "highest"), "for the fastest first, end with sort tflops"
    ),
    **dict.fromkeys(
        (
            "where",
            "select",
            "from",
            "with",
            "having",
            "a",
            "an",
            "the",
            "of",
            "and/or",
            "only",
            "just",
            "some",
            "any",
            "one",
            "now",
            "please",
            "i",
            "want",
            "need",
            "me",
            "give",
            "find",
            "rent",
            "lot",
            "lots",
            "for",
            "has",
            "have",
        ),
        "leave it out, conditions need no such word",
    ),
    **dict.fromkeys(("ondemand", "on-demand", "on_demand", "reserved"), "write !spot"),
    **dict.fromkeys(("asc", "desc", "by"), "write it behind sort, as in sort price desc"),
    **dict.fromkeys(("like", "contains", "matches"), "write location~Paris"),
    **dict.fromkeys(("is", "equals", "eq"), "write ="),
    **dict.fromkeys(("top", "first", "show"), "for so many, end with limit 10"),
    **dict.fromkeys(
        ("without", "no", "non", "except", "but"), "write ! before what it must not be, as in !spot"
    ),
    **dict.fromkeys(
        ("verified", "secure", "trusted", "reliable", "stable"), "write reliability>0.98"
    ),
    **dict.fromkeys(
        ("fp16", "bf16", "float16", "half"), "for its speed in 16 bits, write tflops>=300"
    ),
    **dict.fromkeys(
        ("fp32", "fp64", "tf32", "int8", "int4", "fp4"),
        "tflops is in 16 bits, and fp8 can be asked too",
    ),
    **dict.fromkeys(("nvlink", "nvswitch"), "write interconnect~nvlink"),
    "infiniband": "write interconnect~infini",
    "hbm": "write memory_type~hbm",
    "between": "write price 1..3",
    **dict.fromkeys(
        ("group", "groupby", "group_by", "count_by"),
        "leave it out, and ask for counts beside the query: --count-by gpu, or facets=gpu",
    ),
    **dict.fromkeys(
        ("eu", "europe", "european", "asia", "america", "world"),
        "places go by country, write country in (DE, FR)",
    ),
    **dict.fromkeys(
        ("offset", "skip", "page"), "leave it out, the next page is asked for by the cursor"
    ),
    **dict.fromkeys(("*", "all", "everything"), "leave it out, an empty query is everything"),
}
# Values by which people call for a GPU, without saying of what.
FACTS: Mapping[str, str] = {
    **{model.vendor.lower(): f"vendor={model.vendor}" for model in MODELS.values()},
    **{
        model.architecture.lower(): f"architecture={model.architecture.lower()}"
        for model in MODELS.values()
    },
}
# What makes another model of the one that stands before it.
ENDINGS = frozenset(
    {"ti", "super", "d", "mobile", "laptop", "max-q", "founders", "nvl", "sxm", "pcie"}
)
# In which direction a list is read, in other words.
DIRECTIONS = frozenset(
    {
        "low",
        "lowest",
        "high",
        "highest",
        "up",
        "down",
        "first",
        "cheapest",
        "descend",
        "ascend",
        "reverse",
    }
)
