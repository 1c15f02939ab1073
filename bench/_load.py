"""Load over HTTP: connections that stay open, as many as there are clients, from a loop of its own.

The one who asks shares the machine with the one who answers, so a rate is what both together reach.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

import uvloop
from _table import percentile

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Request:
    """One request, written out."""

    method: str
    path: str
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()

    def written(self, host: str) -> bytes:
        """Return what goes over the wire."""
        lines = [f"{self.method} {self.path} HTTP/1.1", f"host: {host}"]
        lines += [f"{name}: {value}" for name, value in self.headers]
        if self.body:
            lines += ["content-type: application/json", f"content-length: {len(self.body)}"]
        return "\r\n".join((*lines, "", "")).encode() + self.body


@dataclass(slots=True)
class Answers:
    """What came back."""

    took_s: float = 0.0
    latencies_s: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)

    @property
    def rate(self) -> float:
        """Answers in a second."""
        return len(self.latencies_s) / self.took_s

    def ms(self, share: float) -> float:
        """Return a percentile of the latencies, in milliseconds."""
        return percentile(self.latencies_s, share) * 1000

    def expect(self, status: int) -> "Answers":
        """Refuse to report figures of answers that are not the ones meant."""
        assert set(self.statuses) == {status}, self.statuses
        return self


class Connection:
    """One connection that stays open."""

    def __init__(
        self, host: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._host = host
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, url: str) -> "Connection":
        """Connect."""
        host = url.removeprefix("http://")
        name, _, port = host.partition(":")
        return cls(host, *await asyncio.open_connection(name, int(port)))

    async def ask(self, request: Request) -> tuple[int, bytes]:
        """Send and wait for the whole answer."""
        self._writer.write(request.written(self._host))
        head = (await self._reader.readuntil(b"\r\n\r\n")).lower()
        _, _, length = head.partition(b"content-length:")
        body = await self._reader.readexactly(int(length.partition(b"\r\n")[0]))
        return int(head[9:12]), body

    async def close(self) -> None:
        """Hang up."""
        self._writer.close()
        await self._writer.wait_closed()


def run(work: Awaitable[T]) -> T:
    """Run on a loop as fast as the server's."""

    async def whole() -> T:
        return await work

    return uvloop.run(whole())


async def closed_loop(
    url: str, requests: Iterator[Request], *, clients: int, seconds: float
) -> Answers:
    """Let each client ask again as soon as it has its answer."""
    answers, end = Answers(), time.perf_counter() + seconds

    async def client() -> None:
        connection = await Connection.open(url)
        while time.perf_counter() < end:
            await _timed(connection, next(requests), answers)
        await connection.close()

    began = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(clients)))
    answers.took_s = time.perf_counter() - began
    return answers


async def open_loop(
    url: str, request: Callable[[int], Request], *, rate: float, count: int, clients: int = 16
) -> Answers:
    """Ask at a fixed rate, whether answers come or not; a latency counts from the moment that was due."""
    answers, numbers = Answers(), iter(range(count))
    began = time.perf_counter()

    async def client() -> None:
        connection = await Connection.open(url)
        for number in numbers:
            due = began + number / rate
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            await _timed(connection, request(number), answers, since=due)
        await connection.close()

    await asyncio.gather(*(client() for _ in range(clients)))
    answers.took_s = time.perf_counter() - began
    return answers


async def _timed(
    connection: Connection, request: Request, answers: Answers, *, since: float | None = None
) -> None:
    began = time.perf_counter() if since is None else since
    status, _ = await connection.ask(request)
    answers.latencies_s.append(time.perf_counter() - began)
    answers.statuses[status] += 1
