"""Visits nodes over SSH: reads an agent's report where the node cannot reach us, and brings the agent where it is not.

The login is as narrow as it can be made: one key, made for this attempt; the node's host key pinned;
no agent, no configuration or key file of this machine, no password, no forwarding. The whole visit is
bounded in time and its output in size; few run at once, and one per endpoint.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import asyncssh

from gpu_shopper.domain.instance import Endpoint
from gpu_shopper.ports.probe import AgentMissing, ProbeFailed
from gpu_shopper.ports.vault import KeyPair
from gpu_shopper.wire.visits import DELIVER_COMMAND, NO_AGENT, REPORT_COMMAND, delivered

MOST_AT_ONCE = 50
LARGEST_REPORT = 64 * 1024
_CHUNK = 16 * 1024
_LONGEST_REASON = 200
# No certificates: what is pinned is a key.
_HOST_KEY_ALGORITHMS = (
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "rsa-sha2-512",
    "rsa-sha2-256",
)


class SshProbe:
    """Visits nodes. `command` is asked for, though the node binds the key to its own."""

    def __init__(self, *, at_once: int = MOST_AT_ONCE, command: str = REPORT_COMMAND) -> None:
        self._slots = asyncio.Semaphore(at_once)
        self._command = command
        self._lines: dict[Endpoint, tuple[asyncio.Lock, int]] = {}

    async def read_report(
        self,
        endpoint: Endpoint,
        *,
        key: KeyPair,
        host_key: str | None,
        orders: bytes,
        timeout: float,
    ) -> tuple[bytes, str]:
        """Hand over orders; return the report as the agent wrote it, and the host key that was seen.

        With `host_key` None the first key seen is accepted and returned, to be pinned.

        Raises:
            AgentMissing: the login works, and no agent is there.
            ProbeFailed: see there. Waiting for a turn counts towards `timeout`.
        """
        errand = _Errand("report", self._command, orders)
        said, seen = await self._visit(endpoint, errand, key=key, host_key=host_key, limit=timeout)
        if said.status == NO_AGENT:
            raise AgentMissing(said.complaint, host_key=seen)
        if said.status != 0 or not said.output or not said.listened:
            raise ProbeFailed(said.complaint)
        return said.output, seen

    async def deliver(
        self, endpoint: Endpoint, *, key: KeyPair, host_key: str, script: str, timeout: float
    ) -> None:
        """Run the start-up script on the node, whole or not at all; nothing is said to a host with another key.

        Raises:
            ProbeFailed: see there; the script may have run nevertheless.
        """
        errand = _Errand("start-up script", DELIVER_COMMAND, delivered(script))
        said, _ = await self._visit(endpoint, errand, key=key, host_key=host_key, limit=timeout)
        if said.status != 0 or not said.listened:
            raise ProbeFailed(said.complaint)

    async def _visit(
        self,
        endpoint: Endpoint,
        errand: "_Errand",
        *,
        key: KeyPair,
        host_key: str | None,
        limit: float,
    ) -> "tuple[_Said, str]":
        where = f"{endpoint.user}@{endpoint.host}:{endpoint.port}"
        host = _Host(_key_of(host_key, where))
        try:
            async with asyncio.timeout(limit), self._turn(endpoint):
                said = await _talk(endpoint, host, key, errand)
        except TimeoutError as error:
            raise ProbeFailed(f"{where}: not done within {limit:g} s") from error
        except (asyncssh.Error, OSError) as error:
            if host.changed:
                # The texts of what is raised here may hold what the other side made up.
                raise ProbeFailed(
                    f"{where}: shows another host key than before", host_key_changed=True
                ) from error
            raise ProbeFailed(f"{where}: {_plain(str(error) or type(error).__name__)}") from error
        assert host.seen is not None, where
        return said, _line_of(host.seen)

    @asynccontextmanager
    async def _turn(self, endpoint: Endpoint) -> AsyncIterator[None]:
        lock, waiting = self._lines.get(endpoint, (asyncio.Lock(), 0))
        self._lines[endpoint] = (lock, waiting + 1)
        try:
            async with lock, self._slots:
                yield
        finally:
            lock, waiting = self._lines.pop(endpoint)
            if waiting > 1:
                self._lines[endpoint] = (lock, waiting - 1)


@dataclass(frozen=True, slots=True)
class _Errand:
    """What is asked of a node's shell, by a name for people, and what it is fed."""

    name: str
    command: str
    given: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class _Said:
    """What came back. `listened` only if all that was given was taken; `complaint` is one printable line."""

    status: int | None
    output: bytes
    complaint: str
    listened: bool


