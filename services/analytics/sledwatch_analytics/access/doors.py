"""The ways in: a bearer token for programs, a link used once for people, and the browser session that a link opens."""

import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import quote, urlsplit

from sqlalchemy import Engine

from sledwatch_storage.state import access as kept

LINK_EXPIRES_US: Final = 24 * 3600 * 1_000_000
COOKIE_EXPIRES_S: Final = 30 * 24 * 3600
ADMINISTRATOR: Final = "admin"


class LinkRefused(Exception):
    """A sign-in link that opens nothing: unknown, expired, or used before."""


@dataclass(frozen=True, slots=True)
class Subject:
    """Who asks.

    name: what stands beside what they did. by: the way in; only a browser carries its cookie along without being asked.
    """

    name: str
    by: Literal["token", "cookie"]


class Access:
    """Knows who asks, by token or cookie, and makes and redeems sign-in links.

    token: the administrator's. clock: microseconds since the epoch, UTC. secret: makes the secrets of links and
    cookies, at least 128 bits each.
    """

    def __init__(
        self, engine: Engine, token: str, clock: Callable[[], int], secret: Callable[[], str] = secrets.token_urlsafe
    ) -> None:
        if not token:
            raise ValueError("the administrator's token is empty: anybody could come in")
        self._engine = engine
        self._token = token.encode()
        self._clock = clock
        self._secret = secret

    def by_token(self, token: str) -> Subject | None:
        """The administrator, where this is the token; the comparison takes as long for a wrong one."""
        return Subject(ADMINISTRATOR, "token") if hmac.compare_digest(token.encode(), self._token) else None

    def by_cookie(self, cookie: str) -> Subject | None:
        """Whose browser session this is, None where it is none, over or signed out."""
        name = kept.cookie_subject(self._engine, _digest(cookie), self._clock())
        return None if name is None else Subject(name, "cookie")

    def make_link(self, base_url: str, goes_to: str = "/") -> str:
        """See the function of this name."""
        return make_link(self._engine, base_url, self._clock(), goes_to, self._secret)

    def redeem(self, code: str) -> str:
        """Use a link up and open a browser session; returns the cookie's value. Raises LinkRefused."""
        now_us = self._clock()
        name = kept.use_link(self._engine, _digest(code), now_us)
        if name is None:
            raise LinkRefused("this sign-in link is unknown, older than a day, or was used before")
        cookie = self._secret()
        expires_us = now_us + COOKIE_EXPIRES_S * 1_000_000
        kept.put(self._engine, _digest(cookie), "cookie", name, expires_us=expires_us, now_us=now_us)
        return cookie

    def sign_out(self, cookie: str) -> None:
        """End a browser session; one that is none is left alone."""
        kept.remove(self._engine, _digest(cookie))


def make_link(
    engine: Engine,
    base_url: str,
    now_us: int,
    goes_to: str = "/",
    secret: Callable[[], str] = secrets.token_urlsafe,
) -> str:
    """A link that signs the administrator in, once and within a day.

    base_url: where the pages are, such as http://127.0.0.1:8080. goes_to: the page to begin with.
    """
    code = secret()
    kept.put(engine, _digest(code), "link", ADMINISTRATOR, expires_us=now_us + LINK_EXPIRES_US, now_us=now_us)
    onward = "" if goes_to == "/" else f"&next={quote(local_path(goes_to), safe='/')}"
    return f"{base_url.rstrip('/')}/sign-in?code={code}{onward}"


def local_path(path: str) -> str:
    """The path where it leads to a page of this site, else "/": a sign-in link must not send people elsewhere."""
    parts = urlsplit(path)
    # "//host" and "/\host" are other sites to a browser, and control characters are dropped before it looks.
    local = path.startswith("/") and not path.startswith(("//", "/\\")) and not parts.scheme and not parts.netloc
    return path if local and path.isprintable() and "\\" not in path else "/"


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
