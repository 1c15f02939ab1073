"""What it takes to log into an instance: the files for `ssh`, and its command line. The host key is always pinned.

The files are private to their owner. A private key that came with the session lives in them alone and is removed with
them; a host that shows another key than the session's is refused by `ssh` itself.
"""

import os
import shlex
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gpu_shopper.client.errors import LoginFailed
from gpu_shopper.wire.sessions import SessionBody


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """An address, who logs in there with which key, and the host key that it must show."""

    session_id: str
    host: str
    port: int
    user: str
    host_key: str
    key_file: Path | None
    known_hosts_file: Path

    @property
    def known_hosts(self) -> str:
        """The one line that the host must match."""
        name = self.host if self.port == 22 else f"[{self.host}]:{self.port}"
        return f"{name} {self.host_key}\n"

    def ssh_arguments(self, *, batch: bool) -> list[str]:
        """Return the command line of the system's `ssh`, up to where a remote command would follow.

        With `batch` it never asks anybody anything.
        """
        options = {
            "UserKnownHostsFile": _quoted(self.known_hosts_file),
            "GlobalKnownHostsFile": "/dev/null",
            "StrictHostKeyChecking": "yes",
            "UpdateHostKeys": "no",
            "CheckHostIP": "no",
            "ConnectTimeout": "20",
            "ServerAliveInterval": "15",
        }
        if batch:
            options["BatchMode"] = "yes"
        if self.key_file is not None:
            options["IdentitiesOnly"] = "yes"
        arguments = ["ssh"]
        if self.key_file is not None and "%" in str(self.key_file):
            # `-i` looks for the file under the very name that it then expands, so it cannot take this one.
            options["IdentityFile"] = _quoted(self.key_file)
        elif self.key_file is not None:
            arguments += ["-i", str(self.key_file)]
        for name, value in options.items():
            arguments += ["-o", f"{name}={value}"]
        return [*arguments, "-p", str(self.port), f"{self.user}@{self.host}"]

    @property
    def ssh_line(self) -> str:
        """A line for a shell that logs in."""
        return shlex.join(self.ssh_arguments(batch=False))


def login_of(session: SessionBody, *, folder: Path, key_file: Path | None) -> Login:
    """Return how to log into a session, and write the known-hosts file for it into `folder`.

    Raises:
        LoginFailed: the session has no address yet, or its host key is not known.
    """
    host, port, user, host_key = (
        session.ssh_host, session.ssh_port, session.ssh_user, session.host_key,
    )  # fmt: skip
    if host is None or port is None or user is None:
        raise LoginFailed(
            f"session {session.id} has no address (it is {session.status}, {session.phase})",
            hint=f"wait for it with `gpu-shopper sessions watch {session.id}`",
        )
    if host_key is None:
        raise LoginFailed(
            f"the host key of session {session.id} is not known yet, so nobody can tell whether it is the right host",
            hint="try again in some seconds",
        )
    # Both end up in a file of `ssh`, where a line break would be a second entry.
    assert host.isprintable(), host
    assert " " not in host, host
    assert host_key.isprintable(), host_key
    login = Login(
        session_id=session.id, host=host, port=port, user=user, host_key=host_key,
        key_file=key_file, known_hosts_file=folder / f"{session.id}.known_hosts",
    )  # fmt: skip
    replace_private(login.known_hosts_file, login.known_hosts)
    return login


def replace_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, in the place of what was there."""
    beside = path.with_name(f"{path.name}.new")
    beside.unlink(missing_ok=True)
    write_private(beside, text)
    beside.replace(path)


def write_private(path: Path, text: str) -> None:
    """Write a new file that only its owner can read.

    Raises:
        FileExistsError: there is such a file.
    """
    # The mode holds from birth: there is no moment in which another could open it.
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)


class KeyFolder:
    """A private folder for one session's key and host key; `remove` leaves nothing of it."""

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="gpu-shopper-"))

    def keep(self, private_key: str) -> Path:
        """Write the private key and return where."""
        path = self.path / "key"
        replace_private(path, private_key)
        return path

    def remove(self) -> None:
        """Remove the folder with all that is in it; may be said twice."""
        shutil.rmtree(self.path, ignore_errors=True)


def system_ssh() -> str | None:
    """Return the path of the system's `ssh`, if there is one."""
    return shutil.which("ssh")


def remote_line(command: str | Sequence[str]) -> str:
    """Return a command as the one line that a remote shell reads; a sequence is quoted word by word."""
    return command if isinstance(command, str) else shlex.join(command)


def _quoted(path: Path) -> str:
    # ssh splits the value at blanks and expands %: both may occur in somebody's home.
    text = str(path).replace("%", "%%")
    return f'"{text}"' if " " in text else text
