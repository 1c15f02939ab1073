"""How the book writes times: whole microseconds since 1970 in UTC, so that they sort, add and compare as integers."""

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECONDS_A_DAY = 86_400
_MICROS = 1_000_000


def micros(at: datetime) -> int:
    """Return the number that stands for `at`; a time without a zone is a TypeError."""
    since = at - _EPOCH
    return (since.days * _SECONDS_A_DAY + since.seconds) * _MICROS + since.microseconds


def moment(number: int) -> datetime:
    """Return the time that `number` stands for."""
    return _EPOCH + timedelta(microseconds=number)


def micros_if(at: datetime | None) -> int | None:
    """Return the number that stands for `at`, where there is a time."""
    return None if at is None else micros(at)


def moment_if(number: int | None) -> datetime | None:
    """Return the time that `number` stands for, where there is one."""
    return None if number is None else _EPOCH + timedelta(microseconds=number)
