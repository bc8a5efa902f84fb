"""Errors as problem details (RFC 9457): what was wrong, where, and what is expected, for programs and people alike."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import Response

from sledwatch_storage.series import StoreUnavailable
from sledwatch_storage.state.engine import StateUnavailable
from sledwatch_storage.state.reading import BadCursor

MEDIA_TYPE: Final = "application/problem+json"
# A store that is away is usually back within seconds.
RETRY_AFTER_S: Final = 2.0
_GIVEN_CHARACTERS: Final = 80
# What pydantic calls a body that is there, but is no object or does not say that it is JSON.
_NO_OBJECT: Final = frozenset({"model_attributes_type", "model_type", "dict_type", "missing"})

log = structlog.get_logger()


class FieldProblem(BaseModel):
    """One thing that is wrong with a request."""

    field: str = Field(description="which part of it; members of members with dots", examples=["from_rep.rep"])
    place: str = Field(description="body, query, path, header or line of the body", examples=["body"])
    expected: str = Field(examples=["Input should be greater than 0"])
    given: str | None = Field(None, description="what was found there, shortened", examples=["-3"])


class Problem(BaseModel):
    """A problem detail (RFC 9457)."""

    type: str = Field(description="what kind of problem, for programs", examples=["urn:sledwatch:problem:not-found"])
    title: str = Field(description="the same for people", examples=["Not Found"])
    status: int = Field(description="the HTTP status", examples=[404])
    detail: str = Field(
        description="what happened this time", examples=["no session 01JDX: none with this id has begun"]
    )
    instance: str = Field(description="the path that was asked for", examples=["/api/v1/sessions/01JDX"])
    errors: list[FieldProblem] | None = Field(None, description="what is wrong with the request, one by one")


class ProblemError(HTTPException):
    """Ends a request with a problem detail.

    kind: the last part of its type. title: as HTTP names the status where none is given. An HTTPException, since the
    framework takes any other error while it reads a body for a broken body.
    """

    def __init__(
        self,
        status: int,
        kind: str,
        detail: str,
        *,
        title: str | None = None,
        errors: Sequence[FieldProblem] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(status, detail, headers)
        self.kind = kind
        self.title = title if title is not None else HTTPStatus(status).phrase
        self.errors = errors


def not_found(detail: str) -> ProblemError:
    """404: there is no such thing."""
    return ProblemError(404, "not-found", detail)


def invalid(field: str, expected: str, given: object = None, place: str = "body") -> ProblemError:
    """422: one field of the request is wrong in a way its type cannot say."""
    return _invalid([FieldProblem(field=field, place=place, expected=expected, given=_shown(given))])


def problem_response(problem: ProblemError, path: str) -> Response:
    """The wire form of a problem."""
    body = Problem(
        type=f"urn:sledwatch:problem:{problem.kind}",
        title=problem.title,
        status=problem.status_code,
        detail=problem.detail,
        instance=path,
        errors=None if problem.errors is None else list(problem.errors),
    )
    return Response(
        body.model_dump_json(exclude_none=True), problem.status_code, media_type=MEDIA_TYPE, headers=problem.headers
    )


def install(app: FastAPI) -> None:
    """Make every error of the app a problem detail, those of the framework and of the stores too."""

    @app.exception_handler(ProblemError)
    async def raised(request: Request, error: ProblemError) -> Response:
        return problem_response(error, request.url.path)

    @app.exception_handler(HTTPException)
    async def of_http(request: Request, error: HTTPException) -> Response:
        status = HTTPStatus(error.status_code)
        detail = error.detail
        if status is HTTPStatus.NOT_FOUND and detail == status.phrase:
            detail = f"nothing is at {request.url.path}; /openapi.json lists what is"
        elif status is HTTPStatus.METHOD_NOT_ALLOWED and detail == status.phrase:
            allowed = (error.headers or {}).get("Allow", "other methods")
            detail = f"{request.method} cannot be used here: expected {allowed}"
        kind = status.phrase.lower().replace(" ", "-")
        return problem_response(ProblemError(status, kind, detail, headers=error.headers), request.url.path)

    @app.exception_handler(RequestValidationError)
    async def of_request(request: Request, error: RequestValidationError) -> Response:
        return problem_response(_invalid([_field_problem(one) for one in error.errors()]), request.url.path)

    @app.exception_handler(BadCursor)
    async def of_cursor(request: Request, error: BadCursor) -> Response:
        return problem_response(invalid("cursor", str(error), place="query"), request.url.path)

    @app.exception_handler(StoreUnavailable)
    async def of_series(request: Request, error: StoreUnavailable) -> Response:
        return problem_response(_away("series store", str(error), error.retry_after_s), request.url.path)

    @app.exception_handler(StateUnavailable)
    async def of_state(request: Request, error: StateUnavailable) -> Response:
        return problem_response(_away("state DB", str(error), None), request.url.path)

    @app.exception_handler(Exception)
    async def of_ours(request: Request, _error: Exception) -> Response:
        # The server logs the trace; the client gets nothing of our insides.
        detail = "something went wrong on our side and is in the log; the same request may work later"
        return problem_response(ProblemError(500, "internal", detail), request.url.path)


def _away(store: str, why: str, retry_after_s: float | None) -> ProblemError:
    log.warning("api.store_unavailable", store=store, reason=why)
    after = str(max(1, round(retry_after_s or RETRY_AFTER_S)))
    detail = f"the {store} does not answer now; nothing was changed"
    return ProblemError(503, "store-unavailable", detail, headers={"Retry-After": after})


def _invalid(errors: Sequence[FieldProblem]) -> ProblemError:
    first = errors[0]
    given = "" if first.given is None else f" (given: {first.given})"
    more = f"; and {len(errors) - 1} more" if len(errors) > 1 else ""
    detail = f"{first.field} in the {first.place}: {first.expected}{given}{more}"
    return ProblemError(422, "invalid-request", detail, title="The request is not as expected", errors=errors)


def _field_problem(error: Mapping[str, Any]) -> FieldProblem:
    place, *path = error["loc"] or ("body",)
    if error["type"] == "json_invalid":
        why = error.get("ctx", {}).get("error", "not JSON")
        return FieldProblem(field="(whole)", place="body", expected=f"JSON: {why}", given=None)
    if not path and place == "body" and error["type"] in _NO_OBJECT:
        return FieldProblem(
            field="(whole)", place="body", expected="a JSON object, sent as application/json", given=None
        )
    return FieldProblem(
        field=".".join(str(step) for step in path) or "(whole)",
        place=str(place),
        # Words of our own validators come behind a prefix that says nothing to the reader.
        expected=error["msg"].removeprefix("Value error, "),
        given=None if error["type"] == "missing" or not path else _shown(error.get("input")),
    )


def _shown(given: object) -> str | None:
    return None if given is None else repr(given)[:_GIVEN_CHARACTERS]
