"""The end of a node: the workload first, then the instance, for as long as it takes."""

import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from gpu_shopper.agent.config import EndByCommand, EndByRequest
from gpu_shopper.agent.ending import Ending, resolved
from gpu_shopper.agent.notebook import Notebook
from gpu_shopper.agent.outside import Answer
from gpu_shopper.agent.processes import ProcessTable
from gpu_shopper.agent.workload import stop_workload, workload_of
from gpu_shopper.wire.agent import Workload
from tests.unit.agent.node import CONFIG, Node

BY_REQUEST = replace(
    CONFIG,
    end=EndByRequest("DELETE", "https://cloud.example/i/${ID}", {"Authorization": "Bearer ${KEY}"}),
)


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(tmp_path)


def start_workload(node: Node, pid: int = 500) -> None:
    node.add_process(pid, command=f"sh {node.place}/workload.sh")
    node.living_groups.add(pid)
    Notebook(node.place).write("workload.pid", f"{pid}\n")


def end_for(node: Node, seconds: int, config: object = BY_REQUEST) -> None:
    ending = Ending(node.outside(), config)
    for age in range(seconds):
        ending.step(float(age), "silent")


def test_the_workload_is_asked_before_the_instance_is_ended(node: Node) -> None:
    start_workload(node)
    node.environ.update(ID="7", KEY="k")
    node.answer = lambda _: Answer(200)
    end_for(node, 2)

    assert node.signals[0] == (500, signal.SIGTERM)
    assert node.asked[0].method == "DELETE"
    assert node.asked[0].url == "https://cloud.example/i/7"
    assert node.asked[0].headers == {"Authorization": "Bearer k"}


def test_a_workload_that_does_not_listen_is_killed_before_the_instance_is_ended(
    node: Node,
) -> None:
    start_workload(node)
    node.stubborn = True
    end_for(node, 10)
    assert node.signals == [(500, signal.SIGTERM)]
    assert node.asked == []

    end_for(node, 12, replace(CONFIG, end=EndByCommand(("poweroff",))))
    assert (500, signal.SIGKILL) in node.signals
    assert node.commands == [("poweroff",)]


def test_the_end_is_asked_for_again_with_growing_pauses_and_never_given_up(node: Node) -> None:
    node.environ.update(ID="7", KEY="k")
    node.answer = lambda _: Answer(500)
    end_for(node, 100)
    assert len(node.asked) == 5

    end_for(node, 20_000)
    assert len(node.asked) > 5 + 60


def test_an_end_whose_variable_is_missing_says_so_and_goes_on_trying(node: Node) -> None:
    end_for(node, 5)
    assert "needs the environment variable" in (Notebook(node.place).read("ended.json") or "")

    node.environ.update(ID="7", KEY="k")
    end_for(node, 5)
    assert len(node.asked) == 1


def test_variables_of_the_first_process_are_known_too(node: Node) -> None:
    node.add_process(1, name="init", env={"ID": "9", "KEY": "first"})
    end_for(node, 3)

    assert node.asked[0].url == "https://cloud.example/i/9"


def test_what_is_filled_in_is_not_filled_in_again() -> None:
    end = EndByRequest("POST", "https://c/${A}", {}, '{"id":"${A}"}')

    asking = resolved(end, {"A": "${B}", "B": "no"})

    assert asking.url == "https://c/${B}"
    assert asking.body == b'{"id":"${B}"}'


def test_a_node_without_an_end_stops_the_workload_all_the_same(node: Node) -> None:
    start_workload(node)
    end_for(node, 3, CONFIG)

    assert node.living_groups == set()


def test_a_number_that_belongs_to_another_process_by_now_is_not_signalled(node: Node) -> None:
    start_workload(node)
    node.add_process(500, command="postgres")
    end_for(node, 15)

    assert node.signals == []


def test_children_of_a_workload_that_ended_are_stopped(node: Node) -> None:
    Notebook(node.place).write("workload.pid", "500\n")
    node.living_groups.add(500)
    end_for(node, 2)

    assert (500, signal.SIGTERM) in node.signals


@pytest.mark.parametrize("pid", ["0", "1", "-5", "", "x"])
def test_no_number_can_mean_everybody(node: Node, pid: str) -> None:
    Notebook(node.place).write("workload.pid", pid)
    end_for(node, 15)

    assert node.signals == []


def test_whoever_holds_a_gpu_is_stopped_and_nobody_else(node: Node) -> None:
    node.add_process(600, holds="/dev/nvidia0")
    node.add_process(601, holds="/dev/nvidiactl")
    node.add_process(602, holds="/dev/null")
    end_for(node, 2, CONFIG)

    assert {number for number, _ in node.signals} == {600}


def test_a_gpu_user_outside_of_the_scope_is_left_alone(node: Node) -> None:
    node.environ["SCOPE"] = "mine"
    node.add_process(600, holds="/dev/nvidia0", env={"SCOPE": "other"})
    node.add_process(601, holds="/dev/nvidia0", env={"SCOPE": "mine"})
    table = ProcessTable(node.outside(), "SCOPE")
    stop_workload(node.outside(), Notebook(node.place), table, how=signal.SIGTERM)

    assert node.signals == [(601, signal.SIGTERM)]


def test_a_scope_without_a_value_holds_nobody(node: Node) -> None:
    node.add_process(600, holds="/dev/nvidia0")
    table = ProcessTable(node.outside(), "SCOPE")
    stop_workload(node.outside(), Notebook(node.place), table, how=signal.SIGTERM)

    assert node.signals == []


def test_a_workload_is_none_then_running_then_exited(node: Node) -> None:
    notebook, table = Notebook(node.place), ProcessTable(node.outside(), None)
    node.add_process(os.getpid())
    assert workload_of(notebook, table) == Workload("none")

    start_workload(node)
    assert workload_of(notebook, table) == Workload("running")

    notebook.write("workload.exit", "3\n")
    assert workload_of(notebook, table) == Workload("exited", 3)


def test_a_workload_whose_number_was_taken_over_has_exited(node: Node) -> None:
    node.add_process(os.getpid())
    start_workload(node)
    node.add_process(500, command="postgres")

    found = workload_of(Notebook(node.place), ProcessTable(node.outside(), None))

    assert found == Workload("exited", None)
