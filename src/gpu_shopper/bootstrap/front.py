"""What a server answers with: the API, and before it the dashboard, which is loaded when somebody first looks at it."""

from collections.abc import Awaitable, Callable
from typing import Any

from gpu_shopper.api.app import create_app
from gpu_shopper.api.rooms import Rooms

# The libraries of the API and of the server each have types of their own for what is the same.
AsgiApp = Callable[[Any, Any, Any], Awaitable[None]]

DASHBOARD = "/dashboard"


def front_of(rooms: Rooms) -> AsgiApp:
    """Return all that a server serves over `rooms`."""
    return _Front(rooms)


class _Front:
    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms
        self._api: AsgiApp = create_app(rooms)
        self._dashboard: AsgiApp | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        # What is not HTTP has no path: the beginning and the end of the server.
        path = scope.get("path", "")
        looked_at = path.startswith(DASHBOARD) and path[len(DASHBOARD) :][:1] in ("", "/")
        inner = self._pages() if looked_at and scope["type"] == "http" else self._api
        await inner(scope, receive, send)

    def _pages(self) -> AsgiApp:
        if self._dashboard is None:
            from gpu_shopper.dashboard.app import Dashboard

            rooms = self._rooms
            self._dashboard = Dashboard(
                self._api, clock=rooms.clock, chance=rooms.chance, meter=rooms.meter
            )
        return self._dashboard
