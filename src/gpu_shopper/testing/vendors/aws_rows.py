"""How the simulated EC2 shows instances, and what it makes of the user data that one is launched with."""

import base64
import binascii
import json
from collections.abc import Mapping
from fnmatch import fnmatchcase

from gpu_shopper.sandbox.messages import Json, Row
from gpu_shopper.testing.vendors.aws_menu import REGIONS
from gpu_shopper.testing.vendors.aws_words import ERRORS, STATES, Form, error
from gpu_shopper.testing.vendors.vendor import VendorError

MOST_USER_DATA = 16_384


def told(form: Form, pairs: Mapping[str, str]) -> tuple[list[str], str, dict[str, str]]:
    """Return the keys, the script and the environment that a node gets by its user data and its key pair."""
    try:
        data = base64.b64decode(form.text("UserData"), validate=True)
    except binascii.Error as bad:
        raise _refused("Invalid BASE64 encoding of user data") from bad
    if len(data) > MOST_USER_DATA:
        raise _refused("User data is limited to 16384 bytes")
    keys = [key for name, key in pairs.items() if name == form.text("KeyName")]
    text = data.decode("utf-8", "replace")
    if text.startswith("#!"):
        return keys, text, {}
    head, _, body = text.partition("\n")
    try:
        config = json.loads(body) if head == "#cloud-config" else {}
    except ValueError:
        # What it cannot read it passes over, as the real one does.
        config = {}
    run = config["runcmd"][0] if config.get("runcmd") else []
    files = {each["path"]: each["content"] for each in config.get("write_files", ())}
    env = dict(word.split("=", 1) for word in run if "=" in word)
    script = files.get(run[-1], "") if run else ""
    return [*keys, *config.get("ssh_authorized_keys", ())], script, env


def reservation(row: Row) -> Row:
    """Return what was launched at once: one instance."""
    return {
        "reservationId": f"r-{str(row.get('id', ''))[2:19]}",
        "ownerId": "123456789012",
        "groupSet": None,
        "instancesSet": [shown(row)],
    }


def shown(row: Row) -> Row:
    """Return a row of the model's as an instance."""
    kind, _, where = str(row.get("offer_id", "")).partition("@")
    status = str(row["status"])
    code, state = STATES.get(status, ("16", status))
    host, port = row.get("ssh_host"), row.get("ssh_port")
    tags = row.get("tags")
    named = {} if row.get("name") in {None, "-"} else {"Name": row["name"]}
    every = named | (tags if isinstance(tags, dict) else {})
    is_spot = where not in REGIONS
    found: Row = {
        "instanceId": row.get("id"),
        "imageId": "ami-0123456789abcdef0",
        "instanceState": {"code": code, "name": state},
        "instanceType": kind or "t3.micro",
        "launchTime": row.get("billed_from"),
        "placement": {
            "availabilityZone": where if is_spot else f"{where}a",
            "tenancy": "default",
        },
        "tagSet": [{"key": key, "value": value} for key, value in every.items()],
    }
    if is_spot:
        found["instanceLifecycle"] = "spot"
    if host and status == "running":
        found["ipAddress"] = f"{host}" if port == 22 else f"{host}:{port}"
    return {name: value for name, value in found.items() if value is not None}


def fits(row: Row, filters: Mapping[str, object]) -> bool:
    """Return whether an instance fits all conditions.

    Raises:
        VendorError: nobody knows such a condition.
    """
    seen = shown(row)
    tags = {each["key"]: each["value"] for each in seen["tagSet"]}  # type: ignore[attr-defined]
    for name, wanted in filters.items():
        assert isinstance(wanted, list), name
        if name.startswith("tag:"):
            has: Json = tags.get(name[4:])
        elif name == "tag-key":
            has = next((key for key in tags if key in wanted), None)
        elif name == "instance-state-name":
            has = STATES.get(str(row["status"]), ("", str(row["status"])))[1]
        else:
            raise _refused(f"The filter '{name}' is invalid")
        if not any(isinstance(has, str) and fnmatchcase(has, each) for each in wanted):
            return False
    return True


def _refused(message: str) -> VendorError:
    status, code, _ = ERRORS["bad_request"]
    return VendorError(error(status, code, message))
