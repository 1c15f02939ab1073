"""What the simulated Hyperstack calls errors and states."""

from collections.abc import Mapping

from gpu_shopper.sandbox.messages import Row

# How an error of the model's is worded: status, reason, message. The reason says no more than the status.
ERRORS: Mapping[str, tuple[int, str, str]] = {
    "unauthorized": (401, "unauthorized", "API key is invalid"),
    "rate_limited": (429, "too_many_requests", "Too many requests"),
    "unavailable": (503, "server_error", "Service unavailable"),
    "region_unavailable": (503, "server_error", "Service unavailable"),
    "internal": (500, "", "Internal Server Error"),
    "timeout": (504, "server_error", "Gateway timeout"),
    "not_found": (404, "not_found", "Virtual machine not found"),
    "reserved": (400, "bad_request", "Virtual machine is locked"),
    "bad_request": (400, "bad_request", "Bad request"),
    "offer_gone": (400, "bad_request", "Flavor is out of stock in this region"),
    "price_changed": (400, "bad_request", "Flavor is out of stock in this region"),
    "no_capacity": (400, "bad_request", "Not enough capacity for this flavor"),
    "insufficient_balance": (400, "bad_request", "Insufficient balance to create the resource"),
    "missing": (404, "not_found", "Not found"),
    "exists": (409, "already_exist", "Name already exists"),
    "in_use": (400, "bad_request", "Resource is in use"),
}
STATUSES: Mapping[str, str] = {
    "creating": "CREATING",
    "booting": "BUILD",
    "running": "ACTIVE",
    "stopping": "DELETING",
    "stopped": "SHUTOFF",
    "error": "ERROR",
}


def error_body(reason: str, message: str) -> Row:
    """Return an error as the API writes it; its oldest kind has the message alone."""
    if not reason:
        return {"message": message}
    return {"status": False, "message": message, "error_reason": reason}
