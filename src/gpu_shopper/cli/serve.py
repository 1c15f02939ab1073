"""`gpu-shopper serve`: the server in the foreground, until Ctrl-C or SIGTERM. Sessions outlive it."""

import gc
from dataclasses import replace

import click

from gpu_shopper.cli.situation import Situation


@click.command(
    short_help="Run the server.",
    epilog="Examples:\n\n  gpu-shopper serve\n\n  gpu-shopper serve --port 9000",
)
@click.option("--host", help="Address to listen on; other than loopback only once a token exists.")
@click.option("--port", type=click.IntRange(0, 65535), help="Port; 0 lets the system choose.")
@click.pass_obj
def serve(situation: Situation, host: str | None, port: int | None) -> None:
    """Run the server: API, engine and, where no cloud is configured, the embedded sandbox cloud.

    Ending it leaves every session as it is; starting it again goes on with them. There is no other recovery.
    """
    # All that is made until it serves stays: to search it for garbage takes a tenth of the start.
    gc.disable()
    import uvloop

    from gpu_shopper.bootstrap.clouds import with_vendors_variables
    from gpu_shopper.bootstrap.serving import serve as run

    settings = with_vendors_variables(situation.settings, situation.environ)
    if host is not None:
        settings = replace(settings, host=host)
    if port is not None:
        settings = replace(settings, port=port)
    uvloop.run(run(settings, say=lambda text: click.echo(text, err=True)))
