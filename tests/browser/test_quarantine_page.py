"""Refused messages in a browser: what was asked to be tried again is followed until it was."""

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.needs("chromium")


def test_a_message_that_is_replayed_is_followed_until_it_is_stored(visit, floor):
    floor.refused[:] = [one for one in floor.refused if one["id"] == 4]
    page = visit().open("/quarantine")
    page.get_by_role("button", name="Replay", exact=False).last.click()
    expect(page.locator("#told")).to_contain_text("Asked for")
    expect(page.locator("#message-4")).to_contain_text("Waits to be tried again")
    floor.refused[0] |= {"state": "replayed", "tries": 2}
    expect(page.locator("#message-4")).to_have_count(0)
    expect(page.locator("#announcer")).to_contain_text("1 message was tried again")


def test_a_message_refused_again_says_so_without_a_reload(visit, floor):
    page = visit().open("/quarantine/5")
    expect(page.get_by_text("Waits to be tried again")).to_be_visible()
    floor.refused[4] |= {"state": "held", "tries": 1, "detail": "still too heavy"}
    expect(page.get_by_text("still too heavy")).to_be_visible()
    expect(page.get_by_role("button", name="Replay")).to_be_visible()


def test_it_all_works_without_javascript(visit, floor):
    page = visit(390, 844, java_script_enabled=False).open("/quarantine/4")
    page.get_by_role("button", name="Replay").click()
    expect(page.get_by_text("Waits to be tried again")).to_be_visible()


def test_a_machine_is_reached_from_a_tile_that_leads_to_its_session(visit):
    page = visit(390, 844).open("/")
    page.locator('[data-key="north/press-2"]').get_by_role("link", name="press-2", exact=True).click()
    expect(page.get_by_role("heading", name="press-2")).to_be_visible()