async def _talk(endpoint: Endpoint, host: "_Host", key: KeyPair, errand: _Errand) -> _Said:
    connection, _ = await asyncssh.create_connection(
        lambda: host,
        endpoint.host,
        endpoint.port,
        username=endpoint.user,
        client_keys=[asyncssh.import_private_key(key.private.text)],
        known_hosts=([], [], []),
        server_host_key_algs=host.algorithms(),
        preferred_auth=["publickey"],
        host_based_auth=False,
        kbdint_auth=False,
        password_auth=False,
        gss_host=None,
        x509_trusted_certs=None,
        agent_path=None,
        config=[],
    )
    try:
        said = await _run(connection, errand)
        connection.close()
        await connection.wait_closed()
        return said
    finally:
        # Closing politely may wait for a peer that is gone; by now there is nothing to wait for.
        connection.abort()


async def _run(connection: asyncssh.SSHClientConnection, errand: _Errand) -> _Said:
    process: asyncssh.SSHClientProcess[Any] = await connection.create_process(
        errand.command, encoding=None, stderr=asyncssh.PIPE
    )
    listened = _hand_over(process, errand.given)
    output = await _read(process.stdout, limit=LARGEST_REPORT)
    if len(output) > LARGEST_REPORT:
        raise ProbeFailed(f"{errand.name}: more than {LARGEST_REPORT} bytes came back")
    complaint = await _read(process.stderr, limit=_LONGEST_REASON)
    await process.wait_closed()
    reason = _plain(complaint.decode("utf-8", "replace")) or "nothing came back"
    return _Said(
        status=process.exit_status,
        output=output,
        complaint=f"{errand.name}: ended with {process.exit_status}: {reason}",
        listened=listened,
    )


class _Host(asyncssh.SSHClient):
    """Judges the host key, and remembers the one that was seen."""

    def __init__(self, pinned: asyncssh.SSHKey | None) -> None:
        self._pinned = pinned
        self.seen: asyncssh.SSHKey | None = None

    @property
    def changed(self) -> bool:
        """Whether another key was shown than the pinned one."""
        return self._pinned is not None and self.seen is not None and self.seen != self._pinned

    def algorithms(self) -> list[str]:
        """Return what to ask for: the pinned kind first, the others still, so that a change is seen as one."""
        first = (
            [] if self._pinned is None else [name.decode() for name in self._pinned.sig_algorithms]
        )
        return sorted(_HOST_KEY_ALGORITHMS, key=lambda name: name not in first)

    def validate_host_public_key(
        self, host: str, addr: str, port: int, key: asyncssh.SSHKey
    ) -> bool:
        """Accept the pinned key, or the first one where none is pinned."""
        del host, addr, port
        self.seen = key
        return not self.changed


def _hand_over(process: asyncssh.SSHClientProcess[Any], given: bytes) -> bool:
    try:
        process.stdin.write(given)
        process.stdin.write_eof()
    except BrokenPipeError:
        # It has ended already; why, it says on its way out.
        return False
    return True


async def _read(stream: asyncssh.SSHReader[Any], *, limit: int) -> bytes:
    """Read to the end, or until there is more than `limit`."""
    parts = bytearray()
    while len(parts) <= limit:
        part = await stream.read(_CHUNK)
        if not part:
            break
        parts += part
    return bytes(parts)


def _key_of(line: str | None, where: str) -> asyncssh.SSHKey | None:
    if line is None:
        return None
    try:
        return asyncssh.import_public_key(line)
    except asyncssh.KeyImportError as error:
        raise ProbeFailed(f"{where}: the pinned host key cannot be read") from error


def _line_of(key: asyncssh.SSHKey) -> str:
    kind, body = key.export_public_key("openssh").decode().split()[:2]
    return f"{kind} {body}"


def _plain(text: str) -> str:
    """Return a stranger's words in one printable line."""
    return "".join(
        letter if letter.isprintable() else " " for letter in text[:_LONGEST_REASON]
    ).strip()
