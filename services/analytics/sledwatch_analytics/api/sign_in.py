"""Signing in by a link that works once, and signing out."""

from html import escape
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from sledwatch_analytics.access import LinkRefused
from sledwatch_analytics.access.doors import COOKIE_EXPIRES_S, local_path
from sledwatch_analytics.api.guard import COOKIE, require_same_origin
from sledwatch_analytics.api.parts import UsesParts
from sledwatch_analytics.api.problems import ProblemError, problem_response

router = APIRouter(include_in_schema=False)

# The code stands in the address: it must not travel on to other sites, nor stay in a cache.
_PRIVATE = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Sign-in link not valid · Sledwatch</title>
<h1>This link does not sign you in</h1>
<p>{why}</p>
<p>A link works once and for a day. Ask whoever runs Sledwatch for a new one: starting it again prints one.</p>
</html>
"""


@router.get("/sign-in")
def sign_in(
    request: Request,
    parts: UsesParts,
    code: Annotated[str, Query(max_length=200)] = "",
    goes_to: Annotated[str, Query(alias="next", max_length=2_000)] = "/",
) -> Response:
    """Use a link up: a browser session as a cookie, and on to the page that was wanted."""
    try:
        cookie = parts.access.redeem(code)
    except LinkRefused as refused:
        why = str(refused)[0].upper() + str(refused)[1:] + "."
        if "text/html" in request.headers.get("accept", ""):
            return HTMLResponse(_PAGE.format(why=escape(why)), 401, headers=_PRIVATE)
        problem = ProblemError(401, "link-refused", why, title="This link does not sign you in", headers=_PRIVATE)
        return problem_response(problem, request.url.path)
    response = RedirectResponse(local_path(goes_to), 303, headers=_PRIVATE)
    response.set_cookie(
        COOKIE, cookie, max_age=COOKIE_EXPIRES_S, httponly=True, samesite="lax", secure=request.url.scheme == "https"
    )
    return response


@router.post("/sign-out")
def sign_out(request: Request, parts: UsesParts) -> Response:
    """End this browser's session."""
    cookie = request.cookies.get(COOKIE)
    if cookie is not None:
        require_same_origin(request)
        parts.access.sign_out(cookie)
    response = RedirectResponse("/", 303, headers=_PRIVATE)
    response.delete_cookie(COOKIE, httponly=True, samesite="lax", secure=request.url.scheme == "https")
    return response
