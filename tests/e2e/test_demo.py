"""`gpu-shopper demo`, as a newcomer runs it: the whole story, and nothing left."""

import os
import subprocess
import sys
from pathlib import Path


def test_the_demo_tells_the_whole_story_and_leaves_nothing(tmp_path: Path) -> None:
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "TMPDIR": str(tmp_path)}
    environ |= {name: os.environ[name] for name in ("PYTHONPATH",) if name in os.environ}
    done = subprocess.run(
        [sys.executable, "-m", "gpu_shopper", "demo"],
        env=environ, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=90, check=False,
    )  # fmt: skip
    told = done.stdout

    assert 0 == done.returncode, told + done.stderr
    parts = (
        "What is on sale", "RTX 4090", "running", "GPU 0: ", "last heartbeat", "absence proved",
        "our ledger", "their meter", "instances alive at the cloud: 0", "No process was left behind",
    )  # fmt: skip
    places = [told.find(part) for part in parts]
    assert -1 not in places, told
    assert places == sorted(places), "in this order"
    assert "Traceback" not in told + done.stderr
    assert [] == list(tmp_path.glob("gpu-shopper-demo-*"))
    assert [] == [pid for pid in environments_naming(str(tmp_path)) if pid != os.getpid()]


def environments_naming(text: str) -> list[int]:
    """Return the processes whose environment holds a text."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if text.encode() in (entry / "environ").read_bytes():
                found.append(int(entry.name))
        except OSError:
            continue
    return found
