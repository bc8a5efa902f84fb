"""Speaking to the HTTP API on behalf of the person whose request is being answered."""

from collections.abc import Mapping
from typing import Any, Final

import httpx
from starlette.requests import Request
from starlette.types import ASGIApp

Json = dict[str, Any]

PREFIX: Final = "/api/v1"
# The API decides who is asking, and whether a change comes from our own pages, by these.
FORWARDED: Final = ("cookie", "authorization", "host", "origin", "sec-fetch-site", "x-forwarded-proto")
# A page asks for a few hundred rows at most; a walk longer than this is a cursor that does not end.
MAX_WALK: Final = 50
PAGE_ITEMS: Final = 200


class ApiError(Exception):
    """The API did not give what was asked for; `detail` is for the person at the page.

    fields: what is wrong with which field of the request, where the API says so: name → what was expected.
    """

    def __init__(self, detail: str, status: int = 502, fields: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.status = status
        self.fields = dict(fields or {})


class ApiDown(ApiError):
    """The API cannot be reached, or is not well."""


class NotSignedIn(ApiError):
    """The API wants to know who is asking."""


class NotFound(ApiError):
    """There is no such thing, or none that this person may see."""


class Refused(ApiError):
    """The API understood and will not do it; `detail` says why."""


class ApiClient:
    """Opens connections to the API: by URL, or in this process when the API is an ASGI application beside the pages."""

    def __init__(self, api: str | ASGIApp, *, timeout_s: float = 10.0) -> None:
        self._api = api
        self._timeout_s = timeout_s
        self._client: httpx.AsyncClient | None = None

    @property
    def http(self) -> httpx.AsyncClient:
        """The client, made at first use: it belongs to the event loop that serves the pages."""
        if self._client is None:
            if isinstance(self._api, str):
                self._client = httpx.AsyncClient(base_url=self._api.rstrip("/"), timeout=self._timeout_s)
            else:
                transport = httpx.ASGITransport(app=self._api, raise_app_exceptions=False)
                self._client = httpx.AsyncClient(
                    transport=transport, base_url="http://sledwatch", timeout=self._timeout_s
                )
        return self._client

    def on_behalf_of(self, request: Request) -> "Api":
        """The API as the sender of this request may use it."""
        headers = {name: request.headers[name] for name in FORWARDED if name in request.headers}
        return Api(self.http, headers)

    async def close(self) -> None:
        """Close what is open; a later use opens anew."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None


class Api:
    """The API's answers as plain data. Every method raises an ApiError where there is no good answer."""

    def __init__(self, http: httpx.AsyncClient, headers: Mapping[str, str]) -> None:
        self._http = http
        self._headers = {"accept": "application/json", **headers}

    async def get(self, path: str, **params: str | int | None) -> Json:
        """One object, or one page of a list: `{"items": […], "next": …}`."""
        return await self._call("GET", path, params=params)

    async def items(self, path: str, **params: str | int | None) -> list[Json]:
        """All items of a list, its pages joined."""
        found: list[Json] = []
        cursor: str | None = None
        for _ in range(MAX_WALK):
            page = await self.get(path, **{"limit": PAGE_ITEMS, **params, "cursor": cursor})
            found += page["items"]
            cursor = page.get("next")
            if not cursor:
                break
        return found

    async def post(self, path: str, body: Json | None = None) -> Json:
        """Ask for a change of something."""
        return await self._call("POST", path, body=body or {})

    async def put(self, path: str, body: Json, **params: str | int | None) -> Json:
        """Set something."""
        return await self._call("PUT", path, params=params, body=body)

    async def delete(self, path: str) -> None:
        """Take something away."""
        await self._call("DELETE", path)

    async def get_or_none(self, path: str, **params: str | int | None) -> Json | None:
        """The same as `get` for what may well not be there."""
        try:
            return await self.get(path, **params)
        except NotFound:
            return None

    async def _call(
        self, method: str, path: str, *, params: Mapping[str, str | int | None] | None = None, body: Json | None = None
    ) -> Json:
        query = {name: value for name, value in (params or {}).items() if value is not None}
        try:
            answer = await self._http.request(
                method, PREFIX + path, params=query, json=body, headers=self._headers, follow_redirects=False
            )
        except httpx.HTTPError as error:
            raise ApiDown(f"{type(error).__name__}: {error}", 503) from error
        if answer.is_success:
            return _object(answer)
        raise _error(answer)


def _object(answer: httpx.Response) -> Json:
    if not answer.content:
        return {}
    try:
        body = answer.json()
    except ValueError as error:
        raise ApiDown("the answer was no JSON") from error
    if not isinstance(body, dict):
        raise ApiDown(f"the answer was a {type(body).__name__}, expected an object")
    return body


def _error(answer: httpx.Response) -> ApiError:
    """The exception for a failed call, with the detail of its problem document (RFC 9457) where there is one."""
    try:
        problem = answer.json()
    except ValueError:
        problem = None
    said = problem if isinstance(problem, dict) else {}
    detail = said.get("detail") or said.get("title") or answer.reason_phrase
    detail = detail if isinstance(detail, str) else str(detail)
    if answer.status_code == httpx.codes.UNAUTHORIZED:
        return NotSignedIn(detail, 401)
    if answer.status_code == httpx.codes.NOT_FOUND:
        return NotFound(detail, 404)
    if answer.is_client_error:
        return Refused(detail, answer.status_code, _fields(said))
    return ApiDown(detail, 503)


def _fields(said: Json) -> dict[str, str]:
    """Of a problem document: what was expected of each field of the body that is wrong."""
    errors = said.get("errors")
    return {one["field"]: one["expected"] for one in errors} if isinstance(errors, list) else {}
