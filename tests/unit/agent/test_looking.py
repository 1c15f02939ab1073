"""What the agent sees: GPUs, logins, the machine."""

from pathlib import Path

import pytest

from gpu_shopper.agent.gpus import GpuWatch, read_cuda, read_query, read_slices
from gpu_shopper.agent.machine import boot_of, host_key, instance_id, ram_gb, seconds_up
from gpu_shopper.agent.notebook import Notebook
from gpu_shopper.agent.outside import Ran
from gpu_shopper.agent.presence import Presence, count_by_who, count_in_table
from gpu_shopper.agent.processes import ProcessTable
from gpu_shopper.wire.agent import GpuReading
from tests.unit.agent.node import Node

VISITOR = {"SSH_CONNECTION": "10.0.0.1 5000 10.0.0.2 22"}
OTHER = {"SSH_CONNECTION": "10.0.0.9 6000 10.0.0.2 22"}


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(tmp_path)


def sessions(node: Node, scope: str | None = None) -> int | None:
    return count_in_table(ProcessTable(node.outside(), scope))


def test_each_gpu_is_read() -> None:
    state = read_query(
        "NVIDIA H100 80GB HBM3, 81559, GPU-a, 0, 1, 535.1\n"
        "NVIDIA H100 80GB HBM3, 81559, GPU-b, 100, 9, 535.1\n"
    )

    assert state.error is None
    assert state.driver == "535.1"
    assert state.gpus[1] == GpuReading("NVIDIA H100 80GB HBM3", 81_559, "GPU-b", 100.0, 9)


def test_what_nvidia_smi_does_not_say_is_none() -> None:
    state = read_query("NVIDIA GB10, [N/A], GPU-a, [Not Supported], [N/A], [N/A]\n")

    assert state.gpus == (GpuReading("NVIDIA GB10", None, "GPU-a", None, None),)
    assert state.driver is None


IN_A_SLICE = "NVIDIA A100-SXM4-80GB, [Insufficient Permissions], GPU-a, [N/A], [N/A], 535.1\n"
LISTED = (
    "GPU 0: NVIDIA A100-SXM4-80GB (UUID: GPU-a)\n"
    "  MIG 1g.10gb     Device  0: (UUID: MIG-b)\n"
    "  MIG 1g.10gb+me  Device  1: (UUID: MIG-c)\n"
    "GPU 1: NVIDIA L4 (UUID: GPU-d)\n"
)


def test_slices_stand_in_the_place_of_the_gpu_that_they_were_cut_from(node: Node) -> None:
    asked = GpuWatch(node.outside())
    node.gpu_list, node.gpu_listing = LISTED, IN_A_SLICE + "NVIDIA L4, 23034, GPU-d, 3, 9, 535.1\n"

    state = asked.look()

    assert state.gpus == (
        GpuReading("NVIDIA A100-SXM4-80GB MIG 1g.10gb", None, "MIG-b", None, None),
        GpuReading("NVIDIA A100-SXM4-80GB MIG 1g.10gb+me", None, "MIG-c", None, None),
        GpuReading("NVIDIA L4", 23_034, "GPU-d", 3.0, 9),
    )
    assert (None, "535.1") == (state.error, state.driver)


@pytest.mark.parametrize("listed", ["", "GPU 0: NVIDIA A100 (UUID: GPU-a)\n", "  MIG 1g", "\0\n"])
def test_where_no_slices_are_listed_the_gpu_stays(listed: str) -> None:
    gpus = read_query(IN_A_SLICE).gpus

    assert gpus == read_slices(listed, gpus)


@pytest.mark.parametrize("output", ["", "No devices were found\n", "a, b\n", "Unable to determine"])
def test_an_answer_that_is_no_table_is_an_error(output: str) -> None:
    state = read_query(output)

    assert state.gpus == ()
    assert state.error


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ("| NVIDIA-SMI 550  Driver Version: 550  CUDA Version: 12.4     |", "12.4"),
        ("CUDA Version                              : 13.0\n", "13.0"),
        ("CUDA UMD Version: 13.1", "13.1"),
        ("CUDA Version: ERR!", None),
        ("", None),
    ],
)
def test_the_cuda_version_is_found(output: str, expected: str | None) -> None:
    assert read_cuda(output) == expected


def test_a_connection_counts_once_however_many_processes_it_has(node: Node) -> None:
    node.add_process(40, name="sshd", parent=1, command="sshd: root@pts/0")
    node.add_process(41, parent=40, env=VISITOR)
    node.add_process(42, parent=41, env=VISITOR)
    node.add_process(50, name="sshd-session", parent=1, command="sshd-session: root@notty")
    node.add_process(51, parent=50, env=OTHER)

    assert sessions(node) == 2


def test_a_connection_to_a_server_that_is_not_openssh_counts(node: Node) -> None:
    node.add_process(30, name="python", parent=1)
    node.add_process(41, parent=30, env=VISITOR)
    node.add_process(42, parent=30, env=VISITOR)
    node.add_process(43, parent=30, env=OTHER)

    assert sessions(node) == 2


@pytest.mark.parametrize("reaper", [1, 20])
def test_what_a_login_left_running_is_not_a_login(node: Node, reaper: int) -> None:
    node.add_process(20, name="systemd", parent=1)
    node.add_process(60, name="tmux: server", parent=reaper, env=VISITOR)
    node.add_process(61, parent=60, env=VISITOR)

    assert sessions(node) == 0


