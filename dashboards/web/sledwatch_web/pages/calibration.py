"""`/members/{user}/calibrate`: beside the machine with a phone, until the depth limit is found."""

import asyncio
from typing import Annotated, Literal
from urllib.parse import quote

from fastapi import APIRouter, Form, Request
from starlette.responses import HTMLResponse, Response

from sledwatch_web import calibration, tiles, words
from sledwatch_web.api import Json, NotFound, Refused
from sledwatch_web.site import Site, back_to, require_own_form


def calibration_routes(site: Site) -> APIRouter:
    """Choosing the machine, and the visit. Every form works without JavaScript; with it the page is live."""
    router = APIRouter()

    @router.get("/members/{user}/calibrate")
    async def choose(request: Request, user: str) -> HTMLResponse:
        api = site.api(request)
        path = f"/members/{quote(user, safe='')}"
        gyms, member, limits = await asyncio.gather(site.gyms(api), api.get(path), api.items(f"{path}/limits"))
        machines = await asyncio.gather(*(api.items(f"/gyms/{gym['gym']}/machines") for gym in gyms.items))
        return site.page(
            request,
            "calibrate.html",
            gyms=gyms,
            user=user,
            who=member.get("name") or user,
            places=calibration.places(list(zip(gyms.items, machines, strict=True)), user, limits),
        )

    async def shown(
        request: Request,
        user: str,
        gym: str,
        name: str,
        *,
        told: str = "",
        problem: Refused | None = None,
        typed: dict[str, str] | None = None,
    ) -> HTMLResponse:
        """The visit as it stands. problem: why a confirmation was refused; typed: what was in its fields."""
        api, now_us = site.api(request), site.clock()
        limits = _limits(user, gym, name)
        gyms, member, machine, visit, in_force = await asyncio.gather(
            site.gyms(api),
            api.get(f"/members/{quote(user, safe='')}"),
            api.get(f"/gyms/{quote(gym, safe='')}/machines/{quote(name, safe='')}"),
            api.get_or_none(f"{limits}/calibration"),
            api.get(f"{limits}/in-force"),
        )
        changes: Json = {"items": []} if visit else await api.get(f"{limits}/history", limit=1)
        who = member.get("name") or user
        return site.page(
            request,
            "calibration.html",
            status=200 if problem is None else problem.status,
            gyms=gyms,
            user=user,
            who=who,
            machine=machine,
            path=f"/members/{user}/calibrate/{gym}/{name}",
            visit=calibration.visit_of(visit, machine, who, gyms.time_zone(gym), now_us) if visit else None,
            tile=tiles.tile(machine, gyms.time_zone(gym), now_us),
            limit=words.mm(in_force["limit_mm"]) if in_force.get("limit_mm") is not None else "",
            calibrated=in_force.get("tier") == "calibrated",
            outcome=calibration.outcome(in_force, next(iter(changes["items"]), None), machine, user, gyms, now_us),
            told=told,
            problem=words.keep_units(problem.detail) if problem else "",
            # A load that speaks against it, unless one says that it does not.
            ask_load=visit is not None
            and (visit.get("near_empty") is not True or bool(problem and problem.status == 409)),
            typed=typed or {},
        )

    @router.get("/members/{user}/calibrate/{gym}/{name}")
    async def visit(request: Request, user: str, gym: str, name: str, told: str | None = None) -> HTMLResponse:
        return await shown(request, user, gym, name, told=calibration.TOLD.get(told or "", ""))

    @router.post("/members/{user}/calibrate/{gym}/{name}")
    async def begin(
        request: Request, user: str, gym: str, name: str, anew: Annotated[bool, Form()] = False
    ) -> Response:
        require_own_form(request)
        await site.api(request).post(f"{_limits(user, gym, name)}/calibration")
        return back_to(_page(user, gym, name), "anew" if anew else "begun")

    @router.post("/members/{user}/calibrate/{gym}/{name}/confirm")
    async def confirm(
        request: Request,
        user: str,
        gym: str,
        name: str,
        depth: Annotated[str, Form()] = "",
        holds_for: Annotated[Literal["setup", "machine"], Form()] = "setup",
        accept_load: Annotated[bool, Form()] = False,
        note: Annotated[str, Form()] = "",
    ) -> Response:
        require_own_form(request)
        api, path = site.api(request), f"{_limits(user, gym, name)}/calibration"
        machine_wide = holds_for == "machine"
        try:
            body = calibration.point_of(await api.get(path), _depth_mm(depth))
            body |= {"accept_load": accept_load, "every_notch": machine_wide, "every_foot_row": machine_wide}
            await api.post(f"{path}/confirm", body | {"note": note.strip() or None})
        except NotFound:
            # Confirmed by somebody else, cancelled, or forgotten: the page says which limit holds.
            return back_to(_page(user, gym, name), "over", "told")
        except Refused as refused:
            typed = {"depth": depth, "note": note, "holds_for": holds_for}
            return await shown(request, user, gym, name, problem=refused, typed=typed)
        return back_to(_page(user, gym, name), "set", "told")

    @router.post("/members/{user}/calibrate/{gym}/{name}/cancel")
    async def cancel(request: Request, user: str, gym: str, name: str) -> Response:
        require_own_form(request)
        try:
            await site.api(request).delete(f"{_limits(user, gym, name)}/calibration")
        except NotFound:
            return back_to(_page(user, gym, name), "over", "told")
        return back_to(_page(user, gym, name), "cancelled", "told")

    return router


def _limits(user: str, gym: str, machine: str) -> str:
    """Where the API has a member's limits on a machine."""
    return "/members/{}/limits/{}/{}".format(*(quote(part, safe="") for part in (user, gym, machine)))


def _page(user: str, gym: str, machine: str) -> str:
    return "/members/{}/calibrate/{}/{}".format(*(quote(part, safe="") for part in (user, gym, machine)))


def _depth_mm(text: str) -> float:
    """A depth as typed, in millimetres. Raises Refused for what is none."""
    try:
        depth_mm = float(text.strip().removesuffix("mm").replace(",", "."))
    except ValueError:
        depth_mm = 0.0
    if not 0 < depth_mm <= 2_000:
        raise Refused(f"A depth of “{text.strip()}” mm: expected more than 0, up to 2000. Nothing was changed.", 422)
    return depth_mm
