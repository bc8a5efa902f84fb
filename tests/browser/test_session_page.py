"""A session in a browser: a rep becomes the limit, and a session that goes on is followed."""

import pytest
from playwright.sync_api import expect

from fake_api import rep

pytestmark = pytest.mark.needs("chromium")


def test_make_this_the_limit_asks_sets_and_says_so(visit, floor):
    page = visit().open("/sessions/S-1")
    page.locator('[data-key="2-15"]').get_by_role("link", name="Make this the limit").click()
    dialog = page.get_by_role("dialog", name="Make 396 mm the depth limit?")
    dialog.get_by_label("Every notch and foot row").check()
    dialog.get_by_role("button", name="Set the limit").click()
    expect(page.locator("#told")).to_contain_text("That depth is the limit now.")
    assert [396.0] == [limit["limit_mm"] for limit in floor.limits["m-1042"] if limit["notch"] is None]


def test_a_limit_that_is_not_confirmed_is_not_set(visit, floor):
    page = visit().open("/sessions/S-1")
    page.locator('[data-key="2-15"]').get_by_role("link", name="Make this the limit").click()
    page.get_by_role("dialog").get_by_role("link", name="Cancel").click()
    expect(page.get_by_role("dialog")).to_be_hidden()
    assert [] == floor.calls


def test_without_javascript_the_limit_is_confirmed_on_a_page_of_its_own(visit, floor):
    page = visit(java_script_enabled=False).open("/sessions/S-1")
    page.locator('[data-key="2-15"]').get_by_role("link", name="Make this the limit").click()
    page.get_by_role("button", name="Set the limit").click()
    expect(page.locator("#told")).to_contain_text("That depth is the limit now.")
    assert 396.0 in [limit["limit_mm"] for limit in floor.limits["m-1042"]]


@pytest.mark.parametrize(("width", "kind"), [(1440, "for-wide"), (390, "for-narrow")])
def test_the_trace_is_drawn_for_the_screen_it_is_on(visit, width, kind):
    page = visit(width, 844).open("/sessions/S-1")
    drawings = page.locator("figure.chart > [role=img]")
    expect(drawings.locator("visible=true")).to_have_count(1)
    expect(page.locator(f".{kind} svg")).to_be_visible()


def test_a_session_that_goes_on_is_followed(visit, floor):
    page = visit().open("/sessions/S-2", live=True)
    newest = rep("S-2", 6, 1, floor.reps["S-2"][-1]["t_start_us"] + 3_400_000, 433.0, 100.0, user="m-2210")
    floor.reps["S-2"].append(newest)
    floor.tell("rep", newest)
    expect(page.locator('[data-key="1-6"]')).to_contain_text("21 mm past")
    expect(page.locator(".verdict-line")).to_contain_text("1 of 6 reps went past the limit")
