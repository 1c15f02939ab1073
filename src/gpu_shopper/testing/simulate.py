"""The command `gpu-shopper simulate`, also as `python -m gpu_shopper.testing.simulate`.

Only its options stand here, and nothing that takes time to load.
"""

from itertools import count
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from gpu_shopper.testing.replays import Replay

MODES = ("calm", "mixed", "swarm", "single", "storm", "long")


def _names(_ctx: click.Context, _param: click.Parameter, said: str | None) -> Any:
    if said is None:
        return None
    return () if said == "none" else tuple(said.split(","))


@click.command("simulate", context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--seed", type=click.IntRange(0), help="One world only.")
@click.option(
    "--seeds", type=click.IntRange(1), default=100, show_default=True, help="How many worlds."
)
@click.option(
    "--start", type=click.IntRange(0), default=0, show_default=True, help="The first seed of many."
)
@click.option("--forever", is_flag=True, help="Go on until interrupted, or until a seed fails.")
@click.option("--keep-going", is_flag=True, help="Go on after a seed has failed.")
@click.option(
    "--hours",
    type=click.FloatRange(0.01),
    help="Simulated hours with faults.  [default: 24; long: 720]",
)
@click.option(
    "--mode", type=click.Choice(MODES), help="Faults of all worlds, instead of each seed's own."
)
@click.option(
    "--only", metavar="FAULTS", help="These faults, by commas, at high rates, and no others."
)
@click.option("--explain", is_flag=True, help="Tell the whole story of one world.")
@click.option(
    "--shrink", is_flag=True, help="If it fails, look for a smaller world that fails as well."
)
@click.option(
    "--faults",
    callback=_names,
    metavar="NAMES",
    help="Of the seed's faults these only, by commas; or none.",
)
@click.option(
    "--clouds", callback=_names, metavar="NAMES", help="Of the seed's clouds these only, by commas."
)
@click.option("--consumers", type=click.IntRange(1), help="At most so many consumers.")
@click.option("--wishes", type=click.IntRange(0), help="Only the first so many wishes.")
@click.option("--strays", type=click.IntRange(0), help="So many instances of others at each cloud.")
@click.option(
    "--until", "until_s", type=click.FloatRange(0), help="Faults and demand end at this second."
)
@click.option(
    "--dice", type=click.IntRange(0), help="Another seed for what is drawn while the world runs."
)
@click.pass_context
def command(ctx: click.Context, /, **said: Any) -> None:
    """Run the real service in simulated worlds that go wrong, and check its promises.

    Each seed is one world: clouds, consumers and faults, the real commands, engine and store, in virtual time. The exit
    code is 1 if a promise was broken; then one line is printed that runs that world again.

    \b
    Examples:
      gpu-shopper simulate --seeds 20
      gpu-shopper simulate --seed 17 --explain
      gpu-shopper simulate --seeds 5 --hours 2 --mode storm
    """
    from gpu_shopper.testing.runs import Many, run_many, run_one

    like = _replay(said)
    if said["seed"] is not None:
        held = run_one(like, explain=said["explain"], shrunk=said["shrink"], say=click.echo)
    else:
        start = said["start"]
        seeds = count(start) if said["forever"] else range(start, start + said["seeds"])
        many = Many(seeds=seeds, like=like, keep_going=said["keep_going"])
        held = run_many(many, say=click.echo, note=lambda line: click.echo(line, err=True))
    ctx.exit(0 if held else 1)


def _replay(said: dict[str, Any]) -> "Replay":
    from gpu_shopper.testing.faults import MISDEEDS, TROUBLES
    from gpu_shopper.testing.profiles import Mode
    from gpu_shopper.testing.replays import Cut, Replay

    known = {**MISDEEDS, **TROUBLES}
    for name in (*(said["faults"] or ()), *(said["only"].split(",") if said["only"] else ())):
        if name not in known:
            message = f"there is no fault {name!r}; there are {', '.join(known)}"
            raise click.UsageError(message)
    cut = Cut(**{name: said[name] for name in Cut.__slots__})
    return Replay(
        seed=said["seed"] or 0,
        hours=said["hours"],
        mode=None if said["mode"] is None else Mode(said["mode"]),
        only=said["only"],
        cut=cut,
    )


if __name__ == "__main__":
    command.main(prog_name="simulate")
