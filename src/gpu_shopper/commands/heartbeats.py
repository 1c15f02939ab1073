"""What nodes say: heartbeats, answered with orders."""

from dataclasses import replace

from gpu_shopper.commands.desk import Desk
from gpu_shopper.domain.errors import Replayed, Unauthenticated
from gpu_shopper.domain.hearing import NodeReport
from gpu_shopper.domain.ids import ProviderName
from gpu_shopper.ports.books import Book
from gpu_shopper.transactions.known import known_session
from gpu_shopper.transactions.orders import node_report, orders_for
from gpu_shopper.transactions.sighting import Hearing, record_report
from gpu_shopper.wire.agent import ORDER_STOP, Heartbeat, Orders


class HeartbeatCommands:
    """Takes reports from agents, each by the token of its own attempt."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def report(self, token: str, heartbeat: Heartbeat) -> Orders:
        """Write a sign of life and return what the node is to do.

        Raises:
            Unauthenticated: the token is no attempt's, or another one's.
            Replayed: this report, or a newer one, was seen before.
        """
        desk = self._desk
        token_hash = desk.vault.hash_token(token)
        report, now = node_report(heartbeat), desk.clock.now()

        def write(book: Book) -> tuple[Orders, Hearing, ProviderName]:
            attempt = book.launches.by_token_hash(token_hash)
            if attempt is None or attempt.label != heartbeat.label:
                raise Unauthenticated("this token belongs to no attempt of ours")
            session = known_session(book, attempt.session_id)
            hearing = record_report(book, session, attempt, report, at=now)
            fresh = book.sessions.get(attempt.session_id) or session
            told = book.launches.get(attempt.id) or attempt
            if hearing is Hearing.RECORDED and told.wanted and told.endpoint is None:
                # Heard before its address was read: the engine looks at once, so that `running` need not wait.
                book.launches.save(replace(told, next_action_at=now))
                book.sessions.make_due(fresh.id, at=now)
            orders = orders_for(fresh, told, limits=desk.limits, now=now)
            if hearing is Hearing.DOUBLE and _is_owed_an_end(book, told.provider, report):
                orders = replace(orders, order=ORDER_STOP)
            return orders, hearing, told.provider

        orders, hearing, provider = await desk.books.write(write)
        desk.meter.count("heartbeats_total", outcome=str(hearing))
        if hearing is Hearing.OLD:
            message = f"heartbeat {heartbeat.counter} of boot {heartbeat.boot_id} is not news"
            raise Replayed(message)
        if hearing in {Hearing.STRANGE, Hearing.DOUBLE}:
            # Only a listing can tell which instance speaks.
            desk.sweep_soon(provider)
        desk.wakeup.hint()
        return orders


def _is_owed_an_end(book: Book, provider: ProviderName, report: NodeReport) -> bool:
    """Return whether a sweep has seen the node's instance as a double: a node's word alone ends nothing."""
    if report.instance_id is None:
        return False
    surplus = book.surplus.get(provider, report.instance_id)
    return surplus is not None and surplus.closed_at is None
