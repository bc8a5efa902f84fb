"""The pages of a calibration visit by HTTP, in front of a stand-in for the API."""

import re

import pytest
from fastapi.testclient import TestClient

from fake_api import COOKIE, NOW_US, TOKEN, at, begun_visit, bottom, busy_floor, fake_api, machine
from sledwatch_analytics.api.calibration import Calibration
from sledwatch_analytics.api.limits import Limit, LimitChange, LimitInForce
from sledwatch_web.app import create_app

OWN = {"sec-fetch-site": "same-origin"}
VISIT = ("m-1042", "north", "press-1")
PAGE = "/members/m-1042/calibrate/north/press-1"
LIMITS = "/members/m-1042/limits/north/press-1"
STANDS = {"accept_load": False, "every_notch": False, "every_foot_row": False, "note": None}


@pytest.fixture
def floor():
    """Anna Kowalska is on press-1; her sled has come down twice, the second time not as far."""
    floor = busy_floor()
    floor.visits[VISIT] = begun_visit(bottom(405.4, set=1, rep=1), bottom(398.2, set=1, rep=2))
    return floor


@pytest.fixture
def pages(floor):
    app = fake_api(floor, lambda api: create_app(api_app=api, clock=lambda: NOW_US))
    with TestClient(app, cookies={COOKIE: TOKEN}, follow_redirects=False) as client:
        yield client


def text(html):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html)).strip()


@pytest.mark.parametrize(
    ("shape", "path"),
    [
        (Calibration, f"{LIMITS}/calibration"),
        (LimitInForce, f"{LIMITS}/in-force"),
        (LimitInForce, "/members/m-1042/limits/north/press-3/in-force"),
        (LimitChange, f"{LIMITS}/history"),
        (Limit, LIMITS.rsplit("/", 2)[0]),
    ],
)
def test_the_stand_in_answers_in_the_shapes_of_the_api(pages, shape, path):
    answer = pages.get(f"/api/v1{path}").json()
    for one in answer.get("items", [answer]):
        assert shape.model_fields.keys() == one.keys()
        shape.model_validate(one)


def test_the_machine_that_the_member_is_on_is_offered_first(pages):
    html = pages.get("/members/m-1042/calibrate").text
    assert re.findall(r'href="(/members/m-1042/calibrate/[^"]+)"', html)[0] == PAGE
    assert "press-1 Nordpark · limit 412 mm Badged in here" in text(html)
    assert 'href="/members/m-1042/calibrate"' in pages.get("/members/m-1042").text


def test_a_visit_is_started_by_a_plain_form(pages, floor):
    floor.visits.clear()
    said = text(pages.get(PAGE).text)
    assert "The limit of Anna Kowalska here 412 mm" in said
    answer = pages.post(PAGE, headers=OWN)
    assert (303, f"{PAGE}?told=begun") == (answer.status_code, answer.headers["location"])
    assert VISIT in floor.visits
    assert "let it down slowly" in text(pages.get(PAGE).text)


def test_a_visit_shows_where_the_sled_is_where_it_turned_and_how_it_is_loaded(pages, floor):
    floor.machines["north"][0]["load_kg"] = 47.0
    said = text(pages.get(PAGE).text)
    for part in (
        "Depth now 236 mm",
        "Last bottom 398 mm",
        "Deepest so far 405 mm",
        "47 kg near-empty",
        "seat notch 4, foot row 2",
        "limit until now 412 mm",
        "Begun by admin, 17:28",
    ):
        assert part in said


def test_the_last_bottom_is_offered_and_confirmed_with_its_rep(pages, floor):
    assert 'value="398"' in pages.get(PAGE).text
    answer = pages.post(f"{PAGE}/confirm", data={"depth": "398"}, headers=OWN)
    assert (303, f"{PAGE}?told=set#told") == (answer.status_code, answer.headers["location"])
    assert [("POST", f"{LIMITS}/calibration/confirm", {"point": "latest", **STANDS})] == floor.calls
    said = text(pages.get(f"{PAGE}?told=set").text)
    assert "398 mm Confirmed in a calibration visit by admin, today 17:32" in said
    assert "press-1 was told: it says caution from 378 mm on, and warns past 398 mm." in said


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("405", {"point": "deepest"}), ("401", {"depth_mm": 401.0}), ("400,5", {"depth_mm": 400.5})],
)
def test_another_depth_than_the_last_is_confirmed_as_it_was_meant(pages, floor, typed, meant):
    pages.post(f"{PAGE}/confirm", data={"depth": typed}, headers=OWN)
    assert {**meant, **STANDS} == floor.calls[-1][2]


