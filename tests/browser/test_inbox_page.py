"""The inbox in a browser: acknowledging sticks, new alerts come in, and nobody's reading is disturbed."""

import pytest
from playwright.sync_api import expect

from fake_api import alert, at

pytestmark = pytest.mark.needs("chromium")

CARD = "#alert-" + "a1" * 16


def newcomer(**fields):
    return alert("f6" * 16, user_name="Ines Marquez", last_at=at(0), message="Ines Marquez went too far.", **fields)


@pytest.mark.parametrize("scripts", [True, False], ids=["with-javascript", "without"])
def test_acknowledging_by_a_click_sticks_after_a_reload(visit, floor, scripts):
    page = visit(java_script_enabled=scripts).open("/alerts")
    page.locator(CARD).get_by_role("button", name="Acknowledge").click()
    expect(page.locator(CARD)).to_have_attribute("data-state", "acknowledged")
    page.reload()
    expect(page.locator("#cards-done").locator(CARD)).to_contain_text("Acknowledged")
    assert [("POST", f"/alerts/{'a1' * 16}/acknowledge", {})] == floor.calls


def test_acknowledging_moves_no_other_card_and_is_spoken(visit):
    page = visit().open("/alerts", live=True)
    tops = "() => [...document.querySelectorAll('.card')].map(card => card.id)"
    before = page.evaluate(tops)
    page.locator(CARD).get_by_role("button", name="Acknowledge").click()
    expect(page.locator("#announcer")).to_contain_text("Acknowledged.")
    assert before == page.evaluate(tops)


def test_an_alert_acknowledged_by_somebody_else_says_so_in_place(visit, floor):
    page = visit().open("/alerts?state=open", live=True)
    floor.tell("alert", {**floor.alerts[0], "state": "acknowledged"})
    expect(page.locator("#cards-waiting").locator(CARD)).to_have_attribute("data-state", "acknowledged")


def test_an_alert_has_a_page_of_its_own_to_be_sent_around(visit, floor):
    page = visit().open("/alerts/" + "a1" * 16)
    page.get_by_role("button", name="Acknowledge").click()
    expect(page.locator(CARD)).to_have_attribute("data-state", "acknowledged")
    assert "acknowledged" == floor.alerts[0]["state"]


def test_a_refusal_is_shown_where_one_is_looking(visit, floor):
    page = visit().open("/alerts")
    floor.alerts[0]["state"] = "resolved"
    page.locator(CARD).get_by_role("button", name="Acknowledge").click()
    expect(page.locator("#told")).to_contain_text("the alert is resolved")


def test_a_new_alert_comes_in_on_top(visit, floor):
    page = visit().open("/alerts", live=True)
    floor.tell("alert", newcomer())
    expect(page.locator("#cards-waiting .card").first).to_contain_text("Ines Marquez")
    expect(page.locator("#announcer")).to_contain_text("Ines Marquez went too far.")


def test_pain_stays_on_top_of_what_comes_in(visit, floor):
    floor.alerts.append(alert("ba" * 16, rule="pain.reported", user_name="Paul Okafor", last_at=at(300)))
    page = visit().open("/alerts", live=True)
    expect(page.locator("#cards-waiting .card").first).to_contain_text("Paul Okafor")
    floor.tell("alert", newcomer())
    expect(page.locator("#cards-waiting .card").nth(1)).to_contain_text("Ines Marquez")
    expect(page.locator("#cards-waiting .card").first).to_contain_text("Paul Okafor")


def test_while_somebody_reads_new_alerts_wait_and_nothing_moves(visit, floor):
    page = visit().open("/alerts", live=True)
    page.locator(CARD).get_by_text("The arithmetic").click()
    before = page.locator(CARD).bounding_box()
    floor.tell("alert", newcomer())
    show = page.get_by_role("button", name="Show 1 new alert")
    show.wait_for()
    assert before == page.locator(CARD).bounding_box()
    show.click()
    expect(page.locator("#cards-waiting .card").first).to_contain_text("Ines Marquez")
    expect(show).to_be_hidden()


def test_what_waited_comes_in_once_nobody_reads_any_more(visit, floor):
    page = visit().open("/alerts", live=True)
    fold = page.locator(CARD).get_by_text("The arithmetic")
    fold.click()
    floor.tell("alert", newcomer())
    page.get_by_role("button", name="Show 1 new alert").wait_for()
    fold.click()
    page.locator("h1").click()
    expect(page.locator("#cards-waiting .card").first).to_contain_text("Ines Marquez")


def test_an_alert_that_repeats_changes_in_place_and_stays_unfolded(visit, floor):
    page = visit().open("/alerts", live=True)
    page.locator(CARD).get_by_text("The arithmetic").click()
    floor.tell("alert", {**floor.alerts[0], "count": 7})
    expect(page.locator(CARD)).to_contain_text("7×")
    expect(page.locator(CARD).get_by_role("rowheader", name="Depth limit")).to_be_visible()


def test_a_comment_is_added_without_leaving_the_page(visit, floor):
    page = visit().open("/alerts", live=True)
    card = page.locator(CARD)
    card.get_by_text("Add a comment").click()
    card.get_by_label("Comment").fill("Spoke to her.")
    card.get_by_role("button", name="Add the comment").click()
    expect(card).to_contain_text("Comments (1)")
    expect(card.locator(".comment")).to_contain_text("Spoke to her.")


def test_the_last_alert_leaves_a_calm_page_after_a_reload(visit, floor):
    floor.alerts[:] = floor.alerts[:1]
    page = visit().open("/alerts?state=open")
    page.locator(CARD).get_by_role("button", name="Resolve").click()
    expect(page.locator(CARD)).to_have_attribute("data-state", "resolved")
    page.reload()
    expect(page.get_by_text("Nothing waits for you.")).to_be_visible()


def test_a_wide_table_in_a_card_scrolls_and_does_not_widen_a_phones_page(visit, floor):
    before = {"rule": "depth.excessive", "severity": "alert", "found_at": at(700), "machine": "press-1",
              "days_before": 0.48, "over_mm": 31.0, "ratio": 1.42}  # fmt: skip
    floor.alerts[0]["evidence"] = {"before": [before], "not_known": ["whether it comes from training at all"]}
    page = visit(360, 740).open("/alerts")
    page.locator(CARD).get_by_text("The arithmetic").click()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
