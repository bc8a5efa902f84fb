"""`/members/{user}/protocol`: what a clinician allows a member, for a time."""

import asyncio
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Form, Request
from starlette.responses import HTMLResponse, Response

from sledwatch_web import protocol
from sledwatch_web.api import Refused
from sledwatch_web.site import Site, back_to, require_own_form


def protocol_routes(site: Site) -> APIRouter:
    """Setting, changing and ending a protocol. The form works without JavaScript."""
    router = APIRouter()

    async def shown(
        request: Request, user: str, typed: protocol.Form | None = None, wrong: dict[str, str] | None = None
    ) -> HTMLResponse:
        api, path = site.api(request), _path(user)
        gyms, member, standing = await asyncio.gather(
            site.gyms(api), api.get(path), api.get_or_none(f"{path}/protocol")
        )
        machines = await asyncio.gather(*(api.items(f"/gyms/{gym['gym']}/machines") for gym in gyms.items))
        return site.page(
            request,
            "protocol.html",
            status=422 if wrong else 200,
            gyms=gyms,
            user=user,
            who=member.get("name") or user,
            height_known=member.get("height_mm") is not None,
            standing=protocol.shown(standing, gyms, site.clock()) if standing else None,
            form=typed or protocol.form_of(standing, gyms.time_zone(None)),
            wrong=wrong or {},
            quantities=protocol.QUANTITIES,
            places=[
                (f"{gym['gym']}/{one['machine']}", f"{one['machine']}, {gyms.name(gym['gym'])}")
                for gym, items in zip(gyms.items, machines, strict=True)
                for one in items
            ],
        )

    @router.get("/members/{user}/protocol")
    async def form(request: Request, user: str) -> HTMLResponse:
        return await shown(request, user)

    @router.post("/members/{user}/protocol")
    async def save(
        request: Request,
        user: str,
        quantity: Annotated[list[str] | None, Form()] = None,
        least: Annotated[list[str] | None, Form()] = None,
        most: Annotated[list[str] | None, Form()] = None,
        place: Annotated[list[str] | None, Form()] = None,
        load_cap: Annotated[str, Form()] = "",
        last_day: Annotated[str, Form()] = "",
        clinician: Annotated[str, Form()] = "",
        note: Annotated[str, Form()] = "",
        more: Annotated[bool, Form()] = False,
    ) -> Response:
        require_own_form(request)
        rows = protocol.rows_of(quantity or (), least or (), most or (), place or ())
        typed = protocol.Form(rows, load_cap, last_day, clinician, note)
        if more:
            return await shown(request, user, typed.with_one_more)
        api = site.api(request)
        body, wrong = protocol.wish_of(typed, (await site.gyms(api)).time_zone(None))
        if not wrong:
            try:
                await api.put(f"{_path(user)}/protocol", body)
            except Refused as refused:
                wrong = protocol.wrong_of(refused.fields, typed) or {"whole": refused.detail}
        return await shown(request, user, typed, wrong) if wrong else back_to(_path(user), "protocol", "protocol")

    @router.post("/members/{user}/protocol/end")
    async def end(request: Request, user: str) -> Response:
        require_own_form(request)
        await site.api(request).delete(f"{_path(user)}/protocol")
        return back_to(_path(user), "protocol-ended", "protocol")

    return router


def _path(user: str) -> str:
    """Of a member, the same in the API and among the pages."""
    return f"/members/{quote(user, safe='')}"
