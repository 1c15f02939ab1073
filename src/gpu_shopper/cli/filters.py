"""The options by which several commands narrow what they list, and how all of them reach the client."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

_GPU = (
    ("--gpu", "gpu_type"),
    {"metavar": "NAME", "help": "GPU model; may be repeated.", "multiple": True},
)
_OPTIONS: Mapping[str, tuple[tuple[str, ...], Mapping[str, Any]]] = {
    "gpu": _GPU,
    "gpus": (("--gpus", "gpu_count"), {"type": int, "metavar": "N", "help": "Exactly so many GPUs."}),
    "provider": (("--provider",), {"metavar": "NAME", "help": "Cloud; may be repeated.", "multiple": True}),
    "region": (("--region",), {"metavar": "NAME", "help": "Region; may be repeated.", "multiple": True}),
    "country": (("--country",), {"metavar": "CODE", "help": "Country; may be repeated.", "multiple": True}),
    "max_price": (("--max-price",), {"type": float, "metavar": "USD", "help": "Price per hour of the whole offer."}),
    "interruptible": (("--interruptible/--on-demand",), {"default": None, "help": "Only the one or the other kind."}),
}  # fmt: skip


def narrowed_by(*names: str) -> Callable[[F], F]:
    """Give a command these options, in this order."""

    def decorated(command: F) -> F:
        for name in reversed(names):
            declarations, how = _OPTIONS[name]
            command = click.option(*declarations, **how)(command)
        return command

    return decorated


def as_asked(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options as the client takes them: what may be repeated is a list."""
    return {
        name: list(value) if isinstance(value, tuple) else value for name, value in options.items()
    }
