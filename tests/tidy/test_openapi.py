"""The published description of the API is the one that the application gives."""

import subprocess
import sys

import pytest

from tests.tidy.source import PACKAGE, ROOT


@pytest.mark.skipif(
    not (PACKAGE / "api" / "openapi.py").exists(), reason="the API describes itself nowhere yet"
)
def test_openapi_json_is_what_the_application_says() -> None:
    said = subprocess.run(
        [sys.executable, "-m", "gpu_shopper.api.openapi"],
        capture_output=True, check=True, text=True, timeout=60,
    )  # fmt: skip

    kept = (ROOT / "openapi.json").read_text(encoding="utf-8")
    assert kept == said.stdout, "run `make openapi` and commit what it writes"
