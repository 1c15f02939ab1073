"""What the simulated Vast calls errors and states."""

from collections.abc import Mapping

# How an error of the model's is worded: status, code, message.
ERRORS: Mapping[str, tuple[int, str, str]] = {
    "unauthorized": (401, "auth_error", "Invalid user key"),
    "unavailable": (503, "unavailable", "Service temporarily unavailable"),
    "region_unavailable": (503, "unavailable", "Host cannot be reached"),
    "internal": (500, "server_error", "Something went wrong"),
    "timeout": (504, "timeout", "Gateway timeout"),
    "not_found": (404, "no_such_instance", "Instance not found"),
    "reserved": (400, "invalid_state", "This contract cannot be ended yet"),
    "bad_request": (400, "invalid_args", "Invalid args"),
    "price_changed": (400, "invalid_price", "The price is higher than that"),
    "insufficient_balance": (400, "insufficient_credit", "Your account lacks credit"),
}
# Three ways to say that an ask is gone; seen at the same endpoint.
GONE = (
    (410, {"success": False, "error": "no_such_ask", "msg": "Instance type is not available"}),
    (404, {"success": False, "error": "no_such_ask", "msg": "error 404/3603: no_such_ask"}),
    (400, {"success": False, "error": "invalid_args", "msg": "error 404/3603: no_such_ask is not available"}),
)  # fmt: skip
STATUSES: Mapping[str, str | None] = {
    "creating": None,
    "booting": "loading",
    "running": "running",
    "stopping": "exited",
    "stopped": "exited",
    "error": "created",
}
