"""A headless Chromium, told what to do over its own protocol: opens pages of this machine and says what it saw."""

import asyncio
import base64
import contextlib
import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp

PROGRAM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
_FLAGS = (
    "--headless", "--hide-scrollbars", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage",
    # Whatever is not this machine cannot be found.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", "--remote-debugging-port=0", "about:blank",
)  # fmt: skip
_PATIENCE_S = 30


class Tab:
    """One page that is open. `complaints` are what the browser said on its console, `asked` the addresses that it asked."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._calls = 0
        self.complaints: list[str] = []
        self.asked: list[str] = []

    async def begin(self) -> None:
        for domain in ("Page", "Runtime", "Log", "Network"):
            await self.call(f"{domain}.enable")

    async def look(
        self, url: str, *, width: int = 1280, height: int = 900, dark: bool = False
    ) -> None:
        """Open a page in a window of that size, and wait until it is drawn."""
        await self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        await self.call("Emulation.setEmulatedMedia", features=[scheme])
        await self.call("Page.navigate", url=url)
        await self._until("Page.loadEventFired")

    async def submit(self, form: str, **fields: str) -> None:
        """Fill in a form and send it as somebody who types and clicks does."""
        for name, value in fields.items():
            await self.says(
                f"document.querySelector({form!r}).elements[{name!r}].value = {value!r}"
            )
        await self.says(f"document.querySelector({form!r}).querySelector('button').click()")
        await self._until("Page.loadEventFired")

    async def says(self, script: str) -> Any:
        """Return the value of an expression in the page."""
        answer = await self.call("Runtime.evaluate", expression=script, returnByValue=True)
        return answer["result"].get("value")

    async def picture(self) -> bytes:
        """Return what the window looks like, as PNG."""
        taken = await self.call("Page.captureScreenshot")
        return base64.b64decode(taken["data"])

    async def call(self, method: str, **parameters: Any) -> Any:
        self._calls += 1
        await self._socket.send_json({"id": self._calls, "method": method, "params": parameters})
        return await self._until(self._calls)

    async def _until(self, wanted: str | int) -> Any:
        async with asyncio.timeout(_PATIENCE_S):
            while True:
                told = await self._socket.receive_json()
                self._note(told)
                if told.get("id") == wanted or told.get("method") == wanted:
                    assert "error" not in told, told
                    return told.get("result", told.get("params"))

    def _note(self, told: dict[str, Any]) -> None:
        match told.get("method"), told.get("params"):
            case "Log.entryAdded", {"entry": entry} if entry["level"] != "verbose":
                self.complaints.append(entry["text"])
            case "Runtime.consoleAPICalled", {"args": said}:
                self.complaints.append(str(said))
            case "Network.requestWillBeSent", {"request": request}:
                self.asked.append(request["url"])


@contextlib.asynccontextmanager
async def a_tab(folder: Path) -> AsyncIterator[Tab]:
    """Start a browser that keeps what it knows in `folder`, and open a tab; it ends with the block."""
    assert PROGRAM is not None
    process = await asyncio.create_subprocess_exec(
        PROGRAM, *_FLAGS[:-1], f"--user-data-dir={folder}", _FLAGS[-1],
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stderr is not None
    try:
        port = await _port(process.stderr)
        async with aiohttp.ClientSession() as session:
            async with session.get(f"http://127.0.0.1:{port}/json/list") as listed:
                pages = [each for each in await listed.json() if each["type"] == "page"]
            address = pages[0]["webSocketDebuggerUrl"]
            async with session.ws_connect(address, max_msg_size=0) as socket:
                tab = Tab(socket)
                await tab.begin()
                yield tab
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


async def _port(told: asyncio.StreamReader) -> int:
    """Return where the browser listens, which it tells when it does."""
    async with asyncio.timeout(_PATIENCE_S):
        while line := await told.readline():
            if found := re.search(rb"DevTools listening on ws://127\.0\.0\.1:(\d+)/", line):
                return int(found[1])
    raise AssertionError("the browser ended before it listened")
