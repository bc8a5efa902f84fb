"""Back pain noted by a tap, on a member's page or a session's, and taken back."""

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from sledwatch_web.pain import told_of
from sledwatch_web.site import Site, back_to, require_own_form


def pain_routes(site: Site) -> APIRouter:
    """Every form works without JavaScript."""
    router = APIRouter()

    @router.post("/members/{user}/notes")
    async def note(
        request: Request,
        user: str,
        session: Annotated[str, Form()] = "",
        text: Annotated[str, Form()] = "",
        back: Annotated[str, Form()] = "/members",
    ) -> Response:
        require_own_form(request)
        said = {"session": session, "text": text.strip()}
        wish = {"kind": "back-pain", **{name: value for name, value in said.items() if value}}
        answer = await site.api(request).post(f"{_path(user)}/notes", wish)
        return back_to(f"{back}?noted={answer['note']['id']}", told_of(answer), "pain")

    @router.post("/members/{user}/notes/{number}/take-back")
    async def take_back(
        request: Request, user: str, number: int, back: Annotated[str, Form()] = "/members"
    ) -> Response:
        require_own_form(request)
        await site.api(request).delete(f"{_path(user)}/notes/{number}")
        return back_to(back, "pain-back", "pain")

    return router


def _path(user: str) -> str:
    return f"/members/{quote(user, safe='')}"
