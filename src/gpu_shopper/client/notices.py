"""Notices to operators as GET /api/v1/notices lists them."""

from datetime import datetime

from msgspec import Struct


class NoticeBody(Struct, frozen=True, kw_only=True):
    """Something that an operator must know."""

    id: str
    at: datetime
    kind: str
    text: str
    details: dict[str, str] = {}
    delivered_at: datetime | None = None


class NoticeList(Struct, frozen=True, kw_only=True):
    """The newest notices."""

    notices: list[NoticeBody]
    count: int
