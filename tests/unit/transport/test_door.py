"""The door against real sockets on this machine: what arrived and what did not is told apart."""

import asyncio
import gzip
import logging
from collections.abc import Awaitable, Callable

import pytest

from gpu_shopper.ports.http import HttpReply, HttpRequest, NoAnswer, NotSent
from gpu_shopper.transport.door import AiohttpDoor

Behaviour = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Some: Thing\r\n\r\nhi"


class Server:
    def __init__(self, behave: Behaviour) -> None:
        self._behave = behave
        self.requests: list[bytes] = []
        self.connections = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                self.requests.append(await reader.readuntil(b"\r\n\r\n"))
                await self._behave(reader, writer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


def exchange(
    behave: Behaviour, *requests: HttpRequest, **options: object
) -> tuple[Server, list[HttpReply]]:
    async def main() -> tuple[Server, list[HttpReply]]:
        server = Server(behave)
        listener = await asyncio.start_server(server.serve, "127.0.0.1", 0)
        port = listener.sockets[0].getsockname()[1]
        door = AiohttpDoor(**options)
        try:
            async with listener:
                replies = []
                for request in requests or (HttpRequest(method="GET", url="/path"),):
                    there = HttpRequest(
                        method=request.method, url=f"http://127.0.0.1:{port}{request.url}",
                        headers=request.headers, body=request.body, timeout=request.timeout,
                    )  # fmt: skip
                    replies.append(await door.request(there))
                await door.aclose()
                return server, replies
        finally:
            await door.aclose()
            await door.aclose()

    return asyncio.run(main())


def says(answer: bytes) -> Behaviour:
    async def behave(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)

    return behave


def cuts_after(answer: bytes) -> Behaviour:
    async def behave(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        await writer.drain()
        writer.transport.abort()
        raise ConnectionResetError

    return behave


async def is_silent(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    await _reader.read()


def test_an_answer_comes_back_whole_whatever_its_status() -> None:
    _, [reply] = exchange(says(OK.replace(b"200 OK", b"503 Oh")))

    assert (503, b"hi", "Thing") == (reply.status, reply.body, reply.headers["x-some"])


def test_redirects_are_answers_and_cookies_are_forgotten() -> None:
    answer = OK.replace(b"200 OK\r\n", b"302 Found\r\nLocation: /elsewhere\r\nSet-Cookie: a=b\r\n")

    server, replies = exchange(says(answer), *[HttpRequest(method="GET", url="/x")] * 2)

    assert [302, 302] == [reply.status for reply in replies]
    assert len(server.requests) == 2
    assert not any(b"cookie" in request.lower() for request in server.requests)


def test_a_create_has_a_connection_of_its_own_and_reads_share_one() -> None:
    reads, _ = exchange(says(OK), *[HttpRequest(method="GET", url="/x")] * 3)
    creates, _ = exchange(says(OK), *[HttpRequest(method="POST", url="/x")] * 3)

    assert (1, 3) == (reads.connections, creates.connections)


@pytest.mark.parametrize(
    "behave",
    [
        cuts_after(b""),
        cuts_after(b"HTTP/1.1 200 OK\r\nContent-Le"),
        cuts_after(b"HTTP/1.1 201 Created\r\nContent-Length: 100\r\n\r\nhalf"),
        cuts_after(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhal"),
        says(b"nonsense\r\n\r\n"),
        says(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope"),
        is_silent,
    ],
    ids=["cut", "cut head", "cut body", "cut chunk", "nonsense", "broken gzip", "silence"],
)
def test_once_a_connection_stood_a_lost_answer_is_unknown(behave: Behaviour) -> None:
    request = HttpRequest(method="POST", url="/x", body=b"{}", timeout=0.5)

    with pytest.raises(NoAnswer):
        exchange(behave, request)


def test_a_create_is_never_sent_twice() -> None:
    server = Server(cuts_after(b""))

    async def main() -> None:
        listener = await asyncio.start_server(server.serve, "127.0.0.1", 0)
        port = listener.sockets[0].getsockname()[1]
        door = AiohttpDoor()
        async with listener:
            with pytest.raises(NoAnswer):
                await door.request(
                    HttpRequest(method="POST", url=f"http://127.0.0.1:{port}/", timeout=5)
                )
            await door.aclose()

    asyncio.run(main())

    assert len(server.requests) == 1


def test_a_slow_drip_does_not_outlast_the_deadline() -> None:
    async def drip(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        for _ in range(1000):
            writer.write(b".")
            await writer.drain()
            await asyncio.sleep(0.02)

    with pytest.raises(NoAnswer, match="within"):
        exchange(drip, HttpRequest(method="GET", url="/", timeout=0.3))


@pytest.mark.parametrize("body", [b"x" * 2000, gzip.compress(b"x" * 200_000)], ids=["long", "bomb"])
def test_a_body_beyond_the_limit_is_not_read_on(body: bytes) -> None:
    encoding = b"Content-Encoding: gzip\r\n" if body[:2] == b"\x1f\x8b" else b""
    head = b"HTTP/1.1 200 OK\r\n" + encoding + b"Content-Length: %d\r\n\r\n" % len(body)

    with pytest.raises(NoAnswer, match="more than 1000 bytes"):
        exchange(says(head + body), largest_body=1000)


@pytest.mark.parametrize(
    ("url", "headers"),
    [
        ("http://127.0.0.1:1/", {}),
        ("http://name.invalid/", {}),
        ("http://:secret/", {}),
        ("ftp://127.0.0.1/", {}),
        ("http://127.0.0.1:1/", {"x": "a\r\nb: c"}),
    ],
    ids=["closed port", "no such name", "no address", "another protocol", "broken header"],
)
def test_before_a_connection_stands_nothing_was_sent(url: str, headers: dict[str, str]) -> None:
    async def main() -> None:
        door = AiohttpDoor()
        try:
            await door.request(HttpRequest(method="POST", url=url, headers=headers, timeout=5))
        finally:
            await door.aclose()

    with pytest.raises(NotSent) as caught:
        asyncio.run(main())
    assert "secret" not in str(caught.value)


def test_a_handshake_that_fails_sent_nothing() -> None:
    async def main() -> None:
        async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(10)
            writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            writer.close()

        listener = await asyncio.start_server(plain, "127.0.0.1", 0)
        port = listener.sockets[0].getsockname()[1]
        door = AiohttpDoor()
        async with listener:
            with pytest.raises(NotSent):
                await door.request(
                    HttpRequest(method="POST", url=f"https://127.0.0.1:{port}/", timeout=5)
                )
            await door.aclose()

    asyncio.run(main())


def test_a_handshake_that_hangs_sent_nothing_either() -> None:
    async def main() -> None:
        given_up = asyncio.Event()

        async def hang(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await given_up.wait()
            writer.close()
            await writer.wait_closed()

        listener = await asyncio.start_server(hang, "127.0.0.1", 0)
        port = listener.sockets[0].getsockname()[1]
        door = AiohttpDoor()
        async with listener:
            with pytest.raises(NotSent):
                await door.request(
                    HttpRequest(method="POST", url=f"https://127.0.0.1:{port}/", timeout=0.6)
                )
            given_up.set()
            await door.aclose()
            # The half-made connection closes once it hears that the other side did.
            await asyncio.sleep(0.05)

    asyncio.run(main())


@pytest.mark.parametrize("method", ["DELETE", "POST"])
def test_what_is_urgent_waits_for_no_answer_that_others_wait_for(method: str) -> None:
    async def main() -> None:
        async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            if b"/end" in server.requests[-1]:
                writer.write(OK)
                return
            if len(server.requests) == len(silent):
                all_wait.set()
            await reader.read()

        server, all_wait = Server(behave), asyncio.Event()
        listener = await asyncio.start_server(server.serve, "127.0.0.1", 0, backlog=128)
        url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}/"
        door = AiohttpDoor()
        async with listener:
            silent = [
                asyncio.ensure_future(door.request(HttpRequest(method=method, url=url)))
                for _ in range(100)
            ]
            await all_wait.wait()
            urgent = HttpRequest(method=method, url=f"{url}end", timeout=2.0, urgent=True)
            assert (await door.request(urgent)).status == 200
            for task in silent:
                task.cancel()
            await asyncio.gather(*silent, return_exceptions=True)
            await door.aclose()

    asyncio.run(main())


def test_a_closed_door_sends_nothing() -> None:
    async def main() -> None:
        door = AiohttpDoor()
        await door.aclose()
        await door.request(HttpRequest(method="GET", url="http://127.0.0.1:1/"))

    with pytest.raises(NotSent, match="closed"):
        asyncio.run(main())


def test_the_environment_names_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")

    _, [reply] = exchange(says(OK))

    assert reply.status == 200


def test_nothing_of_a_request_is_logged_or_told(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    request = HttpRequest(
        method="POST", url="/secret-path", headers={"authorization": "secret-header"}, body=b"secret-body",
        timeout=0.3,
    )  # fmt: skip

    with pytest.raises(NoAnswer) as caught:
        exchange(is_silent, request)

    assert "secret" not in caplog.text + str(caught.value)
