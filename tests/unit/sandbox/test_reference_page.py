"""The page about the sandbox tells of everything that it can do."""

import re
from pathlib import Path

import pytest

from gpu_shopper.sandbox import __main__ as program
from gpu_shopper.sandbox.misbehaviour import KINDS, OPERATIONS

PAGE = (Path(__file__).parents[3] / "docs/reference/sandbox.md").read_text(encoding="utf-8")


def test_every_kind_of_misbehaviour_stands_in_its_table_with_its_parameters() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \|.*\|(.*)\|$", PAGE, re.MULTILINE))

    for kind, facts in KINDS.items():
        assert set(facts.params) <= set(re.findall(r"`(\w+)`", rows[kind])), kind


def test_every_operation_is_named() -> None:
    assert all(f"`{operation}`" in PAGE for operation in OPERATIONS)


def test_every_option_stands_on_the_page(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        program.parse(["--help"])
    options = set(re.findall(r"--[a-z-]+", capsys.readouterr().out)) - {"--help"}

    assert all(f"`{option}" in PAGE for option in options), options


def test_its_python_example_runs() -> None:
    (example,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)

    exec(compile(example, "sandbox.md", "exec"), {})  # noqa: S102
