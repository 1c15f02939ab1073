"""Build the start-up script that every rented instance is given: plain sh, from data, never from pasted text.

It leaves the agent running under a watchdog, lets the control plane read heartbeats over SSH, starts the consumer's
own script as the workload, and returns at once. Whatever the consumer's script holds travels as base64 in a file of
its own and can't reach the lines around it. Without a fit Python there is no agent, which the file `error` in the
agent's folder says; the workload is started all the same. The file `python` is written last: whoever finds it knows that
nothing before it is missing.
"""

from __future__ import annotations

import base64
import io
import re
import shlex
import zipfile
import zlib
from typing import TYPE_CHECKING

from gpu_shopper.agent.config import AgentConfig

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# Clouds cap start-up scripts; what is ours must leave room for the consumer's. Where a cloud's cap is lower, it goes over SSH.
OWN_SIZE_LIMIT_BYTES = 28 * 1024
BASE64_LINE = 1_000

_KEY = r"[a-z0-9@.-]{4,64} [A-Za-z0-9+/=]{16,2000}( [ -~]{0,200})?"
_HOLE = re.compile(r"@([A-Z_]+)@")

_TEMPLATE = r"""#!/bin/sh
# Starts the Cloud GPU Shopper's node agent, then the workload.
set -u
unset SSH_CONNECTION SSH_CLIENT SSH_TTY
user_mask=$(umask)
umask 077
if [ -z "${HOME:-}" ]; then
  HOME=$(getent passwd "$(id -u)" 2>/dev/null | cut -d: -f6)
  [ -n "$HOME" ] || HOME=/root
fi
export HOME
dir=$HOME/.gpu-shopper
mkdir -p "$dir" && chmod 700 "$dir" && cd "$dir" || exit 1

py=
for try in python3 python /usr/bin/python3 /usr/local/bin/python3 /opt/conda/bin/python3 /opt/venv/bin/python3 \
  /venv/main/bin/python3 python3.14 python3.13 python3.12 python3.11 python3.10 python3.9 python3.8; do
  py=$("$try" -I -c 'import fcntl, ssl, sys, zlib
if sys.version_info >= (3, 8): print(sys.executable)' 2>/dev/null) && [ -n "$py" ] && break
  py=
done

decode() {
  if command -v base64 >/dev/null 2>&1; then base64 -d
  elif [ -n "$py" ]; then "$py" -I -c 'import base64, sys
sys.stdout.buffer.write(base64.b64decode(sys.stdin.read()))'
  else openssl base64 -d
  fi
}

detach() {
  if command -v setsid >/dev/null 2>&1; then setsid "$@" </dev/null >/dev/null 2>&1 &
  elif [ -n "$py" ]; then
    "$py" -I -c 'import os, sys
os.setsid()
os.execvp(sys.argv[1], sys.argv[1:])' "$@" </dev/null >/dev/null 2>&1 &
  else "$@" </dev/null >/dev/null 2>&1 &
  fi
}

rm -f error python
if [ -n "$py" ]; then
  "$py" -I -c 'import base64, sys, zlib
sys.stdout.buffer.write(zlib.decompress(base64.b64decode(sys.stdin.read())))' >agent.pyz.new <<'END_OF_AGENT'
@AGENT@
END_OF_AGENT
  mv -f agent.pyz.new agent.pyz
  decode >config.json.new <<'END_OF_CONFIG'
@CONFIG@
END_OF_CONFIG
  mv -f config.json.new config.json
  cat >watchdog.sh <<'END_OF_WATCHDOG'
trap '' HUP
while :; do
  "$1" -I "$2/agent.pyz" run >"$2/agent.out" 2>&1
  # 75: another one runs already. 78: the config is bad, and haste won't mend it.
  case $? in 75) exit 0 ;; 78) sleep 30 ;; esac
  sleep 2
done
END_OF_WATCHDOG
  key=@PROBE_KEY@
  if [ -n "$key" ]; then
    case $py$dir in
    *[\'\"\\]*) echo "no probe key: the path $dir or $py holds a quote" >error ;;
    *)
      line="restrict,command=\"'$py' -I '$dir/agent.pyz' report\" $key"
      keys=$HOME/.ssh/authorized_keys
      mkdir -p "$HOME/.ssh"
      [ -s "$keys" ] && [ -n "$(tail -c 1 "$keys")" ] && echo >>"$keys"
      grep -qxF -e "$line" "$keys" 2>/dev/null || printf '%s\n' "$line" >>"$keys"
      ;;
    esac
  fi
else
  echo "no agent: there is no Python 3.8 or later" >error
fi

@LOGIN_KEYS@
running=
old=$(cat workload.pid 2>/dev/null)
if [ -n "$old" ] && grep -q gpu-shopper/workload.sh "/proc/$old/cmdline" 2>/dev/null; then running=yes
else rm -f workload.pid workload.exit
fi
[ -n "$py" ] && detach sh "$dir/watchdog.sh" "$py" "$dir"
@WORKLOAD@
[ -n "$py" ] && echo "$py" >python
exit 0
"""

