"""Every command explains itself, the table of commands tells the truth, and shells can complete it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from gpu_shopper.cli.failures import EXIT_CODES
from gpu_shopper.cli.lazy import LazyGroup
from gpu_shopper.cli.main import COMMANDS, cli

PAGE = Path(__file__).parents[3] / "docs/reference/cli.md"


def commands(
    group: click.Group, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    with click.Context(group) as ctx:
        for name in group.list_commands(ctx):
            command = group.get_command(ctx, name)
            assert command is not None, name
            yield (*path, name), command
            if isinstance(command, click.Group):
                yield from commands(command, (*path, name))


EVERY = dict(commands(cli))


@pytest.mark.parametrize("path", EVERY, ids=" ".join)
def test_a_command_has_a_summary_examples_and_explained_options(path: tuple[str, ...]) -> None:
    shown = CliRunner().invoke(cli, [*path, "--help"])

    assert 0 == shown.exit_code
    assert "Examples:" in shown.output
    assert EVERY[path].get_short_help_str(200).endswith(".")
    assert "Usage: gpu-shopper" in shown.output or "Usage: cli" in shown.output


def test_the_page_of_commands_names_each_of_them() -> None:
    page = PAGE.read_text(encoding="utf-8")

    assert [] == [path for path in EVERY if f"`gpu-shopper {' '.join(path)}`" not in page]


def test_the_page_names_each_exit_code() -> None:
    page = PAGE.read_text(encoding="utf-8")

    assert [] == [code for code in {0, 2, 130, *EXIT_CODES.values()} if f"| {code} |" not in page]


def test_completion_knows_the_commands_and_loads_none() -> None:
    assert isinstance(cli, LazyGroup)
    with click.Context(cli) as ctx:
        found = {item.value: item.help for item in cli.shell_complete(ctx, "se")}

    assert {"serve": COMMANDS["serve"][1], "sessions": COMMANDS["sessions"][1]} == found


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_completion_script_is_printed(shell: str) -> None:
    printed = CliRunner().invoke(cli, ["completion", shell])

    assert 0 == printed.exit_code
    assert "_GPU_SHOPPER_COMPLETE" in printed.output


def test_a_shell_can_complete() -> None:
    code = "from gpu_shopper.cli.main import main; main()"
    asked = {
        "_GPU_SHOPPER_COMPLETE": "bash_complete",
        "COMP_WORDS": "gpu-shopper inv",
        "COMP_CWORD": "1",
    }
    found = subprocess.run(
        [sys.executable, "-c", code], env=dict(os.environ) | asked,
        capture_output=True, check=False, text=True, timeout=60,
    )  # fmt: skip

    assert "plain,inventory" == found.stdout.strip(), found.stderr


def test_the_program_runs_as_a_module_and_knows_its_version() -> None:
    asked = subprocess.run(
        [sys.executable, "-m", "gpu_shopper", "--version"],
        capture_output=True, check=False, text=True, timeout=60,
    )  # fmt: skip

    assert asked.stdout.startswith("gpu-shopper "), asked.stderr


def test_a_reader_that_has_enough_is_no_error() -> None:
    asked = subprocess.run(
        ["/bin/sh", "-c", f"{sys.executable} -m gpu_shopper config show -o json | head -c 1"],
        capture_output=True, check=False, text=True, timeout=60,
    )  # fmt: skip

    assert ("[", "") == (asked.stdout, asked.stderr)
