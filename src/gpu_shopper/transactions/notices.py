"""Writing what an operator is to be told: notices that stand in the book until they are delivered."""

from datetime import datetime

from gpu_shopper.domain.census import Unreadable
from gpu_shopper.domain.ids import InstanceId
from gpu_shopper.domain.instance import Instance
from gpu_shopper.domain.launch import LaunchAttempt
from gpu_shopper.ports.books import Book, Notice


def notice(kind: str, key: str, *, at: datetime, text: str, **details: str) -> Notice:
    """Return a notice; the same trouble under the same key is one row."""
    return Notice(id=f"{kind}:{key}", at=at, kind=kind, text=text, details=details, next_try_at=at)


def tell_late_arrival(book: Book, attempt: LaunchAttempt, *, actor: str, at: datetime) -> None:
    """Write that an instance is there although its attempt was closed, and let its session be looked at now."""
    instance = str(attempt.instance_id)
    details = {"attempt": str(attempt.number), "instance": instance}
    book.events.add(attempt.session_id, at=at, kind="late_arrival", actor=actor, details=details)
    text = f"{attempt.provider} instance {instance} is there although its attempt was closed; it is being destroyed."
    key = f"{attempt.label}:{at:%Y%m%dT%H%M}"
    book.notices.add(
        notice("late_arrival", key, at=at, text=text, label=attempt.label, instance=instance)
    )
    book.sessions.make_due(attempt.session_id, at=at)


def tell_unseen(
    book: Book, attempt: LaunchAttempt, *, says: InstanceId | None, at: datetime
) -> None:
    """Write that a node reports under the token of an attempt that is taken to have bought nothing.

    The id that it `says` is for a person to look at: on a node's word alone nothing is destroyed.
    """
    text = (
        f"A node reports under the token of {attempt.label}, which {attempt.provider} is taken to have never made."
        " It is told to stop, and the account is being listed."
    )
    key = f"{attempt.label}:{at:%Y%m%dT%H}"
    details = {"provider": str(attempt.provider), "session": str(attempt.session_id)}
    if says is not None:
        text += f" It says that it is instance {says}."
        details["instance"] = str(says)
    book.notices.add(notice("heard_unseen", key, at=at, text=text, label=attempt.label, **details))


def tell_suspect(book: Book, attempt: LaunchAttempt, instance: Instance, *, at: datetime) -> None:
    """Write, once for each instance, that it may be what an attempt bought, and that only a person can know."""
    price = "an unknown price" if instance.rate is None else str(instance.rate)
    name = f"is named {instance.label!r}" if instance.label else "has no name"
    text = (
        f"{instance.provider} instance {instance.id} may be ours. It {name}, costs {price}, and appeared while attempt"
        f" {attempt.number} of {attempt.session_id} was out, whose create call was never answered. We do not destroy what"
        " we cannot prove to be ours: no command of ours ends it. If it is nobody else's, end it by hand in the"
        " provider's console."
    )
    details = {
        "provider": str(instance.provider),
        "instance": str(instance.id),
        "session": str(attempt.session_id),
        "attempt": str(attempt.number),
        "price": price,
        "label": attempt.label,
    }
    book.notices.add(
        notice("suspect", f"{instance.provider}:{instance.id}", at=at, text=text, **details)
    )


def tell_unreadable(book: Book, one: Unreadable, *, at: datetime) -> None:
    """Write, once, that a row of an attempt or of its session cannot be read, so that nobody looks after its instance."""
    instance = "whatever it bought" if one.instance_id is None else f"instance {one.instance_id}"
    text = (
        f"{one.because}. Until it can be, {instance} at {one.provider} is neither looked after nor ended by the server:"
        " start the version that wrote it, or repair it, or end the instance by hand in the provider's console."
    )
    details = {"provider": str(one.provider), "session": str(one.session_id)}
    if one.instance_id is not None:
        details["instance"] = str(one.instance_id)
    book.notices.add(
        notice("unreadable_row", str(one.id), at=at, text=text, label=one.label, **details)
    )
