"""Asking for help is quick, because it loads nothing heavy."""

import re
import subprocess
import sys

import pytest

from tests.tidy.source import PACKAGE

HEAVY = {
    "aiohttp", "asyncssh", "cryptography", "litestar", "numpy", "prometheus_client", "rich",
    "sqlalchemy", "uvicorn", "uvloop",
}  # fmt: skip
HELP = """
import sys
sys.argv = ["gpu-shopper", "--help"]
from gpu_shopper.cli.main import main
main()
"""


@pytest.mark.skipif(not (PACKAGE / "cli" / "main.py").exists(), reason="there is no command yet")
def test_help_loads_nothing_heavy() -> None:
    asked = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", HELP],
        capture_output=True, check=False, text=True, timeout=60,
    )  # fmt: skip
    loaded = set(re.findall(r"^import time:.*\| +(\w+)", asked.stderr, re.MULTILINE))

    assert asked.returncode == 0, asked.stderr[-2000:]
    assert "Usage" in asked.stdout
    assert "gpu_shopper" in loaded
    assert set() == loaded & HEAVY
