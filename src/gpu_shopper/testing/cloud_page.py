"""The page of what each cloud can do, and of what holds there if we are gone: written from the clouds' own folders.

`make evidence` writes it, and a test holds it equal, so that the page, the API and what is refused never differ.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from gpu_shopper.bootstrap.clouds import installed
from gpu_shopper.providers.manifest import Manifest

_Read = Callable[[Manifest], str]


def _can(name: str) -> _Read:
    return lambda manifest: "yes" if getattr(manifest.capabilities, name) else "no"


def _way(manifest: Manifest) -> str:
    """Return how the agent gets to a node."""
    limit = manifest.quirks.start_script_limit
    if not manifest.capabilities.on_start:
        return "not at all"
    return f"with the order, up to {limit:,} bytes; else over SSH" if limit else "over SSH"


def _bill(manifest: Manifest) -> str:
    """Return whether the node ends its own machine. That it may ask for it does not say that the cloud lets it."""
    if manifest.capabilities.agent_ends_bill:
        return "yes"
    return "no" if manifest.end_request is None else "it asks the cloud to, which is not counted on"


# What a request may ask for: the field, and the capability that it needs.
ASKED: Sequence[tuple[str, str]] = (
    ("`docker_image`", "custom_image"),
    ("`disk_gb`", "custom_disk"),
    ("`on_start_cmd`", "on_start"),
    ("`exposed_ports`", "exposed_ports"),
    ("`launch_mode=entrypoint`", "entrypoint_mode"),
    ("`storage_policy=preserve`", "preserve_storage"),
    ("`interruptible`", "interruptible"),
    ("an operator's extension past the label's end", "relabel"),
)
_LAYERS: Sequence[tuple[str, _Read]] = (
    ("the cloud ends it at a time in the order", _can("native_ttl")),
    ("the agent comes", _way),
    ("the agent ends the work", _can("agent_ends_work")),
    ("the agent ends the bill", _bill),
)


def page() -> str:
    """Return the page."""
    manifests = [manifest for _, manifest in sorted(installed().items())]
    asked = [(title, _can(name)) for title, name in ASKED]
    return "\n".join(
        [
            "# What each cloud can do",
            "",
            "Written by `make evidence` from the clouds' own folders, and held equal by a test; `gpu-shopper providers -o json` says the same of those that are configured.",
            "",
            "## What a request may ask for",
            "",
            "What a cloud cannot do is refused before any money is spent: status 422, code `unsupported`, and the field by its name.",
            "",
            *_table(asked, manifests),
            "",
            "## What holds if we are gone",
            "",
            "The agent on a node acts by itself when it has had no answer for `lease_minutes`, or at its hard end.",
            "**Ending the work is not ending the bill**: it always stops what runs there, but only where a node can end its own machine does the cloud stop billing.",
            "Where neither the cloud nor the agent ends the bill, it runs until a server is back, or until somebody sweeps from elsewhere with `gpu-shopper cleanup-orphans --without-server`, which holds at every cloud.",
            "Until an agent that comes over SSH is there, its layers do not hold.",
            "",
            *_table(_LAYERS, manifests),
            "",
        ]
    )


def _table(columns: Sequence[tuple[str, _Read]], manifests: Sequence[Manifest]) -> Iterator[str]:
    yield "| cloud | " + " | ".join(title for title, _ in columns) + " |"
    yield "|---" * (len(columns) + 1) + "|"
    for manifest in manifests:
        yield f"| {manifest.name} | " + " | ".join(read(manifest) for _, read in columns) + " |"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(page(), encoding="utf-8")
