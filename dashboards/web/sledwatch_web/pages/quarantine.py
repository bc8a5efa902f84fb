"""`/quarantine`: messages that were refused, why, and trying them again."""

import asyncio
from typing import Annotated, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Request
from starlette.responses import HTMLResponse, Response

from sledwatch_web.api import Json
from sledwatch_web.quarantine import TOLD, groups, message, readable, reason_word
from sledwatch_web.site import Site, back_to, require_own_form

MANY = 30


def quarantine_routes(site: Site) -> APIRouter:
    """The list, one message, and asking for another trial. Every form works without JavaScript."""
    router = APIRouter()

    @router.get("/quarantine")
    async def listing(
        request: Request,
        state: Literal["replayed"] | None = None,
        reason: str | None = None,
        gym: str | None = None,
        cursor: str | None = None,
        told: str | None = None,
    ) -> HTMLResponse:
        api, now_us = site.api(request), site.clock()
        narrowed = {"reason": reason, "gym": gym}
        gyms, counts, page = await asyncio.gather(
            site.gyms(api),
            api.get("/quarantine/counts"),
            api.get("/quarantine", limit=MANY, cursor=cursor, state=state, **narrowed),
        )
        here = _query(state=state, **narrowed)
        only = [reason_word(reason) if reason else None, gyms.name(gym) if gym else None]
        return site.page(
            request,
            "quarantine.html",
            gyms=gyms,
            state=state,
            groups=groups(counts["items"], gyms),
            messages=[message(item, gyms, now_us) for item in page["items"]],
            only=", ".join(word for word in only if word),
            narrowed={name: value for name, value in narrowed.items() if value},
            filters=[
                {"href": f"/quarantine?{_query(state=choice, **narrowed)}".rstrip("?"), "word": word, "here": one}
                for choice, word, one in (
                    (None, "Refused", state is None),
                    ("replayed", "Stored after all", bool(state)),
                )
            ],
            older=f"/quarantine?{_query(state=state, cursor=page['next'], **narrowed)}" if page.get("next") else None,
            told=TOLD.get(told or ""),
            back=f"/quarantine?{here}".rstrip("?"),
        )

    @router.get("/quarantine/{id_}")
    async def one(request: Request, id_: int, told: str | None = None) -> HTMLResponse:
        api = site.api(request)
        gyms, found = await asyncio.gather(site.gyms(api), api.get(f"/quarantine/{id_}"))
        return site.page(
            request,
            "refused.html",
            gyms=gyms,
            message=message(found, gyms, site.clock()),
            payload=readable(found.get("payload"), found.get("payload_base64")),
            is_text=found.get("payload") is not None,
            cut=found.get("cut"),
            told=TOLD.get(told or ""),
        )

    @router.post("/quarantine/replay")
    async def replay_many(
        request: Request,
        reason: Annotated[str, Form()] = "",
        gym: Annotated[str, Form()] = "",
        back: Annotated[str, Form()] = "/quarantine",
    ) -> Response:
        require_own_form(request)
        wish: Json = {name: value for name, value in (("reason", reason), ("gym", gym)) if value}
        asked = await site.api(request).post("/quarantine/replay", wish or {"all": True})
        return back_to(back, "asked" if asked["asked"] else "none", "told")

    @router.post("/quarantine/{id_}/replay")
    async def replay(request: Request, id_: int, back: Annotated[str, Form()] = "/quarantine") -> Response:
        require_own_form(request)
        await site.api(request).post(f"/quarantine/{id_}/replay")
        return back_to(back, "asked", "told")

    return router


def _query(**params: str | None) -> str:
    return urlencode({name: value for name, value in params.items() if value})
