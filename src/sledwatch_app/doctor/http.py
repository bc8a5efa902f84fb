"""How the API is, whether it accepts our token, and how far clocks are apart."""

import time
from email.utils import parsedate_to_datetime
from typing import Any, Final

import httpx

from sledwatch_app.doctor.check import ANSWER_S, Check, Verdict
from sledwatch_app.errors import WrongUse
from sledwatch_app.settings import Settings

# The contract refuses what is more than 5 min ahead; a clock in order is within a second or two.
_CLOCK_OFF_S: Final = 5.0
_CLOCK_WRONG_S: Final = 300.0


def api(settings: Settings) -> list[Check]:
    """Whether the API answers and everything behind it is ready."""
    from sledwatch_app.wiring import known_token

    try:
        with _http(settings.url) as http:
            ready = http.get("/readyz")
            token = known_token(settings)
            allowed = (
                None
                if token is None
                else http.get("/api/v1/gyms", params={"limit": 1}, headers={"Authorization": f"Bearer {token}"})
            )
        times = clock("the API's", settings.url, "/livez")
    except httpx.HTTPError as error:
        why = str(error) or type(error).__name__
        if "url" not in settings.model_fields_set:
            return [
                Check(
                    "API", "warn", f"nothing answers at {settings.url}", "start it, or say where it is: SLEDWATCH_URL"
                )
            ]
        return [Check("API", "fail", f"{settings.url}: {why}", "start it, or correct SLEDWATCH_URL")]
    except WrongUse as error:
        return [Check("API", "fail", str(error), "correct it")]
    if not _ours(ready):
        found = f"{settings.url}/readyz answers {ready.status_code}, but not as Sledwatch does"
        return [Check("API", "fail", found, "SLEDWATCH_URL says where it is")]
    return [_readiness(settings, ready), _token(settings, allowed), *times]


def _ours(ready: httpx.Response) -> bool:
    """Whether this is an answer of `/readyz`, and not of some other server."""
    try:
        return isinstance(ready.json()["parts"], dict)
    except (ValueError, KeyError, TypeError):
        return False


def _readiness(settings: Settings, ready: httpx.Response) -> Check:
    parts: dict[str, dict[str, Any]] = ready.json()["parts"]
    ill = "; ".join(f"{name}: {part['why']}" for name, part in parts.items() if not part["ok"])
    if ill:
        return Check("API", "fail", f"{settings.url} answers, but is not ready: {ill}", "see the logs of those parts")
    return Check("API", "ok", f"{settings.url} answers, and everything is ready")


def _token(settings: Settings, allowed: httpx.Response | None) -> Check:
    if allowed is None:
        return Check("token", "ok", "none here: commands that need the API want SLEDWATCH_API_TOKEN")
    if allowed.is_success:
        return Check("token", "ok", "the API accepts ours")
    found = f"the API answers {allowed.status_code} to ours"
    where = "SLEDWATCH_API_TOKEN" if settings.api_token is not None else f"{settings.data / 'api-token'}"
    return Check("token", "fail", found, f"{where} holds another token than the API's")


def clock(whose: str, url: str, path: str) -> list[Check]:
    """How far another host's clock is from ours, as far as a date in whole seconds tells. Raises HTTPError."""
    with _http(url) as http:
        asked_s = time.time()
        told = http.get(path).headers.get("Date")
        ours_s = (asked_s + time.time()) / 2
    if told is None:
        return []
    try:
        # A date has lost half a second on average.
        off_s = parsedate_to_datetime(told).timestamp() + 0.5 - ours_s
    except ValueError:
        return []
    if abs(off_s) < _CLOCK_OFF_S:
        return [Check("clock", "ok", f"ours and {whose} agree within {max(1.0, abs(off_s)):.0f} s")]
    verdict: Verdict = "fail" if abs(off_s) > _CLOCK_WRONG_S else "warn"
    found = f"{whose} is {abs(off_s):.0f} s {'ahead of' if off_s > 0 else 'behind'} ours"
    return [Check("clock", verdict, found, "set both by NTP: what is 5 min ahead is refused")]


def _http(url: str) -> httpx.Client:
    # Proxies of the environment are for the world outside; these are our own servers.
    return httpx.Client(base_url=url, timeout=ANSWER_S, trust_env=False)
