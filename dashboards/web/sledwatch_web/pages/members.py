"""`/members` and `/members/{user}`: who trains here, and what they are used to."""

import asyncio
from datetime import timedelta
from functools import partial
from typing import Annotated, Literal
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Form, Query, Request
from markupsafe import Markup
from starlette.responses import HTMLResponse, Response

from sledwatch_web import limits, load_charts, members, pain, protocol, words, workload
from sledwatch_web.alerts import by_state, card
from sledwatch_web.api import Api, Json, Refused
from sledwatch_web.site import Site, back_to, require_own_form

MANY = 100
SESSIONS = 12
MATTERS = 30
CHANGES = 20
NOTES = 20
WIDE, NARROW = 904, 336
Range = Literal["4w", "3m", "1y"]
TOLD = {
    "saved": "Saved.",
    "protocol": protocol.TOLD["saved"],
    "protocol-ended": protocol.TOLD["ended"],
}


def member_routes(site: Site) -> APIRouter:
    """The list, a member's page, and changing name and height."""
    router = APIRouter()

    @router.get("/members")
    async def listing(request: Request, q: str = "", cursor: str | None = None) -> HTMLResponse:
        api, now_us = site.api(request), site.clock()
        sought = q.strip().casefold()
        if sought:
            gyms, everybody = await asyncio.gather(site.gyms(api), api.items("/members"))
            found = [one for one in everybody if sought in f"{one.get('name') or ''} {one['user']}".casefold()]
            after = None
        else:
            gyms, page = await asyncio.gather(site.gyms(api), api.get("/members", limit=MANY, cursor=cursor))
            found, after = page["items"], page.get("next")
        zone = gyms.time_zone(None)
        return site.page(
            request,
            "members.html",
            gyms=gyms,
            members=[{**one, "last": words.moment(one.get("last_session_at"), zone, now_us)} for one in found],
            sought=q.strip(),
            after=f"/members?{urlencode({'cursor': after})}" if after else None,
        )

    @router.get("/members/{user}")
    async def member(
        request: Request,
        user: str,
        told: str | None = None,
        cursor: str | None = None,
        chosen: Annotated[Range, Query(alias="range")] = workload.USUAL_RANGE,
    ) -> HTMLResponse:
        api, now_us = site.api(request), site.clock()
        path = f"/members/{quote(user, safe='')}"
        (gyms, found, set_limits, protocols), (view, sessions, alerts, findings, notes) = await asyncio.gather(
            asyncio.gather(
                site.gyms(api), api.get(path), api.items(f"{path}/limits"), api.items(f"{path}/protocol/history")
            ),
            asyncio.gather(
                api.get(f"{path}/workload", **{"from": _first_day(chosen, now_us)}),
                api.get(f"{path}/sessions", limit=SESSIONS, cursor=cursor),
                api.get("/alerts", user=user, limit=MATTERS),
                api.get("/findings", user=user, limit=MATTERS),
                api.get(f"{path}/notes", limit=NOTES),
            ),
        )
        drawn, judged, (in_force, changes), strengths = await asyncio.gather(
            _drawn(site, view),
            # The table of sessions goes back further than a few weeks.
            api.get(f"{path}/workload") if chosen == workload.LEAST_RANGE else _the_same(view),
            _limits(api, path, limits.machines_of(set_limits, sessions["items"])),
            asyncio.gather(
                *(api.get(f"/sessions/{quote(one, safe='')}") for one in members.latest_closed(sessions["items"]))
            ),
        )
        shown = [protocol.shown(one, gyms, now_us) for one in protocols]
        waiting, done = by_state([card(alert, gyms, now_us) for alert in alerts["items"]])
        zone = view["time_zone"]
        today = words.local_day(now_us, zone)
        text, severity = members.headline(judged, words.moment(found.get("last_session_at"), zone, now_us))
        return site.page(
            request,
            "member.html",
            gyms=gyms,
            member=found,
            who=found.get("name") or user,
            height_cm=members.height_cm(found),
            first_seen=words.moment(found.get("first_seen_at"), zone, now_us),
            workload=view,
            standing=workload.standing(view["now"], today),
            own_weeks=workload.own_weeks(view["now"], view["weeks"]),
            headline=text,
            severity=severity,
            drawn=drawn,
            ranges=workload.range_links(user, chosen),
            range_words=workload.RANGES[chosen][1].lower(),
            days=[row for row in reversed(view["days"]) if row["sessions"] or row["missing"]],
            weeks=workload.week_rows(view),
            standings=workload.standing_rows(view),
            pairs=workload.pair_rows(view, now_us),
            sets=workload.set_rows(view, now_us),
            near_failure=workload.near_failure(view),
            in_lanes=workload.in_lanes(view),
            sessions=members.session_rows(sessions["items"], judged, gyms, now_us),
            strengths=members.strength_rows(strengths, gyms, now_us),
            in_force=[limits.force_of(one, user, gyms) for one in in_force],
            limits=limits.limit_rows(set_limits, gyms, now_us),
            changes=limits.change_rows(changes, gyms, now_us),
            protocol=next((one for one in shown if one.state != "ended"), None),
            past_protocols=[one for one in shown if one.state == "ended"],
            waiting=waiting,
            done=done,
            older=f"{path}?{urlencode({'cursor': sessions['next']})}#sessions" if sessions.get("next") else None,
            findings=[card(finding, gyms, now_us) for finding in members.beyond(findings["items"], alerts["items"])],
            pain=pain.shown(user, "", notes["items"], request.query_params, zone, now_us),
            told=TOLD.get(told or ""),
        )

    @router.post("/members/{user}")
    async def change(
        request: Request,
        user: str,
        name: Annotated[str, Form()] = "",
        height_cm: Annotated[str, Form()] = "",
    ) -> Response:
        require_own_form(request)
        path = f"/members/{quote(user, safe='')}"
        await site.api(request).put(path, {"name": name.strip() or None, "height_mm": _height_mm(height_cm)})
        return back_to(path, "saved", "told")

    return router


