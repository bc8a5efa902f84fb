"""`/sessions/{session}`: what happened, traced, rep by rep; and making a rep's depth the limit."""

import asyncio
from datetime import timedelta
from functools import partial
from typing import Annotated, Literal
from urllib.parse import quote

from fastapi import APIRouter, Form, Request
from markupsafe import Markup
from starlette.responses import HTMLResponse, Response

from sledwatch_web import charts, pain, sessions, words
from sledwatch_web.alerts import card
from sledwatch_web.api import Api, ApiError, Json, NotFound
from sledwatch_web.site import Site, back_to, require_own_form

# Samples asked for: enough to see every rep of half an hour, few enough for a phone.
TRACE_POINTS = 4_000
WIDE, NARROW = 904, 336
# From here on the machine warns; the API says so of machines, not of sessions.
CAUTION_MM = 20.0
TOLD = {
    "limit": "That depth is the limit now. It holds from the next rep on; what has been judged stays as it was judged.",
}


def session_routes(site: Site) -> APIRouter:
    """A session's page, and the confirmation on the way to a new limit."""
    router = APIRouter()

    @router.get("/sessions/{session_id}")
    async def session(request: Request, session_id: str, told: str | None = None) -> HTMLResponse:
        api, now_us = site.api(request), site.clock()
        path = _path(session_id)
        gyms, found, reps, trace = await asyncio.gather(
            site.gyms(api), api.get(path), api.items(f"{path}/reps"), api.get(f"{path}/trace", points=TRACE_POINTS)
        )
        limit_mm, limit_tier = sessions.limit_of(found, reps)
        spike, drawn = await asyncio.gather(_spike(api, found), _drawn(site, limit_mm, reps, trace))
        text, level = sessions.verdict(reps, limit_mm, found["state"])
        return site.page(
            request,
            "session.html",
            gyms=gyms,
            session=found,
            who=found.get("user_name") or found["user"],
            where=f"{found['machine']}, {gyms.name(found['gym'])}",
            start=words.moment(found["start_at"], gyms.time_zone(found["gym"]), now_us),
            length=_length(found),
            setup=sessions.setup_words(found.get("setup")),
            limit_mm=limit_mm,
            limit_tier=limit_tier,
            verdict=text,
            level=level,
            spike=spike,
            chart=drawn,
            sets=sessions.set_rows(reps, found["set_figures"]),
            strength=sessions.strength_words(found),
            pain=pain.shown(
                found["user"], session_id, found["notes"], request.query_params, gyms.time_zone(found["gym"]), now_us
            ),
            findings=[card(finding, gyms, now_us) for finding in found["findings"]],
            sets_href=sessions.sets_address(found),
            told=TOLD.get(told or ""),
        )

    @router.get("/sessions/{session_id}/limit")
    async def confirm_limit(request: Request, session_id: str, rep: int) -> HTMLResponse:
        api = site.api(request)
        gyms, found, chosen = await asyncio.gather(
            site.gyms(api), api.get(_path(session_id)), _rep(api, session_id, rep)
        )
        return site.page(
            request,
            "limit.html",
            gyms=gyms,
            session=found,
            who=found.get("user_name") or found["user"],
            where=f"{found['machine']}, {gyms.name(found['gym'])}",
            rep=chosen,
            setup=found.get("setup"),
        )

    @router.post("/sessions/{session_id}/limit")
    async def make_limit(
        request: Request,
        session_id: str,
        rep: Annotated[int, Form()],
        holds_for: Annotated[Literal["setup", "machine"], Form()] = "setup",
    ) -> Response:
        require_own_form(request)
        api = site.api(request)
        found, chosen = await asyncio.gather(api.get(_path(session_id)), _rep(api, session_id, rep))
        body: Json = {"from_rep": {"session": session_id, "set": chosen["set"], "rep": rep}}
        # Seat and feet are those of the session, unless it is said that they do not matter.
        if holds_for == "machine":
            body |= {"notch": None, "foot_row": None}
        await api.put(f"/members/{found['user']}/limits/{found['gym']}/{found['machine']}", body)
        return back_to(_path(session_id), "limit", "told")

    return router


def _path(session_id: str) -> str:
    """Of a session, the same in the API and among the pages."""
    return f"/sessions/{quote(session_id, safe='')}"


async def _rep(api: Api, session_id: str, number: int) -> Json:
    reps = await api.items(f"{_path(session_id)}/reps")
    for rep in reps:
        if rep["rep"] == number:
            return rep
    raise NotFound(f"This session has no rep {number}.", 404)


async def _spike(api: Api, session: Json) -> str:
    """The session's work against the member's 30-day best, in words; empty where there is nothing to compare."""
    try:
        day = words.parse_at(session["start_at"]).date()
        # Which local day it was is the API's to say.
        around = {"from": (day - timedelta(days=1)).isoformat(), "to": (day + timedelta(days=1)).isoformat()}
        view = await api.get(f"/members/{session['user']}/workload", **around)
    except ApiError:
        # A comparison beside a figure: the page is whole without it.
        return ""
    found: Json = next((one for one in view["sessions"] if one["session"] == session["session"]), {})
    return words.times_best(found["spike"]) if found.get("spike") is not None else ""


async def _drawn(site: Site, limit: float | None, reps: list[Json], trace: Json) -> dict[str, Markup] | None:
    panels = charts.panels(trace, reps)
    if not panels:
        return None
    caution = None if limit is None else limit - CAUTION_MM
    wide, narrow = await asyncio.gather(
        site.charts.svg(partial(charts.depth_trace, panels, limit, caution, width=WIDE, columns=2)),
        site.charts.svg(partial(charts.depth_trace, panels, limit, caution, width=NARROW, columns=1)),
    )
    return {"wide": wide, "narrow": narrow}


def _length(session: Json) -> str:
    if not session.get("end_at"):
        return ""
    return words.duration((words.parse_at(session["end_at"]) - words.parse_at(session["start_at"])).total_seconds())
