"""Limits, protocols and strength on the members' pages by HTTP, in front of a stand-in for the API."""

import re

import pytest
from fastapi.testclient import TestClient

from fake_api import COOKIE, NOW_US, TOKEN, at, busy_floor, fake_api, limit_change, protocol, strength
from sledwatch_analytics.api.protocol import PastProtocol, Protocol
from sledwatch_analytics.api.sessions import Rep, Session, SessionDetail
from sledwatch_web.app import create_app

OWN = {"sec-fetch-site": "same-origin"}
PAGE = "/members/m-1042/protocol"
BLANK = {"quantity": "knee_deg", "least": "", "most": "", "place": ""}


@pytest.fixture
def floor():
    """Nobody has a workload: its picture takes longer to draw than all else here."""
    floor = busy_floor()
    for workload in floor.workloads.values():
        workload |= {"sessions": [], "days": []}
    return floor


@pytest.fixture
def pages(floor):
    app = fake_api(floor, lambda api: create_app(api_app=api, clock=lambda: NOW_US))
    with TestClient(app, cookies={COOKIE: TOKEN}, follow_redirects=False) as client:
        yield client


def text(html):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html)).strip()


def form(*rows, **fields):
    """A form as a browser sends it. rows: (quantity, at least, at most, place)."""
    columns = dict(zip(("quantity", "least", "most", "place"), map(list, zip(*rows, strict=True)), strict=False))
    return {**columns, "load_cap": "", "last_day": "2026-01-14", "clinician": "", "note": "", **fields}


@pytest.mark.parametrize(
    ("shape", "path"),
    [
        (Protocol, PAGE),
        (PastProtocol, f"{PAGE}/history"),
        (SessionDetail, "/sessions/S-1"),
        (Session, "/members/m-1042/sessions"),
        (Rep, "/sessions/S-1/reps"),
    ],
)
def test_the_stand_in_answers_in_the_shapes_of_the_api(pages, floor, shape, path):
    floor.protocols["m-1042"] = [protocol()]
    answer = pages.get(f"/api/v1{path}").json()
    for one in answer.get("items", [answer]):
        assert shape.model_fields.keys() == one.keys()


def test_a_limit_says_where_it_comes_from_what_it_means_and_who_set_it(pages):
    said = text(pages.get("/members/m-1042").text)
    assert "press-1 Nordpark, notch 4, foot row 2 412 mm calibrated" in said
    assert "knee about 104°, hip 127° there, ± 10°" in said
    assert "Wed 29 Oct, 17:32 by admin, confirmed in a calibration visit" in said


def test_a_limit_carried_over_says_from_where_how_and_how_well_it_is_known(pages, floor):
    floor.sessions["S-1"] |= {"machine": "press-3"}
    said = text(pages.get("/members/m-1042").text)
    assert "437 mm transferred" in said
    assert "from press-1, Nordpark, notch 4, foot row 2, by geometry: the hip is bent as far, ± 112 mm" in said


def test_a_machine_without_a_limit_says_so_and_offers_to_calibrate(pages):
    html = pages.get("/members/m-2210").text
    assert "press-2 Nordpark, notch 4, foot row 2 none" in text(html)
    assert 'href="/members/m-2210/calibrate/north/press-2"' in html
    assert "an estimate from body height" in text(html)


def test_every_change_of_a_limit_is_told_the_newest_first(pages, floor):
    (first,) = floor.changes["m-1042"]
    gone = limit_change(
        {**floor.limits["m-1042"][0], "set_by": "coach", "set_at": at(60 * 24)}, change="deleted", limit_mm=430.0
    )
    floor.changes["m-1042"] = [first, gone]
    said = text(pages.get("/members/m-1042").text)
    assert said.index("430 mm taken away") < said.index("412 mm set")
    assert "by coach" in said


def test_strength_is_told_with_what_it_rests_on(pages, floor):
    said = text(pages.get("/members/m-1042").text)
    assert "186 kg ± 9 kg estimated 1RM from their own loads and velocities, 5 loads; as of today 17:23" in said
    floor.sessions["S-1"]["strength"] = strength(method="reps", guess=True, error_kg=None)
    assert "as if it went to failure (Brzycki 1993, Epley 1985); a guess" in text(pages.get("/members/m-1042").text)


def test_a_protocol_is_told_with_its_windows_its_end_and_who_decided(pages, floor):
    floor.protocols["m-1042"] = [protocol(not_judged=["windows of the knee: the member's height is not known"])]
    said = text(pages.get("/members/m-1042").text)
    for part in (
        "Holds until the end of Wed 14 Jan 2026",
        "Knee bent 20° to 80° at the bottom, on any machine",
        "Depth at most 380 mm at the bottom, on press-1, Nordpark",
        "Load at most 90 kg, sled included",
        "Decided by Dr. Ruiz, entered by admin, Wed 12 Nov, 17:32",
        "Not judged: windows of the knee",
    ):
        assert part in said


def test_an_expired_protocol_is_shown_as_expired_and_an_ended_one_as_ended(pages, floor):
    expired = protocol(version=2, expired=True, expires_at="2025-11-10T23:00:00Z")
    ended = protocol(ended_by="coach", ended_at=at(60 * 24 * 2))
    floor.protocols["m-1042"] = [expired, ended]
    said = text(pages.get("/members/m-1042").text)
    assert "Expired: not applied since the end of Mon 10 Nov" in said
    assert "1 earlier" in said
    assert "ended Sun 16 Nov, 17:32 by coach" in said


