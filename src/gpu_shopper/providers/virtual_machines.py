"""What clouds of virtual machines have in common: a script at first boot that runs as root, and an address without a port.

Pure. The node agent and the consumer's workload belong to the user that people log in as, not to root: keys are admitted
there, and the start-up script runs there.
"""

import re
import shlex
from collections.abc import Mapping, Sequence

from gpu_shopper.domain.instance import Endpoint

SSH_PORT = 22
# Not addresses: what clouds write while there is none yet.
_NOWHERE = frozenset({"", "0.0.0.0", "::", "null", "none"})  # noqa: S104
_ADDRESS = re.compile(r"(?P<host>[A-Za-z0-9][A-Za-z0-9.-]*|\[[0-9A-Fa-f:]+\]|[0-9A-Fa-f:]{3,})")
_PORT = re.compile(r"(?P<host>[A-Za-z0-9][A-Za-z0-9.-]*):(?P<port>\d{1,5})")

_SCRIPT = r"""#!/bin/sh
set -u
user=@USER@
umask 077
if [ "${USER:-}" = "$user" ]; then
  as_user() { "$@"; }
else
  HOME=$(getent passwd "$user" | cut -d: -f6)
  as_user() { runuser -u "$user" -- env HOME="$HOME" USER="$user" LOGNAME="$user" "$@"; }
fi
cd "$HOME" || exit 1
as_user sh -c 'mkdir -p .ssh && cat >>.ssh/authorized_keys' <<'END_OF_KEYS'

@KEYS@
END_OF_KEYS
"""
_START = r"""as_user sh -c 'cat >.first-boot.sh' <<'@END@'
@START@
@END@
umask 022
as_user env @ENV@ sh .first-boot.sh
"""


def first_boot_script(
    *, user: str, keys: Sequence[str], env: Mapping[str, str], on_start: str
) -> str:
    """Return a script for cloud-init: admits these OpenSSH keys for `user`, then runs `on_start` as that user, if there is one.

    Where it is run as that user already, it stays that user.
    """
    text = _SCRIPT.replace("@USER@", shlex.quote(user))
    text = text.replace("@KEYS@", "\n".join(key.strip() for key in keys))
    if not on_start:
        return text
    given = " ".join(f"{name}={shlex.quote(value)}" for name, value in env.items())
    start = _START.replace("@ENV@", given or "-").replace("@END@", _end_of(on_start))
    if not given:
        start = start.replace("env - sh", "sh")
    return text + start.replace("@START@", on_start.rstrip("\n"))


def _end_of(script: str) -> str:
    """Return a word that stands on no line of the script."""
    lines, word, number = set(script.split("\n")), "END_OF_START", 0
    while word in lines:
        number += 1
        word = f"END_OF_START_{number}"
    return word


def read_address(text: str | None, *, user: str, port: int = SSH_PORT) -> Endpoint | None:
    """Return where SSH answers; None while there is no address. A port may stand in it, and the size of a network behind it."""
    plain = (text or "").strip().partition("/")[0]
    if plain.lower() in _NOWHERE:
        return None
    with_port = _PORT.fullmatch(plain)
    if with_port is not None and 0 < int(with_port["port"]) < 65_536:
        return Endpoint(host=with_port["host"], port=int(with_port["port"]), user=user)
    alone = _ADDRESS.fullmatch(plain)
    return None if alone is None else Endpoint(host=alone["host"].strip("[]"), port=port, user=user)
