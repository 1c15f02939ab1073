"""What the README shows works as it stands there."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from gpu_shopper.cli.main import COMMANDS
from tests.e2e.rig import Rig

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs" / "start").glob("*.md"))]


def test_the_python_example_runs_and_leaves_nothing(tmp_path: Path) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)

    with Rig(tmp_path) as rig:
        # The server of a test is not on the usual port.
        code = example.replace("Shopper()", f"Shopper({rig.server.url!r})")
        assert code != example
        ran = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60
        )
        assert (0, "") == (ran.returncode, ran.stderr)
        assert ran.stdout.startswith("GPU 0: NVIDIA GeForce RTX 4090 (UUID: ")

        (session,) = (row["id"] for row in rig.book("SELECT id FROM sessions"))
        rig.ended(session)
        rig.judge_rest()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_commands_that_are_shown_exist(page: Path) -> None:
    shown = set(
        re.findall(r"^(?:\s*\d\.\s*)?gpu-shopper ([a-z-]+)", page.read_text(), re.MULTILINE)
    )

    assert shown
    assert shown <= set(COMMANDS)
