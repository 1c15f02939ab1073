"""The sandbox as its users meet it: a real program, real processes, real SSH, and nothing left over."""

import asyncio
import contextlib
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from gpu_shopper.ports.http import HttpRequest
from gpu_shopper.sandbox import processes
from gpu_shopper.transport.door import AiohttpDoor
from tests.e2e.sandbox_rig import (
    KEY,
    PATIENCE_S,
    Sandbox,
    a_key,
    login,
    run,
    sandbox,
    until,
)

__all__ = ["sandbox"]


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
def test_what_is_said_aside_after_the_output_was_closed_arrives(sandbox: Sandbox) -> None:
    key, public = a_key()
    instance = sandbox.running(ssh_keys=[public])
    seen = run(instance, key, "echo first; exec >&-; sleep 0.3; echo aside >&2; exit 7")

    assert (7, "first\n", "aside\n") == (seen.exit_status, seen.stdout, seen.stderr)


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


def test_a_list_of_offers_that_is_known_is_not_sent_again(sandbox: Sandbox) -> None:
    async def main() -> list[tuple[int, str, int]]:
        door = AiohttpDoor()
        try:
            seen, headers = [], {"authorization": f"Bearer {KEY}"}
            for _ in range(2):
                url = f"{sandbox.url}/v1/offers"
                reply = await door.request(HttpRequest(method="GET", url=url, headers=headers))
                seen.append((reply.status, reply.headers["etag"], len(reply.body)))
                headers["if-none-match"] = reply.headers["etag"]
            return seen
        finally:
            await door.aclose()

    (ok, etag, size), again = asyncio.run(main())

    assert (200, (304, etag, 0)) == (ok, again)
    assert size > 10_000