_LOGIN_KEYS = r"""
keys=$HOME/.ssh/authorized_keys
mkdir -p "$HOME/.ssh"
[ -s "$keys" ] && [ -n "$(tail -c 1 "$keys")" ] && echo >>"$keys"
decode <<'END_OF_KEYS' | while IFS= read -r line; do
@KEYS@
END_OF_KEYS
  grep -qxF -e "$line" "$keys" 2>/dev/null || printf '%s\n' "$line" >>"$keys"
done
"""

_WORKLOAD = r"""
if [ -z "$running" ]; then
  decode >workload.user <<'END_OF_WORKLOAD'
@SCRIPT@
END_OF_WORKLOAD
  chmod 700 workload.user
  cat >workload.sh <<'END_OF_WRAPPER'
dir=$1
echo $$ >"$dir/workload.new" && mv -f "$dir/workload.new" "$dir/workload.pid"
umask "$2"
cd "$HOME" || exit 1
case $(head -c 2 "$dir/workload.user") in
'#!') set -- "$dir/workload.user" ;;
*) if command -v bash >/dev/null 2>&1; then set -- bash "$dir/workload.user"; else set -- sh "$dir/workload.user"; fi ;;
esac
"$@" >"$HOME/workload.log" 2>&1 </dev/null
echo $? >"$dir/workload.new" && mv -f "$dir/workload.new" "$dir/workload.exit"
END_OF_WRAPPER
  detach sh "$dir/workload.sh" "$dir" "$user_mask"
fi
"""


def boot_script(
    config: AgentConfig,
    *,
    zipapp: bytes,
    user_script: str | None,
    authorized_probe_key: str | None,
    login_keys: Sequence[str] = (),
) -> str:
    """Return the whole start-up script; `login_keys` are OpenSSH lines whose holders it lets log in.

    Raises ValueError where the config would not be accepted by the agent, the key is not one line of a public key, or
    what is ours outgrows `OWN_SIZE_LIMIT_BYTES`. Running the script again changes nothing that runs.
    """
    AgentConfig.from_json(config.to_json())
    key = authorized_probe_key if authorized_probe_key is not None else config.probe_public_key
    if key is not None and re.fullmatch(_KEY, key.strip()) is None:
        message = (
            f"authorized_probe_key for {config.label} is not one line of an OpenSSH public key"
        )
        raise ValueError(message)
    ours = _filled(
        _TEMPLATE,
        {
            "AGENT": _base64(_in_transit(zipapp)),
            "CONFIG": _base64(config.to_json().encode()),
            "PROBE_KEY": shlex.quote(key.strip()) if key is not None else "''",
            "LOGIN_KEYS": _LOGIN_KEYS.replace("@KEYS@", "@@KEYS@@").strip("\n")
            if login_keys
            else "",
            "WORKLOAD": ""
            if user_script is None
            else _WORKLOAD.replace("@SCRIPT@", "@@SCRIPT@@").strip("\n"),
        },
    )
    if len(ours) > OWN_SIZE_LIMIT_BYTES:
        message = f"the start-up script for {config.label} is {len(ours)} bytes before the consumer's part"
        raise ValueError(message)
    lines = "".join(f"{line.strip()}\n" for line in login_keys)
    ours = ours.replace("@@KEYS@@", _base64(lines.encode("utf-8")))
    if user_script is None:
        return ours
    return ours.replace("@@SCRIPT@@", _base64(user_script.encode("utf-8")))


def _filled(template: str, values: Mapping[str, str]) -> str:
    """Fill each hole once; what is filled in is not looked at again."""
    return _HOLE.sub(lambda hole: values[hole.group(1)], template)


def _base64(content: bytes) -> str:
    whole = base64.b64encode(content).decode("ascii")
    return "\n".join(
        whole[start : start + BASE64_LINE] for start in range(0, len(whole), BASE64_LINE)
    )


def _in_transit(zipapp: bytes) -> bytes:
    """Compress the archive as one piece: a third smaller than file by file, and still a plain zipapp on the node."""
    plain = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(zipapp)) as packed, zipfile.ZipFile(plain, "w") as stored:
        for entry in packed.infolist():
            copy = zipfile.ZipInfo(entry.filename, date_time=entry.date_time)
            copy.external_attr = entry.external_attr
            stored.writestr(copy, packed.read(entry))
    return zlib.compress(plain.getvalue(), 9)
