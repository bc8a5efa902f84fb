"""What the simulator tells and asks the system over HTTP: members, limits and history, as any client would."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from types import TracebackType
from typing import Any, Final, Self

import httpx

from sledwatch_sim.equipment.models import Press
from sledwatch_sim.history import PastSession
from sledwatch_sim.people import Lifter
from sledwatch_sim.scenarios.schema import Protocol

_TIMEOUT_S: Final = 30.0
_POLL_S: Final = 0.1
_ANSWER_S: Final = 3.0
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

# A bearer token, or what is asked for it before each call: it may not have been made yet when a run begins.
Token = str | Callable[[], str | None] | None


class ApiError(Exception):
    """The API gave no answer, or refused; the message is one line for whoever runs the program.

    status: what HTTP said, None for no answer. detail: the API's own words, where it gave any.
    """

    def __init__(self, message: str, status: int | None = None, detail: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.detail = message if detail is None else detail


class Api:
    """A client of the HTTP API, for one thread.

    url: where it is, without /api/v1. token: a bearer token, or what gives it. transport: what carries requests, where
    that is not the network.
    """

    def __init__(self, url: str, token: Token, transport: httpx.BaseTransport | None = None) -> None:
        self.url = url.rstrip("/")
        self._token = token
        # Proxies of the environment are for the world outside; this is our own server.
        self._http = httpx.Client(
            base_url=self.url, auth=self._authorised, timeout=_TIMEOUT_S, trust_env=False, transport=transport
        )

    def wait_ready(self, stopped: Callable[[], bool], timeout_s: float | None = None) -> None:
        """Wait until the whole system is ready, or `stopped`. Raises ApiError after `timeout_s`; None: for ever."""
        began = time.monotonic()
        deadline = None if timeout_s is None else began + timeout_s
        why = "no answer"
        while not stopped():
            try:
                answer = self._http.get("/readyz", timeout=5.0)
                if answer.status_code == httpx.codes.OK:
                    return
                why = f"/readyz says {answer.status_code}"
            except httpx.TransportError as error:
                why = str(error) or type(error).__name__
                # Where nobody answers at all, waiting longer would hardly help.
                if deadline is not None:
                    deadline = min(deadline, began + _ANSWER_S)
            if deadline is not None and time.monotonic() > deadline:
                raise ApiError(f"{self.url} is not ready ({why}): is `sledwatch up` running? SLEDWATCH_URL says where")
            time.sleep(_POLL_S)

    def members(self) -> dict[str, str | None]:
        """All members and when each trained last, ISO 8601."""
        return {item["user"]: item["last_session_at"] for item in self.items("/members")}

    def put_gym(self, gym: str, name: str, zone: tzinfo | None = None) -> None:
        """Name a gym, and say what a day is there; no zone: as it was."""
        self._call("PUT", f"/gyms/{gym}", json={"name": name} | ({} if zone is None else {"time_zone": str(zone)}))

    def put_member(self, lifter: Lifter, press: Press, gym: str, machine: str, *, calibrated: bool = True) -> None:
        """Enrol a lifter, with the limit that their trainer calibrated if one did."""
        self._call(
            "PUT",
            f"/members/{lifter.user}",
            json={"name": lifter.name, "height_mm": lifter.height_mm, "sex": lifter.sex},
        )
        if calibrated:
            limit = {"limit_mm": lifter.limit_mm(press)}
            self._call("PUT", f"/members/{lifter.user}/limits/{gym}/{machine}", json=limit)

    def put_protocol(self, lifter: Lifter, protocol: Protocol, start_us: int) -> None:
        """Give a lifter the protocol of their clinician, for its days from a time on."""
        low, high = protocol.knee_deg
        until = datetime.fromtimestamp(start_us // 1_000_000, UTC) + timedelta(days=protocol.days)
        body = {
            "windows": [{"quantity": "knee_deg", "min": low, "max": high}],
            "load_cap_kg": protocol.load_kg,
            "expires_at": until.isoformat(),
            "clinician": "Dr. Sim",
        }
        self._call("PUT", f"/members/{lifter.user}/protocol", json=body)

    def send_history(self, lifter: Lifter, gym: str, machine: str, sessions: Sequence[PastSession]) -> None:
        """Import earlier sessions with their reps; sending them again changes nothing."""
        self.import_lines(session.line(lifter.user, gym, machine) for session in sessions)

    def note_pain(self, user: str, at_us: int, session: str) -> None:
        """Note that somebody's back hurt. Raises ApiError, with status 422 where that session has not begun yet."""
        at = (_EPOCH + timedelta(microseconds=at_us)).isoformat()
        self.note(user, {"kind": "back-pain", "at": at, "session": session})

    def note(self, user: str, wish: Mapping[str, Any]) -> Any:
        """Note what somebody said; returns what came of it. Raises ApiError."""
        return self._call("POST", f"/members/{user}/notes", json=dict(wish)).json()

    def import_lines(self, lines: Iterable[bytes]) -> Any:
        """Import sessions, a line each; returns how many sessions and reps were new. Raises ApiError."""
        content = b"".join(line + b"\n" for line in lines)
        return self._call("POST", "/import", content=content, headers={"Content-Type": "application/x-ndjson"}).json()

    def put(self, path: str, body: dict[str, Any]) -> None:
        """Put what is at a path below /api/v1. Raises ApiError."""
        self._call("PUT", path, json=body)

    def items(self, path: str, **query: str) -> Iterator[dict[str, Any]]:
        """All items of a list, page by page."""
        cursor: str | None = None
        while True:
            page = self.get(path, **query, **({"cursor": cursor} if cursor is not None else {}))
            yield from page["items"]
            cursor = page["next"]
            if cursor is None:
                return

    def get(self, path: str, **query: str) -> Any:
        """The JSON at a path below /api/v1. Raises ApiError."""
        return self._call("GET", path, params=query).json()

    def post(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """The JSON that comes of asking for a change at a path below /api/v1. Raises ApiError."""
        return self._call("POST", path, json=body).json()

    def find(self, path: str) -> Any | None:
        """The JSON at a path below /api/v1, None where there is nothing (yet). Raises ApiError."""
        answer = self._send("GET", path)
        if answer.status_code == httpx.codes.NOT_FOUND:
            return None
        return self._checked(answer).json()

    def _authorised(self, request: httpx.Request) -> httpx.Request:
        token = self._token() if callable(self._token) else self._token
        if token:
            request.headers["Authorization"] = f"Bearer {token}"
        return request

    def _call(self, method: str, path: str, **body: Any) -> httpx.Response:
        return self._checked(self._send(method, path, **body))

    def _send(self, method: str, path: str, **body: Any) -> httpx.Response:
        try:
            return self._http.request(method, f"/api/v1{path}", **body)
        except httpx.TransportError as error:
            reason = str(error) or type(error).__name__
            raise ApiError(f"no answer from {self.url} ({reason}): SLEDWATCH_URL says where the API is") from error

    def _checked(self, answer: httpx.Response) -> httpx.Response:
        if answer.is_success:
            return answer
        if answer.status_code == httpx.codes.UNAUTHORIZED:
            raise ApiError(f"{self.url} does not accept the token: SLEDWATCH_API_TOKEN says which one to use")
        detail = _problem(answer)
        message = f"{answer.request.method} {answer.request.url} gave {answer.status_code}: {detail}"
        raise ApiError(message, answer.status_code, detail)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()


def _problem(answer: httpx.Response) -> str:
    """The words of a problem detail (RFC 9457), or the beginning of whatever came instead."""
    try:
        problem = answer.json()
        return str(problem.get("detail") or problem.get("title"))
    except (ValueError, AttributeError):
        return answer.text[:200]
