"""A server and a clock that costs no time, for each test of the client."""

from pathlib import Path

import pytest

from gpu_shopper.client import Shopper, Surroundings
from tests.unit.client.fake_server import FakeServer, fake_server


class Pauses:
    """A clock that costs no time."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def surroundings(self) -> Surroundings:
        keys = iter(range(1000))

        async def sleep_async(seconds: float) -> None:
            self.slept.append(seconds)

        return Surroundings(
            monotonic=lambda: sum(self.slept),
            sleep=self.slept.append,
            sleep_async=sleep_async,
            draw_key=lambda: f"key-{next(keys)}",
        )


@pytest.fixture
def server():
    with fake_server() as fake:
        yield fake


@pytest.fixture
def pauses() -> Pauses:
    return Pauses()


@pytest.fixture
def shopper(server: FakeServer, pauses: Pauses) -> Shopper:
    return Shopper(server.url, token="t0ken", consumer="me", surroundings=pauses.surroundings())


@pytest.fixture(autouse=True)
def own_tmp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path
