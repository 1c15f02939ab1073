"""Moto, a simulator of AWS that nobody here wrote, as a server on this machine; and what stands in front of it that is ours."""

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gpu_shopper.ports.http import HttpDoor, HttpReply, HttpRequest, NoAnswer
from tests.conformance.foreign import client_folder

_UP_S = 60.0


@contextmanager
def moto() -> Iterator[str]:
    """Run it while this is entered; what is yielded is its address."""
    program = client_folder("moto") / "bin" / "moto_server"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    with subprocess.Popen(
        [str(program), "-H", "127.0.0.1", "-p", str(port)],
        cwd=Path("/"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as server:
        try:
            _wait_for(port)
            yield url
        finally:
            server.terminate()


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + _UP_S
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=5):
                return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


class MotoFaults:
    """A door in front of moto with what EC2 does and moto does not: a memory for tokens, and troubles that are asked for.

    `trouble` strikes at each call of that action: a text is answered as an error with that code, `LOST` loses the answer.
    """

    LOST = "lost"

    def __init__(self, door: HttpDoor) -> None:
        self._door = door
        self._tokens: dict[str, tuple[bytes, HttpReply]] = {}
        self.trouble: dict[str, tuple[int, str]] = {}
        self.heard: list[HttpRequest] = []

    async def request(self, request: HttpRequest) -> HttpReply:
        self.heard.append(request)
        form = dict(pair.split("=", 1) for pair in request.body.decode().split("&"))
        status, trouble = self.trouble.get(form["Action"], (0, ""))
        if trouble and trouble != self.LOST:
            return _error(status, trouble)
        reply = await self._remembered(form.get("ClientToken", ""), request)
        if trouble == self.LOST:
            raise NoAnswer("the answer was lost")
        return reply

    async def _remembered(self, token: str, request: HttpRequest) -> HttpReply:
        if token in self._tokens:
            before, reply = self._tokens[token]
            same = before == request.body
            return reply if same else _error(400, "IdempotentParameterMismatch")
        reply = await self._door.request(request)
        if token and reply.status == 200:
            self._tokens[token] = (request.body, reply)
        return reply

    async def aclose(self) -> None:
        await self._door.aclose()


def _error(status: int, code: str) -> HttpReply:
    text = f"<Response><Errors><Error><Code>{code}</Code><Message>no</Message></Error></Errors></Response>"
    return HttpReply(status=status, headers={"content-type": "text/xml"}, body=text.encode())
