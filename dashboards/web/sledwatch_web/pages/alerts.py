"""`/alerts`: the inbox."""

import asyncio
from typing import Annotated, Literal
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Form, Request
from starlette.responses import HTMLResponse, Response

from sledwatch_web import words
from sledwatch_web.alerts import TOLD, VERB_HINTS, VERB_WORDS, by_state, card
from sledwatch_web.api import Json, Refused
from sledwatch_web.site import Site, back_to, require_own_form

# How many at a time; more are a link away.
MANY = 50
RECENT = 20

State = Literal["open", "acknowledged", "silenced", "resolved"]
Verb = Literal["acknowledge", "silence", "resolve"]


def alert_routes(site: Site) -> APIRouter:
    """The inbox, and what can be done in it. Every form works without JavaScript."""
    router = APIRouter()

    @router.get("/alerts")
    async def inbox(
        request: Request,
        state: State | None = None,
        gym: str | None = None,
        user: str | None = None,
        cursor: str | None = None,
        told: str | None = None,
    ) -> HTMLResponse:
        api, now_us = site.api(request), site.clock()
        narrowed = {"gym": gym, "user": user}
        if state is None:
            gyms, waiting, recent = await asyncio.gather(
                site.gyms(api),
                api.get("/alerts", state="open", limit=MANY, **narrowed),
                api.get("/alerts", limit=RECENT, **narrowed),
            )
            others = [alert for alert in recent["items"] if alert["state"] != "open"]
            found: list[Json] = waiting["items"] + others
            older = _query(state="open", cursor=waiting.get("next"), **narrowed) if waiting.get("next") else None
        else:
            gyms, page = await asyncio.gather(
                site.gyms(api), api.get("/alerts", state=state, limit=MANY, cursor=cursor, **narrowed)
            )
            found = page["items"]
            older = _query(state=state, cursor=page["next"], **narrowed) if page.get("next") else None
        waiting_cards, done_cards = by_state([card(alert, gyms, now_us) for alert in found])
        return site.page(
            request,
            "alerts.html",
            gyms=gyms,
            waiting=waiting_cards,
            done=done_cards,
            filters=_filters(state, narrowed),
            state=state,
            narrowed=narrowed,
            older=f"/alerts?{older}" if older else None,
            told=TOLD.get(told or ""),
            verb_words=VERB_WORDS,
            verb_hints=VERB_HINTS,
            back=f"/alerts?{_query(state=state, **narrowed)}",
        )

    @router.get("/alerts/{id_}")
    async def alert(request: Request, id_: str, told: str | None = None) -> HTMLResponse:
        api = site.api(request)
        gyms, found = await asyncio.gather(site.gyms(api), api.get(f"/alerts/{quote(id_, safe='')}"))
        return site.page(
            request,
            "alert.html",
            gyms=gyms,
            card=card(found, gyms, site.clock()),
            told=TOLD.get(told or ""),
            verb_words=VERB_WORDS,
            verb_hints=VERB_HINTS,
        )

    @router.post("/alerts/{id_}/comments")
    async def comment(
        request: Request, id_: str, text: Annotated[str, Form()] = "", back: Annotated[str, Form()] = "/alerts"
    ) -> Response:
        require_own_form(request)
        if not text.strip():
            raise Refused("A comment needs some words. Nothing was changed.", 422)
        await site.api(request).post(f"/alerts/{quote(id_, safe='')}/comments", {"text": text.strip()})
        return back_to(back, "comments", f"alert-{id_}")

    @router.post("/alerts/{id_}/{verb}")
    async def change(request: Request, id_: str, verb: Verb, back: Annotated[str, Form()] = "/alerts") -> Response:
        require_own_form(request)
        await site.api(request).post(f"/alerts/{quote(id_, safe='')}/{verb}")
        return back_to(back, verb, f"alert-{id_}")

    return router


def _filters(state: str | None, narrowed: dict[str, str | None]) -> list[dict[str, str | bool]]:
    choices: list[tuple[str | None, str]] = [(None, "Inbox"), *words.ALERT_STATES.items()]
    return [
        {"href": f"/alerts?{_query(state=choice, **narrowed)}".rstrip("?"), "word": word, "here": choice == state}
        for choice, word in choices
    ]


def _query(**params: str | None) -> str:
    return urlencode({name: value for name, value in params.items() if value})
