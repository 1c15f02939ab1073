"""Work on an instance: run a command, move files. The system's `ssh` where there is one, else asyncssh."""

import subprocess
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from gpu_shopper.client.errors import LoginFailed, TransferFailed
from gpu_shopper.client.login import Login, remote_line, system_ssh

if TYPE_CHECKING:
    import asyncssh

# What `ssh` itself ends with when it got no connection.
SSH_FAILED = 255

T = TypeVar("T")
# Called with the name of the file, the bytes moved so far and all its bytes.
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletedRun:
    """What a command on the instance came to."""

    exit_code: int
    stdout: str
    stderr: str


def run(login: Login, command: str | Sequence[str], *, timeout_s: float | None) -> CompletedRun:
    """Run a command on the instance and return what came of it.

    Raises:
        LoginFailed: there was no connection, so the command did not run.
        TimeoutError: it took longer than `timeout_s`.
    """
    program = system_ssh()
    if program is None:
        return in_a_loop(run_async(login, command, timeout_s=timeout_s))
    arguments = [program, *login.ssh_arguments(batch=True)[1:], "--", remote_line(command)]
    try:
        done = subprocess.run(
            arguments, stdin=subprocess.DEVNULL, capture_output=True, check=False,
            encoding="utf-8", errors="replace", timeout=timeout_s,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise TimeoutError(f"{remote_line(command)!r} took longer than {timeout_s:g} s") from error
    if done.returncode == SSH_FAILED and _is_from_ssh(done.stderr):
        raise login_failed(login, done.stderr.strip().splitlines()[-1])
    return CompletedRun(exit_code=done.returncode, stdout=done.stdout, stderr=done.stderr)


async def run_async(
    login: Login, command: str | Sequence[str], *, timeout_s: float | None
) -> CompletedRun:
    """Do as `run` does, without the system's `ssh`."""
    async with await connect(login) as connection:
        done = await connection.run(
            remote_line(command), check=False, timeout=timeout_s, errors="replace"
        )
    # A command that was ended by a signal has no exit code; shells count from 128 then.
    code = done.exit_status if done.exit_status is not None and done.exit_status >= 0 else 128
    return CompletedRun(exit_code=code, stdout=_text(done.stdout), stderr=_text(done.stderr))


async def upload(
    login: Login, sources: Sequence[Path], target: str, progress: Progress | None = None
) -> None:
    """Copy files and folders to the instance."""
    import asyncssh

    try:
        async with await connect(login) as connection, connection.start_sftp_client() as sftp:
            await sftp.put(
                [str(source) for source in sources], target,
                preserve=True, recurse=True, progress_handler=_handler(progress),
            )  # fmt: skip
    except asyncssh.SFTPError as error:
        raise _not_copied(error, f"session {login.session_id}:{target}") from error


async def download(
    login: Login, sources: Sequence[str], target: Path, progress: Progress | None = None
) -> None:
    """Copy files and folders from the instance."""
    import asyncssh

    try:
        async with await connect(login) as connection, connection.start_sftp_client() as sftp:
            await sftp.get(
                list(sources), str(target),
                preserve=True, recurse=True, progress_handler=_handler(progress),
            )  # fmt: skip
    except asyncssh.SFTPError as error:
        raise _not_copied(error, str(target)) from error


async def connect(login: Login) -> "asyncssh.SSHClientConnection":
    """Return a connection to the host that shows the right key, or raise LoginFailed."""
    import asyncssh

    keys = {} if login.key_file is None else {"client_keys": [str(login.key_file)]}
    try:
        return await asyncssh.connect(
            login.host, login.port, username=login.user, config=None,
            known_hosts=asyncssh.import_known_hosts(login.known_hosts),
            connect_timeout=20, keepalive_interval=15, **keys,
        )  # fmt: skip
    except (OSError, TimeoutError, asyncssh.Error) as error:
        raise login_failed(login, str(error) or type(error).__name__) from error


def in_a_loop(work: Coroutine[Any, Any, T]) -> T:
    """Run one asynchronous piece of work to its end, for callers that are not asynchronous."""
    import asyncio

    return asyncio.run(work)


def login_failed(login: Login, why: str) -> LoginFailed:
    """Return the error for a connection that did not come about."""
    return LoginFailed(
        f"cannot log into session {login.session_id} at {login.host}:{login.port}: {why}",
        hint=f"`gpu-shopper sessions get {login.session_id}` shows whether it is running",
    )


def _is_from_ssh(stderr: str) -> bool:
    # A remote command may end with 255 as well; only ssh's own words tell the two apart.
    signs = (
        "ssh: ", "Permission denied", "Host key verification failed", "Connection ",
        "kex_exchange_identification", "REMOTE HOST IDENTIFICATION", "Load key", "No ED25519",
    )  # fmt: skip
    return any(sign in stderr for sign in signs)


def _not_copied(error: "asyncssh.SFTPError", place: str) -> TransferFailed:
    return TransferFailed(f"cannot copy to {place}: {error.reason}", hint="look at both paths")


def _handler(progress: Progress | None) -> Callable[[bytes, bytes, int, int], None] | None:
    if progress is None:
        return None

    def handle(source: bytes, _target: bytes, so_far: int, total: int) -> None:
        progress(source.decode(errors="replace"), so_far, total)

    return handle


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
