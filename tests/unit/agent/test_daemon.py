"""The daemon, pass by pass, on a node that is nowhere."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from gpu_shopper.agent.daemon import LONGEST_BEAT_SECONDS, MOST_HANGING_BEATS, Courier
from gpu_shopper.agent.notebook import Notebook, StoredOrders
from gpu_shopper.agent.outside import Answer
from gpu_shopper.wire.agent import Heartbeat
from gpu_shopper.wire.heartbeats import read_heartbeat
from tests.unit.agent.node import CONFIG, GO_ON, Hung, Node, ok, orders

OVER_SSH = replace(CONFIG, control_urls=())


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(tmp_path)


def sent(node: Node) -> list[Heartbeat]:
    return [read_heartbeat(asking.body or b"") for asking in node.asked]


def ended(node: Node) -> str | None:
    text = Notebook(node.place).read("ended.json")
    return None if text is None else json.loads(text)["reason"]


def leave(node: Node, told: object) -> None:
    Notebook(node.place).save_orders(CONFIG.label, StoredOrders(told, node.boot_id, node.now))


def test_each_heartbeat_carries_the_token_and_a_greater_counter(node: Node) -> None:
    node.answer = lambda _: ok()
    node.pass_time(node.daemon(), 60.0)

    counters = [heartbeat.counter for heartbeat in sent(node)]
    assert counters == sorted(set(counters))
    assert len(counters) == 4
    assert {asking.headers["Authorization"] for asking in node.asked} == {"Bearer gsa_0123456789"}


def test_the_newest_heartbeat_lies_ready_to_be_read(node: Node) -> None:
    node.pass_time(node.daemon(OVER_SSH), 5.0)

    heartbeat = read_heartbeat(Notebook(node.place).read("heartbeat.json") or "")
    assert heartbeat.gpus[0].name == "NVIDIA GeForce RTX 4090"
    assert heartbeat.cuda_version == "12.4"
    assert heartbeat.driver_version == "550.54.15"


def test_a_node_that_is_answered_lives_until_its_reservation_ends(node: Node) -> None:
    node.answer = lambda _: ok(orders(stop_in_seconds=max(0.0, 4_600.0 - node.now)))
    daemon = node.daemon()

    node.pass_time(daemon, 3_890.0)
    assert ended(node) is None
    node.pass_time(daemon, 20.0)
    assert ended(node) == "deadline"


def test_a_control_plane_that_extends_for_ever_does_not_move_the_hard_stop(node: Node) -> None:
    node.answer = lambda _: ok(orders(stop_in_seconds=1e6))
    daemon = node.daemon()

    node.pass_time(daemon, 7_490.0)
    assert ended(node) is None
    node.pass_time(daemon, 15.0)
    assert ended(node) == "deadline"


@pytest.mark.parametrize(
    "answer",
    [
        Answer(0, error="refused"),
        Answer(401),
        Answer(403),
        Answer(404),
        Answer(410),
        Answer(500),
        Answer(302),
        Answer(200, b"<html>welcome to the hotel</html>"),
        Answer(204, GO_ON.to_json().encode()),
    ],
)
def test_what_is_not_a_good_answer_neither_renews_nor_ends_at_once(
    node: Node, answer: Answer
) -> None:
    node.answer = lambda _: answer
    daemon = node.daemon()

    node.pass_time(daemon, 1_790.0, step=10.0)
    assert ended(node) is None
    node.pass_time(daemon, 20.0)
    assert ended(node) == "silent"
    assert len(node.asked) > 80


def test_one_good_answer_after_long_refusals_renews_the_lease(node: Node) -> None:
    node.answer = lambda _: Answer(401)
    daemon = node.daemon()
    node.pass_time(daemon, 1_700.0)
    node.answer = lambda _: ok(orders(stop_in_seconds=7_000.0))
    node.pass_time(daemon, 20.0)
    node.answer = lambda _: Answer(401)

    node.pass_time(daemon, 1_700.0)
    assert ended(node) is None
    node.pass_time(daemon, 200.0)
    assert ended(node) == "silent"


def test_the_second_control_url_is_asked_where_the_first_fails(node: Node) -> None:
    config = replace(CONFIG, control_urls=("https://a.example/", "https://b.example/"))
    node.answer = lambda asking: ok() if "b.example" in asking.url else Answer(503)
    daemon = node.daemon(config)
    node.now += 10
    daemon.step()

    assert [asking.url for asking in node.asked] == list(config.control_urls)
    assert daemon.life.renewed_at == 10.0


def test_orders_left_over_ssh_renew_the_lease(node: Node) -> None:
    daemon = node.daemon(OVER_SSH)
    for _ in range(4):
        node.pass_time(daemon, 1_000.0)
        leave(node, orders(stop_in_seconds=7_000.0))
    node.pass_time(daemon, 1_000.0)

    assert ended(node) is None


def test_an_order_to_stop_left_over_ssh_is_obeyed_within_one_pass(node: Node) -> None:
    daemon = node.daemon(OVER_SSH)
    daemon.step()
    leave(node, orders(order="stop"))

    assert daemon.step() <= 1.0
    assert ended(node) == "ordered"


def test_a_stop_left_over_ssh_is_obeyed_though_a_newer_answer_says_continue(node: Node) -> None:
    node.answer = lambda _: ok()
    daemon = node.daemon()
    node.pass_time(daemon, 14.0, step=1.0)
    leave(node, orders(order="stop"))
    (node.place / "orders.json").rename(node.place / "later")
    node.pass_time(daemon, 2.0, step=1.0)
    (node.place / "later").rename(node.place / "orders.json")
    daemon.step()

    assert ended(node) == "ordered"


def test_orders_left_for_another_attempt_are_not_obeyed(node: Node) -> None:
    daemon = node.daemon(OVER_SSH)
    stranger = StoredOrders(orders(order="stop"), node.boot_id, node.now)
    Notebook(node.place).save_orders("gs-other", stranger)
    node.pass_time(daemon, 5.0)

    assert ended(node) is None


def test_orders_read_again_after_a_restart_renew_nothing_twice(node: Node) -> None:
    daemon = node.daemon(OVER_SSH)
    node.pass_time(daemon, 100.0)
    leave(node, orders(stop_in_seconds=7_000.0))
    node.pass_time(daemon, 1_000.0)
    again = node.daemon(OVER_SSH)
    node.pass_time(again, 795.0)

    assert ended(node) is None
    node.pass_time(again, 20.0)
    assert ended(node) == "silent"


def test_a_stop_from_before_a_reboot_stays_a_stop(node: Node) -> None:
    leave(node, orders(order="stop"))
    node.boot_id = "boot-2"
    node.daemon(OVER_SSH).step()

    assert ended(node) == "ordered"


def test_a_restarted_agent_goes_on_with_counter_and_age(node: Node) -> None:
    node.answer = lambda _: ok()
    node.pass_time(node.daemon(), 60.0)
    before = sent(node)[-1].counter
    node.now += 40.0
    daemon = node.daemon()
    daemon.step()

    assert sent(node)[-1].counter > before
    assert daemon.life.age == 100.0


def test_a_restart_does_not_move_the_hard_stop(node: Node) -> None:
    node.answer = lambda _: ok(orders(stop_in_seconds=1e6))
    for _ in range(74):
        node.pass_time(node.daemon(), 100.0, step=20.0)
    assert ended(node) is None
    node.pass_time(node.daemon(), 120.0)

    assert ended(node) == "deadline"


def test_a_restarted_agent_goes_on_ending(node: Node) -> None:
    node.answer = lambda _: ok(orders(order="stop"))
    node.daemon().step()
    (node.place / "ended.json").unlink()
    node.answer = lambda _: ok()
    node.daemon().step()

    assert ended(node) == "ordered"


def test_a_folder_that_an_earlier_attempt_used_begins_a_new_life(node: Node) -> None:
    node.answer = lambda _: ok(orders(order="stop"))
    node.daemon(replace(CONFIG, label="gs-earlier")).step()
    node.answer = lambda _: ok()

    assert node.daemon().life.ending is None


def test_a_damaged_state_file_begins_anew_with_a_greater_counter(node: Node) -> None:
    node.answer = lambda _: ok()
    node.pass_time(node.daemon(), 60.0)
    (node.place / "state.json").write_text('{"label": ')
    node.daemon().step()

    counters = [heartbeat.counter for heartbeat in sent(node)]
    assert counters == sorted(set(counters))


def test_a_node_that_woke_from_a_long_sleep_asks_before_it_concludes_silence(node: Node) -> None:
    node.answer = lambda _: ok(orders(stop_in_seconds=6_000.0))
    daemon = node.daemon()
    daemon.step()
    node.now += 3_000.0
    daemon.step()

    assert ended(node) is None


def test_a_heartbeat_that_hangs_holds_up_no_deadline(node: Node) -> None:
    daemon = node.daemon(courier=Courier(Hung()))
    node.pass_time(daemon, 7_600.0)

    assert ended(node) is not None


def test_silence_waits_for_a_hanging_heartbeat_for_its_limit_only(node: Node) -> None:
    daemon = node.daemon(courier=Courier(Hung()))
    node.pass_time(daemon, CONFIG.lease_seconds + LONGEST_BEAT_SECONDS + 30.0)

    assert ended(node) == "silent"


def test_questions_that_take_longer_than_the_time_between_two_prevent_no_silence(
    node: Node,
) -> None:
    slow = Hung()
    daemon = node.daemon(courier=Courier(slow))
    for _ in range(120):
        node.pass_time(daemon, 17.0, step=1.0)
        slow.let_go()

    assert ended(node) == "silent"
    assert daemon.life.age < 2_100.0


def test_heartbeats_that_hang_do_not_pile_up_and_a_late_one_is_not_obeyed(node: Node) -> None:
    node.answer = lambda _: ok(orders(order="stop"))
    hung = Hung()
    daemon = node.daemon(courier=Courier(hung))
    node.pass_time(daemon, 1_200.0)
    assert len(hung.waiting) == MOST_HANGING_BEATS

    node.answer = lambda _: ok()
    hung.let_go()
    node.pass_time(daemon, 5.0)

    assert len(hung.waiting) == 1


def test_drain_is_marked_and_its_hook_runs_once(node: Node) -> None:
    hook = node.place / "on_drain"
    hook.write_text("#!/bin/sh\n")
    hook.chmod(0o700)
    node.answer = lambda _: ok(orders(order="drain"))
    node.pass_time(node.daemon(), 60.0)
    node.pass_time(node.daemon(), 60.0)

    assert (node.place / "draining").exists()
    assert node.launched == [(str(hook),)]
    assert ended(node) is None


def test_idle_seconds_grow_while_nothing_happens_also_over_a_restart(node: Node) -> None:
    node.answer = lambda _: ok()
    node.gpu_use = "97"
    node.pass_time(node.daemon(), 30.0)
    node.gpu_use = "5"
    node.pass_time(node.daemon(), 60.0)
    node.pass_time(node.daemon(), 60.0)

    assert [heartbeat.idle_seconds for heartbeat in sent(node)][:2] == [0.0, 0.0]
    assert sent(node)[-1].idle_seconds >= 100.0


def test_a_login_is_not_idle(node: Node) -> None:
    node.answer = lambda _: ok()
    node.add_process(40, name="sshd", parent=1, command="sshd: root@pts/0")
    node.add_process(41, parent=40, env={"SSH_CONNECTION": "10.0.0.1 5 10.0.0.2 22"})
    node.pass_time(node.daemon(), 60.0)

    assert sent(node)[-1].idle_seconds == 0.0
    assert sent(node)[-1].ssh_sessions == 1


def test_a_gpu_that_cannot_be_seen_is_not_idle(node: Node) -> None:
    node.answer = lambda _: ok()
    node.gpu_use = "hang"
    node.pass_time(node.daemon(), 60.0)

    assert sent(node)[-1].idle_seconds == 0.0
    assert sent(node)[-1].gpus == ()
    assert "hung" in (sent(node)[-1].gpu_error or "")


def test_a_hung_nvidia_smi_is_left_alone_for_a_while(node: Node) -> None:
    node.gpu_use = "hang"
    node.pass_time(node.daemon(), 250.0)

    assert len(node.commands) == 1


def test_a_folder_that_cannot_be_written_stops_nothing(node: Node) -> None:
    daemon = node.daemon()
    for path in node.place.iterdir():
        path.unlink()
    node.place.rmdir()
    node.pass_time(daemon, 1_900.0)

    assert daemon.life.ending == "silent"


def test_the_token_is_never_logged(node: Node) -> None:
    node.answer = lambda _: Answer(401, CONFIG.token.encode())
    node.pass_time(node.daemon(), 2_000.0)

    assert node.logged
    assert CONFIG.token not in "".join(node.logged)
