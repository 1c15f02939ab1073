"""The command itself: finds the one that is asked for, loads nothing else, and turns what goes wrong into two lines.

`error:` says what, `hint:` what to do; the exit code says which kind (docs/reference/cli.md). A traceback appears only
for faults of ours, and only at log level debug.
"""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

import click

from gpu_shopper.cli.lazy import LazyGroup
from gpu_shopper.cli.situation import Situation

PROGRAM = "gpu-shopper"
INTERRUPTED = 130
BROKEN_PIPE = 141

# Name, where it lives, and its one line of help: `--help` reads this and nothing else.
COMMANDS = {
    "demo": ("gpu_shopper.cli.demo:demo", "Rent, use and end a GPU on the sandbox cloud, step by step."),
    "serve": ("gpu_shopper.cli.serve:serve", "Run the server."),
    "sandbox": ("gpu_shopper.cli.sandbox:sandbox", "Run a sandbox cloud of your own."),
    "inventory": ("gpu_shopper.cli.inventory:inventory", "List what can be rented now."),
    "alternatives": (
        "gpu_shopper.cli.inventory:alternatives",
        "List what may stand in for an offer.",
    ),
    "history": ("gpu_shopper.cli.history:history", "Show what offers have cost, and whether now is a good time."),
    "fit": ("gpu_shopper.cli.fit:fit", "Say what a language model needs, and which offers have it."),
    "provision": ("gpu_shopper.cli.provision:provision", "Rent a GPU."),
    "sessions": ("gpu_shopper.cli.sessions:sessions", "List, follow, prolong and end sessions."),
    "ssh": ("gpu_shopper.cli.ssh:ssh", "Log into a session, or run a command there."),
    "transfer": ("gpu_shopper.cli.transfer:transfer", "Copy files to and from a session."),
    "costs": ("gpu_shopper.cli.costs:costs", "Show what it costs."),
    "shutdown": ("gpu_shopper.cli.shutdown:shutdown", "End all of your sessions and see them gone."),
    "cleanup-orphans": ("gpu_shopper.cli.orphans:cleanup_orphans", "Find instances that nobody is entitled to."),
    "providers": ("gpu_shopper.cli.providers:providers", "Show the clouds and how they are."),
    "offer-health": (
        "gpu_shopper.cli.offer_health:offer_health",
        "Show how likely offers are to work, and why.",
    ),
    "notices": ("gpu_shopper.cli.notices:notices", "Show what operators must know."),
    "token": ("gpu_shopper.cli.tokens:token", "Make, list and revoke tokens."),
    "config": ("gpu_shopper.cli.config:config", "Show the settings and where they come from."),
    "live-smoke": (
        "gpu_shopper.cli.live_smoke:live_smoke",
        "Check a real cloud for real, for cents.",
    ),
    "doctor": ("gpu_shopper.cli.doctor:doctor", "Check that everything is in place."),
    "backup": ("gpu_shopper.cli.database:backup", "Copy the database while it is in use."),
    "restore": ("gpu_shopper.cli.database:restore", "Put a backup in place of the database."),
    "migrate": ("gpu_shopper.cli.database:migrate", "Bring the database to this version's schema."),
    "simulate": ("gpu_shopper.testing.simulate:command", "Run the service in simulated worlds that go wrong."),
    "simulate-cloud": ("gpu_shopper.testing.vendors.command:command", "Run a simulated vendor: its API, no bill."),
    "completion": ("gpu_shopper.cli.completion:completion", "Print the completion script for a shell."),
}  # fmt: skip


class Root(LazyGroup):
    """The outermost frame of every command."""

    def main(  # type: ignore[override]
        self, args: Sequence[str] | None = None, prog_name: str | None = None, **extra: Any
    ) -> NoReturn:
        """Run one command and exit with its code."""
        situation = extra.pop("obj", None) or Situation(environ=os.environ, home=Path.home())
        extra.pop("standalone_mode", None)
        try:
            result = super().main(
                args, prog_name or PROGRAM, standalone_mode=False, obj=situation, **extra
            )
            sys.stdout.flush()
        except click.UsageError as error:
            path = error.ctx.command_path if error.ctx else PROGRAM
            _fail(error.format_message(), f"`{path} --help` shows what it takes", 2)
        except click.ClickException as error:
            _fail(error.format_message(), "", error.exit_code)
        except (click.Abort, KeyboardInterrupt):
            _fail("interrupted", "", INTERRUPTED)
        except BrokenPipeError:
            # Whoever read our output has enough; writing more, even at exit, would only fail again.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(BROKEN_PIPE)
        except Exception as error:  # noqa: BLE001 - the outermost frame: a person reads two lines
            _explain(error, situation)
        sys.exit(result if isinstance(result, int) else 0)


def _explain(error: Exception, situation: Situation) -> NoReturn:
    from gpu_shopper.cli.failures import failure_of

    failure = failure_of(error)
    if failure.ours and situation.wants_tracebacks:
        import traceback

        traceback.print_exception(error)
    _fail(failure.message, failure.hint, failure.exit_code)


def _fail(message: str, hint: str, code: int) -> NoReturn:
    click.echo(f"error: {message}", err=True)
    if hint:
        click.echo(f"hint: {hint}", err=True)
    sys.exit(code)


def _print_version(ctx: click.Context, _param: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        from importlib.metadata import version

        click.echo(f"{PROGRAM} {version('cloud-gpu-shopper')}")
        ctx.exit()


@click.group(
    cls=Root, commands_at=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]}
)
@click.option("--url", metavar="URL", help="Server to talk to, instead of the one in the settings.")
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_print_version,
    help="Print the version and exit.",
)  # fmt: skip
@click.pass_obj
def cli(situation: Situation, /, url: str | None) -> None:
    """Shop for GPUs across clouds, rent one, and see it gone afterwards.

    \b
    Examples:
      gpu-shopper demo
      gpu-shopper inventory --gpu "RTX 4090" --max-price 0.50
      gpu-shopper provision --gpu "RTX 4090" --hours 2
    """
    situation.other_url = url


def main() -> NoReturn:
    """Run the command line of this process."""
    cli.main()
