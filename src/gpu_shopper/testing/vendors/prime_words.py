"""What the simulated Prime Intellect calls errors and states."""

from collections.abc import Mapping

# How an error of the model's is worded: status, text. Some lacks of machines come as a 5xx, after which nobody knows.
ERRORS: Mapping[str, tuple[int, str]] = {
    "unauthorized": (401, "Invalid API key"),
    "rate_limited": (429, "Too many requests"),
    "unavailable": (503, "Service temporarily unavailable"),
    "region_unavailable": (500, "Provider error: no capacity"),
    "internal": (500, "Internal server error"),
    "timeout": (504, "Gateway timeout"),
    "not_found": (404, "Pod not found"),
    "reserved": (400, "Pod can not be terminated yet"),
    "offer_gone": (404, "The requested configuration is no longer available"),
    "price_changed": (400, "Current price is above maxPrice"),
    "no_capacity": (400, "The requested GPU is out of stock"),
    "insufficient_balance": (402, "Insufficient balance"),
}
# Status, what the installation says, how far it is.
STATUSES: Mapping[str, tuple[str, str | None, int | None]] = {
    "creating": ("PROVISIONING", None, None),
    "booting": ("ACTIVE", "PENDING", 40),
    "running": ("ACTIVE", "FINISHED", 100),
    "stopping": ("DELETING", "FINISHED", 100),
    "stopped": ("STOPPED", "FINISHED", 100),
    "error": ("ERROR", "ERROR", 40),
}
