"""Menus in files: whole or not at all, and nothing of another program's."""

import asyncio
import zlib
from dataclasses import replace
from pathlib import Path

import pytest

from gpu_shopper.ports.menu_keeper import KeptMenu, MenuLost
from gpu_shopper.stores.menu_files import MenuFiles
from gpu_shopper.testing.builders import CUMULUS, NIMBUS, NOON

ROWS = tuple(b'{"id":"cumulus:%d","city":"M\xc3\xbcnchen"' % number for number in range(1234))
MENU = KeptMenu(provider=CUMULUS, fetched_at=NOON, shape="abc", rows=ROWS)


def keep(folder: Path, menu: KeptMenu = MENU) -> Path:
    files = MenuFiles(folder)
    asyncio.run(files.keep(menu))
    return files.path(menu.provider)


def kept(folder: Path, provider=CUMULUS) -> KeptMenu | None:
    return asyncio.run(MenuFiles(folder).kept(provider))


@pytest.mark.parametrize("rows", [(), ROWS[:1], ROWS[:500], ROWS[:501], ROWS])
def test_a_menu_comes_back_as_it_was(tmp_path: Path, rows: tuple[bytes, ...]) -> None:
    folder = tmp_path / "not" / "there"
    path = keep(folder, replace(MENU, rows=rows))

    found = kept(folder)
    assert replace(MENU, rows=list(rows)) == found
    assert (0o600, 0o700) == (path.stat().st_mode & 0o777, folder.stat().st_mode & 0o777)
    assert kept(folder, NIMBUS) is None


def test_a_menu_takes_the_place_of_the_last(tmp_path: Path) -> None:
    keep(tmp_path)
    keep(tmp_path, replace(MENU, rows=ROWS[:3]))

    assert 3 == len(kept(tmp_path).rows)
    assert ["cumulus.menu"] == [path.name for path in tmp_path.iterdir()]


def test_what_was_begun_and_not_ended_is_nothing(tmp_path: Path) -> None:
    path = keep(tmp_path)
    path.rename(path.with_name(f".{path.name}.part"))

    assert kept(tmp_path) is None
    keep(tmp_path)
    assert ROWS == tuple(kept(tmp_path).rows)


def test_no_damage_is_read_as_a_menu(tmp_path: Path) -> None:
    path = keep(tmp_path)
    whole = path.read_bytes()
    for end in range(0, len(whole), 37):
        path.write_bytes(whole[:end])
        with pytest.raises(MenuLost):
            kept(tmp_path)
    for place in range(0, len(whole), 37):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :])
        try:
            found = kept(tmp_path)
        except MenuLost:
            continue
        # Of its first line a letter may be another; never of its rows.
        assert ROWS == tuple(found.rows)


@pytest.mark.parametrize(
    "text",
    [
        b"", b"\n", b"null\n", b"SQLite format 3\0" * 99, b"{" * 20_000,
        b'{"format":2,"provider":"cumulus","fetched_at":"2026-01-01T00:00:00Z","shape":"","rows":0}\n' + zlib.compress(b""),
        b'{"format":1,"provider":"nimbus","fetched_at":"2026-01-01T00:00:00Z","shape":"","rows":0}\n' + zlib.compress(b""),
        b'{"format":1,"provider":"cumulus","fetched_at":"2026-01-01T00:00:00","shape":"","rows":0}\n' + zlib.compress(b""),
        b'{"format":1,"provider":"cumulus","fetched_at":"2026-01-01T00:00:00Z","shape":"","rows":2}\n' + zlib.compress(b"a"),
        b'{"format":1,"provider":"cumulus","fetched_at":"2026-01-01T00:00:00Z","shape":"","rows":1}\n' + zlib.compress(b"a") + b"b",
    ],
)  # fmt: skip
def test_a_foreign_file_is_no_menu(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "cumulus.menu").write_bytes(text)

    with pytest.raises(MenuLost):
        kept(tmp_path)


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(MenuLost):
        keep(tmp_path / "file")
