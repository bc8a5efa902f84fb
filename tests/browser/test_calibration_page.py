"""A calibration visit in a browser: the depth follows the sled, and what is offered to confirm the last bottom."""

import pytest
from playwright.sync_api import expect

from fake_api import NOW_US, begun_visit, bottom, pressing

pytestmark = pytest.mark.needs("chromium")

VISIT = ("m-1042", "north", "press-1")
PAGE = "/members/m-1042/calibrate/north/press-1"


def pressed(depth_mm, second):
    """The event of a second of Anna Kowalska's visit."""
    fields = {"depth_mm": depth_mm, "track_mm": [], "load_kg": 47.0, "t_us": NOW_US + second * 1_000_000}
    return pressing("north", "press-1", "m-1042", "Anna Kowalska", "S-1", **fields)


def test_a_visit_follows_the_sled_until_the_depth_is_confirmed(visit, floor):
    floor.visits[VISIT] = begun_visit()
    page = visit(390, 844, reduced_motion="reduce").open(PAGE, live=True)
    floor.visits[VISIT]["bottoms"].append(bottom(401.4))
    floor.tell("machine", pressed(401.4, 1))
    expect(page.locator("[data-field=depth]")).to_have_text("401")
    confirm = page.get_by_role("button", name="Set the limit")
    expect(confirm).to_have_text("Set the limit: 401\u00a0mm")
    floor.visits[VISIT]["bottoms"].append(bottom(406.2))
    floor.tell("machine", pressed(300.0, 2))
    expect(confirm).to_have_text("Set the limit: 406\u00a0mm")
    page.get_by_role("button", name="1 mm less").click()
    floor.visits[VISIT]["bottoms"].append(bottom(250.0, set=1, rep=1))
    floor.tell("machine", pressed(20.0, 3))
    expect(page.locator("[data-renew=seen]")).to_contain_text("250")
    expect(confirm).to_have_text("Set the limit: 405\u00a0mm")
    confirm.click()
    expect(page.locator("#told")).to_contain_text("The limit is set.")
    assert 405.0 == floor.limits["m-1042"][-1]["limit_mm"]


def test_a_visit_that_is_ended_on_another_phone_says_which_limit_holds(visit, floor):
    floor.visits[VISIT] = begun_visit(bottom(401.4))
    page = visit(390, 844).open(PAGE, live=True)
    floor.visits.clear()
    floor.tell("machine", pressed(100.0, 1))
    expect(page.locator("#told")).to_contain_text("The visit is over")
    expect(page.locator("[data-renew=outcome]")).to_contain_text("412")
