"""`/sessions/{session}/sets`: whose each set was, for a badge that was used by two."""

import asyncio
from typing import Annotated, Literal
from urllib.parse import quote

from fastapi import APIRouter, Form, Request
from starlette.responses import HTMLResponse, Response

from sledwatch_web import words
from sledwatch_web.api import Refused
from sledwatch_web.sets import TOLD, set_row
from sledwatch_web.site import Site, back_to, require_own_form

# Names offered while typing; whoever is not among them is typed whole.
OFFERED = 300


def set_routes(site: Site) -> APIRouter:
    """The sets of a session, and saying whose they were. The form works without JavaScript."""
    router = APIRouter()

    @router.get("/sessions/{session_id}/sets")
    async def listing(request: Request, session_id: str, chosen: str = "", told: str | None = None) -> HTMLResponse:
        api, now_us = site.api(request), site.clock()
        path = f"/sessions/{quote(session_id, safe='')}"
        gyms, found, sets, members = await asyncio.gather(
            site.gyms(api), api.get(path), api.items(f"{path}/sets"), api.get("/members", limit=OFFERED)
        )
        if found.get("split_of"):
            found = await api.get(f"/sessions/{quote(found['split_of'], safe='')}")
        zone = gyms.time_zone(found["gym"])
        names = {one["user"]: one.get("name") or one["user"] for one in members["items"]}
        names[found["user"]] = found.get("user_name") or found["user"]
        return site.page(
            request,
            "sets.html",
            gyms=gyms,
            session=found,
            who=names[found["user"]],
            where=f"{found['machine']}, {gyms.name(found['gym'])}",
            start=words.moment(found["start_at"], zone, now_us),
            sets=[set_row(one, found["user"], names, zone, now_us) for one in sets],
            chosen={int(number) for number in chosen.split(",") if number.isdecimal()},
            members=[one for one in members["items"] if one["user"] != found["user"]],
            told=TOLD.get(told or ""),
        )

    @router.post("/sessions/{session_id}/sets")
    async def say(
        request: Request,
        session_id: str,
        verdict: Annotated[Literal["badge", "other", "nobody"], Form()],
        badge: Annotated[str, Form()],
        number: Annotated[list[int] | None, Form()] = None,
        other: Annotated[str, Form()] = "",
    ) -> Response:
        require_own_form(request)
        if not number:
            raise Refused("No set was chosen. Go back, tick the sets that this is about, and try again.", 422)
        who = other.strip() if verdict == "other" else badge
        if not who:
            raise Refused("Nobody was named. Go back and say who did these sets, by pseudonym.", 422)
        api = site.api(request)
        path = f"/sessions/{quote(session_id, safe='')}"
        for one in number:
            if verdict == "nobody":
                await api.post(f"{path}/sets/{one}/discard")
            else:
                await api.post(f"{path}/sets/{one}/reassign", {"user": who})
        return back_to(f"{path}/sets", "discarded" if verdict == "nobody" else "assigned", "told")

    return router