def test_a_limit_for_every_setting_carries_its_note(pages, floor):
    form = {"depth": "398", "holds_for": "machine", "note": " sacrum lifts "}
    pages.post(f"{PAGE}/confirm", data=form, headers=OWN)
    expected = {**STANDS, "point": "latest", "every_notch": True, "every_foot_row": True, "note": "sacrum lifts"}
    assert expected == floor.calls[-1][2]


def test_a_loaded_sled_is_warned_about_refused_and_taken_only_when_that_is_said(pages, floor):
    floor.visits[VISIT] |= {"near_empty": False, "warnings": ["107 kg is no near-empty sled: take plates off."]}
    html = pages.get(PAGE).text
    assert "too heavy" in html
    assert "no near-empty sled: take plates off." in text(html)
    refused = pages.post(f"{PAGE}/confirm", data={"depth": "401", "note": "n"}, headers=OWN)
    assert refused.status_code == 409
    assert "the sled is not known to be near-empty" in text(refused.text)
    assert 'value="401"' in refused.text
    assert 'name="accept_load"' in refused.text
    pages.post(f"{PAGE}/confirm", data={"depth": "401", "accept_load": "true"}, headers=OWN)
    assert 401.0 == floor.limits["m-1042"][-1]["limit_mm"]


@pytest.mark.parametrize("depth", ["", "deep", "0", "2400", "nan"])
def test_a_depth_that_is_none_is_refused_on_the_page(pages, floor, depth):
    answer = pages.post(f"{PAGE}/confirm", data={"depth": depth}, headers=OWN)
    assert (422, []) == (answer.status_code, floor.calls)
    assert "expected more than 0, up to 2000" in text(answer.text)


def test_who_badges_out_in_the_middle_is_waited_for(pages, floor):
    floor.machines["north"][0] = machine("north", "press-1")
    html = pages.get(PAGE).text
    assert "Have the member badge in" in text(html)
    assert 'name="depth"' not in html
    refused = pages.post(f"{PAGE}/confirm", data={"depth": "398"}, headers=OWN)
    assert (409, True) == (refused.status_code, "m-1042 is not badged in" in text(refused.text))


@pytest.mark.parametrize(
    ("fields", "warning"),
    [
        ({"state": "offline", "status": "offline"}, "press-1 is offline"),
        ({"last_seen_at": at(0.5)}, "No data from press-1 for 30 s."),
        ({"user": "m-2210", "user_name": "Jonas Weber"}, "Jonas Weber is badged in on press-1"),
    ],
)
def test_what_keeps_the_sled_from_being_seen_is_said(pages, floor, fields, warning):
    floor.machines["north"][0] |= fields
    assert warning in text(pages.get(PAGE).text)


@pytest.mark.parametrize("verb", ["confirm", "cancel"])
def test_a_visit_that_somebody_else_has_ended_leads_to_the_limit_that_holds(pages, floor, verb):
    floor.visits.clear()
    answer = pages.post(f"{PAGE}/{verb}", data={"depth": "398"}, headers=OWN)
    assert (303, f"{PAGE}?told=over#told") == (answer.status_code, answer.headers["location"])
    said = text(pages.get(f"{PAGE}?told=over").text)
    assert "The visit is over: somebody confirmed or cancelled it" in said
    assert "412 mm Confirmed in a calibration visit by admin" in said
    assert 412.0 == floor.limits["m-1042"][-1]["limit_mm"]


def test_a_visit_is_cancelled_and_limits_stay(pages, floor):
    answer = pages.post(f"{PAGE}/cancel", headers=OWN)
    assert f"{PAGE}?told=cancelled#told" == answer.headers["location"]
    assert ({}, 412.0) == (floor.visits, floor.limits["m-1042"][-1]["limit_mm"])


def test_to_begin_anew_leaves_out_what_was_before(pages):
    assert f"{PAGE}?told=anew" == pages.post(PAGE, data={"anew": "true"}, headers=OWN).headers["location"]
    html = pages.get(f"{PAGE}?told=anew").text
    assert "what the sled did before no longer counts" in text(html)
    assert 'name="depth"' not in html


@pytest.mark.parametrize("path", [PAGE, f"{PAGE}/confirm", f"{PAGE}/cancel"])
def test_another_site_begins_and_ends_no_visit(pages, floor, path):
    answer = pages.post(path, data={"depth": "398"}, headers={"sec-fetch-site": "cross-site"})
    assert (403, [], True) == (answer.status_code, floor.calls, VISIT in floor.visits)


def test_a_machine_that_nobody_has_heard_of_has_a_page_that_says_so(pages):
    assert 404 == pages.get("/members/m-1042/calibrate/north/press-99").status_code
