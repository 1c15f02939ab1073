"""How long a command takes from the shell's point of view, and how much memory: medians of cold processes."""

import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from _places import environment, place
from _table import Figure, options, percentile, show

_RUNS = 15


# A child's peak begins with what its parent holds, so the one who looks at memory must be as small as can be.
_WEIGH = """
import os, sys
pid = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ)
sys.stderr.write(f"\\n{os.wait4(pid, 0)[2].ru_maxrss}")
"""


def _run(command: Sequence[str], around: dict[str, str]) -> str:
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=around,
        check=True,
    )
    return done.stderr


def _median_ms(command: Sequence[str], around: dict[str, str]) -> float:
    _run(command, around)  # The first run writes the bytecode.
    took = []
    for _ in range(_RUNS):
        began = time.perf_counter()
        _run(command, around)
        took.append((time.perf_counter() - began) * 1000)
    return percentile(took, 0.5)


def _peak_mb(command: Sequence[str], around: dict[str, str]) -> float:
    told = _run([sys.executable, "-I", "-S", "-c", _WEIGH, *command], around)
    return int(told.split()[-1]) / (1024**2 if sys.platform == "darwin" else 1024)


def main() -> None:
    asked = options(__doc__)
    program = str(Path(sys.executable).parent / "gpu-shopper")
    how = f"median of {_RUNS}"
    bare, offers = [sys.executable, "-c", "pass"], [program, "inventory", "--gpu", "RTX 4090"]
    with place() as here:
        home = here.data()
        around = environment(home)
        bare_ms, bare_mb = _median_ms(bare, around), _peak_mb(bare, around)
        help_ms = _median_ms([program, "--help"], around)
        help_mb = _peak_mb([program, "--help"], around)
        server = here.server(here.data(), **here.cloud().settings)
        server.await_ready()
        around = environment(home, url=server.url)
        list_ms, list_mb = _median_ms(offers, around), _peak_mb(offers, around)
        json_ms = _median_ms([*offers, "-o", "json"], around)
    figures = [
        Figure(what="python -c pass", value=bare_ms, unit="ms", how=how),
        Figure(what="python -c pass, memory", value=bare_mb, unit="MB", how="peak"),
        Figure(what="gpu-shopper --help", value=help_ms, unit="ms", target=80, how=how),
        Figure(what="  above bare Python", value=help_ms - bare_ms, unit="ms"),
        Figure(what="  memory", value=help_mb, unit="MB", target=30, how="peak"),
        Figure(what="gpu-shopper inventory", value=list_ms, unit="ms", target=200, how=f"{how}; table, local server"),
        Figure(what="  as JSON", value=json_ms, unit="ms", target=200, how=how),
        Figure(what="  memory", value=list_mb, unit="MB", how="peak"),
    ]  # fmt: skip
    show(figures, markdown=asked.markdown)


if __name__ == "__main__":
    main()
