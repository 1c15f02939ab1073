"""Load from wrk, where it is installed: a C program asks several times faster than one of ours can.

The server gets one core and whoever asks another, if there are two, so that neither takes the other's time.
"""

import contextlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

CLIENTS = 32

# No two paths are the same: what is drawn is drawn from the same lists as by our own client.
_PATHS = """
math.randomseed(SEED)
local gpus = {GPUS}
local least = {16, 24, 40}
local function path()
  for i = 1, 4 do
    local j = math.random(i, #gpus)
    gpus[i], gpus[j] = gpus[j], gpus[i]
  end
  local asked = {}
  for i = 1, math.random(2, 4) do asked[i] = "gpu_type=" .. gpus[i] end
  return string.format(
    "/api/v1/inventory?%s&min_vram=%d&max_price=%.6f&min_reliability=%.3f",
    table.concat(asked, "&"), least[math.random(3)], math.random(500000, 5000000) / 1e6,
    0.8 + 0.17 * math.random()
  )
end
request = function() return wrk.format("GET", path()) end
done = function(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '\\n{"requests":%d,"took_s":%f,"p50_ms":%f,"p99_ms":%f,"failed":%d}\\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3,
    latency:percentile(99) / 1e3,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout
  ))
end
"""


class Load(msgspec.Struct, frozen=True):
    """What wrk has seen."""

    requests: int
    took_s: float
    p50_ms: float
    p99_ms: float
    failed: int

    @property
    def rate(self) -> float:
        """Answers in a second."""
        return self.requests / self.took_s


@dataclass(frozen=True, slots=True)
class Wrk:
    """The program, with a script that draws queries."""

    program: str
    folder: Path
    gpus: tuple[str, ...]

    def load(self, url: str, *, clients: int, seconds: float, seed: int) -> Load:
        """Let each client ask again as soon as it has its answer; every answer must be a page."""
        names = ", ".join(f'"{name.replace(" ", "+")}"' for name in self.gpus)
        script = self.folder / "queries.lua"
        script.write_text(
            _PATHS.replace("SEED", str(seed)).replace("GPUS", names), encoding="utf-8"
        )
        # It counts whole seconds.
        lasting = f"-d{max(1, round(seconds))}s"
        said = subprocess.run(
            [self.program, "-t1", f"-c{clients}", lasting, "-s", str(script), url],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        found = re.search(r"^\{.*\}$", said, re.MULTILINE)
        assert found is not None, said
        load = msgspec.json.decode(found[0], type=Load)
        assert not load.failed, said
        return load


def find_wrk(folder: Path, gpus: tuple[str, ...]) -> Wrk | None:
    """Return wrk, if it is installed."""
    program = shutil.which("wrk")
    return None if program is None else Wrk(program, folder, gpus)


@contextlib.contextmanager
def apart(server: int, *others: int) -> Iterator[str]:
    """Keep one process on a core of its own, and this one, what it starts and `others` on another; say how it is."""
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    if len(cores) < 2:
        yield "server and load on the same core"
        return
    for process, own in ((server, cores[:1]), *((other, cores[1:]) for other in others)):
        # A thread that exists already keeps its own.
        for thread in Path(f"/proc/{process}/task").iterdir():
            os.sched_setaffinity(int(thread.name), own)
    os.sched_setaffinity(0, cores[1:])
    try:
        yield "server on one core, load on another"
    finally:
        os.sched_setaffinity(0, cores)
