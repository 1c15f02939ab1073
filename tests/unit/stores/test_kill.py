"""No commit that was acknowledged is lost, however the server dies."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.unit.stores import shelves

PROGRAM = """
import asyncio, sys
from pathlib import Path
from gpu_shopper.stores.sqlite import open_books
from tests.unit.stores.arrange import NOON, US, StoppedClock, a_session

async def commit(books, numbers):
    for number in numbers:
        def work(book):
            book.sessions.add(a_session(number))
            book.events.add(a_session(number).id, at=NOON, kind="asked", actor="a", details={})
            return number
        print(await books.write(work), flush=True)

async def main(path, first):
    books = open_books(path, clock=StoppedClock(), deployment=US)
    print("open", flush=True)
    lanes = [range(first + lane, first + 10**6, 8) for lane in range(8)]
    await asyncio.gather(*(commit(books, lane) for lane in lanes))

asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
"""
ROOT = Path(__file__).parents[3]


@pytest.mark.timeout(60)
def test_kill_9_at_any_moment_loses_no_acknowledged_commit(tmp_path):
    acknowledged = set()
    for turn, patience in enumerate((0.15, 0.4, 0.7)):
        acknowledged |= commit_until_killed(tmp_path / "book.db", 1 + turn * 10**7, patience)

        with shelves.opened("file", tmp_path) as shelf:
            assert [("ok",)] == shelf.sql("PRAGMA integrity_check")
            found = {
                int(key.removeprefix("ses_")) for (key,) in shelf.sql("SELECT id FROM sessions")
            }
            told = {
                int(key.removeprefix("ses_"))
                for (key,) in shelf.sql("SELECT session_id FROM events")
            }
        assert acknowledged <= found
        assert found == told

    assert len(acknowledged) > 50


def commit_until_killed(path, first, patience):
    server = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, path, str(first)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    lines = []
    try:
        assert "open\n" == server.stdout.readline()
        end = time.monotonic() + patience
        while time.monotonic() < end:
            lines.append(server.stdout.readline())
    finally:
        server.kill()
        with server.stdout:
            lines.extend(server.stdout.read().splitlines(keepends=True))
        server.wait(timeout=20)
    # A last line that the kill cut off was read by nobody.
    return {int(line) for line in lines if line.endswith("\n")}
