"""`gpu-shopper simulate`: worlds for everybody, a story, and one line that runs a world again."""

import shlex

import pytest
from click.testing import CliRunner, Result

from gpu_shopper.testing.profiles import Mode
from gpu_shopper.testing.replays import Cut, Replay
from gpu_shopper.testing.simulate import MODES, command


def simulate(*words: str) -> Result:
    """Run the command as a person would."""
    return CliRunner().invoke(command, words, prog_name="simulate")


def test_many_worlds_are_summed_up() -> None:
    said = simulate("--seeds", "2", "--start", "6", "--hours", "0.5")

    assert 0 == said.exit_code, said.output
    assert "2 seeds, " in said.output
    assert "run twice:  1 seeds" in said.output
    assert "violations: 0 in 0 seeds" in said.output


def test_a_seed_can_be_told_as_a_story() -> None:
    said = simulate("--seed", "3", "--hours", "1", "--explain")

    assert 0 == said.exit_code, said.output
    assert "Every promise held." in said.output
    assert "What happened, in order:" in said.output


def test_the_line_of_a_world_runs_the_same_world() -> None:
    cut = Cut(
        faults=("down", "kill_at_step"), consumers=1, wishes=2, strays=0, until_s=1800, dice=4
    )
    replay = Replay(seed=12, hours=1, mode=Mode.STORM, cut=cut)
    program, name, *words = shlex.split(replay.line())

    said = simulate(*words)

    assert ("gpu-shopper", "simulate") == (program, name)
    assert f"trace {replay.run().trace_hash[:16]}" in said.output


@pytest.mark.parametrize("option", ["--only", "--faults"])
def test_a_fault_that_is_not_is_refused_with_those_that_are(option: str) -> None:
    said = simulate("--seed", "1", option, "gremlins")

    assert 2 == said.exit_code
    assert "there is no fault 'gremlins'" in said.output
    assert "kill_at_step" in said.output


def test_the_modes_of_the_command_are_those_of_the_profiles() -> None:
    assert set(Mode) == set(MODES)
