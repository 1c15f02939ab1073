"""A client of a server that speaks the Model Context Protocol on its standard input and output, a line for each message."""

import json
import os
import subprocess
import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

LIMIT_S = 60.0
_PROTOCOL = "2025-03-26"


class ToolFailedError(Exception):
    """The tool answered with an error; the text is its own."""


class McpClient:
    """One server, from when it is entered until it is left. It is ended when it takes longer than `LIMIT_S` in all."""

    def __init__(self, *command: str | Path, home: Path, env: Mapping[str, str]) -> None:
        self._command = [str(word) for word in command]
        self._env = {"PATH": os.environ["PATH"], "HOME": str(home), **env}
        self._home = home
        self._number = 0
        self._process: subprocess.Popen[str] | None = None
        self._guard: threading.Timer | None = None

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            self._command,
            env=self._env,
            cwd=self._home,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._guard = threading.Timer(LIMIT_S, self._process.kill)
        self._guard.start()
        hello = {
            "protocolVersion": _PROTOCOL,
            "capabilities": {},
            "clientInfo": {"name": "t", "version": "1"},
        }
        self._ask("initialize", hello)
        self._send({"jsonrpc": "2.0", "method": "notifications/initialized"})
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._process is not None
        assert self._guard is not None
        self._guard.cancel()
        self._process.terminate()
        self._process.communicate(timeout=10)

    def call(self, tool: str, **arguments: object) -> Any:
        """Return what a tool answers, as JSON where it is some.

        Raises:
            ToolFailedError: it answers with an error.
        """
        said = self._ask("tools/call", {"name": tool, "arguments": arguments})
        text = "".join(part.get("text", "") for part in said["content"])
        if said.get("isError"):
            raise ToolFailedError(text)
        try:
            return json.loads(text)
        except ValueError:
            return text

    def _ask(self, method: str, params: object) -> Any:
        self._number += 1
        self._send({"jsonrpc": "2.0", "id": self._number, "method": method, "params": params})
        assert self._process is not None
        assert self._process.stdout is not None
        for line in self._process.stdout:
            said = json.loads(line)
            if said.get("id") == self._number:
                assert "error" not in said, said
                return said["result"]
        message = f"{self._command[0]} ended, or took too long"
        raise AssertionError(message)

    def _send(self, message: object) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(message) + "\n")
        self._process.stdin.flush()
