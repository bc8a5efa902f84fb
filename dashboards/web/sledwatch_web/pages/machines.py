"""`/machines/{gym}/{machine}`: what has become of all that a machine sent, and what befell it."""

import asyncio
from functools import partial
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Request
from markupsafe import Markup
from starlette.responses import HTMLResponse

from sledwatch_web import charts, machines, words
from sledwatch_web.api import Json
from sledwatch_web.site import Site
from sledwatch_web.tiles import STATES

KINDS = {"incline": "Incline press", "seated": "Seated press", "supine": "Supine press"}
EVENTS = 20
# Pictures for a desk and for a phone: how many sessions of a machine, and how wide.
WIDE_SESSIONS, WIDE = 60, 904
NARROW_SESSIONS, NARROW = 24, 336


def machine_routes(site: Site) -> APIRouter:
    """A machine's page."""
    router = APIRouter()

    @router.get("/machines/{gym}/{name}")
    async def machine(request: Request, gym: str, name: str, cursor: str | None = None) -> HTMLResponse:
        api, now_us = site.api(request), site.clock()
        path = f"/gyms/{quote(gym, safe='')}/machines/{quote(name, safe='')}"
        gyms, found, events = await asyncio.gather(
            site.gyms(api), api.get(path), api.get(f"{path}/events", limit=EVENTS, cursor=cursor)
        )
        zone = gyms.time_zone(gym)
        text, level = machines.verdict(found.get("account"))
        sensors = found["sensors"]
        doubtful_since = words.moment(sensors.get("since_at"), zone, now_us)
        said, grave = machines.sensors_verdict(sensors, doubtful_since)
        older = urlencode({"cursor": events["next"]}) if events.get("next") else None
        return site.page(
            request,
            "machine.html",
            gyms=gyms,
            machine=found,
            kind=KINDS.get(found.get("kind") or "", "Leg press"),
            state_word=STATES.get(found["state"], found["state"]),
            seen=words.moment(found.get("last_seen_at"), zone, now_us),
            since=words.moment(found.get("since_at"), zone, now_us),
            who=found.get("user_name") or found.get("user"),
            sensing={
                "state": sensors["state"],
                "verdict": said,
                "level": grave,
                "troubles": machines.troubles(sensors, zone, now_us),
                "totals": machines.sensor_totals(sensors),
                "chart": await _drawn(site, sensors, zone),
                "any_off": sensors["state"] == "doubtful",
            },
            verdict=text,
            level=level,
            totals=machines.totals(found["account"]) if found.get("account") else [],
            boots=machines.boot_rows(found["boots"], zone, now_us),
            events=machines.event_rows(events["items"], zone, now_us),
            older=f"/machines/{gym}/{name}?{older}#befell" if older else None,
            refused=f"/quarantine?{urlencode({'gym': gym})}",
        )

    return router


async def _drawn(site: Site, sensors: Json, zone: str | None) -> dict[str, Markup] | None:
    if len(charts.with_level(sensors)) < charts.LEAST_LEVELS:
        return None
    wide, narrow = await asyncio.gather(
        site.charts.svg(partial(charts.rack_levels, sensors, zone, sessions=WIDE_SESSIONS, width=WIDE)),
        site.charts.svg(partial(charts.rack_levels, sensors, zone, sessions=NARROW_SESSIONS, width=NARROW)),
    )
    return {"wide": wide, "narrow": narrow}
