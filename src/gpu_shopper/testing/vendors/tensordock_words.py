"""What the simulated TensorDock calls errors and states."""

from collections.abc import Mapping

from gpu_shopper.sandbox.messages import Row

# How an error of the model's is worded: the status on the wire, that in the body, and the words.
ERRORS: Mapping[str, tuple[int, int, str]] = {
    "unauthorized": (401, 401, "Unauthorized"),
    "rate_limited": (429, 429, "Too many requests"),
    "unavailable": (503, 503, "Service unavailable"),
    "region_unavailable": (503, 503, "Service unavailable"),
    "internal": (500, 500, "Internal server error"),
    "timeout": (504, 504, "Gateway timeout"),
    "not_found": (404, 404, "Instance not found"),
    "reserved": (400, 400, "Instance cannot be deleted now"),
    "bad_request": (400, 400, "Bad request"),
    # An order that cannot be served is answered with a 200.
    "offer_gone": (200, 400, "No available nodes found"),
    "price_changed": (200, 400, "No available nodes found"),
    "no_capacity": (200, 400, "No available nodes found"),
    "no_address": (200, 400, "No available public IPs on hostnode"),
    "insufficient_balance": (200, 400, "You need at least $1 to deploy an instance"),
    "ssh_port": (200, 400, "SSH port (22) must be forwarded for Ubuntu VMs"),
}
STATUSES: Mapping[str, str] = {
    "creating": "creating",
    "booting": "starting",
    "running": "running",
    "stopping": "deleting",
    "stopped": "StoppedDisassociated",
    "error": "error",
}


def error_body(status: int, message: str) -> Row:
    """Return an error as the API writes it."""
    return {"status": status, "error": message}


def fault(path: str, message: str) -> Row:
    """Return what is wrong with one field of a body; such errors come as a bare list."""
    return {"code": "invalid_type", "message": message, "path": path.split(".")}