def test_a_file_transfer_or_tunnel_without_a_process_counts(node: Node) -> None:
    node.add_process(40, name="sshd", parent=1, command="sshd: root@internal-sftp", up=60.0)

    assert sessions(node) == 1


def test_a_login_that_has_just_begun_or_ended_does_not_count_yet(node: Node) -> None:
    node.add_process(40, name="sshd", parent=1, command="sshd: root@notty", up=2.0)

    assert sessions(node) == 0


@pytest.mark.parametrize(
    "command",
    [
        "sh -c '/usr/bin/python3' -I '/srv/ann/.gpu-shopper/agent.pyz' report",
        "/usr/bin/python3 -I /srv/ann/.gpu-shopper/agent.pyz report",
    ],
)
def test_the_agents_own_visits_do_not_count(node: Node, command: str) -> None:
    node.add_process(40, name="sshd", parent=1, command="sshd: root@notty", up=60.0)
    node.add_process(41, parent=40, env=VISITOR, command=command)

    assert sessions(node) == 0


@pytest.mark.parametrize(
    "title", ["sshd: root [priv]", "sshd: /usr/sbin/sshd -D [listener] 0 of 10"]
)
def test_a_server_is_not_a_session(node: Node, title: str) -> None:
    node.add_process(40, name="sshd", parent=1, command=title)

    assert sessions(node) == 0


def test_only_processes_of_the_scope_count(node: Node) -> None:
    node.environ["SCOPE"] = "mine"
    node.add_process(30, name="python", parent=1)
    node.add_process(41, parent=30, env={**VISITOR, "SCOPE": "mine"})
    node.add_process(42, parent=30, env={**OTHER, "SCOPE": "other"})

    assert sessions(node, "SCOPE") == 1


def test_a_hidden_process_table_cannot_tell(tmp_path: Path) -> None:
    node = Node(tmp_path)
    node.root = tmp_path / "nowhere"

    assert sessions(node) is None


def test_the_next_method_is_asked_where_one_cannot_tell() -> None:
    assert Presence((lambda: None, lambda: 2)).sessions() == 2
    assert Presence((lambda: 0, lambda: 2)).sessions() == 0
    assert Presence((lambda: None,)).sessions() is None


def test_who_counts_remote_logins_only(node: Node) -> None:
    listing = (
        "root     pts/0   2030-01-01 10:00 (203.0.113.7)\n"
        "root     tty1    2030-01-01 10:00\n"
        "ann      :0      2030-01-01 10:00 (:0)\n"
        "ann      pts/1   2030-01-01 10:00 (2001:db8::7)\n"
    )
    outside = node.outside()
    object.__setattr__(outside, "run", lambda _words, _limit: Ran(0, listing))

    assert count_by_who(outside) == 2


def test_the_host_key_is_read_without_its_comment(node: Node) -> None:
    key = "ssh-ed25519 " + "A" * 68
    path = node.root / "etc" / "ssh" / "ssh_host_ed25519_key.pub"
    path.parent.mkdir(parents=True)
    path.write_text(key + " root@node\n")

    assert host_key(node.outside()) == key


def test_the_environment_may_name_another_host_key(node: Node) -> None:
    key = "ssh-ed25519 " + "B" * 68
    (node.root / "k.pub").write_text(key + "\n")
    node.environ["SSH_HOST_KEY_PUB"] = "/k.pub"

    assert host_key(node.outside()) == key


@pytest.mark.parametrize("text", ["", "ssh-rsa AAAA\n", "ssh-ed25519 \x00\n"])
def test_what_is_no_ed25519_key_is_none(node: Node, text: str) -> None:
    (node.root / "k.pub").write_text(text)
    node.environ["SSH_HOST_KEY_PUB"] = "/k.pub"

    assert host_key(node.outside()) is None


def test_a_containers_share_of_memory_is_what_it_has(node: Node) -> None:
    (node.root / "proc" / "meminfo").write_text("MemTotal:       64000000 kB\n")
    assert ram_gb(node.outside()) == 65.536

    limit = node.root / "sys" / "fs" / "cgroup" / "memory.max"
    limit.parent.mkdir(parents=True)
    limit.write_text("8000000000\n")
    assert ram_gb(node.outside()) == 8.0


def test_a_container_is_up_for_as_long_as_its_first_process(node: Node) -> None:
    node.add_process(1, name="init", up=12.0)

    assert seconds_up(node.outside()) == 12.0


def test_a_hidden_boot_id_is_drawn_once_and_kept(node: Node) -> None:
    draws = iter(["drawn-1", "drawn-2"])
    notebook = Notebook(node.place)

    first = boot_of(node.outside(), notebook, lambda: next(draws))
    second = boot_of(node.outside(), notebook, lambda: next(draws))

    assert first.boot_id == second.boot_id == "drawn-1"


@pytest.mark.parametrize(
    ("own", "first", "found"),
    [("i-1", "i-9", "i-1"), (None, "i-9", "i-9"), (None, None, None), ("i 1", None, None)],
)
def test_a_node_knows_itself_by_its_own_environment_or_that_of_the_first_process(
    node: Node, own: str | None, first: str | None, found: str | None
) -> None:
    if own is not None:
        node.environ["ID"] = own
    node.add_process(1, env={} if first is None else {"ID": first})
    table = ProcessTable(node.outside(), None)

    assert found == instance_id(node.outside(), table, "ID")
    assert instance_id(node.outside(), table, None) is None
