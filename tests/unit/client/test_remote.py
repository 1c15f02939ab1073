"""Working on an instance over real SSH: commands, files, and a host that is not the one that was promised."""

import asyncio
import shutil
import threading
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import asyncssh
import msgspec
import pytest

from gpu_shopper.client import LoginFailed, TransferFailed, remote
from gpu_shopper.client.login import Login, login_of, write_private
from gpu_shopper.wire.sessions import SessionBody
from tests.unit.client.fake_server import session_body


class Host:
    """A machine with an SSH server whose commands are a few words that it knows."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.host_key = asyncssh.generate_private_key("ssh-ed25519")
        self.user_key = asyncssh.generate_private_key("ssh-ed25519")
        self.port = 0

    async def listen(self) -> asyncssh.SSHAcceptor:
        async def answer(process: asyncssh.SSHServerProcess) -> None:
            match (process.command or "").split():
                case ["exit", code]:
                    process.stderr.write("told to\n")
                    process.exit(int(code))
                case ["wait"]:
                    await asyncio.sleep(30)
                    process.exit(0)
                case _:
                    process.stdout.write(f"{process.command}\n")
                    process.exit(0)

        allowed = asyncssh.import_authorized_keys(self.user_key.export_public_key().decode())
        acceptor = await asyncssh.listen(
            "127.0.0.1", 0, server_host_keys=[self.host_key], authorized_client_keys=allowed,
            process_factory=answer,
            sftp_factory=lambda channel: asyncssh.SFTPServer(channel, chroot=str(self.root)),
        )  # fmt: skip
        self.port = acceptor.get_port()
        return acceptor

    def login(self, folder: Path, *, host_key: asyncssh.SSHKey | None = None) -> Login:
        key = folder / "a key"
        if not key.exists():
            write_private(key, self.user_key.export_private_key().decode())
        shown = (host_key or self.host_key).export_public_key().decode().strip()
        body = session_body(ssh_port=self.port, ssh_user="gpu", host_key=shown)
        session = msgspec.convert(body, SessionBody, strict=False)
        return login_of(session, folder=folder, key_file=key)


@contextmanager
def serving(host: Host):
    """Serve from a thread of its own, so that a plain test may block."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    acceptor = asyncio.run_coroutine_threadsafe(host.listen(), loop).result(10)

    async def close() -> None:
        acceptor.close()
        await acceptor.wait_closed()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    try:
        yield host
    finally:
        asyncio.run_coroutine_threadsafe(close(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


@pytest.fixture
def host(tmp_path: Path):
    root = tmp_path / "root"
    root.mkdir()
    with serving(Host(root)) as host:
        yield host


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    # A blank and a percent sign mean something to ssh.
    folder = tmp_path / "keys of 100%h me"
    folder.mkdir()
    return folder


WAYS = [
    "built in",
    pytest.param("system", marks=pytest.mark.skipif(not shutil.which("ssh"), reason="no ssh")),
]


def run(way: str, login: Login, command, **more):
    timeout_s = more.get("timeout_s", 20)
    if way == "system":
        return remote.run(login, command, timeout_s=timeout_s)
    return asyncio.run(remote.run_async(login, command, timeout_s=timeout_s))


@pytest.mark.parametrize("way", WAYS)
def test_a_command_runs_and_tells_its_exit_code(host: Host, folder: Path, way: str) -> None:
    said = run(way, host.login(folder), "nvidia-smi -L")
    failed = run(way, host.login(folder), "exit 7")
    quoted = run(way, host.login(folder), ["ls", "my file", "$HOME"])

    assert (0, "nvidia-smi -L\n", "") == (said.exit_code, said.stdout, said.stderr)
    assert (7, "told to\n") == (failed.exit_code, failed.stderr)
    assert "ls 'my file' '$HOME'\n" == quoted.stdout


@pytest.mark.parametrize("way", WAYS)
def test_another_host_key_is_refused(host: Host, folder: Path, way: str) -> None:
    other = asyncssh.generate_private_key("ssh-ed25519")

    with pytest.raises(LoginFailed, match="ses_1"):
        run(way, host.login(folder, host_key=other), "nvidia-smi")


@pytest.mark.parametrize("way", WAYS)
def test_another_user_key_is_refused(host: Host, folder: Path, way: str) -> None:
    stranger = asyncssh.generate_private_key("ssh-ed25519")
    write_private(folder / "a key", stranger.export_private_key().decode())

    with pytest.raises(LoginFailed):
        run(way, host.login(folder), "nvidia-smi")


@pytest.mark.parametrize("way", WAYS)
def test_exit_code_255_of_a_command_is_no_lost_connection(host, folder, way: str) -> None:
    assert 255 == run(way, host.login(folder), "exit 255").exit_code


@pytest.mark.parametrize("way", WAYS)
def test_nobody_there_is_one_error(host: Host, folder: Path, way: str) -> None:
    login = host.login(folder)
    nowhere = Login(
        session_id="ses_1", host="127.0.0.1", port=1, user="gpu", host_key=login.host_key,
        key_file=login.key_file, known_hosts_file=login.known_hosts_file,
    )  # fmt: skip

    with pytest.raises(LoginFailed, match="cannot log into session ses_1"):
        run(way, nowhere, "true")


@pytest.mark.parametrize("way", WAYS)
def test_a_command_may_have_a_limit(host: Host, folder: Path, way: str) -> None:
    with pytest.raises(TimeoutError):
        run(way, host.login(folder), "wait", timeout_s=1.0)


def test_files_and_folders_travel_both_ways(host: Host, folder: Path, tmp_path: Path) -> None:
    source = tmp_path / "data"
    (source / "deep").mkdir(parents=True)
    (source / "deep" / "weights.bin").write_bytes(b"\0" * 200_000)
    seen: list[tuple[str, int, int]] = []
    login = host.login(folder)

    asyncio.run(remote.upload(login, [source], ".", lambda *moved: seen.append(moved)))
    asyncio.run(remote.download(login, ["data"], tmp_path / "back"))

    assert 200_000 == (host.root / "data/deep/weights.bin").stat().st_size
    assert 200_000 == (tmp_path / "back" / "deep/weights.bin").stat().st_size
    assert (200_000, 200_000) == seen[-1][1:]


def test_what_cannot_be_copied_is_told(host: Host, folder: Path, tmp_path: Path) -> None:
    with pytest.raises(TransferFailed, match="cannot copy"):
        asyncio.run(remote.download(host.login(folder), ["nothing"], tmp_path))


def test_a_session_that_is_over_has_no_login(folder: Path) -> None:
    body = session_body(status="stopped", stopped_at=datetime(2026, 1, 1, tzinfo=UTC).isoformat())

    with pytest.raises(LoginFailed, match="has no address"):
        login_of(msgspec.convert(body, SessionBody, strict=False), folder=folder, key_file=None)