def test_a_form_for_a_first_protocol_is_blank(pages):
    html = pages.get(PAGE).text
    assert {""} == set(re.findall(r'name="(?:least|most|load_cap|last_day|clinician|note)"[^>]* value="([^"]*)"', html))
    assert "knee cannot be judged" not in text(html)
    assert "knee cannot be judged" in text(pages.get("/members/m-5005/protocol").text)


def test_a_protocol_is_set_to_the_end_of_its_last_day_where_the_gym_stands(pages, floor):
    sent = form(("knee_deg", "20", "80,5", ""), ("knee_deg", " ", "", ""), ("depth_mm", "", "380", "north/press-1"),
                load_cap="90", clinician=" Dr. Ruiz ")  # fmt: skip
    answer = pages.post(PAGE, data=sent, headers=OWN)
    assert (303, "/members/m-1042?told=protocol#protocol") == (answer.status_code, answer.headers["location"])
    body = {
        "windows": [
            {"quantity": "knee_deg", "min": 20.0, "max": 80.5, "gym": None, "machine": None},
            {"quantity": "depth_mm", "min": None, "max": 380.0, "gym": "north", "machine": "press-1"},
        ],
        "load_cap_kg": 90.0,
        "expires_at": "2026-01-15T00:00:00+01:00",
        "clinician": "Dr. Ruiz",
        "note": None,
    }
    assert [("PUT", PAGE, body)] == floor.calls


def test_a_protocol_is_changed_from_what_stands(pages, floor):
    floor.protocols["m-1042"] = [protocol()]
    html = pages.get(PAGE).text
    assert "Change the protocol" in html
    assert 'name="most" inputmode="decimal" autocomplete="off" value="380"' in html
    assert '<option value="north/press-1" selected>' in html
    assert 'value="2026-01-14"' in html


@pytest.mark.parametrize(
    ("fields", "field", "why"),
    [
        ({"last_day": ""}, "last_day", "there is no protocol without an end"),
        ({"load_cap": "lots"}, "load_cap", "a number was expected, not “lots”"),
        ({"least": ["", "3x"]}, "windows-1", "a number was expected, not “3x”"),
    ],
)
def test_what_cannot_be_read_is_said_beside_its_field_and_the_rest_is_kept(pages, floor, fields, field, why):
    sent = form(("knee_deg", "", "80", ""), ("knee_deg", "", "", "north/press-1"), note="kept", **fields)
    answer = pages.post(PAGE, data=sent, headers=OWN)
    assert (422, []) == (answer.status_code, floor.calls)
    assert why in text(re.search(rf'id="error-{field}".*?</p>', answer.text, re.DOTALL)[0])
    assert 'value="kept"' in answer.text
    assert 'value="80"' in answer.text


def test_what_the_api_finds_wrong_is_said_beside_its_field(pages, floor):
    """The second row is blank, so that the third of the form is the second of the API."""
    floor.wrong_protocol = {"windows.1": "a depth_mm window needs gym and machine", "expires_at": "a time from now"}
    sent = form(("knee_deg", "", "80", ""), ("knee_deg", "", "", ""), ("depth_mm", "", "380", ""))
    html = pages.post(PAGE, data=sent, headers=OWN).text
    assert "needs gym and machine" in text(re.search(r'id="error-windows-2".*?</p>', html, re.DOTALL)[0])
    assert "a time from now" in text(re.search(r'id="error-last_day".*?</p>', html, re.DOTALL)[0])


def test_another_window_is_a_click_away_without_javascript(pages, floor):
    sent = form(("knee_deg", "", "80", ""), ("knee_deg", "", "", ""), more="true")
    html = pages.post(PAGE, data=sent, headers=OWN).text
    assert (3, []) == (html.count("<fieldset"), floor.calls)
    assert 'value="80"' in html


def test_a_protocol_is_ended(pages, floor):
    floor.protocols["m-1042"] = [protocol()]
    answer = pages.post(f"{PAGE}/end", headers=OWN)
    assert "/members/m-1042?told=protocol-ended#protocol" == answer.headers["location"]
    said = text(pages.get("/members/m-1042?told=protocol-ended").text)
    assert "The protocol is ended." in said
    assert "No longer holds" in said


@pytest.mark.parametrize("path", [PAGE, f"{PAGE}/end"])
def test_another_site_sets_and_ends_no_protocol(pages, floor, path):
    answer = pages.post(path, data=form(("knee_deg", "", "80", "")), headers={"sec-fetch-site": "cross-site"})
    assert (403, []) == (answer.status_code, floor.calls)


def test_a_limit_that_ends_where_the_protocol_does_says_so(pages, floor):
    floor.in_force["m-1042"] = {"told_mm": 380.0, "told_by": "protocol"}
    said = text(pages.get("/members/m-1042").text)
    assert "The machine is told 380 mm, where the protocol ends." in said
    floor.machines["north"][0] |= {"limit_mm": 380.0, "caution_mm": 360.0}
    said = text(pages.get("/members/m-1042/calibrate/north/press-1").text)
    assert "press-1 was told 380 mm: that is where the protocol ends." in said
