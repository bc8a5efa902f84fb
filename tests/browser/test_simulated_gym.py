"""The whole line as its user meets it: the printed link, the floor, both alerts, one of them acknowledged for good."""

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from waiting import eventually
from whole_line import WholeLine

pytestmark = pytest.mark.needs("chromium")

# In milliseconds: what the first alerts may take on a slow machine.
A_MINUTE = 60_000


def card_of(page: Page, rule_title: str):
    return page.locator("#cards-waiting .card", has_text=rule_title).first


def test_the_link_opens_a_live_floor_both_alerts_arrive_and_an_acknowledgement_stays(
    chromium: Browser, tmp_path, free_port
):
    with WholeLine(tmp_path / "data", free_port) as line:
        link = eventually(lambda: re.search(r"http://\S+/sign-in\S+", line.printed()))[0]
        page = chromium.new_context().new_page()
        page.goto(link)
        expect(page.get_by_role("heading", name="Floor")).to_be_visible()
        expect(page.locator('.tile[data-state="in_use"]').first).to_be_visible(timeout=A_MINUTE)
        moving = page.locator(".tiles").first
        before = moving.inner_text()
        page.wait_for_function(
            "before => document.querySelector('.tiles').innerText !== before", arg=before, timeout=A_MINUTE
        )

        page.goto(f"{line.url}/alerts")
        expect(card_of(page, "30-day best")).to_be_visible(timeout=A_MINUTE)
        deep = card_of(page, "went past the depth limit")
        expect(deep).to_be_visible(timeout=A_MINUTE)
        # Others follow: this one is held by its id.
        mine = page.locator(f"#{deep.get_attribute('id')}")
        mine.get_by_role("button", name="Acknowledge").click()
        expect(mine).to_have_attribute("data-state", "acknowledged")

        assert line.stop() == 0
        line.start()
        page.goto(f"{line.url}/alerts?state=acknowledged")
        expect(mine).to_be_visible()
        mine.get_by_role("link", name="See the session").click()
        expect(page.locator(".verdict-line")).to_contain_text("went past the limit", timeout=A_MINUTE)
        expect(page.locator("figure.chart .for-wide svg")).to_be_visible()
        page.context.close()
