"""Vendors' own host names, on this machine alone: for programs of others that know no other address.

A program runs in namespaces of its own (network, mounts): it sees no network but its loopback, where the vendors' names
lead to sockets that are handed out to this process. Behind them is TLS with a certificate that only that program trusts,
and behind that the simulated vendor, by the loopback of everybody. Nothing of the program is patched, and nothing of
this machine is changed.
"""

import asyncio
import os
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_LIMIT_S = 60
_CHUNK = 64 * 1024
_ENTER = Path(__file__).with_name("enter_pretended_internet.py")
# As root of a namespace of users where that is allowed; else as who we are, if that is root.
_WAYS = (("unshare", "--map-root-user", "--mount", "--net"), ("unshare", "--mount", "--net"))


class PretendedInternet:
    """Where these hosts are: each leads to the address of a simulated vendor (`http://127.0.0.1:…`), while it is entered."""

    def __init__(self, hosts: Mapping[str, str], folder: Path) -> None:
        self._targets = {host: int(url.rpartition(":")[2]) for host, url in hosts.items()}
        self._folder = folder
        self._listening: list[asyncio.Server] = []

    def __enter__(self) -> Self:
        """Make the names and the certificate; a test is skipped, and says so, where namespaces are not allowed."""
        self._way = way_in()
        self._tls = _certificate(sorted(self._targets), self._folder)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End it."""
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(timeout=10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=10)
        self._loop.close()

    def run(
        self, command: Sequence[str | Path], *, home: Path, env: Mapping[str, str]
    ) -> subprocess.CompletedProcess[str]:
        """Run a program in it, with nothing of this machine's environment but its path."""
        here, there = socket.socketpair()
        trusted = str(self._folder / "trusted.pem")
        with here, there:
            program = subprocess.Popen(
                [
                    *self._way, sys.executable, "-I", str(_ENTER), str(there.fileno()),
                    str(self._folder / "hosts"), *self._targets, "--", *map(str, command),
                ],
                env={
                    "PATH": os.environ["PATH"], "HOME": str(home), "LANG": "C.UTF-8",
                    "SSL_CERT_FILE": trusted, "REQUESTS_CA_BUNDLE": trusted, **env,
                },
                pass_fds=[there.fileno()],
                cwd=home,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )  # fmt: skip
            there.close()
            _, doors, _, _ = socket.recv_fds(here, 1, len(self._targets))
            for door, port in zip(doors, self._targets.values(), strict=bool(doors)):
                listening = self._listen(socket.socket(fileno=door), port)
                asyncio.run_coroutine_threadsafe(listening, self._loop).result(timeout=10)
            with suppress(BrokenPipeError):
                here.sendall(b".")
            try:
                said, erred = program.communicate(timeout=_LIMIT_S)
            except subprocess.TimeoutExpired:
                program.kill()
                said, erred = program.communicate()
        return subprocess.CompletedProcess(list(command), program.returncode, said, erred)

    async def _listen(self, door: socket.socket, port: int) -> None:
        async def lead(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            inner = await asyncio.open_connection("127.0.0.1", port)
            await asyncio.gather(_pump(reader, inner[1]), _pump(inner[0], writer))

        self._listening.append(await asyncio.start_server(lead, sock=door, ssl=self._tls))

    async def _end(self) -> None:
        for server in self._listening:
            server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError, ssl.SSLError):
        while chunk := await reader.read(_CHUNK):
            writer.write(chunk)
            await writer.drain()
    writer.close()


@cache
def way_in() -> Sequence[str]:
    """Return the command that makes namespaces here; the test is skipped, with what was said, where none does."""
    said = []
    for way in _WAYS:
        here, there = socket.socketpair()
        with here, there:
            here.sendall(b".")
            try:
                tried = subprocess.run(
                    [*way, sys.executable, "-I", _ENTER, str(there.fileno()), "/etc/hosts", "--", "true"],
                    pass_fds=[there.fileno()],
                    capture_output=True,
                    text=True,
                    timeout=_LIMIT_S,
                    check=False,
                )  # fmt: skip
            except FileNotFoundError as error:
                pytest.skip(f"no namespaces here: {error}")
        if tried.returncode == 0:
            return way
        said.append(tried.stderr.strip().rpartition("\n")[2])
    pytest.skip(f"no namespaces of one's own here: {'; '.join(said)}")


def _certificate(hosts: Sequence[str], folder: Path) -> ssl.SSLContext:
    """Write what is to be trusted and return what to answer with; the key is thrown away with the folder."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "pretended internet")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([*map(x509.DNSName, hosts)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False
        )
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    (folder / "trusted.pem").write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    secret = folder / "key.pem"
    secret.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "trusted.pem", secret)
    return context
