"""A real browser in front of the pages, which stand beside a stand-in for the API."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from fake_api import COOKIE, NOW_US, TOKEN, Floor, begun_visit, bottom, busy_floor, fake_api
from sledwatch_web.app import create_app
from web_server import served


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """One headless browser for all tests of a process."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-background-networking"]
        )
        yield browser
        browser.close()


@pytest.fixture
def floor() -> Floor:
    """What the API knows; a calibration visit is under way."""
    floor = busy_floor()
    floor.visits["m-1042", "north", "press-1"] = begun_visit(bottom(398.2), near_empty=False, warnings=["Too heavy."])
    return floor


@pytest.fixture
def site(floor: Floor, free_port: Callable[[], int]) -> Iterator[str]:
    """The URL of pages and API on one port, as `sledwatch up` serves them."""
    app = fake_api(floor, lambda api: create_app(api_app=api, clock=lambda: NOW_US))
    with served(app, free_port(), floor.hang_up) as url:
        yield url


@dataclass
class Visit:
    """A signed-in visitor; `complaints` is what the browser's console had to say."""

    context: BrowserContext
    url: str
    complaints: list[str]

    def open(self, path: str, *, live: bool = False) -> Page:
        """Open a page. live: wait until its stream holds."""
        page = self.context.new_page()
        page.on("console", lambda message: self._hear(message.type, message.text))
        page.on("pageerror", lambda error: self._hear("error", str(error)))
        page.goto(self.url + path)
        if live:
            page.locator("[data-link=live]").wait_for()
        return page

    def _hear(self, kind: str, text: str) -> None:
        if kind in {"error", "warning"}:
            self.complaints.append(text)


@pytest.fixture
def visit(chromium: Browser, site: str) -> Iterator[Callable[..., Visit]]:
    """Begins a visit: with a window of some size, a colour scheme, with or without JavaScript."""
    begun: list[Visit] = []

    def begin(width: int = 1440, height: int = 900, **options: object) -> Visit:
        context = chromium.new_context(viewport={"width": width, "height": height}, **options)
        context.set_default_timeout(15_000)
        context.add_cookies([{"name": COOKIE, "value": TOKEN, "url": site}])
        begun.append(Visit(context, site, []))
        return begun[-1]

    yield begin
    for one in begun:
        one.context.close()
