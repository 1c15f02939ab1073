"""`gpu-shopper sandbox`: a sandbox cloud of your own, beside the one that a server starts by itself."""

import sys

import click

from gpu_shopper.cli.render import say
from gpu_shopper.cli.situation import Situation


@click.command(
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
    add_help_option=True,
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@click.pass_obj
def sandbox(situation: Situation, /, *, arguments: tuple[str, ...]) -> int:
    """Run a sandbox cloud until Ctrl-C; its instances go on, and are found again at the next start.

    ARGUMENTS go to the program as they are; `gpu-shopper sandbox -- --help` lists them. Its folder and the file of its
    key lie in the data folder unless you name others.

    \b
    Examples:
      gpu-shopper sandbox --port 8500
      gpu-shopper sandbox --state-dir /tmp/cloud --key secret --offers 200
    """
    words = [sys.executable, "-m", "gpu_shopper.sandbox", *arguments]
    if not {"-h", "--help"} & set(arguments):
        words += _places(situation, arguments)
    return situation.run_program(words)


def _places(situation: Situation, arguments: tuple[str, ...]) -> list[str]:
    given = {word.partition("=")[0] for word in arguments}
    # Not the embedded one's: two programs cannot share one cloud's folder.
    folder = situation.settings.data_dir / "sandbox-by-hand"
    words: list[str] = []
    if "--state-dir" not in given:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        words += ["--state-dir", str(folder)]
    if not {"--key", "--key-file"} & given:
        key_file = folder.with_name("sandbox-by-hand.key")
        key_file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        words += ["--key-file", str(key_file)]
        say(f"its key is in {key_file}; a server uses both as [providers.sandbox] url and key")
    return words
