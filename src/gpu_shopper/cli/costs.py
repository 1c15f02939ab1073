"""`gpu-shopper costs`: what a session, a period or each hour cost."""

from typing import TYPE_CHECKING, Any

import click

from gpu_shopper.cli.render import Column, output_option, say, show, show_json, show_one
from gpu_shopper.cli.situation import Situation
from gpu_shopper.wire.figures import money

if TYPE_CHECKING:
    from gpu_shopper.wire.costs import CostSummary, HourlyRecord, SessionCost

PERIODS = ("daily", "monthly")
PARTS = ("provider", "gpu", "consumer", "day")

_SESSION: tuple[Column["SessionCost"], ...] = (
    Column("Session", lambda cost: cost.session_id),
    Column("Cost", lambda cost: money(cost.total_cost, digits=6)),
    Column("Currency", lambda cost: cost.currency),
    Column("Settled", lambda cost: cost.settled),
)

_SUMMARY: tuple[Column["CostSummary"], ...] = (
    Column("From", lambda summary: summary.period_start),
    Column("To", lambda summary: summary.period_end),
    Column("Cost", lambda summary: money(summary.total_cost, digits=6)),
    Column("Currency", lambda summary: summary.currency),
    Column("Sessions", lambda summary: summary.session_count),
    Column("Hours", lambda summary: f"{summary.hours_used:.3f}"),
)

_PART: tuple[Column[tuple[str, float]], ...] = (
    Column("Name", lambda part: part[0]),
    Column("Cost", lambda part: money(part[1], digits=6), right=True),
)

_HOURS: tuple[Column["HourlyRecord"], ...] = (
    Column("Begins", lambda record: record.begins_at),
    Column("Ends", lambda record: record.ends_at),
    Column("Session", lambda record: record.session_id),
    Column("Consumer", lambda record: record.consumer_id),
    Column("Cloud", lambda record: record.provider),
    Column("GPU", lambda record: record.gpu_type),
    Column("USD/h", lambda record: money(record.price_per_hour), right=True),
    Column("Cost", lambda record: money(record.cost, digits=6), right=True),
)


@click.group(invoke_without_command=True)
@click.option("--session", metavar="ID", help="What one session costs.")
@click.option("--consumer", metavar="NAME", help="Only what one consumer costs.")
@click.option("--period", type=click.Choice(PERIODS), help="Today, or this month.")
@click.option("--from", "start_date", metavar="DAY", help="First day, as 2026-01-31; UTC.")
@click.option("--to", "end_date", metavar="DAY", help="Last day.")
@click.option("--by", "part", type=click.Choice(PARTS), help="Split it up.")
@output_option
@click.pass_context
def costs(
    ctx: click.Context, /, *, session: str | None, consumer: str | None, part: str | None,
    output: str, **dates: Any,
) -> None:  # fmt: skip
    """Show what it costs: this month, unless you say otherwise.

    \b
    Examples:
      gpu-shopper costs --session SESSION
      gpu-shopper costs --from 2026-01-01 --to 2026-01-31 --by gpu -o csv
      gpu-shopper costs summary
    """
    if ctx.invoked_subcommand is not None:
        return
    shopper = ctx.ensure_object(Situation).shopper
    if session is not None:
        if consumer or part or any(dates.values()):
            raise click.UsageError("--session goes without other options")
        show_one(shopper.cost(session), _SESSION, output)
        return
    _present(shopper.costs(consumer_id=consumer, **dates), part, output)


@costs.command()
@click.option("--consumer", metavar="NAME", help="Only what one consumer costs.")
@click.option("--by", "part", type=click.Choice(PARTS), help="Split it up.")
@output_option
@click.pass_obj
def summary(
    situation: Situation, /, *, consumer: str | None, part: str | None, output: str
) -> None:
    """Show what this month cost.

    \b
    Examples:
      gpu-shopper costs summary --by consumer
    """
    _present(situation.shopper.cost_summary(consumer_id=consumer), part, output)


@costs.command()
@click.option("--session", "session_id", metavar="ID", help="Only one session's.")
@click.option("--consumer", "consumer_id", metavar="NAME", help="Only one consumer's.")
@click.option("--provider", metavar="NAME", help="Only one cloud's.")
@click.option("--gpu", "gpu_type", metavar="NAME", help="Only one GPU model's.")
@click.option("--period", type=click.Choice(PERIODS), help="Today, or this month.")
@click.option("--from", "start_date", metavar="DAY", help="First day, as 2026-01-31; UTC.")
@click.option("--to", "end_date", metavar="DAY", help="Last day.")
@output_option
@click.pass_obj
def hourly(situation: Situation, /, *, output: str, **filters: Any) -> None:
    """List hourly records; the newest may still grow.

    \b
    Examples:
      gpu-shopper costs hourly --period daily -o csv
    """
    given = {name: value for name, value in filters.items() if value}
    show(situation.shopper.hourly(**given), _HOURS, output, nothing="nothing was billed")


def _present(summary: "CostSummary", part: str | None, output: str) -> None:
    if output == "json":
        show_json(summary)
    elif part is None:
        show_one(summary, _SUMMARY, output)
    else:
        parts = {
            "provider": summary.by_provider, "gpu": summary.by_gpu_type,
            "consumer": summary.by_consumer, "day": summary.by_day,
        }[part]  # fmt: skip
        show(sorted(parts.items()), _PART, output, nothing="nothing was billed")
        if output == "table":
            say(f"total {money(summary.total_cost, digits=6)} {summary.currency}")
