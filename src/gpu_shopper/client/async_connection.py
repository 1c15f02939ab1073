"""One request for asynchronous programs: what a client needs of a connection, and the one over aiohttp."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from gpu_shopper.client.errors import UnexpectedAnswer
from gpu_shopper.client.exchange import (
    LONGEST_ANSWER_BYTES,
    Answer,
    Call,
    Server,
    T,
    unreachable,
)

if TYPE_CHECKING:
    import aiohttp


class AsyncConnection(Protocol):
    """The way to servers."""

    async def exchange(
        self, server: Server, call: Call[T], headers: Mapping[str, str], *, timeout_s: float
    ) -> Answer:
        """Return the answer to one request, whatever its status.

        Raises:
            ServerUnreachable: there was none; it says whether the request may have been heard.
            UnexpectedAnswer: it is too long to be one.
        """
        ...

    async def close(self) -> None:
        """Let go of everything; the next request connects anew. May be called twice."""
        ...


class AiohttpConnection:
    """Over aiohttp, and only loaded with it: it costs 170 ms."""

    def __init__(self) -> None:
        self._http: aiohttp.ClientSession | None = None

    async def exchange(
        self, server: Server, call: Call[T], headers: Mapping[str, str], *, timeout_s: float
    ) -> Answer:
        """See the protocol."""
        import aiohttp

        if self._http is None:
            # No kept connections: one that the server has just closed looks like a lost reply.
            connector = aiohttp.TCPConnector(force_close=True)
            self._http = aiohttp.ClientSession(connector=connector)
        url = server.url + call.path
        limit = aiohttp.ClientTimeout(total=timeout_s)
        try:
            async with self._http.request(
                call.method, url, data=call.body, headers=headers, timeout=limit,
                allow_redirects=False,
            ) as response:  # fmt: skip
                body = bytearray()
                async for piece in response.content.iter_chunked(65_536):
                    body += piece
                    if len(body) > LONGEST_ANSWER_BYTES:
                        raise UnexpectedAnswer(f"{server.url} answered with too many bytes")
                found = {name.lower(): value for name, value in response.headers.items()}
        except aiohttp.ClientConnectorError as error:
            raise unreachable(server, error, sent=False) from error
        except (aiohttp.ClientError, TimeoutError) as error:
            raise unreachable(server, error, sent=True) from error
        return Answer(status=response.status, headers=found, body=bytes(body))

    async def close(self) -> None:
        """See the protocol."""
        if self._http is not None:
            await self._http.close()
            self._http = None
