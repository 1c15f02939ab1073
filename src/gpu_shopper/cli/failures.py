"""From what went wrong to two lines and an exit code."""

from dataclasses import dataclass

from gpu_shopper.client import errors as client
from gpu_shopper.domain.errors import NotFound, Refusal
from gpu_shopper.settings import SettingsError

FAILED = 1
USAGE = 2
NOT_FOUND = 3
REFUSED = 4
UNREACHABLE = 5
SESSION_FAILED = 6

# The nearest class of an error's ancestors decides.
EXIT_CODES: dict[type[Exception], int] = {
    client.ShopperError: FAILED,
    client.ApiError: REFUSED,
    client.NotFound: NOT_FOUND,
    client.ServerFailed: FAILED,
    client.ServerUnreachable: UNREACHABLE,
    client.UnexpectedAnswer: UNREACHABLE,
    client.SessionFailed: SESSION_FAILED,
    Refusal: REFUSED,
    NotFound: NOT_FOUND,
    SettingsError: USAGE,
    OSError: FAILED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """What to print and how to exit; `ours` if it is a fault of this program's."""

    message: str
    hint: str = ""
    exit_code: int
    ours: bool = False


def failure_of(error: Exception) -> Failure:
    """Return what to say about an error."""
    code = next((EXIT_CODES[kind] for kind in type(error).__mro__ if kind in EXIT_CODES), None)
    match error:
        case client.ApiError():
            return Failure(
                message=_with_fields(error), hint=_hint(error), exit_code=code or REFUSED
            )
        case client.ShopperError() | Refusal() | SettingsError():
            return Failure(message=error.message, hint=error.hint, exit_code=code or FAILED)
        case OSError() if error.filename is not None:
            return Failure(message=f"{error.filename}: {error.strerror}", exit_code=FAILED)
        case OSError():
            return Failure(message=str(error) or type(error).__name__, exit_code=FAILED)
        case _:
            return Failure(
                message=f"something went wrong that should not have: {type(error).__name__}: {error}",
                hint="GPU_SHOPPER_LOG_LEVEL=debug shows where",
                exit_code=FAILED,
                ours=True,
            )


def _with_fields(error: client.ApiError) -> str:
    named = [each for each in error.errors if each.message not in error.message]
    return "\n  ".join([error.message, *(f"{each.path}: {each.message}" for each in named)])


def _hint(error: client.ApiError) -> str:
    if isinstance(error, client.Unauthenticated):
        return "set GPU_SHOPPER_TOKEN; `gpu-shopper token create` makes one"
    if "/api/v1/sessions" in error.hint:
        return "`gpu-shopper sessions list` shows yours"
    if isinstance(error, client.ServerFailed) and error.request_id:
        return f"{error.hint} (request {error.request_id})".strip()
    return error.hint
