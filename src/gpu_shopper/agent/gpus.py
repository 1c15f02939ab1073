"""GPUs as nvidia-smi shows them; trouble with it is carried as text, never raised."""

from __future__ import annotations

import re
import shutil
from typing import Optional

from gpu_shopper.agent.outside import Outside, Ran
from gpu_shopper.wire.agent import GpuReading

QUERY = "name,memory.total,uuid,utilization.gpu,memory.used,driver_version"
TIMEOUT_SECONDS = 15.0
_OTHER_PLACES = "/usr/bin:/usr/local/bin:/usr/local/nvidia/bin:/opt/bin:/usr/lib/wsl/lib"
# A GPU that fell off the bus can leave nvidia-smi unkillable in the kernel; a new one every heartbeat would pile up.
_PAUSE_AFTER_HANG_SECONDS = 300.0
# "GPU 0: NVIDIA A100-SXM4-80GB (UUID: GPU-…)", and below it "  MIG 1g.10gb  Device  0: (UUID: MIG-…)".
_LISTED = re.compile(
    r"\s*(?:GPU\s+\d+:|(?P<slice>MIG \S{1,40})\s+Device\s+\d+:).*\(UUID: (?P<uuid>[^)\s]{1,200})\)\s*$"
)


class GpuState:
    """What one look showed."""

    def __init__(
        self, gpus: tuple[GpuReading, ...], error: Optional[str], driver: Optional[str]
    ) -> None:
        """Keep readings, or why there are none."""
        self.gpus = gpus
        self.error = error
        self.driver = driver


class GpuWatch:
    """Looks at the GPUs, remembers the CUDA version, and leaves a hung nvidia-smi alone for a while."""

    def __init__(self, outside: Outside) -> None:
        """Look through the given node."""
        self._outside = outside
        self._cuda: Optional[str] = None
        self._paused_until = 0.0

    def look(self) -> GpuState:
        """Take one reading of every GPU."""
        if self._outside.clock() < self._paused_until:
            return GpuState((), "nvidia-smi hung; it is tried again later", None)
        ran = self._run("--query-gpu=" + QUERY, "--format=csv,noheader,nounits")
        if ran.error is not None:
            return GpuState((), _one_line(ran.error), None)
        if ran.code != 0:
            return GpuState(
                (), _one_line("nvidia-smi failed with %s: %s" % (ran.code, ran.output)), None
            )
        state = read_query(ran.output)
        if any(gpu.memory_mib is None for gpu in state.gpus):
            # Whoever holds a slice of a GPU is told the name of the whole, and not its memory.
            return GpuState(read_slices(self._run("-L").output, state.gpus), None, state.driver)
        return state

    def cuda_version(self) -> Optional[str]:
        """Return the newest CUDA that the driver supports, asked for until it is known once."""
        for words in ((), ("-q",)):
            if self._cuda is None and self._outside.clock() >= self._paused_until:
                self._cuda = read_cuda(self._run(*words).output)
        return self._cuda

    def _run(self, *words: str) -> Ran:
        path = self._outside.environ.get("PATH", "") + ":" + _OTHER_PLACES
        program = shutil.which("nvidia-smi", path=path)
        if program is None:
            return Ran(None, "", "nvidia-smi was not found")
        ran = self._outside.run((program, *words), TIMEOUT_SECONDS)
        if ran.code is None:
            self._paused_until = self._outside.clock() + _PAUSE_AFTER_HANG_SECONDS
        return ran


def read_query(output: str) -> GpuState:
    """Read the CSV that `QUERY` asks for."""
    gpus: list[GpuReading] = []
    driver = None
    for line in output.splitlines():
        cells = [cell.strip() for cell in line.split(",")]
        if not line.strip():
            continue
        if len(cells) != QUERY.count(",") + 1:
            return GpuState((), _one_line("nvidia-smi answered: " + line), None)
        gpus.append(
            GpuReading(
                name=cells[0][:200],
                memory_mib=_whole(cells[1]),
                uuid=cells[2][:100],
                utilization_percent=_percent(cells[3]),
                memory_used_mib=_whole(cells[4]),
            )
        )
        driver = _known(cells[5])
    return GpuState(tuple(gpus[:64]), None if gpus else "nvidia-smi lists no GPU", driver)


def read_slices(output: str, gpus: tuple[GpuReading, ...]) -> tuple[GpuReading, ...]:
    """Return the MIG slices that `nvidia-smi -L` lists in place of the GPUs that they were cut from."""
    slices: dict[str, list[GpuReading]] = {}
    whole = None
    by_uuid = {gpu.uuid: gpu for gpu in gpus}
    for line in output.splitlines():
        found = _LISTED.match(line)
        if found is None:
            continue
        if found.group("slice") is None:
            whole = by_uuid.get(found.group("uuid"))
        elif whole is not None:
            name = "%s %s" % (whole.name, found.group("slice"))
            part = GpuReading(name[:200], None, found.group("uuid")[:100], None, None)
            slices.setdefault(whole.uuid, []).append(part)
    shown = [part for gpu in gpus for part in slices.get(gpu.uuid, [gpu])]
    return tuple(shown[:64])


def read_cuda(output: str) -> Optional[str]:
    """Find the CUDA version in nvidia-smi's header or in its long listing."""
    found = re.search(r"CUDA (?:UMD )?Version\s*:\s*([0-9][0-9.]{0,20})", output)
    return found.group(1) if found else None


def _number(cell: str) -> Optional[float]:
    # "[N/A]" and "[Not Supported]" are normal answers: MIG, unified memory, virtual GPUs.
    return float(cell) if re.fullmatch(r"\d{1,9}(\.\d{1,9})?", cell) else None


def _whole(cell: str) -> Optional[int]:
    number = _number(cell)
    return None if number is None else int(number)


def _percent(cell: str) -> Optional[float]:
    number = _number(cell)
    return None if number is None else min(100.0, number)


def _known(cell: str) -> Optional[str]:
    return cell[:40] if re.fullmatch(r"[0-9][0-9.]*", cell) else None


def _one_line(text: str) -> str:
    return re.sub(r"[\x00-\x20\x7f]+", " ", text).strip()[:300]
