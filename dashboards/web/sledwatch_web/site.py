"""What all pages share: the templates, the charts, the clock, and the way to the API."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse

from sledwatch_web import words
from sledwatch_web.api import Api, ApiClient, Refused
from sledwatch_web.gyms import Gyms
from sledwatch_web.rendering import Charts
from sledwatch_web.security import is_same_origin

STATIC: Final = Path(__file__).parent / "static"


@dataclass(frozen=True, slots=True)
class Site:
    """What the pages are made of. clock: microseconds since the epoch, UTC."""

    client: ApiClient
    charts: Charts
    clock: Callable[[], int]
    templates: Environment
    assets: str

    def api(self, request: Request) -> Api:
        """The API, on behalf of whoever sent this request."""
        self.charts.warm_up()
        return self.client.on_behalf_of(request)

    async def gyms(self, api: Api) -> Gyms:
        """The gyms; every page begins with them."""
        return Gyms(tuple(await api.items("/gyms")))

    def page(self, request: Request, template: str, *, status: int = 200, **context: Any) -> HTMLResponse:
        """A template as a response. `gyms` in the context gives the head its count of open alerts."""
        context.setdefault("gyms", Gyms(()))
        html = self.templates.get_template(template).render(
            here=request.url.path, assets=self.assets, signed_in=status != 401, words=words, **context
        )
        return HTMLResponse(html, status)


def make_templates() -> Environment:
    """The environment that the pages are written in: everything is escaped, and a name misspelt is an error."""
    templates = Environment(
        loader=PackageLoader("sledwatch_web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters.update(
        mm=words.mm,
        kg=words.kg,
        energy=words.energy,
        number=words.number,
        count=words.count,
        drawn="{:g}".format,
    )
    return templates


def fingerprint(directory: Path = STATIC) -> str:
    """A digest of all static files, which stands in their address so that browsers may keep them for ever."""
    digest = hashlib.sha256()
    for path in sorted(directory.rglob("*")):
        if path.is_file():
            digest.update(path.relative_to(directory).as_posix().encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def require_own_form(request: Request) -> None:
    """Raise Refused unless one of our own pages sent this form."""
    if not is_same_origin(request.headers):
        raise Refused("This form was not sent by one of these pages. Nothing was changed.", 403)


def back_to(path: str, told: str, anchor: str = "") -> RedirectResponse:
    """After a form: see the page again, with a word on what was done. Leads to pages of this site only."""
    parts = urlsplit(path)
    local = path.startswith("/") and not path.startswith(("//", "/\\")) and not parts.netloc and path.isprintable()
    kept = [part for part in parts.query.split("&") if part and not part.startswith("told=")] if local else []
    query = "&".join([*kept, f"told={told}"])
    return RedirectResponse(f"{parts.path if local else '/'}?{query}{'#' + anchor if anchor else ''}", 303)
