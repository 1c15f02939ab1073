"""What can go wrong for a client: one tree, each error with what to do about it.

`ApiError` and its kin are answers of the server; `ServerUnreachable` means that there was none, so whether the request
was heard is not known; the others say what became of a session.
"""

from collections.abc import Mapping

from gpu_shopper.wire.problems import FieldProblem, Problem
from gpu_shopper.wire.sessions import SessionBody


class ShopperError(Exception):
    """Anything that this client raises; `hint` says what to do, where that is known."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class ServerUnreachable(ShopperError):
    """No answer: `sent` tells whether the request may have been heard all the same."""

    def __init__(self, message: str, *, sent: bool, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.sent = sent


class UnexpectedAnswer(ShopperError):
    """The answer is not what a server of this kind would say."""


class ApiError(ShopperError):
    """The server's no. `code` is stable and for programs, the message for people."""

    def __init__(self, problem: Problem, *, retry_after_s: float | None = None) -> None:
        super().__init__(problem.detail, hint=problem.hint)
        self.problem = problem
        self.retry_after_s = retry_after_s

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self.problem.status

    @property
    def code(self) -> str:
        """The stable code."""
        return self.problem.code

    @property
    def errors(self) -> list[FieldProblem]:
        """What is wrong with which field."""
        return self.problem.errors

    @property
    def request_id(self) -> str:
        """The id under which the server's log has the rest."""
        return self.problem.request_id

    @property
    def session_id(self) -> str | None:
        """The session that the request conflicts with."""
        return self.problem.session_id


class BadRequest(ApiError):
    """400: a value is malformed or out of its range."""


class Unauthenticated(ApiError):
    """401: no valid token was shown."""


class BudgetSpent(ApiError):
    """402: the consumer's budget does not allow it."""


class Forbidden(ApiError):
    """403: the token does not allow this."""


class NotFound(ApiError):
    """404: there is no such thing, or it is another consumer's."""


class Conflict(ApiError):
    """409: the state does not allow it."""


class Unprocessable(ApiError):
    """422: understood, but not possible."""


class TooManyRequests(ApiError):
    """429: asked faster than allowed."""


class Unavailable(ApiError):
    """503: not now, for instance because no offer matches."""


class ServerFailed(ApiError):
    """5xx: a fault of the server's."""


class SessionFailed(ShopperError):
    """A session that ended before it could be used; `session` is how it was last seen."""

    def __init__(self, message: str, *, session: SessionBody, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.session = session


class SessionNotEnded(ShopperError):
    """The wish to end a session could not be delivered: its instance may go on running, and bill."""

    def __init__(self, message: str, *, session_id: str, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.session_id = session_id


class LoginFailed(ShopperError):
    """No SSH connection to the instance."""


class TransferFailed(ShopperError):
    """A file could not be copied to or from the instance."""


_BY_STATUS: Mapping[int, type[ApiError]] = {
    400: BadRequest,
    401: Unauthenticated,
    402: BudgetSpent,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    422: Unprocessable,
    429: TooManyRequests,
    503: Unavailable,
}


def api_error(problem: Problem, *, retry_after_s: float | None = None) -> ApiError:
    """Return the error whose class fits the status."""
    kind = _BY_STATUS.get(problem.status, ServerFailed if problem.status >= 500 else ApiError)
    return kind(problem, retry_after_s=retry_after_s)


def session_failure(session: SessionBody) -> SessionFailed:
    """Return the error for a session that ended without ever being usable."""
    reason = session.stop_reason or session.status
    why = f": {session.error}" if session.error else ""
    return SessionFailed(
        f"session {session.id} ended before it was running ({reason}){why}",
        session=session,
        hint=f"`gpu-shopper sessions events {session.id}` tells its history",
    )