def _height_mm(text: str) -> float | None:
    """A height as typed, in centimetres; None for an empty field. Raises Refused for what is no body height."""
    if not text.strip():
        return None
    try:
        height_mm = float(text.replace(",", ".")) * 10
    except ValueError:
        height_mm = 0.0
    if not 1000 <= height_mm <= 2500:
        raise Refused(f"A height of “{text.strip()}” cm: expected 100 to 250. Nothing was changed.", 422)
    return round(height_mm, 1)


async def _limits(api: Api, path: str, machines: list[tuple[str, str]]) -> tuple[list[Json], list[Json]]:
    """What holds on each machine, and all changes there."""
    where = [f"{path}/limits/{quote(gym, safe='')}/{quote(machine, safe='')}" for gym, machine in machines]
    in_force, histories = await asyncio.gather(
        asyncio.gather(*(api.get(f"{one}/in-force") for one in where)),
        asyncio.gather(*(api.get(f"{one}/history", limit=CHANGES) for one in where)),
    )
    return in_force, [change for history in histories for change in history["items"]]


async def _drawn(site: Site, view: Json) -> dict[str, Markup | None] | None:
    """The pictures of a range, for wide pages and for narrow ones; None where there is nothing to draw."""
    if not view["sessions"]:
        return None
    charts = await asyncio.gather(
        *(
            site.charts.svg(partial(picture, view, width=width))
            for picture in (load_charts.load_over_time, load_charts.beside_load)
            for width in (WIDE, NARROW)
            if picture is load_charts.load_over_time or load_charts.has_beside(view)
        )
    )
    return dict(zip(("wide", "narrow", "beside_wide", "beside_narrow"), charts, strict=False))


def _first_day(chosen: str, now_us: int) -> str:
    """The first day of a range. One more than its weeks have, since the gym's today may be behind."""
    return (words.local_day(now_us, None) - timedelta(days=workload.RANGES[chosen][0])).isoformat()


async def _the_same(view: Json) -> Json:
    return view
