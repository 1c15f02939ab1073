"""The one HTTP door to the outside.

Each request is bounded in time and size and sent once. The answer to "did it arrive?" is exact where
it can be: `NotSent` only for what failed before a connection stood, `NoAnswer` for all else. No
redirects, cookies, proxies of the environment, or retries; bodies, headers and paths are never
logged, nor are they in the errors' texts.
"""

import asyncio
from urllib.parse import urlsplit

import aiohttp

from gpu_shopper.ports.http import HttpReply, HttpRequest, NoAnswer, NotSent

LARGEST_BODY = 32 * 1024 * 1024
LONGEST_CONNECT = 10.0
_CHUNK = 64 * 1024
_MOST = 100
_REPEATABLE = frozenset({"GET", "HEAD", "DELETE", "PUT"})


class AiohttpDoor:
    """The door over aiohttp; connections are made when first needed."""

    def __init__(
        self, *, user_agent: str = "gpu-shopper", largest_body: int = LARGEST_BODY
    ) -> None:
        self._user_agent = user_agent
        self._largest_body = largest_body
        self._sessions: dict[tuple[bool, bool], aiohttp.ClientSession] = {}
        self._closed = False

    async def request(self, request: HttpRequest) -> HttpReply:
        """Send and return the answer, whatever its status.

        Raises:
            NotSent: nothing reached the other side (name, connect, TLS).
            NoAnswer: it may have; the answer is lost, late or broken.
        """
        what = f"{request.method} {urlsplit(request.url).hostname}"
        if self._closed:
            raise NotSent(f"{what}: the door is closed")
        if any(letter in value for value in request.headers.values() for letter in "\r\n\0"):
            raise NotSent(f"{what}: a header holds a line break")
        try:
            async with asyncio.timeout(request.timeout):
                return await self._exchange(request)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise NotSent(f"{what}: no connection ({type(error).__name__})") from error
        except (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError):
            # Neither chained nor quoted: the address may hold what only its owner should know.
            raise NotSent(f"{what}: not an address") from None
        except TimeoutError as error:
            raise NoAnswer(f"{what}: no answer within {request.timeout:g} s") from error
        except (aiohttp.ClientError, OSError) as error:
            raise NoAnswer(f"{what}: the answer was lost ({type(error).__name__})") from error

    async def aclose(self) -> None:
        """Close connections; may be called twice."""
        self._closed = True
        for session in self._sessions.values():
            await session.close()

    async def _exchange(self, request: HttpRequest) -> HttpReply:
        # The connect must give up before the whole call does, or a deadline could not be told from a lost answer.
        connect = min(LONGEST_CONNECT, request.timeout / 2)
        session = self._session_for(request)
        async with session.request(
            request.method,
            request.url,
            headers=dict(request.headers),
            data=request.body or None,
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(
                total=None, connect=connect, sock_connect=connect, ceil_threshold=60
            ),
        ) as response:
            body = await self._read(response)
            headers = {name.lower(): value for name, value in response.headers.items()}
            return HttpReply(status=response.status, headers=headers, body=body)

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        chunks = bytearray()
        async for chunk in response.content.iter_chunked(_CHUNK):
            chunks += chunk
            if len(chunks) > self._largest_body:
                response.close()
                raise NoAnswer(
                    f"{response.method} {response.url.host}: more than {self._largest_body} bytes"
                )
        return bytes(chunks)

    def _session_for(self, request: HttpRequest) -> aiohttp.ClientSession:
        kind = (request.urgent, request.method in _REPEATABLE)
        if kind not in self._sessions:
            self._sessions[kind] = self._open(urgent=kind[0], keep=kind[1])
        return self._sessions[kind]

    def _open(self, *, urgent: bool, keep: bool) -> aiohttp.ClientSession:
        # What is urgent has connections of its own, of which other sides' silence takes none.
        most = 0 if urgent else _MOST
        # A kept connection that the other side is just closing would turn a plain failure into an unknown one.
        if keep:
            connector = aiohttp.TCPConnector(limit=most, limit_per_host=_MOST, keepalive_timeout=15)
        else:
            connector = aiohttp.TCPConnector(limit=most, limit_per_host=_MOST, force_close=True)
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": self._user_agent},
            trust_env=False,
            raise_for_status=False,
        )
