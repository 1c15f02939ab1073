"""The body of every error: application/problem+json (RFC 9457), with `error` for older clients."""

from msgspec import Struct


class FieldProblem(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is wrong with one field; `path` as in `$.requirements.gpu_types[0]`.

    Within a query, `position` is the column of `word`, counted from 1; one behind the text where something is missing.
    """

    path: str
    message: str
    position: int | None = None
    word: str = ""


class Problem(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One error. `code` is stable and for programs; `detail` is for people."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str
    request_id: str
    retryable: bool
    error: str
    hint: str = ""
    errors: list[FieldProblem] = []
    session_id: str | None = None
    error_type: str | None = None
