"""Menus in files, one per cloud beside the database and out of the way of its transactions.

A file is one line of JSON, which says what it is, and the rows, one a line, compressed. It is written whole under another
name and then put in the place of the last; nothing waits for the disk, for a file that a power failure has cut short is
seen to be and is passed over. Files are worked with on a thread of their own.
"""

import asyncio
import os
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final

import msgspec

from gpu_shopper.domain.ids import ProviderName
from gpu_shopper.ports.menu_keeper import KeptMenu, MenuLost

FORMAT: Final = 1
# Three times as much as a hundred thousand offers take.
LARGEST: Final = 256 * 1024 * 1024
_LEVEL: Final = 1
_PIECE: Final = 500


class _Head(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    format: int
    provider: str
    fetched_at: Annotated[datetime, msgspec.Meta(tz=True)]
    shape: str
    rows: int


_heads = msgspec.json.Decoder(_Head)


class MenuFiles:
    """Keeps menus in a folder, which is made when there is something to keep."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._thread = ThreadPoolExecutor(1, "menus")

    async def keep(self, menu: KeptMenu) -> None:
        """See the port."""
        try:
            await asyncio.wrap_future(self._thread.submit(self._write, menu))
        except OSError as error:
            raise MenuLost(f"{menu.provider}: {error.strerror or error}") from error

    async def kept(self, provider: ProviderName) -> KeptMenu | None:
        """See the port."""
        try:
            return await asyncio.wrap_future(self._thread.submit(self._read, provider))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, zlib.error) as error:
            raise MenuLost(f"{provider}: {error}") from error

    def path(self, provider: ProviderName) -> Path:
        """Return where the menu of a cloud is kept."""
        return self._folder / f"{provider}.menu"

    def _write(self, menu: KeptMenu) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self.path(menu.provider)
        draft = path.with_name(f".{path.name}.part")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.writelines(_written(menu))
        draft.replace(path)

    def _read(self, provider: ProviderName) -> KeptMenu:
        with self.path(provider).open("rb") as file:
            # A line that is longer is none of ours.
            head = _heads.decode(file.readline(10_000))
            unpacking = zlib.decompressobj()
            text = unpacking.decompress(file.read(LARGEST), LARGEST)
        rows = text.split(b"\n") if text else []
        if head.format != FORMAT or head.provider != provider:
            raise ValueError("the file is another one's")
        if not unpacking.eof or unpacking.unused_data or len(rows) != head.rows:
            raise ValueError("the file is cut short, or has more than it should")
        return KeptMenu(provider=provider, fetched_at=head.fetched_at, shape=head.shape, rows=rows)


def _written(menu: KeptMenu) -> Iterator[bytes]:
    head = _Head(
        format=FORMAT,
        provider=menu.provider,
        fetched_at=menu.fetched_at,
        shape=menu.shape,
        rows=len(menu.rows),
    )
    yield msgspec.json.encode(head) + b"\n"
    packing = zlib.compressobj(_LEVEL)
    # A little at a time, so that this thread is never long in the way of the loop's.
    for start in range(0, len(menu.rows), _PIECE):
        between = b"\n" if start else b""
        yield packing.compress(between + b"\n".join(menu.rows[start : start + _PIECE]))
    yield packing.flush()
