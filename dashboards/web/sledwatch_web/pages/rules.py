"""`/rules`: when a workload is a note, a warning or an alert; for everybody, a gym or a member."""

import asyncio
from collections.abc import Mapping
from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, Response

from sledwatch_web import rules
from sledwatch_web.api import Json, Refused
from sledwatch_web.rules import FIELD, Scope
from sledwatch_web.site import Site, back_to, require_own_form

VERSIONS: Final = 20


def rule_routes(site: Site) -> APIRouter:
    """Looking, trying, saving. What is saved is what was tried; every form works without JavaScript."""
    router = APIRouter()

    async def shown(
        request: Request,
        scope: Scope,
        typed: Mapping[str, str] | None = None,
        *,
        preview: Json | None = None,
        wrong: Mapping[str, str] | None = None,
        note: str = "",
        told: str = "",
    ) -> HTMLResponse:
        api, now_us = site.api(request), site.clock()
        gyms, table, settings, versions = await asyncio.gather(
            site.gyms(api),
            api.get("/rules"),
            api.get("/rules/settings", **scope.asked),
            api.get("/rules/settings/history", limit=VERSIONS, **scope.asked),
        )
        member = await api.get(f"/members/{scope.user}") if scope.user else {}
        who = member.get("name") or scope.user or (gyms.name(scope.gym) if scope.gym else "everybody")
        own = settings["own"]
        return site.page(
            request,
            "rules.html",
            status=422 if wrong else 200,
            gyms=gyms,
            scope=scope,
            who=who,
            version=settings["version"],
            own_version=own["version"] if own else 0,
            has_own=bool(own and own["values"]),
            groups=rules.fields(table["items"], settings, typed),
            typed={name: text for name, text in (typed or {}).items() if text.strip()},
            preview=None if preview is None else rules.preview_of(preview, gyms, now_us),
            history=rules.history(versions["items"], table["items"], gyms, now_us),
            more_history=versions["next"] is not None,
            wrong=wrong or {},
            note=note,
            told=told,
            field=FIELD,
        )

    @router.get("/rules")
    async def look(request: Request, gym: str = "", user: str = "", told: str = "") -> HTMLResponse:
        scope = Scope(gym="" if user else gym, user=user.strip())
        return await shown(request, scope, told=rules.TOLD if told == "rules" else "")

    @router.post("/rules/preview")
    async def try_out(request: Request) -> HTMLResponse:
        require_own_form(request)
        scope, typed, note, _ = await _sent(request)
        api = site.api(request)
        table = await api.get("/rules")
        values, wrong = rules.values_of(table["items"], typed)
        if wrong:
            return await shown(request, scope, typed, wrong=wrong, note=note)
        try:
            preview = await api.post("/rules/preview", {"values": values, **scope.asked})
        except Refused as refused:
            wrong = rules.wrong_of(refused.fields) or {"whole": refused.detail}
            return await shown(request, scope, typed, wrong=wrong, note=note)
        return await shown(request, scope, typed, preview=preview, note=note)

    @router.post("/rules/save")
    async def save(request: Request) -> Response:
        require_own_form(request)
        scope, typed, note, version = await _sent(request)
        api = site.api(request)
        table = await api.get("/rules")
        values, wrong = rules.values_of(table["items"], typed)
        if not wrong:
            try:
                await api.put(
                    "/rules/settings",
                    {"values": values, "note": note.strip() or None},
                    **scope.asked,
                    version=version,
                )
            except Refused as refused:
                wrong = rules.wrong_of(refused.fields) or {"whole": refused.detail}
        if wrong:
            return await shown(request, scope, typed, wrong=wrong, note=note)
        return back_to(scope.at("/rules"), "rules")

    return router


async def _sent(request: Request) -> tuple[Scope, dict[str, str], str, str]:
    """What a form of this page holds: whom it is for, the fields by setting, the note, the version that was seen."""
    form = await request.form()
    sent = {name: value for name, value in form.items() if isinstance(value, str)}
    typed = {name.removeprefix(FIELD): value for name, value in sent.items() if name.startswith(FIELD)}
    version = sent.get("version", "")
    scope = Scope(gym=sent.get("gym", ""), user=sent.get("user", ""))
    return scope, typed, sent.get("note", ""), version if version.isdecimal() else "0"
