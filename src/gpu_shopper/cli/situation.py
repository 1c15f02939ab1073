"""What a command finds when it starts: the environment, the settings in it, a client, and how to reach the world."""

import re
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gpu_shopper.client import Shopper, Surroundings
    from gpu_shopper.settings import Settings

_CONSUMER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@:-]{0,127}")


def _run_program(arguments: Sequence[str]) -> int:
    import subprocess

    return subprocess.run(arguments, check=False).returncode


def _clock_face() -> str:
    return time.strftime("%H:%M:%S")


@dataclass(kw_only=True)
class Situation:
    """Made once by `main`; a test makes its own."""

    environ: Mapping[str, str]
    home: Path
    other_url: str | None = None
    clock_face: Callable[[], str] = _clock_face
    now: Callable[[], float] = time.time
    run_program: Callable[[Sequence[str]], int] = _run_program
    client_options: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def settings(self) -> "Settings":
        """The settings, read when a command first needs them."""
        from gpu_shopper.settings import load

        return load(self.environ, self.home)

    @cached_property
    def shopper(self) -> "Shopper":
        """A client of the server that is set."""
        from gpu_shopper.client import Shopper

        return Shopper(
            self.other_url or self.settings.url,
            token=self.settings.token,
            consumer=self.consumer,
            **self.client_options,
        )

    @property
    def surroundings(self) -> "Surroundings":
        """The clock that the client lives by."""
        return self.shopper.surroundings

    @property
    def consumer(self) -> str:
        """Who sessions are for: as set, else the system's user."""
        named = (self.environ.get(name, "") for name in ("USER", "LOGNAME", "USERNAME"))
        candidates = (self.settings.consumer, *named)
        return next((name for name in candidates if _CONSUMER.fullmatch(name)), "default")

    @property
    def keys_folder(self) -> Path:
        """Where the keys of sessions lie that were rented from here."""
        return self.settings.data_dir / "keys"

    @property
    def wants_tracebacks(self) -> bool:
        """Whether a fault of ours is shown in full."""
        return self.environ.get("GPU_SHOPPER_LOG_LEVEL") == "debug"

    @property
    def draws(self) -> bool:
        """Whether stderr is a terminal on which lines may move and have colours."""
        plain = self.environ.get("NO_COLOR") or self.environ.get("TERM") == "dumb"
        return sys.stderr.isatty() and not plain
