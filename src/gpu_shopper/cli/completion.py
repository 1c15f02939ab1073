"""`gpu-shopper completion`: the script that teaches a shell our commands."""

import click

SHELLS = ("bash", "zsh", "fish")


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
def completion(shell: str) -> None:
    """Print the completion script for a shell.

    \b
    Examples:
      eval "$(gpu-shopper completion bash)"
      gpu-shopper completion zsh > ~/.zfunc/_gpu-shopper
      gpu-shopper completion fish > ~/.config/fish/completions/gpu-shopper.fish
    """
    from click.shell_completion import get_completion_class

    from gpu_shopper.cli.main import PROGRAM, cli

    kind = get_completion_class(shell)
    assert kind is not None, shell
    # Not `source()`: it starts a shell only to look at its version.
    maker = kind(cli, {}, PROGRAM, "_GPU_SHOPPER_COMPLETE")
    click.echo(maker.source_template % maker.source_vars())
