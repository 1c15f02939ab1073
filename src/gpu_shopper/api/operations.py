"""For operators: notices, a sweep now, and what runs without anybody being entitled to it."""

from typing import Annotated

from msgspec import Meta, Struct

from gpu_shopper.api.routes import Access, Ask, NoQuery, Reply, Route
from gpu_shopper.domain.census import Unreadable
from gpu_shopper.domain.launch import AttemptState, LaunchAttempt
from gpu_shopper.domain.surplus import Surplus
from gpu_shopper.ports.books import Notice
from gpu_shopper.queries.operations import OrphanView
from gpu_shopper.wire.operations import Accepted, NoticeBody, NoticeList, OrphanBody, OrphanReport

_KIND = "operations"


class NoticeQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many notices to list."""

    limit: Annotated[int, Meta(ge=1, le=1000)] = 100


async def list_notices(ask: Ask[NoticeQuery, None]) -> Reply:
    """List what operators must know, newest first."""
    found = await ask.rooms.queries.operations.notices(limit=ask.query.limit)
    notices = [_notice_body(notice) for notice in found]
    return Reply(NoticeList(notices=notices, count=len(notices)))


async def request_sweep(ask: Ask[NoQuery, None]) -> Reply:
    """Ask for a look at every account now; what it finds is in the list of orphans and in the notices."""
    ask.rooms.sweep_soon()
    return Reply(Accepted(message="every account will be looked at now"), status=202)


async def list_orphans(ask: Ask[NoQuery, None]) -> Reply:
    """List what should end and has not been shown to be gone, as the book knows it. Destroys nothing."""
    view = await ask.rooms.queries.operations.orphans()
    orphans = [
        *map(_orphan_body, view.unwanted),
        *map(_surplus_body, view.surplus),
        *map(_unreadable_body, view.unreadable),
    ]
    return Reply(
        OrphanReport(
            orphans=orphans,
            count=len(orphans),
            strays=sum(sweep.strays for sweep in view.sweeps),
            instances=sum(sweep.instances for sweep in view.sweeps),
            complete=view.complete,
            dry_run=True,
            troubles=_troubles(view),
        )
    )


def _notice_body(notice: Notice) -> NoticeBody:
    return NoticeBody(
        id=notice.id,
        at=notice.at,
        kind=notice.kind,
        text=notice.text,
        details=dict(notice.details),
        delivered_at=notice.delivered_at,
        tries=notice.tries,
    )


def _orphan_body(attempt: LaunchAttempt) -> OrphanBody:
    return OrphanBody(
        provider=attempt.provider,
        instance_id=attempt.instance_id or "",
        label=attempt.label,
        kind="unanswered" if attempt.unanswered else "unwanted",
        action=_action(attempt),
    )


def _surplus_body(one: Surplus) -> OrphanBody:
    asked = f"destroying it (asked {one.destroy_tries} times)"
    return OrphanBody(
        provider=one.provider,
        instance_id=one.instance_id,
        label=one.label,
        kind="surplus",
        action="proving its absence" if one.gone_listings else asked,
    )


def _unreadable_body(one: Unreadable) -> OrphanBody:
    return OrphanBody(
        provider=one.provider,
        instance_id=one.instance_id or "",
        label=one.label,
        kind="unreadable",
        action="left alone until its row can be read",
    )


def _action(attempt: LaunchAttempt) -> str:
    if attempt.state is not AttemptState.CLOSING:
        return "looking for it by its label"
    if attempt.absence.gone_reads:
        return "proving its absence"
    return f"destroying it (asked {attempt.destroy_tries} times)"


def _troubles(view: OrphanView) -> list[str]:
    swept = [
        f"{sweep.provider}: {sweep.trouble or 'its listing was not complete'}"
        for sweep in view.sweeps
        if not sweep.complete
    ]
    return [*swept, *(f"{name}: not looked at yet" for name in view.unswept)]


ROUTES = (
    Route(
        method="GET",
        path="/api/v1/notices",
        answer=list_notices,
        access=Access.OPERATOR,
        query=NoticeQuery,
        reply=NoticeList,
        tag=_KIND,
    ),
    Route(
        method="POST",
        path="/api/v1/operations/sweep",
        answer=request_sweep,
        access=Access.OPERATOR,
        reply=Accepted,
        status=202,
        tag=_KIND,
    ),
    Route(
        method="GET",
        path="/api/v1/operations/orphans",
        answer=list_orphans,
        access=Access.OPERATOR,
        reply=OrphanReport,
        tag=_KIND,
    ),
)
