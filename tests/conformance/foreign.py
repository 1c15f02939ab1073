"""What the tests with vendors' own clients share: finding a client, running it, and holding what it asks beside what we ask."""

import asyncio
import json
import os
import random
import re
import subprocess
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest

from gpu_shopper.bootstrap.clouds import with_defaults
from gpu_shopper.domain.label import Label
from gpu_shopper.ports.clock import Clock
from gpu_shopper.ports.provider import CloudProvider, LaunchOrder
from gpu_shopper.providers.manifest import Manifest
from gpu_shopper.runtime.clock import RealClock
from gpu_shopper.sandbox.config import ModelConfig
from gpu_shopper.testing.vendors.listening import ListeningVendor
from gpu_shopper.testing.vendors.vendor import VendorCloud, VendorRequest
from gpu_shopper.transport.door import AiohttpDoor

T = TypeVar("T")
TOP = Path(__file__).resolve().parents[2]
CLIENTS = TOP / ".clients"
DIFFERENCES = Path(__file__).parent / "differences"
KEY = "simulated-key"
LABEL = "gs1-conformance-1"
SSH_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKzr1ygxXBtxCi3AOhxyPxKtuXRHGFiTBaEhZ4+E2MXN someone"
_LIMIT_S = 60
_HURRY = 20


def client_folder(name: str) -> Path:
    """Return where a vendor's client is installed; a test that needs one that is not is skipped, and says so."""
    folder = CLIENTS / name
    if not (folder / ".ready").exists():
        pytest.skip(f"the client {name} is not installed: make clients")
    return folder


def run(
    command: Sequence[str | Path], *, home: Path, env: Mapping[str, str], stdin: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run a client with nothing of this machine's environment but its path."""
    return subprocess.run(
        [str(word) for word in command],
        env={"PATH": os.environ["PATH"], "HOME": str(home), "LANG": "C.UTF-8", **env},
        input=stdin,
        cwd=home,
        capture_output=True,
        text=True,
        timeout=_LIMIT_S,
        check=False,
    )


def simulated(
    build: Callable[..., VendorCloud], *, offers: int = 80, **config: Any
) -> ListeningVendor:
    """Return a simulated account whose instances boot at once."""
    settings = ModelConfig(hosts_itself=True, boot_s=(0.0, 0.0), **config)
    return ListeningVendor(
        build(key=KEY, seed=1, offers=offers, config=settings, chance=random.Random(1))
    )


class Hurried(RealClock):
    """Lets pauses between requests pass twenty times as fast: for simulators that do not mind how many there are."""

    def monotonic(self) -> float:
        return super().monotonic() * _HURRY

    async def sleep(self, seconds: float) -> None:
        await super().sleep(seconds / _HURRY)


def with_ours(
    manifest: Manifest,
    url: str,
    act: Callable[[CloudProvider], Coroutine[Any, Any, T]],
    *,
    clock: Clock | None = None,
    **settings: str,
) -> T:
    """Let our adapter do something at this address."""

    async def go() -> T:
        door = AiohttpDoor()
        try:
            given = with_defaults(manifest, {"key": KEY, "url": url, **settings})
            return await act(manifest.connect(given, door, clock or RealClock()))
        finally:
            await door.aclose()

    return asyncio.run(go())


def order_of(offer: Any, **changes: Any) -> LaunchOrder:
    """Return the order that foreign clients are given too."""
    given: dict[str, Any] = {
        "offer": offer,
        "label": Label(LABEL),
        "ends_by": datetime.now(UTC) + timedelta(hours=2),
        "price_cap": offer.price,
        "image": "nvidia/cuda:12.4.1-devel-ubuntu22.04",
        "disk_gb": 40,
        "ssh_public_keys": (SSH_KEY,),
        "env": {"GREETING": "hello"},
        "on_start": "echo hi",
    }
    return LaunchOrder(**{**given, **changes})


def flat(request: VendorRequest, *, hide: Iterable[str] = ()) -> dict[str, str]:
    """Return a request as a flat table: method, path, query and body, without what may differ each time (`hide`, patterns)."""
    found = {"method": request.method, "path": request.path}
    for name, value in request.query.items():
        _flatten(f"query.{name}", _json_or_text(value), found)
    if request.body is not None:
        _flatten("body", request.body, found)
    patterns = [re.compile(pattern) for pattern in hide]
    return {name: _hidden(value, patterns) for name, value in found.items()}


def _hidden(value: str, patterns: Iterable[re.Pattern[str]]) -> str:
    for pattern in patterns:
        value = pattern.sub("*", value)
    return value


def _flatten(name: str, value: object, found: dict[str, str]) -> None:
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            _flatten(f"{name}.{key}", inner, found)
    else:
        found[name] = json.dumps(value, sort_keys=True)


def _json_or_text(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return text


def asked(there: ListeningVendor, since: int, method: str, path: str) -> VendorRequest:
    """Return the first request of that kind; a path that ends in a slash stands for anything below it."""
    return next(
        one
        for one in there.heard[since:]
        if one.method == method
        and (one.path.startswith(path) if path.endswith("/") else one.path == path)
    )


def differences_by_step(
    steps: Iterable[tuple[str, ...]],
    theirs: Iterable[Mapping[str, str]],
    ours: Iterable[Mapping[str, str]],
) -> list[str]:
    """Return a line for each thing that two rows of requests say differently, one of each for each step."""
    return [
        line
        for (step, *_), one, other in zip(steps, theirs, ours, strict=True)
        for line in differences(step, one, other)
    ]


def differences(step: str, theirs: Mapping[str, str], ours: Mapping[str, str]) -> list[str]:
    """Return a line for each thing that the two requests say differently."""
    lines = []
    for name in sorted({*theirs, *ours}):
        one, other = theirs.get(name, "(absent)"), ours.get(name, "(absent)")
        if one != other:
            lines.append(f"{step} | {name} | theirs {one} | ours {other}")
    return lines


def explained(name: str) -> dict[str, str]:
    """Return the differences that are explained for a vendor, each with its reason."""
    found = {}
    for line in (DIFFERENCES / f"{name}.txt").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            difference, _, why = line.rpartition(" | because ")
            found[difference] = why
    return found
