"""From what went wrong to the body that says so: one table, and nothing internal ever gets out."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

from gpu_shopper.domain import errors
from gpu_shopper.domain.errors import Invalid, Refusal
from gpu_shopper.domain.query_errors import QueryError
from gpu_shopper.ports.books import BookUnavailable
from gpu_shopper.wire.problems import FieldProblem, Problem

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = 5
_URN = "urn:gpu-shopper:problem:"


class BadInput(Invalid):
    """Several fields of a request are wrong; each is named."""

    def __init__(self, problems: tuple[FieldProblem, ...], *, hint: str = "") -> None:
        assert problems
        first = problems[0]
        super().__init__(f"{first.path}: {first.message}", path=first.path, hint=hint)
        self.problems = problems


class Malformed(Invalid):
    """The body is not JSON at all."""

    code = "malformed"


class TooLarge(Refusal):
    """The body is longer than any body that makes sense."""

    code = "body_too_large"


class WrongMediaType(Refusal):
    """The body is not declared to be JSON."""

    code = "unsupported_media_type"


class NoRoute(Refusal):
    """There is no such path."""

    code = "no_route"


class WrongMethod(Refusal):
    """The path is there, but does not take this method."""

    code = "method_not_allowed"


class TooManyRequests(Refusal):
    """The caller asks faster than it may."""

    code = "too_many_requests"
    retryable = True


class Unexpected(Refusal):
    """A fault of ours; the log has the rest, under the same request id."""

    code = "internal"
    retryable = True


class BookClosed(Refusal):
    """The database cannot be read or written now."""

    code = "book_unavailable"
    retryable = True


# The nearest class of a refusal's ancestors decides.
STATUS: Mapping[type[Refusal], tuple[HTTPStatus, str]] = {
    Refusal: (HTTPStatus.BAD_REQUEST, "Refused"),
    Invalid: (HTTPStatus.BAD_REQUEST, "Invalid input"),
    Malformed: (HTTPStatus.BAD_REQUEST, "Not JSON"),
    QueryError: (HTTPStatus.BAD_REQUEST, "Query not understood"),
    errors.UnknownGpu: (HTTPStatus.BAD_REQUEST, "Unknown GPU"),
    errors.UnknownModel: (HTTPStatus.BAD_REQUEST, "Unknown model"),
    errors.PastHardMax: (HTTPStatus.BAD_REQUEST, "Past the hard maximum"),
    errors.Unauthenticated: (HTTPStatus.UNAUTHORIZED, "Not authenticated"),
    errors.Forbidden: (HTTPStatus.FORBIDDEN, "Not allowed"),
    errors.NotFound: (HTTPStatus.NOT_FOUND, "Not found"),
    NoRoute: (HTTPStatus.NOT_FOUND, "No such path"),
    WrongMethod: (HTTPStatus.METHOD_NOT_ALLOWED, "Method not allowed"),
    errors.IllegalMove: (HTTPStatus.CONFLICT, "Conflict"),
    errors.AlreadyEnded: (HTTPStatus.CONFLICT, "Already ended"),
    errors.Replayed: (HTTPStatus.CONFLICT, "Seen before"),
    TooLarge: (HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "Body too large"),
    WrongMediaType: (HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "Not declared as JSON"),
    errors.KeyReused: (HTTPStatus.UNPROCESSABLE_ENTITY, "Idempotency-Key used before"),
    errors.Unsupported: (HTTPStatus.UNPROCESSABLE_ENTITY, "Not possible at this cloud"),
    errors.PriceAboveCap: (HTTPStatus.UNPROCESSABLE_ENTITY, "Above the price cap"),
    TooManyRequests: (HTTPStatus.TOO_MANY_REQUESTS, "Too many requests"),
    Unexpected: (HTTPStatus.INTERNAL_SERVER_ERROR, "Internal error"),
    errors.OfferUnavailable: (HTTPStatus.SERVICE_UNAVAILABLE, "Offer gone"),
    errors.NothingMatches: (HTTPStatus.SERVICE_UNAVAILABLE, "No offer matches"),
    errors.MarketNotReady: (HTTPStatus.SERVICE_UNAVAILABLE, "Inventory not ready"),
    errors.Frozen: (HTTPStatus.SERVICE_UNAVAILABLE, "Frozen"),
    errors.StorageRefused: (HTTPStatus.SERVICE_UNAVAILABLE, "Database not usable"),
    BookClosed: (HTTPStatus.SERVICE_UNAVAILABLE, "Database not available"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A problem body with the headers that go with it."""

    problem: Problem
    headers: Mapping[str, str] = field(default_factory=dict)


def status_of(refusal: type[Refusal]) -> tuple[HTTPStatus, str]:
    """Return the status and title of a class of refusals."""
    return next(STATUS[kind] for kind in refusal.__mro__ if kind in STATUS)


def refusal_of(error: Exception) -> Refusal:
    """Return what an error means to a caller: a fault of ours says no more than that."""
    match error:
        case Refusal():
            return error
        case BookUnavailable():
            message = "the database cannot be used just now; nothing was changed, as far as known"
            return BookClosed(message, hint="try again with the same Idempotency-Key")
        case _:
            message = "something went wrong here that is not your fault"
            return Unexpected(message, hint="look for the request id in the server's log")


def describe(refusal: Refusal, *, instance: str, request_id: str, session_id: str | None) -> Answer:
    """Return the problem body for a refusal. `session_id` is the one that the path names."""
    status, title = status_of(type(refusal))
    named = refusal.fields.get("session_id")
    conflict = status is HTTPStatus.CONFLICT
    problem = Problem(
        type=_URN + refusal.code,
        title=title,
        status=int(status),
        detail=refusal.message,
        instance=instance,
        code=refusal.code,
        request_id=request_id,
        retryable=refusal.retryable,
        error=refusal.message,
        hint=refusal.hint,
        errors=_fields(refusal),
        session_id=str(named) if named else session_id if conflict else None,
        error_type="stale_inventory" if isinstance(refusal, errors.OfferUnavailable) else None,
    )
    return Answer(problem=problem, headers=_headers(refusal, status))


def _fields(refusal: Refusal) -> list[FieldProblem]:
    match refusal:
        case BadInput(problems=problems):
            return list(problems)
        case QueryError(position=position, word=word):
            message = refusal.message
            return [FieldProblem(path="q", message=message, position=position, word=word)]
        case Invalid(path=path) if path:
            return [FieldProblem(path=path, message=refusal.message)]
        case _:
            named = refusal.fields.get("field")
            message = refusal.message
            return [FieldProblem(path=f"$.{named}", message=message)] if named else []


def _headers(refusal: Refusal, status: HTTPStatus) -> dict[str, str]:
    if status is HTTPStatus.UNAUTHORIZED:
        return {"WWW-Authenticate": 'Bearer realm="gpu-shopper"'}
    if status in {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}:
        return {"Retry-After": str(RETRY_AFTER_S)}
    allowed = refusal.fields.get("allow")
    return {"Allow": str(allowed)} if allowed else {}
