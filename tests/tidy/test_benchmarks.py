"""The benchmarks are run by hand, and seldom: what they take from the package must still be there."""

import ast
from importlib import import_module
from pathlib import Path

import pytest

from tests.tidy.source import ROOT

FILES = sorted((ROOT / "bench").glob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_what_a_benchmark_imports_is_there(path: Path) -> None:
    taken = [
        (node.module, alias.name)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("gpu_shopper")
        for alias in node.names
    ]

    assert [] == [(module, name) for module, name in taken if not _has(module, name)]


def _has(module: str | None, name: str) -> bool:
    assert module is not None
    return hasattr(import_module(module), name)
