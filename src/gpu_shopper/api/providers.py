"""The configured clouds."""

from dataclasses import asdict

from gpu_shopper.api.routes import Ask, NoQuery, Reply, Route
from gpu_shopper.queries.providers import ProviderView
from gpu_shopper.wire.offers import BillingBody, ProviderBody, ProviderList


async def list_providers(ask: Ask[NoQuery, None]) -> Reply:
    """Tell what each cloud can do, which safety layers hold there, and how it has been lately."""
    views = await ask.rooms.queries.providers.all()
    return Reply(ProviderList(providers=[_body(view) for view in views], count=len(views)))


def _body(view: ProviderView) -> ProviderBody:
    listing, sweep, complete = view.listing, view.last_sweep, view.last_complete_sweep
    return ProviderBody(
        name=view.name,
        capabilities=asdict(view.capabilities),
        safety_layers=asdict(view.layers),
        offers=len(listing.stock) if listing else 0,
        market_age_s=view.market_age_s,
        last_error=(listing.error if listing else None) or (sweep.trouble if sweep else "") or None,
        last_sweep_at=sweep.ended_at if sweep else None,
        last_complete_sweep_at=complete.ended_at if complete else None,
        instances_seen=sweep.instances if sweep else 0,
        strays_seen=sweep.strays if sweep else 0,
        orphans_seen=sweep.orphans if sweep else 0,
        open_obligations=view.open_obligations,
        frozen_since=view.account.frozen_since,
        frozen_because=view.account.frozen_because,
        unauthorized_since=view.account.unauthorized_since,
        balance=complete.balance.dollars if complete and complete.balance else None,
        billing=_billing(view),
    )


def _billing(view: ProviderView) -> BillingBody:
    terms = view.billing
    return BillingBody(
        minimum_s=terms.minimum.total_seconds(),
        increment_s=terms.increment.total_seconds(),
        billed_start_s=terms.billed_boot.total_seconds(),
        included_disk_gb=terms.included_disk_gb,
        currency=terms.currency,
        usd_per_unit=terms.usd_per_unit,
        exchange_fee=terms.exchange_fee,
        smallest_charge=terms.smallest_charge,
        stopped_share=terms.stopped_share,
        volume_price_per_gb_month=terms.volume_price,
        destroy_ends_billing=view.destroy_ends_billing,
    )


ROUTES = (
    Route(
        method="GET",
        path="/api/v1/providers",
        answer=list_providers,
        reply=ProviderList,
        tag="providers",
    ),
)
