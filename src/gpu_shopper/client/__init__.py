"""The Python client: stands on the wire bodies alone.

    from gpu_shopper.client import Shopper

    with Shopper().session(gpu="RTX 4090", hours=2) as session:
        print(session.run("nvidia-smi").stdout)

The session ends however the block is left.
"""

from typing import TYPE_CHECKING

from gpu_shopper.client.calls import MenuEdition
from gpu_shopper.client.errors import (
    ApiError,
    BadRequest,
    BudgetSpent,
    Conflict,
    Forbidden,
    LoginFailed,
    NotFound,
    ServerFailed,
    ServerUnreachable,
    SessionFailed,
    SessionNotEnded,
    ShopperError,
    TooManyRequests,
    TransferFailed,
    Unauthenticated,
    Unavailable,
    UnexpectedAnswer,
    Unprocessable,
)
from gpu_shopper.client.orders import Filters, Wish
from gpu_shopper.client.remote import CompletedRun
from gpu_shopper.client.rented import RentedSession
from gpu_shopper.client.shopper import Shopper
from gpu_shopper.client.surroundings import Surroundings

if TYPE_CHECKING:
    from gpu_shopper.client.async_rented import AsyncRentedSession
    from gpu_shopper.client.async_shopper import AsyncShopper

__all__ = [
    "ApiError",
    "AsyncRentedSession",
    "AsyncShopper",
    "BadRequest",
    "BudgetSpent",
    "CompletedRun",
    "Conflict",
    "Filters",
    "Forbidden",
    "LoginFailed",
    "MenuEdition",
    "NotFound",
    "RentedSession",
    "ServerFailed",
    "ServerUnreachable",
    "SessionFailed",
    "SessionNotEnded",
    "Shopper",
    "ShopperError",
    "Surroundings",
    "TooManyRequests",
    "TransferFailed",
    "Unauthenticated",
    "Unavailable",
    "UnexpectedAnswer",
    "Unprocessable",
    "Wish",
]


def __getattr__(name: str) -> object:
    # The asynchronous half is loaded by whoever names it.
    if name == "AsyncShopper":
        from gpu_shopper.client.async_shopper import AsyncShopper

        return AsyncShopper
    if name == "AsyncRentedSession":
        from gpu_shopper.client.async_rented import AsyncRentedSession

        return AsyncRentedSession
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
