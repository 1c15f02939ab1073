"""The probe against a real SSH server on this machine."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import asyncssh
import pytest

from gpu_shopper.domain.instance import Endpoint
from gpu_shopper.domain.label import Label
from gpu_shopper.ports.probe import AgentMissing, ProbeFailed
from gpu_shopper.runtime.probing import LARGEST_REPORT, SshProbe
from gpu_shopper.runtime.vault import DeploymentVault
from gpu_shopper.testing.chance import SeededChance
from gpu_shopper.wire.visits import DELIVER_COMMAND, NO_AGENT, REPORT_COMMAND, delivered

VAULT = DeploymentVault(b"k" * 32, SeededChance(1))
KEY = VAULT.probe_key(Label("gs1-a"))
OTHER_KEY = VAULT.probe_key(Label("gs1-b"))
HOST_KEY = asyncssh.import_private_key(VAULT.new_key_pair(comment="").private.text)
HOST_LINE = " ".join(HOST_KEY.export_public_key().decode().split()[:2])
OTHER_LINE = VAULT.new_key_pair(comment="").public


class Node:
    """What the server saw."""

    def __init__(self) -> None:
        self.orders: list[bytes] = []
        self.commands: list[str | None] = []
        self.now = 0
        self.most = 0

    async def answer(self, process: asyncssh.SSHServerProcess) -> None:
        self.commands.append(process.command)
        self.now += 1
        self.most = max(self.most, self.now)
        self.orders.append(await process.stdin.read())
        await asyncio.sleep(0.02)
        self.now -= 1
        process.stdout.write(b'{"a": 1}')
        process.exit(0)


@asynccontextmanager
async def server(
    answer: Callable[[asyncssh.SSHServerProcess], Awaitable[None]], **options: object
) -> AsyncIterator[Endpoint]:
    acceptor = await asyncssh.listen(
        "127.0.0.1",
        0,
        server_host_keys=options.pop("server_host_keys", [HOST_KEY]),
        authorized_client_keys=asyncssh.import_authorized_keys(KEY.public),
        process_factory=answer,
        encoding=None,
        **options,
    )
    try:
        yield Endpoint(host="127.0.0.1", port=acceptor.get_port(), user="gpu")
    finally:
        acceptor.close()
        await acceptor.wait_closed()


async def read(probe: SshProbe, endpoint: Endpoint, **changes: object) -> tuple[bytes, str]:
    given = {"key": KEY, "host_key": HOST_LINE, "orders": b"go on", "timeout": 10.0, **changes}
    return await probe.read_report(endpoint, **given)


def failure(answer: Callable[..., Awaitable[None]], **changes: object) -> ProbeFailed:
    async def main() -> None:
        async with server(answer) as endpoint:
            await read(SshProbe(), endpoint, **changes)

    with pytest.raises(ProbeFailed) as caught:
        asyncio.run(main())
    return caught.value


@pytest.mark.parametrize("pinned", [HOST_LINE, f"{HOST_LINE} with a comment", None])
def test_a_report_comes_back_and_orders_arrive(pinned: str | None) -> None:
    node = Node()

    async def main() -> tuple[bytes, str]:
        async with server(node.answer) as endpoint:
            return await read(SshProbe(), endpoint, host_key=pinned)

    assert (b'{"a": 1}', HOST_LINE) == asyncio.run(main())
    assert [b"go on"] == node.orders
    assert [REPORT_COMMAND] == node.commands


def test_another_host_key_than_the_pinned_one_gets_nothing() -> None:
    node = Node()

    error = failure(node.answer, host_key=OTHER_LINE)

    assert error.host_key_changed
    assert [] == node.orders


def test_a_host_key_of_another_kind_is_a_change_too() -> None:
    rsa = " ".join(
        asyncssh.generate_private_key("ecdsa-sha2-nistp256").export_public_key().decode().split()
    )

    assert failure(Node().answer, host_key=rsa).host_key_changed


def test_of_several_host_keys_the_pinned_kind_is_asked_for() -> None:
    second = asyncssh.generate_private_key("ecdsa-sha2-nistp256")
    line = " ".join(second.export_public_key().decode().split())

    async def main() -> tuple[bytes, str]:
        async with server(Node().answer, server_host_keys=[HOST_KEY, second]) as endpoint:
            return await read(SshProbe(), endpoint, host_key=line)

    assert line == asyncio.run(main())[1]


def test_a_key_that_the_node_does_not_know_is_refused() -> None:
    error = failure(Node().answer, key=OTHER_KEY)

    assert not error.host_key_changed
    assert "ermission" in str(error)


def test_a_pinned_key_that_cannot_be_read_pins_nothing_by_accident() -> None:
    assert not failure(Node().answer, host_key="nonsense").host_key_changed


def test_more_than_a_report_is_cut_off() -> None:
    async def flood(process: asyncssh.SSHServerProcess) -> None:
        for _ in range(1000):
            process.stdout.write(b"x" * LARGEST_REPORT)
            await process.stdout.drain()

    assert "more than" in str(failure(flood))


def test_an_error_of_the_agent_is_told_in_one_printable_line() -> None:
    async def complain(process: asyncssh.SSHServerProcess) -> None:
        process.stdout.write(b"{}")
        process.stderr.write(b"no\x1b[31m heartbeat\nyet" + b"." * 5000)
        process.exit(3)

    text = str(failure(complain))

    assert "ended with 3" in text
    assert "heartbeat yet" in text
    assert text.isprintable()
    assert len(text) < 300


def test_a_silent_node_is_given_up_in_time() -> None:
    async def hang(_process: asyncssh.SSHServerProcess) -> None:
        await asyncio.sleep(30)

    assert "within 0.3 s" in str(failure(hang, timeout=0.3))


def test_a_port_that_says_nothing_and_one_that_is_closed_are_given_up() -> None:
    async def main() -> list[str]:
        async def mute(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await _reader.read()
            writer.close()

        listener = await asyncio.start_server(mute, "127.0.0.1", 0)
        endpoint = Endpoint(host="127.0.0.1", port=listener.sockets[0].getsockname()[1], user="gpu")
        texts = []
        async with listener:
            with pytest.raises(ProbeFailed) as caught:
                await read(SshProbe(), endpoint, timeout=0.3)
            texts.append(str(caught.value))
        with pytest.raises(ProbeFailed) as caught:
            await read(SshProbe(), endpoint, timeout=5.0)
        return [*texts, str(caught.value)]

    mute, closed = asyncio.run(main())

    assert "within" in mute
    assert "within" not in closed


def test_one_at_a_time_at_one_endpoint_and_few_at_once_at_many() -> None:
    node = Node()

    async def main() -> tuple[int, int]:
        probe = SshProbe(at_once=3)
        async with (
            server(node.answer) as one,
            server(node.answer) as two,
            server(node.answer) as three,
        ):
            await asyncio.gather(*(read(probe, one) for _ in range(4)))
            alone, node.most = node.most, 0
            everywhere = [one, two, three]
            await asyncio.gather(*(read(probe, place) for place in everywhere * 2))
            assert {} == probe._lines
            narrow = SshProbe(at_once=1)
            together, node.most = node.most, 0
            await asyncio.gather(*(read(narrow, place) for place in everywhere))
            return alone, together

    alone, together = asyncio.run(main())

    assert alone == 1
    assert together > 1
    assert node.most == 1


async def alone(process: asyncssh.SSHServerProcess) -> None:
    """Say what a shell says where there is no agent."""
    process.stderr.write(b"there is no agent")
    process.exit(NO_AGENT)


@pytest.mark.parametrize("pinned", [HOST_LINE, None])
def test_a_login_that_finds_no_agent_says_so_and_whom_it_met(pinned: str | None) -> None:
    error = failure(alone, host_key=pinned)

    assert isinstance(error, AgentMissing)
    assert HOST_LINE == error.host_key
    assert "there is no agent" in str(error)


def test_another_failure_is_no_proof_that_there_is_no_agent() -> None:
    async def fail(process: asyncssh.SSHServerProcess) -> None:
        process.exit(1)

    assert not isinstance(failure(fail), AgentMissing)


class Shell:
    """A server that takes what is delivered."""

    def __init__(self, status: int = 0) -> None:
        self.status = status
        self.taken: list[tuple[str | None, bytes]] = []

    async def answer(self, process: asyncssh.SSHServerProcess) -> None:
        self.taken.append((process.command, await process.stdin.read()))
        process.stderr.write(b"no Python")
        process.exit(self.status)


async def deliver(probe: SshProbe, endpoint: Endpoint, **changes: object) -> None:
    given = {"key": KEY, "host_key": HOST_LINE, "script": "echo é", "timeout": 10.0, **changes}
    await probe.deliver(endpoint, **given)


def test_a_script_arrives_whole_at_the_host_whose_key_is_pinned() -> None:
    shell = Shell()

    async def main() -> None:
        async with server(shell.answer) as endpoint:
            await deliver(SshProbe(), endpoint)

    asyncio.run(main())

    assert [(DELIVER_COMMAND, delivered("echo é"))] == shell.taken


def test_nothing_is_delivered_to_another_host() -> None:
    shell = Shell()

    async def main() -> None:
        async with server(shell.answer) as endpoint:
            await deliver(SshProbe(), endpoint, host_key=OTHER_LINE)

    with pytest.raises(ProbeFailed) as caught:
        asyncio.run(main())

    assert caught.value.host_key_changed
    assert [] == shell.taken


def test_a_script_that_could_not_start_the_agent_is_told_in_its_words() -> None:
    async def main() -> None:
        async with server(Shell(status=1).answer) as endpoint:
            await deliver(SshProbe(), endpoint)

    with pytest.raises(ProbeFailed, match=r"start-up script: ended with 1: no Python"):
        asyncio.run(main())


def test_a_delivery_that_hangs_is_given_up_in_time() -> None:
    async def hang(_process: asyncssh.SSHServerProcess) -> None:
        await asyncio.sleep(30)

    async def main() -> None:
        async with server(hang) as endpoint:
            await deliver(SshProbe(), endpoint, timeout=0.3)

    with pytest.raises(ProbeFailed, match="within 0"):
        asyncio.run(main())
