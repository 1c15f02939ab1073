"""The command `gpu-shopper simulate-cloud`: only its options stand here, and nothing that takes time to load."""

import click


@click.command("simulate-cloud", context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("vendor")
@click.option(
    "--port", type=click.IntRange(0, 65_535), default=0, help="Port on 127.0.0.1.  [default: any]"
)
@click.option("--key", default="simulated-key", show_default=True, help="The account's key.")
@click.option(
    "--state-dir",
    type=click.Path(file_okay=False),
    help="Folder of its instances.  [default: one that is thrown away]",
)
@click.option(
    "--control-key",
    help="Key of the control API (/control/ledger, /control/misbehaviour).  [default: nobody knows it]",
)
@click.option("--seed", type=int, default=1, show_default=True, help="Seed of the market.")
@click.option(
    "--offers",
    type=click.IntRange(1, 100_000),
    default=300,
    show_default=True,
    help="Size of the market.",
)
@click.option(
    "--boot-seconds",
    type=click.FloatRange(0, 86_400),
    default=1.0,
    show_default=True,
    help="Time to boot.",
)
@click.option(
    "--pace",
    type=click.FloatRange(0.01),
    help="Requests a second that it bears.  [default: any number]",
)
def command(vendor: str, **given: object) -> None:
    r"""Run a simulated cloud until Ctrl-C: a real vendor's wire protocol, real processes, real SSH, no bill.

    VENDOR is one of those that `gpu-shopper simulate-cloud list` shows. The first line is its address: give it to the
    server as the cloud's `url`, or to the vendor's own client. All of its instances end with it.

    \b
    Examples:
      gpu-shopper simulate-cloud vast --port 8801
      GPU_SHOPPER_PROVIDER_VAST_URL=http://127.0.0.1:8801 VAST_API_KEY=simulated-key gpu-shopper serve
    """
    from gpu_shopper.testing.vendors.program import (  # noqa: PLC0415 - help must not load it
        Options,
        run,
        simulated,
    )

    names = simulated()
    if vendor == "list":
        click.echo("\n".join(names))
        return
    if vendor not in names:
        message = f"no such vendor: {vendor!r}; there are {', '.join(names)}"
        raise click.UsageError(message)
    run(Options(vendor=vendor, **given))  # type: ignore[arg-type]
