"""A server and a machine for each test of a command."""

from pathlib import Path

import pytest

from tests.unit.cli.machine import Machine
from tests.unit.client.fake_server import FakeServer, fake_server, session_body


@pytest.fixture
def server():
    with fake_server() as fake:
        yield fake


@pytest.fixture
def machine(server: FakeServer, tmp_path: Path) -> Machine:
    return Machine(tmp_path, server.url)


@pytest.fixture
def live(server: FakeServer) -> FakeServer:
    for name, status in (("ses_a", "running"), ("ses_b", "provisioning")):
        server.sessions[name] = session_body(name, status=status)
    return server
