"""The sandbox as its users meet it: a real program, real processes, real SSH, and nothing left over."""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from gpu_shopper.sandbox import processes

KEY, CONTROL = "account-key", "control-key"
PATIENCE_S = 15.0


class Sandbox:
    """One sandbox program over one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.program: subprocess.Popen[str] | None = None
        self.url = ""

    def command(self, *more: str) -> list[str]:
        return [
            sys.executable, "-m", "gpu_shopper.sandbox", "--state-dir", str(self.folder), "--key", KEY,
            "--control-key", CONTROL, "--boot-seconds", "0.1", "--offers", "200", *more,
        ]  # fmt: skip

    def start(self, *more: str) -> None:
        self.program = subprocess.Popen(self.command(*more), stdout=subprocess.PIPE, text=True)
        self.url = self.program.stdout.readline().strip()
        assert self.url.startswith("http://127.0.0.1:")

    def end(self, number: signal.Signals) -> int:
        self.program.send_signal(number)
        self.program.stdout.close()
        return self.program.wait(PATIENCE_S)

    def call(self, method: str, path: str, body: Any = None, *, key: str = KEY) -> tuple[int, Any]:
        return self._send(method, path, body, {"Authorization": f"Bearer {key}"})

    def control(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        return self._send(method, f"/control/{path}", body, {"X-Control-Key": CONTROL})

    def _send(self, method: str, path: str, body: Any, headers: dict[str, str]) -> tuple[int, Any]:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, headers, method=method)  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE_S) as reply:  # noqa: S310
                return reply.status, json.load(reply)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)

    def create(self, *, gpus: int = 1, **more: Any) -> dict[str, Any]:
        offers = self.call("GET", "/v1/offers?limit=200")[1]["offers"]
        offer = next(offer for offer in offers if offer["gpu_count"] == gpus)
        order = {"offer_id": offer["id"], "name": "n", "image": "any", "disk_gb": 10, **more}
        status, instance = self.call("POST", "/v1/instances", order)
        assert status == 201, instance
        return instance

    def running(self, **more: Any) -> dict[str, Any]:
        instance = self.create(**more)
        until(lambda: self.show(instance)["status"] == "running")
        return self.show(instance)

    def show(self, instance: dict[str, Any]) -> dict[str, Any]:
        return self.call("GET", f"/v1/instances/{instance['id']}")[1]

    def destroy(self, instance: dict[str, Any]) -> None:
        assert self.call("DELETE", f"/v1/instances/{instance['id']}")[0] == 202
        until(lambda: "error" in self.show(instance))

    def home(self, instance: dict[str, Any]) -> Path:
        return self.folder / "instances" / instance["id"] / "home"

    def root(self, instance: dict[str, Any]) -> processes.Process:
        ready = json.loads((self.home(instance).parent / "ready.json").read_text())
        process = processes.find(ready["pid"])
        assert process is not None
        return process

    def entry(self, instance: dict[str, Any]) -> dict[str, Any]:
        entries = self.control("GET", "ledger")[1]["entries"]
        return next(entry for entry in entries if entry["id"] == instance["id"])


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    cloud = Sandbox(tmp_path / "cloud")
    cloud.start()
    yield cloud
    if cloud.program.poll() is not None:
        cloud.program.stdout.close()
        cloud.start()
    assert cloud.control("POST", "shutdown") == (200, {"left": 0})
    cloud.program.stdout.close()
    assert cloud.program.wait(PATIENCE_S) == 0


def until(true: Callable[[], bool]) -> None:
    give_up_at = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < give_up_at
        time.sleep(0.02)


def a_key() -> tuple[asyncssh.SSHKey, str]:
    key = asyncssh.generate_private_key("ssh-ed25519")
    return key, key.export_public_key().decode().strip()


def login(instance: dict[str, Any], key: asyncssh.SSHKey, **more: Any) -> Any:
    """Log in with the host key pinned."""
    pinned = f"[127.0.0.1]:{instance['ssh_port']} {instance['host_key']}\n"
    known_hosts = asyncssh.import_known_hosts(pinned)
    options = {
        "username": "gpu",
        "client_keys": [key],
        "known_hosts": known_hosts,
        "config": None,
        **more,
    }
    return asyncssh.connect("127.0.0.1", instance["ssh_port"], agent_path=None, **options)


def run(instance: dict[str, Any], key: asyncssh.SSHKey, command: str | None, **more: Any) -> Any:
    async def once() -> Any:
        async with login(instance, key) as connection:
            return await connection.run(command, **more)

    return asyncio.run(once())


def test_an_instance_is_real_from_order_to_absence(sandbox: Sandbox) -> None:
    key, public = a_key()
    script = (
        "echo begun; sleep 600 & (trap '' TERM; exec sleep 601) & (env -i setsid sleep 602 &); wait"
    )
    instance = sandbox.running(gpus=2, ssh_keys=[public], env={"COLOUR": "blue"}, on_start=script)
    gpus = run(instance, key, "nvidia-smi -L")
    seen = run(instance, key, "echo $COLOUR $HOME; cat .on_start.log; echo aside >&2; exit 7")
    home = sandbox.home(instance)

    assert 0 == gpus.exit_status
    assert ["GPU 0: ", "GPU 1: "] == [line[:7] for line in gpus.stdout.splitlines()]
    assert (7, f"blue {home}\nbegun\n", "aside\n") == (seen.exit_status, seen.stdout, seen.stderr)
    assert 0o700 == home.stat().st_mode & 0o777
    root = sandbox.root(instance)
    # The script, and three that it started: one deaf to requests, one an orphan in hiding.
    until(lambda: len(processes.belonging_to(instance["id"], root)) == 4)
    running = [root, *processes.belonging_to(instance["id"], root)]

    sandbox.destroy(instance)

    assert [] == [process for process in running if processes.find(process.pid) == process]
    assert [] == processes.belonging_to(instance["id"])
    assert not home.parent.exists()
    entry = sandbox.entry(instance)
    assert ("destroyed", False) == (entry["end_reason"], entry["alive"])
    hours = (entry["ended_at"] - entry["billed_from"]) / 3600
    assert abs(entry["billed_micros"] - entry["price_per_hour_micros"] * hours) <= 1


def test_only_the_right_key_and_name_get_in(sandbox: Sandbox) -> None:
    key, public = a_key()
    other, _ = a_key()
    instance = sandbox.running(ssh_keys=[public])

    async def tries(**more: Any) -> None:
        async with login(instance, more.pop("key", key), **more):
            pass

    with pytest.raises(asyncssh.PermissionDenied):
        asyncio.run(tries(key=other))
    with pytest.raises(asyncssh.PermissionDenied):
        asyncio.run(tries(username="root"))
    with pytest.raises(asyncssh.PermissionDenied):
        asyncio.run(tries(client_keys=None, password="gpu"))
    with pytest.raises(asyncssh.HostKeyNotVerifiable):
        asyncio.run(tries(known_hosts=asyncssh.import_known_hosts(f"* {a_key()[1]}\n")))
    asyncio.run(tries())


def test_files_go_in_and_out_over_sftp(sandbox: Sandbox, tmp_path: Path) -> None:
    key, public = a_key()
    instance = sandbox.running(ssh_keys=[public])
    there, back = tmp_path / "there", tmp_path / "back"
    there.write_bytes(os.urandom(300_000))

    async def copy() -> None:
        async with login(instance, key) as connection, connection.start_sftp_client() as files:
            await files.put(str(there), "data.bin")
            await files.get("data.bin", str(back))

    asyncio.run(copy())

    assert there.read_bytes() == back.read_bytes()
    assert there.read_bytes() == (sandbox.home(instance) / "data.bin").read_bytes()


def test_a_key_with_a_forced_command_can_do_nothing_else(sandbox: Sandbox) -> None:
    key, public = a_key()
    narrow, narrow_public = a_key()
    script = f'printf "restrict,command=\\"echo forced\\" %s\\n" "{narrow_public}" >> ~/.ssh/authorized_keys'
    instance = sandbox.running(ssh_keys=[public], on_start=script)
    until(lambda: "restrict" in (sandbox.home(instance) / ".ssh/authorized_keys").read_text())

    async def everything() -> list[Any]:
        async with login(instance, narrow) as connection:
            answers = [await connection.run("id"), await connection.run(None, input="id\n")]
            with pytest.raises((asyncssh.SFTPError, asyncssh.ChannelOpenError)):
                async with connection.start_sftp_client():
                    pass
            with pytest.raises(asyncssh.ChannelOpenError):
                await connection.run("id", term_type="xterm")
            with pytest.raises(asyncssh.ChannelOpenError):
                await connection.open_connection("127.0.0.1", instance["ssh_port"])
            return answers

    assert ["forced\n", "forced\n"] == [answer.stdout for answer in asyncio.run(everything())]
    assert "uid" in run(instance, key, "id").stdout


def test_a_terminal_is_a_real_one(sandbox: Sandbox) -> None:
    key, public = a_key()
    instance = sandbox.running(ssh_keys=[public])
    answer = run(
        instance, key, None, input="tty; stty size; exit 6\n", term_type="xterm", term_size=(97, 31)
    )

    assert 6 == answer.exit_status
    assert "/dev/pts/" in answer.stdout
    assert "31 97" in answer.stdout


def test_a_terminal_follows_the_size_of_the_window(sandbox: Sandbox) -> None:
    key, public = a_key()
    instance = sandbox.running(ssh_keys=[public])

    async def resize() -> str:
        async with login(instance, key) as connection:
            process = await connection.create_process(term_type="dumb", term_size=(80, 24))
            process.change_terminal_size(132, 50)
            process.stdin.write("stty size; exit\n")
            return (await process.wait()).stdout

    assert "50 132" in asyncio.run(resize())


def test_a_signal_reaches_what_is_running(sandbox: Sandbox) -> None:
    key, public = a_key()
    instance = sandbox.running(ssh_keys=[public])

    async def interrupt() -> Any:
        async with login(instance, key) as connection:
            process = await connection.create_process("echo up; exec sleep 600")
            assert await process.stdout.readline() == "up\n"
            process.send_signal("TERM")
            return await process.wait()

    assert "TERM" == asyncio.run(interrupt()).exit_signal[0]


def test_what_flows_through_a_command_arrives_whole(sandbox: Sandbox) -> None:
    key, public = a_key()
    instance = sandbox.running(ssh_keys=[public])
    data = os.urandom(5_000_000)

    async def there_and_back() -> None:
        async with login(instance, key) as connection:
            for _ in range(5):
                answer = await connection.run("tee copy", input=data, encoding=None)

                assert data == answer.stdout
                assert data == (sandbox.home(instance) / "copy").read_bytes()

    asyncio.run(there_and_back())


@pytest.mark.skipif(shutil.which("scp") is None, reason="OpenSSH is not installed")
def test_openssh_gets_along_with_it(sandbox: Sandbox, tmp_path: Path) -> None:
    key, public = a_key()
    instance = sandbox.running(ssh_keys=[public])
    identity, known_hosts, there = (tmp_path / name for name in ("id", "known_hosts", "there"))
    key.write_private_key(str(identity))
    identity.chmod(0o600)
    known_hosts.write_text(f"[127.0.0.1]:{instance['ssh_port']} {instance['host_key']}\n")
    there.write_bytes(os.urandom(2_000_000))
    options = ["-F", "none", "-o", "IdentitiesOnly=yes", "-o", "StrictHostKeyChecking=yes"]
    options += ["-o", f"UserKnownHostsFile={known_hosts}", "-i", str(identity)]
    port = str(instance["ssh_port"])
    copied = subprocess.run(
        ["scp", "-q", *options, "-P", port, str(there), "gpu@127.0.0.1:here"],
        timeout=PATIENCE_S,
        check=False,
    )
    ran = subprocess.run(
        ["ssh", *options, "-p", port, "gpu@127.0.0.1", "cat here; exit 5"],
        capture_output=True,
        timeout=PATIENCE_S,
        check=False,
    )

    assert 0 == copied.returncode
    assert (5, there.read_bytes()) == (ran.returncode, ran.stdout)


def test_a_port_of_the_instance_can_be_forwarded(sandbox: Sandbox) -> None:
    key, public = a_key()
    instance = sandbox.running(ssh_keys=[public])

    async def knock() -> bytes:
        async with login(instance, key) as connection:
            reader, writer = await connection.open_connection("127.0.0.1", instance["ssh_port"])
            greeting = await reader.readline()
            writer.close()
            return greeting

    assert asyncio.run(knock()).startswith(b"SSH-2.0")


def test_hanging_up_ends_what_was_running(sandbox: Sandbox) -> None:
    key, public = a_key()
    instance = sandbox.running(ssh_keys=[public])

    async def hang_up() -> None:
        async with login(instance, key) as connection:
            process = await connection.create_process("echo up; sleep 600 | sleep 601; true")
            assert "up\n" == await process.stdout.readline()
            connection.abort()

    with contextlib.suppress(asyncssh.ConnectionLost):
        asyncio.run(hang_up())

    # Only the instance's own process is left.
    until(lambda: len(processes.belonging_to(instance["id"])) == 1)


def test_what_is_left_in_the_background_lives_on_after_the_command(sandbox: Sandbox) -> None:
    key, public = a_key()
    instance = sandbox.running(ssh_keys=[public])
    run(instance, key, "nohup sleep 600 >/dev/null 2>&1 & sleep 0.1")

    assert "sleep" in run(instance, key, "pgrep -a sleep || ps -eo args | grep 'sleep 600'").stdout
    assert 2 == len(processes.belonging_to(instance["id"]))


def test_the_gpus_are_as_busy_as_told(sandbox: Sandbox) -> None:
    key, public = a_key()
    instance = sandbox.running(gpus=2, ssh_keys=[public])
    query = (
        "nvidia-smi --query-gpu=index,memory.total,utilization.gpu --format=csv,noheader,nounits"
    )
    memory = instance["gpu_memory_mib"]

    assert f"0, {memory}, 0\n1, {memory}, 0\n" == run(instance, key, query).stdout
    run(instance, key, "printf '93\\n4\\n' > ~/.gpu_utilization")
    assert f"0, {memory}, 93\n1, {memory}, 4\n" == run(instance, key, query).stdout
    assert 2 == run(instance, key, "nvidia-smi --query-gpu=nonsense --format=csv").exit_status


def test_an_instance_can_end_itself(sandbox: Sandbox) -> None:
    script = (
        "python3 -c 'import os, urllib.request as u;"
        ' u.urlopen(u.Request(os.environ["SANDBOX_API"] + "/v1/self", method="DELETE",'
        ' headers={"Authorization": "Bearer " + os.environ["SANDBOX_INSTANCE_KEY"]}))\''
    )
    instance = sandbox.create(on_start=script)
    until(lambda: not sandbox.entry(instance)["alive"])

    assert "self_ended" == sandbox.entry(instance)["end_reason"]
    assert not sandbox.home(instance).parent.exists()


def test_instances_outlive_a_killed_sandbox_and_are_found_again(sandbox: Sandbox) -> None:
    key, public = a_key()
    instance = sandbox.running(ssh_keys=[public])
    address = sandbox.url
    sandbox.end(signal.SIGKILL)

    assert "alive\n" == run(instance, key, "echo alive").stdout

    sandbox.start()

    assert address == sandbox.url
    assert instance == sandbox.show(instance)
    assert "alive\n" == run(instance, key, "echo alive").stdout
    entry = sandbox.entry(instance)
    assert entry["alive"]
    assert entry["billed_micros"] > 0

    sandbox.destroy(instance)
    assert [] == processes.belonging_to(instance["id"])


def test_a_sandbox_killed_during_a_boot_finishes_it_once(sandbox: Sandbox) -> None:
    _, public = a_key()
    instances = [sandbox.create(ssh_keys=[public]) for _ in range(3)]
    until(lambda: any(sandbox.home(each).parent.exists() for each in instances))
    sandbox.end(signal.SIGKILL)
    sandbox.start()
    for instance in instances:
        until(lambda each=instance: sandbox.show(each)["status"] == "running")

        assert 1 == len(processes.belonging_to(instance["id"]))


def test_a_sandbox_killed_during_a_destroy_finishes_it(sandbox: Sandbox) -> None:
    instance = sandbox.running(on_start="trap '' TERM; sleep 600 & sleep 601 & wait")
    until(lambda: len(processes.belonging_to(instance["id"])) == 4)
    assert 202 == sandbox.call("DELETE", f"/v1/instances/{instance['id']}")[0]
    sandbox.end(signal.SIGKILL)

    assert processes.belonging_to(instance["id"])

    sandbox.start()
    until(lambda: not sandbox.entry(instance)["alive"])

    assert "destroyed" == sandbox.entry(instance)["end_reason"]
    assert [] == processes.belonging_to(instance["id"])
    assert not sandbox.home(instance).parent.exists()


def test_an_instance_that_died_meanwhile_is_ended_when_that_is_found(sandbox: Sandbox) -> None:
    instance = sandbox.running(on_start="sleep 600")
    root = sandbox.root(instance)
    sandbox.end(signal.SIGTERM)
    os.kill(root.pid, signal.SIGKILL)
    sandbox.start()
    until(lambda: not sandbox.entry(instance)["alive"])

    assert "died" == sandbox.entry(instance)["end_reason"]
    assert [] == processes.belonging_to(instance["id"])
    assert not sandbox.home(instance).parent.exists()


def test_an_instance_whose_process_is_killed_is_noticed(sandbox: Sandbox) -> None:
    instance = sandbox.running(on_start="sleep 600")
    os.kill(sandbox.root(instance).pid, signal.SIGKILL)
    until(lambda: not sandbox.entry(instance)["alive"])

    assert [] == processes.belonging_to(instance["id"])


def test_a_folder_serves_one_sandbox_at_a_time(sandbox: Sandbox) -> None:
    second = subprocess.run(
        sandbox.command(), capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )

    assert 3 == second.returncode
    assert "another sandbox uses" in second.stderr
    assert "" == second.stdout


def test_a_state_that_is_damaged_is_said_and_left_alone(tmp_path: Path) -> None:
    cloud = Sandbox(tmp_path / "cloud")
    cloud.folder.mkdir()
    state = cloud.folder / "state.json"
    for damage in ("{", "[]", '{"format": 1}'):
        state.write_text(damage)
        tried = subprocess.run(
            cloud.command(), capture_output=True, text=True, timeout=PATIENCE_S, check=False
        )

        assert 4 == tried.returncode
        assert str(state) in tried.stderr
        assert damage == state.read_text()


@pytest.mark.parametrize(
    "wrong",
    [("--port", "70000"), ("--boot-seconds", "-1"), ("--boot-seconds", "nan"), ("--offers", "0")],
)
def test_options_out_of_range_are_refused(tmp_path: Path, wrong: tuple[str, str]) -> None:
    command = Sandbox(tmp_path / "cloud").command(*wrong)
    tried = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)

    assert 2 == tried.returncode
    assert wrong[0] in tried.stderr


def test_a_port_that_is_taken_is_said(sandbox: Sandbox, tmp_path: Path) -> None:
    port = sandbox.url.rpartition(":")[2]
    command = Sandbox(tmp_path / "other").command("--port", port)
    tried = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)

    assert 2 == tried.returncode
    assert f"port {port}" in tried.stderr


def test_an_ephemeral_sandbox_takes_its_instances_along(tmp_path: Path) -> None:
    cloud = Sandbox(tmp_path / "cloud")
    cloud.start("--ephemeral", "--port-file", str(tmp_path / "url"))
    instance = cloud.running(on_start="sleep 600")

    assert cloud.url == (tmp_path / "url").read_text().strip()
    assert 0 == cloud.end(signal.SIGTERM)
    assert [] == processes.belonging_to(instance["id"])
    assert [] == list((tmp_path / "cloud" / "instances").iterdir())


def test_misbehaviour_shows_on_the_wire(sandbox: Sandbox) -> None:
    status, refused = sandbox.control("PUT", "misbehaviour", {"rules": [{"kind": "explode"}]})
    assert (400, "bad_request") == (status, refused["error"])

    rules = [{"kind": "lose_create_reply", "count": 1}]
    assert 200 == sandbox.control("PUT", "misbehaviour", {"rules": rules})[0]
    with pytest.raises((ConnectionError, urllib.error.URLError)):
        sandbox.create()
    assert 1 == sandbox.call("GET", "/v1/instances")[1]["total"]

    rules = [{"kind": "rate_limited", "params": {"retry_after": 3}}]
    sandbox.control("PUT", "misbehaviour", {"rules": rules})
    assert 429 == sandbox.call("GET", "/v1/offers")[0]
    assert {"rules": []} == sandbox.control("DELETE", "misbehaviour")[1]
    assert 200 == sandbox.call("GET", "/v1/offers")[0]


def test_the_control_api_has_a_key_of_its_own(sandbox: Sandbox) -> None:
    assert 401 == sandbox.call("GET", "/control/ledger")[0]
    assert 401 == sandbox.call("POST", "/control/shutdown")[0]
    assert 404 == sandbox.control("GET", "nothing")[0]


def test_bodies_that_are_no_orders_are_refused(sandbox: Sandbox) -> None:
    assert 400 == sandbox.call("POST", "/v1/instances", [1])[0]
    assert 400 == sandbox.call("POST", "/v1/instances")[0]
    assert 413 == sandbox.call("POST", "/v1/instances", {"name": "x" * 1_100_000})[0]
    assert 401 == sandbox.call("POST", "/v1/instances", {}, key="wrong")[0]


def test_what_a_destroy_only_stopped_is_gone_after_a_true_one(sandbox: Sandbox) -> None:
    instance = sandbox.running(on_start="sleep 600")
    sandbox.control("PUT", "misbehaviour", {"rules": [{"kind": "stop_instead_of_destroy"}]})
    assert 202 == sandbox.call("DELETE", f"/v1/instances/{instance['id']}")[0]
    until(lambda: sandbox.show(instance)["status"] == "stopped")

    assert [] == processes.belonging_to(instance["id"])
    assert sandbox.home(instance).exists()
    assert sandbox.entry(instance)["alive"]

    sandbox.control("DELETE", "misbehaviour")
    sandbox.destroy(instance)
    until(lambda: not sandbox.home(instance).parent.exists())
