"""Who is to blame, and telling the operator of what the engine cannot cure by itself."""

from dataclasses import replace
from datetime import datetime

from gpu_shopper.domain.ids import ProviderName
from gpu_shopper.domain.launch import Blame, LaunchAttempt
from gpu_shopper.domain.surplus import Surplus
from gpu_shopper.engine.desk import Desk
from gpu_shopper.ports.books import Book, Notice
from gpu_shopper.ports.provider_errors import (
    ProviderError,
    Refused,
    Unauthorized,
    Unavailable,
)
from gpu_shopper.transactions.notices import notice


def cannot_destroy(attempt: LaunchAttempt, *, at: datetime) -> Notice:
    """Return the notice with everything that somebody needs to end an instance by hand."""
    text = (
        f"{attempt.provider} instance {attempt.instance_id} is still there after {attempt.destroy_tries} tries to"
        f" destroy it; it costs {attempt.rate}. We go on trying; end it by hand in the provider's console if you can."
    )
    return notice(
        "destroy_failing",
        f"{attempt.label}:{attempt.destroy_tries}",
        at=at,
        text=text,
        provider=attempt.provider,
        instance=str(attempt.instance_id),
        label=attempt.label,
        price=str(attempt.rate),
        session=attempt.session_id,
        tries=str(attempt.destroy_tries),
    )


def cannot_clear(one: Surplus, *, at: datetime) -> Notice:
    """Return the same notice for what bears our label and has no attempt."""
    price = "an unknown price" if one.rate is None else str(one.rate)
    text = (
        f"{one.provider} instance {one.instance_id} is still there after {one.destroy_tries} tries to"
        f" destroy it; it costs {price}. We go on trying; end it by hand in the provider's console if you can."
    )
    return notice(
        "destroy_failing",
        f"{one.provider}:{one.instance_id}:{one.destroy_tries}",
        at=at,
        text=text,
        provider=one.provider,
        instance=str(one.instance_id),
        label=one.label,
        price=price,
        tries=str(one.destroy_tries),
    )


async def note_unauthorized(desk: Desk, provider: ProviderName, error: ProviderError) -> None:
    """Write that our key is refused: nothing is bought there until it works again; every obligation stays."""
    if not isinstance(error, Unauthorized):
        return
    now = desk.clock.now()

    def write(book: Book) -> None:
        state = book.accounts.state(provider)
        if state.unauthorized_since is not None:
            return
        book.accounts.save_state(replace(state, unauthorized_since=now))
        text = f"{provider} refuses our key: {error}. Open obligations there can't be looked after until it works."
        book.notices.add(
            notice(
                "unauthorized", f"{provider}:{now:%Y%m%d%H}", at=now, text=text, provider=provider
            )
        )

    await desk.books.write(write)


def blame_for(error: ProviderError) -> Blame | None:
    """Return whose fault it is that a create bought nothing; None where nobody's."""
    if isinstance(error, Refused):
        return error.blame
    if isinstance(error, Unauthorized):
        return Blame.ACCOUNT
    return None if isinstance(error, Unavailable) else Blame.CLOUD
