"""The floor in a browser: it follows the machines, and nothing moves but what changed."""

import pytest
from playwright.sync_api import expect

from fake_api import NOW_US, alert, at, machine, pressing
from waiting import eventually

pytestmark = pytest.mark.needs("chromium")

TILE = '[data-key="north/press-{}"]'


def moved(who="Jonas Weber", **fields):
    """The event of the next second of Jonas Weber's set."""
    return pressing("north", "press-2", "m-2210", who, "S-2", **{"t_us": NOW_US + 1_000_000, **fields})


def test_every_machine_has_a_tile_with_its_state_in_words(visit):
    page = visit().open("/")
    expect(page.locator(".tile")).to_have_count(8)
    expect(page.locator(TILE.format(1))).to_contain_text("In use")
    expect(page.locator(TILE.format(3))).to_contain_text("Free")
    expect(page.locator(TILE.format(5))).to_contain_text("Offline")


def test_a_tile_follows_its_machine_without_a_reload(visit, floor):
    page = visit().open("/", live=True)
    floor.tell("machine", moved(deepest_mm=425.0, over=True, load_kg=190.0, set_reps=6, depth_mm=101.0))
    tile = page.locator(TILE.format(2))
    expect(tile).to_have_attribute("data-level", "over")
    expect(tile.locator("[data-field=verdict]")).to_have_text("13 mm past the limit")
    expect(tile.locator("[data-field=load]")).to_have_text("190 kg")
    expect(tile.locator("[data-field=reps]")).to_have_text("Set 2 · 6 reps")
    expect(tile.locator("[data-field=depth]")).to_have_text("101 mm")


def places(page, floor):
    """Where the drawn sled was while it followed a frame to the end of its rail."""
    sled = page.locator(TILE.format(2)).locator("[data-part=sled]")
    sled.evaluate(
        """sled => { window.places = [];
           new MutationObserver(() => window.places.push(sled.getAttribute("transform")))
             .observe(sled, { attributes: true }); }"""
    )
    floor.tell("machine", moved(track_mm=[0.0, 600.0], depth_mm=620.0))
    expect(sled).to_have_attribute("transform", "translate(0 130)")
    return page.evaluate("window.places")


def test_the_sled_glides_along_the_frame_to_where_it_is_now(visit, floor):
    assert len(places(visit().open("/", live=True), floor)) > 2


def test_with_reduced_motion_the_sled_is_where_it_is_at_once(visit, floor):
    assert ["translate(0 130)"] == places(visit(reduced_motion="reduce").open("/", live=True), floor)


@pytest.mark.parametrize(
    "event",
    [
        moved(),
        moved(deepest_mm=425.0, over=True),
        moved(deepest_mm=399.0, tired=True, limit_tier=None),
        moved(deepest_mm=412.3),
        moved(deepest_mm=None, reps=0, set=None, set_reps=0),
        moved(limit_mm=None, caution_mm=None, who=None, load_kg=182.5, depth_mm=1.4),
        machine("north", "press-2"),
        machine("north", "press-2", state="offline", status="offline", last_seen_at=None),
    ],
    ids=["within", "over", "caution", "hardly-over", "no-rep", "no-limit", "free", "offline"],
)
def test_a_tile_reads_the_same_live_and_after_a_reload(visit, floor, event):
    visitor = visit(reduced_motion="reduce")
    page = visitor.open("/", live=True)
    reads = "tile => [tile.innerText, tile.dataset.state, tile.dataset.level, tile.querySelector('.track').outerHTML]"
    floor.tell("machine", event)
    expect(page.locator(TILE.format(2))).to_have_attribute("data-state", event["state"])
    page.wait_for_function("key => document.querySelector(key).innerText.includes('press-2')", arg=TILE.format(2))
    fresh = visitor.open("/", live=True).locator(TILE.format(2)).evaluate(reads)
    eventually(lambda: fresh == page.locator(TILE.format(2)).evaluate(reads), timeout_s=5)


def test_nothing_jumps_when_a_machine_is_taken_and_left(visit, floor):
    page = visit(390, 844).open("/", live=True)
    places = "() => [...document.querySelectorAll('.tile, h2, .strip li')].map(n => n.getBoundingClientRect().top)"
    before = page.evaluate(places)
    floor.tell("machine", pressing("north", "press-3", "m-1", "Somebody With A Rather Long Name", "S-9", over=True))
    floor.tell("machine", machine("north", "press-2"))
    expect(page.locator(TILE.format(3))).to_have_attribute("data-state", "in_use")
    expect(page.locator(TILE.format(2))).to_have_attribute("data-state", "free")
    expect(page.locator(".hall").first.locator("[data-field=tally]")).to_have_text("3 of 6 in use, 1 offline")
    assert before == page.evaluate(places)


def test_a_machine_that_was_never_seen_gets_a_tile_where_it_belongs(visit, floor):
    page = visit().open("/", live=True)
    newcomer = machine("north", "press-2b")
    floor.machines["north"].insert(2, newcomer)
    floor.tell("machine", newcomer)
    expect(page.locator(".hall").first.locator(".tile").nth(2)).to_contain_text("press-2b")


def test_a_new_alert_stands_in_the_strip_and_is_spoken(visit, floor):
    page = visit().open("/", live=True)
    floor.gyms[0]["open_alerts"] += 1
    floor.tell("alert", alert("f6" * 16, user_name="Ines Marquez", last_at=at(0)))
    expect(page.locator(".strip li").first).to_contain_text("Ines Marquez")
    expect(page.locator("#announcer")).to_contain_text("New alert: Alert: Ines Marquez")
    expect(page.locator(".badge")).to_contain_text("4")


def test_a_lost_stream_is_said_and_found_again(visit, floor):
    page = visit().open("/", live=True)
    eventually(lambda: floor.listeners)
    floor.hang_up()
    expect(page.locator("[data-link=lost]")).to_contain_text("Connection lost")
    expect(page.locator("[data-link=live]")).to_contain_text("Live")
    eventually(lambda: floor.listeners)
    floor.tell("machine", moved(load_kg=77.0))
    expect(page.locator(TILE.format(2))).to_contain_text("77 kg")


def test_without_javascript_the_floor_is_complete(visit):
    page = visit(java_script_enabled=False).open("/")
    expect(page.locator(TILE.format(1))).to_contain_text("19 mm past the limit")
    expect(page.locator(".link")).to_be_hidden()
