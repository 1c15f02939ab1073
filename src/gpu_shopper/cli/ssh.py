"""`gpu-shopper ssh`: log into a session, or run a command there. The host key is pinned, the exit code passed on."""

from pathlib import Path

import click

from gpu_shopper.cli.keys import KeyRing
from gpu_shopper.cli.situation import Situation
from gpu_shopper.client.login import remote_line, system_ssh


@click.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.option(
    "-i", "--identity", type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Private key to show, instead of the one kept for the session.",
)  # fmt: skip
@click.option("--built-in", is_flag=True, help="Use the SSH inside this program.")
@click.option("--print", "only_print", is_flag=True, help="Print the command line and do no more.")
@click.argument("session")
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
@click.pass_obj
def ssh(
    situation: Situation, /, *, session: str, command: tuple[str, ...], identity: Path | None,
    built_in: bool, only_print: bool,
) -> int:  # fmt: skip
    """Log into a session, or run a command there.

    \b
    Examples:
      gpu-shopper ssh SESSION
      gpu-shopper ssh SESSION nvidia-smi
      gpu-shopper ssh SESSION 'cd work && python train.py'
    """
    found = situation.shopper.get(session)
    login = KeyRing(situation.keys_folder).login(found, identity=identity)
    if only_print:
        click.echo(login.ssh_line)
        return 0
    # As with `ssh` itself: two dashes between the session and its command are no part of it.
    command = command[1:] if command[:1] == ("--",) else command
    # One word is a line for the remote shell; several are words to be kept apart, as they were typed here.
    line = command[0] if len(command) == 1 else remote_line(command) if command else ""
    program = None if built_in else system_ssh()
    if program is None:
        from gpu_shopper.cli.terminal import attach

        return attach(login, line)
    words = [program, *login.ssh_arguments(batch=bool(line))[1:]]
    return situation.run_program([*words, "--", line] if line else words)
