"""A small client of our own API, for the commands that need a running system."""

import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sledwatch_app.errors import Failed, WrongUse
from sledwatch_app.settings import Settings, load


class Api:
    """Calls below /api/v1 with the administrator's token; problem details become one line."""

    def __init__(self, url: str, token: str) -> None:
        self.url = url
        self.token = token

    def get(self, path: str, **query: object) -> Any:
        """The answer's JSON. Raises Failed, with the API's own words, for any status but 2xx or no answer."""
        return self._call("GET", path, None, query)

    def _call(self, method: str, path: str, body: bytes | None, query: dict[str, object]) -> Any:
        words = urllib.parse.urlencode({name: value for name, value in query.items() if value is not None})
        request = urllib.request.Request(  # noqa: S310 - the settings admit http and https only
            f"{self.url}/api/v1{path}{'?' + words if words else ''}",
            data=body,
            method=method,
            headers={"Authorization": f"Bearer {self.token}"},
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise Failed(f"{self.url}: {_problem(error)}") from None
        except (urllib.error.URLError, OSError) as error:
            reason = getattr(error, "reason", error)
            raise Failed(
                f"no answer from {self.url} ({reason}): is `sledwatch up` running? SLEDWATCH_URL says where"
            ) from None


@contextmanager
def connect(settings: Settings | None = None) -> Iterator[Api]:
    """The API at SLEDWATCH_URL, with SLEDWATCH_API_TOKEN or the data directory's token."""
    settings = settings or load()
    yield Api(settings.url, known_token(settings))


def known_token(settings: Settings) -> str:
    """The token that is set or kept in the data directory. Raises WrongUse where there is none: none is made here."""
    if settings.api_token is not None:
        return settings.api_token
    path = settings.data / "api-token"
    try:
        return path.read_text().strip()
    except OSError:
        raise WrongUse(
            f"no token: set SLEDWATCH_API_TOKEN, or SLEDWATCH_DATA to the data directory (no {path})"
        ) from None


def _problem(error: urllib.error.HTTPError) -> str:
    try:
        problem = json.load(error)
        return f"{error.code} {problem.get('detail') or problem.get('title')}"
    except (ValueError, AttributeError):
        return f"{error.code} {error.reason}"
