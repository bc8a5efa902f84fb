"""`/`: every machine of every gym, live."""

import asyncio

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse

from sledwatch_web.alerts import card
from sledwatch_web.site import Site
from sledwatch_web.tiles import tile

# What the strip above the floor has room for, whether it is full or not: nothing below it moves when an alert comes.
STRIP = 3


def floor_routes(site: Site) -> APIRouter:
    """The floor, and its strip of alerts alone, for the page to renew."""
    router = APIRouter()

    @router.get("/")
    async def floor(request: Request) -> HTMLResponse:
        api, now_us = site.api(request), site.clock()
        gyms = await site.gyms(api)
        machines, alerts = await asyncio.gather(
            asyncio.gather(*(api.items(f"/gyms/{gym['gym']}/machines") for gym in gyms.items)),
            api.get("/alerts", state="open", limit=STRIP),
        )
        halls = [
            {"gym": gym, "tiles": [tile(item, gym.get("time_zone"), now_us) for item in items]}
            for gym, items in zip(gyms.items, machines, strict=True)
        ]
        newest = [card(alert, gyms, now_us) for alert in alerts["items"]]
        return site.page(request, "floor.html", gyms=gyms, halls=halls, newest=newest, slots=STRIP)

    @router.get("/alerts/newest")
    async def newest_alerts(request: Request) -> HTMLResponse:
        api = site.api(request)
        gyms, alerts = await asyncio.gather(site.gyms(api), api.get("/alerts", state="open", limit=STRIP))
        newest = [card(alert, gyms, site.clock()) for alert in alerts["items"]]
        return site.page(request, "strip.html", gyms=gyms, newest=newest, slots=STRIP)

    return router
