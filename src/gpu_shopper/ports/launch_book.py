"""The part of the book that holds attempts: what was ordered, and what is owed."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from gpu_shopper.domain.ids import AttemptId, ProviderName, SessionId
from gpu_shopper.domain.launch import LaunchAttempt
from gpu_shopper.ports.records import AttemptRows, Owed


class LaunchBook(Protocol):
    """Attempts: the ledger of obligations."""

    def add(self, attempt: LaunchAttempt) -> None:
        """Insert a new attempt; its label is unique for ever."""
        ...

    def get(self, attempt_id: AttemptId) -> LaunchAttempt | None:
        """Return the attempt as it stands in this transaction."""
        ...

    def save(self, attempt: LaunchAttempt) -> None:
        """Write the attempt back; the schema refuses illegal moves."""
        ...

    def of_session(self, session_id: SessionId) -> Sequence[LaunchAttempt]:
        """Return all attempts of a session, by number."""
        ...

    def of_sessions(
        self, session_ids: Sequence[SessionId]
    ) -> Mapping[SessionId, Sequence[LaunchAttempt]]:
        """Return all attempts of several sessions, by number; those that cannot be read are left out."""
        ...

    def by_token_hash(self, token_hash: str) -> LaunchAttempt | None:
        """Return the attempt whose agent holds this token."""
        ...

    def for_census(
        self,
        provider: ProviderName,
        labels: Iterable[str],
        *,
        ids: Iterable[str] = (),
        cut: Iterable[str] = (),
    ) -> AttemptRows:
        """Return the open attempts at a provider, and those of any state that bear one of `labels`.

        With them come those of any state at this provider whose instance has one of `ids`, or whose label begins with
        one of `cut`.
        """
        ...

    def presumed(self, provider: ProviderName, *, since: datetime) -> AttemptRows:
        """Return the attempts at a provider that were presumed absent since then."""
        ...

    def any_open(self, provider: ProviderName) -> bool:
        """Return whether anything is owed at a provider."""
        ...

    def open(self) -> AttemptRows:
        """Return every open attempt: all that we owe."""
        ...

    def owed(self) -> Owed:
        """Return what `open` would show, counted: for whoever asks often and needs no rows."""
        ...

    def billing(self, *, accrued_before: datetime) -> AttemptRows:
        """Return the attempts that bill and whose last entry ends before then."""
        ...
