"""`GET /stream`: what happens on the floor, as server-sent events."""

from collections.abc import Iterable, Iterator
from typing import Annotated, Any, Final

from fastapi import APIRouter, Header
from fastapi.responses import StreamingResponse
from fastapi.sse import EventSourceResponse

from sledwatch_analytics.api.names import GymQuery
from sledwatch_analytics.api.parts import Parts, UsesParts
from sledwatch_storage.state.gyms import list_gyms

router = APIRouter(tags=["stream"])

_EVERY_GYM: Final = 100_000
_EXAMPLE: Final = """retry: 2000

event: machine
data: {"gym":"north","machine":"press-1","state":"in_use","depth_mm":212.5,"limit_mm":412.0}
id: 5f0c12ab-17

"""


@router.get(
    "/stream",
    response_class=StreamingResponse,
    responses={200: {"description": "server-sent events", "content": {"text/event-stream": {"example": _EXAMPLE}}}},
)
async def stream(
    parts: UsesParts,
    gym: GymQuery = None,
    last_event_id: Annotated[str | None, Header(description="where an earlier stream broke off")] = None,
) -> EventSourceResponse:
    """Live events, of one gym or of all.

    `machine` carries an item of `/gyms/{gym}/machines` (each machine once at the beginning, then whenever it changes),
    `rep` a Rep, `alert` an Alert, `session` a session that began, ended or was closed. `reload` says that events were
    left out and what is shown should be loaded anew. A comment comes every 15 s when nothing happens.
    """

    def now() -> Iterable[tuple[str, Any]]:
        return list(_machines(parts, gym))

    return EventSourceResponse(
        parts.hub.stream(gym, last_event_id, now),
        # Proxies that gather an answer before passing it on would hold the events back.
        headers={"X-Accel-Buffering": "no"},
    )


def _machines(parts: Parts, gym: str | None) -> Iterator[tuple[str, Any]]:
    gyms = [gym] if gym is not None else [one.gym for one in list_gyms(parts.engine, None, _EVERY_GYM)]
    for one in gyms:
        for machine in parts.floor.machines(one):
            yield "machine", machine
