"""What is said to a node's shell over SSH: plain sh, the same for every node and login user, with no secret in it.

A login shell may be any, so that each command is one `sh -c '…'` without a quote inside.
"""

NO_AGENT = 44

# Where our key is bound to the agent's own command, this one is ignored; where the cloud authorised it plainly, it finds
# the agent by what the start-up script left behind last. The agent knows our visits by the words `agent.pyz report`.
REPORT_COMMAND = (
    "sh -c 'd=$HOME/.gpu-shopper;"
    ' if [ -s "$d/python" ]; then read -r py <"$d/python"; exec "$py" -I "$d"/agent.pyz report; fi;'
    ' if [ -s "$d/error" ]; then cat "$d/error" >&2; exit 1; fi;'
    f' echo "there is no agent" >&2; exit {NO_AGENT}\''
)

DELIVER_COMMAND = "sh -s"


def delivered(script: str) -> bytes:
    """Return what is fed to `DELIVER_COMMAND`: a script that was cut off on its way is a mistake of grammar, and not run at all."""
    return (
        f"(\n{script}\n)\n"
        '[ -s "$HOME/.gpu-shopper/python" ] || { cat "$HOME/.gpu-shopper/error" >&2; exit 1; }\n'
    ).encode()
