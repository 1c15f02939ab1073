"""What the simulated Lambda Cloud calls errors and states."""

from collections.abc import Mapping

from gpu_shopper.sandbox.messages import Row

INSUFFICIENT = "instance-operations/launch/insufficient-capacity"
_LAST_WORDS = {
    "global/invalid-api-key": "Check your API key or create a new one, then try again.",
    "global/quota-exceeded": "Contact Support to increase your quota.",
    "global/internal-error": "Try again later. Contact Support if the problem persists.",
}

# How an error of the model's is worded: status, code, message.
ERRORS: Mapping[str, tuple[int, str, str]] = {
    "unauthorized": (401, "global/invalid-api-key", "API key was invalid, expired, or deleted."),
    "rate_limited": (429, "global/too-many-requests", "Your API requests are being rate limited."),
    "unavailable": (503, "provider/internal-unavailable", "Provider unavailable"),
    "region_unavailable": (503, "provider/internal-unavailable", "Provider unavailable"),
    "internal": (500, "global/internal-error", "An internal server error occurred."),
    "timeout": (504, "global/internal-error", "An internal server error occurred."),
    "not_found": (404, "global/object-does-not-exist", "Specified instance does not exist."),
    "no_path": (404, "global/not-found", "The requested resource was not found."),
    "reserved": (409, "global/conflict", "The request conflicts with the current state of the resource."),
    "bad_request": (400, "global/invalid-parameters", "Invalid request data."),
    "offer_gone": (400, INSUFFICIENT, "Not enough capacity to fulfill launch request."),
    "price_changed": (400, INSUFFICIENT, "Not enough capacity to fulfill launch request."),
    "no_capacity": (400, INSUFFICIENT, "Not enough capacity to fulfill launch request."),
    "insufficient_balance": (400, "global/quota-exceeded", "Quota exceeded."),
    "unknown": (400, "global/unknown", "An unknown error occurred."),
    "no_resource": (404, "global/object-does-not-exist", ""),
}  # fmt: skip
STATUSES: Mapping[str, str] = {
    "creating": "booting",
    "booting": "booting",
    "running": "active",
    "stopping": "terminating",
    "stopped": "preempted",
    "error": "unhealthy",
}


def error_body(code: str, message: str) -> Row:
    """Return an error as the API writes it."""
    advice = _LAST_WORDS.get(code, "Check the request, then try again.")
    return {"error": {"code": code, "message": message, "suggestion": advice}}
