"""Shows on stderr how a session gets on: moving on a terminal, one line per change elsewhere."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from gpu_shopper.cli.render import say
from gpu_shopper.cli.situation import Situation
from gpu_shopper.wire.figures import printable
from gpu_shopper.wire.sessions import SessionBody

Tell = Callable[[SessionBody], None]


@contextmanager
def progress(situation: Situation) -> Iterator[Tell]:
    """Give a function that is told each change of a session."""
    if not situation.draws:
        yield lambda session: say(_line(situation, session))
        return
    from rich.console import Console

    console = Console(stderr=True)
    with console.status("asking …") as status:

        def tell(session: SessionBody) -> None:
            console.print(_line(situation, session), highlight=False, markup=False)
            status.update(f"{session.status} …")

        yield tell


def _line(situation: Situation, session: SessionBody) -> str:
    parts = [situation.clock_face(), session.status]
    if session.phase != session.status:
        parts.append(f"- {session.phase}")
    attempt = session.attempts[-1] if session.attempts else None
    if attempt is not None and session.status in {"pending", "provisioning"}:
        parts.append(f"(try {attempt.n}, {attempt.provider}, offer {attempt.offer_id})")
    trouble = session.error or (attempt.error if attempt is not None else None)
    if trouble:
        parts.append(f"({trouble})")
    return printable(" ".join(parts))
